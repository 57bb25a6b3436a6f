"""The `process_runs` hook: plugins that see, change or drop runs before anything leaves the process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing._serialize import loads
from smithkit.tracing.pipeline._redaction import marked

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.plugins import ClientHooks

__all__ = ["process"]

_COPIED = ("inputs", "outputs", "events", "error", "extra", "serialized", "tags")
_PLACE = ("id", "trace_id", "dotted_order", "parent_run_id")


def process(
    hooks: ClientHooks,
    run: dict[str, Any],
    dumps: Callable[[Any], bytes],
    failed: Callable[[str, BaseException], None],
) -> dict[str, Any] | None:
    """Let the implementations of `process_runs` see, change or drop a run, one after the other.

    Args:
        hooks: The client's hooks.
        run: The run; the values in it are copied before a plugin gets them.
        dumps: Encoder, for the copies.
        failed: Told of an implementation that fails.

    Returns:
        What they leave of it; None if one dropped it. If one fails nobody knows what may be seen: the run
        is kept with markers in place of what it holds.
    """
    given = dict(run)
    given.update({name: loads(dumps(run[name])) for name in _COPIED if run.get(name) is not None})
    runs = [given]
    for plugin, result, error in hooks.each("process_runs", runs=runs):
        problem = error or _problem(result)
        if problem is not None:
            failed(f"The process_runs hook of plugin {plugin!r}", problem)
            return marked(run, f"process_runs failed with {type(problem).__name__}")
        if result is not None:
            runs[:] = result
        if not runs:
            return None
    kept = dict(runs[0])
    kept.update({name: run[name] for name in _PLACE if name in run})
    return kept


def _problem(result: Any) -> Exception | None:
    """What is wrong with an answer: it has to be None, or a list of at most this one run."""
    if result is None or (isinstance(result, list) and all(isinstance(run, dict) for run in result)):
        return None
    return TypeError("process_runs must return a list of runs, or None")
