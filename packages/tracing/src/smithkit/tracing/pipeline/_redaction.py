"""What may leave the process: hiding, anonymising, and the `process_runs` hook.

A function that fails never lets data through: the field becomes a marker, and the failure is reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.tracing._serialize import loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.plugins import ClientHooks
    from smithkit.tracing._options import Hide, TracingOptions

__all__ = ["Redactor", "process"]


class Redactor:
    """Applies a client's rules to runs.

    Args:
        options: The client's options.
        dumps: Encoder, for the copies that functions get.
        report: Told of a function that fails.
    """

    def __init__(
        self, options: TracingOptions, dumps: Callable[[Any], bytes], report: Callable[[str, Exception], None]
    ) -> None:
        self._inputs = options.hide_inputs
        self._outputs = options.hide_outputs
        self._metadata = options.hide_metadata
        self._anonymizer = options.anonymizer
        self._dumps = dumps
        self._report = report
        self.needed = bool(self._inputs or self._outputs or self._metadata or self._anonymizer)
        """Whether there is any rule."""

    def content(self, run: dict[str, Any]) -> None:
        """Redact inputs, outputs and the events that carry pieces of outputs.

        Args:
            run: Changed in place; the values in it are not.
        """
        if run.get("inputs") is not None:
            run["inputs"] = self._apply("hide_inputs", self._inputs, run["inputs"])
        if run.get("outputs") is not None:
            run["outputs"] = self._apply("hide_outputs", self._outputs, run["outputs"])
        if run.get("events") and (self._outputs or self._anonymizer):
            run["events"] = [self._event(event) for event in run["events"]]

    def metadata(self, run: dict[str, Any]) -> None:
        """Redact the metadata.

        Args:
            run: Changed in place; the values in it are not.
        """
        extra = run.get("extra")
        if not self._metadata or not isinstance(extra, dict) or extra.get("metadata") is None:
            return
        if self._metadata is True:
            hidden: Any = {}
        else:
            hidden = self._call("hide_metadata", self._metadata, dict(extra["metadata"]))
        run["extra"] = {**extra, "metadata": hidden}

    def _apply(self, name: str, hide: Hide, value: Any) -> Any:
        if hide is True:
            return {}
        if self._anonymizer is not None:
            return self._call("anonymizer", self._anonymizer, self._copy(value))
        if not hide:
            return value
        return self._call(name, hide, value)

    def _event(self, event: Any) -> Any:
        """An event without the tokens that it may carry."""
        if not isinstance(event, dict):
            return {"name": "event"}
        if self._outputs is not True and self._anonymizer is not None:
            return self._call("anonymizer", self._anonymizer, self._copy(event))
        return {key: event[key] for key in ("name", "time") if key in event}

    def _copy(self, value: Any) -> Any:
        return loads(self._dumps(value))

    def _call(self, name: str, function: Callable[[Any], Any], value: Any) -> Any:
        try:
            return function(value)
        except Exception as error:  # noqa: BLE001 - foreign code
            self._report(name, error)
            return {"redacted": f"{name} failed with {type(error).__name__}"}


def process(hooks: ClientHooks, run: dict[str, Any]) -> dict[str, Any] | None:
    """Let the implementations of `process_runs` see, change or drop a run, one after the other.

    Args:
        hooks: The client's hooks.
        run: What they are given.

    Returns:
        What they leave of it; None if one dropped it, or failed: then nobody knows what it holds.
    """
    runs = [run]
    answers = 0
    for _, result in hooks.collect("process_runs", runs=runs):
        answers += 1
        if result is not None:
            runs[:] = result
    return runs[0] if runs and answers == hooks.count("process_runs") else None
