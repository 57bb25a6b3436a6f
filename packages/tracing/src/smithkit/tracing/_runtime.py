"""What runs say about the machine and the environment: ``extra.runtime`` and ``extra.metadata``.

Both are computed once for each state of the environment; a changed variable is seen by the next run.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from smithkit.runtime import runtime_environment
from smithkit.tracing._serialize import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EnvironmentState", "current", "git_revision", "merge_extra"]

# The mapping below os.environ is compared whole in a third of a microsecond, without decoding.
_environ: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
_NOT_REPORTED = {
    "LANGCHAIN_API_KEY",
    "LANGCHAIN_ENDPOINT",
    "LANGCHAIN_TRACING_V2",
    "LANGCHAIN_PROJECT",
    "LANGCHAIN_SESSION",
    "LANGCHAIN_RUNS_ENDPOINTS",
    "LANGSMITH_RUNS_ENDPOINTS",
}
_SECRET = ("key", "secret", "token")
_GIT_SECONDS = 5.0


class EnvironmentState:
    """What is reported for one state of the environment.

    Attributes:
        metadata: ``LANGSMITH_*`` and ``LANGCHAIN_*`` variables without secrets, and `revision_id`.
        runtime: Interpreter, platform and versions.
        runtime_json: `runtime` as JSON.
        extra_json: JSON of an `extra` that holds nothing else.
        revision_pending: Whether `revision_id` is still to come from git.
    """

    __slots__ = ("_snapshot", "extra_json", "metadata", "revision_pending", "runtime", "runtime_json")

    def __init__(self) -> None:
        self._snapshot = dict(_environ)
        self.runtime = runtime_environment()
        self.metadata = _metadata()
        self.revision_pending = "revision_id" not in self.metadata and not _git.known
        if _git.revision is not None:
            self.metadata.setdefault("revision_id", _git.revision)
        self.runtime_json = dumps(self.runtime)
        self.extra_json = b'{"runtime":%b,"metadata":%b}' % (self.runtime_json, dumps(self.metadata))

    def is_current(self) -> bool:
        """Whether the environment is still the same."""
        return self._snapshot == _environ and not (self.revision_pending and _git.known)


class _Git:
    """The revision of the working directory, asked once a process."""

    def __init__(self) -> None:
        self.known = False
        self.revision: str | None = None
        self.unlock()

    def unlock(self) -> None:
        """In a forked child: a thread that is only there in the parent may have held the lock."""
        self._lock = threading.Lock()

    def ask(self) -> str | None:
        if self.known:
            return self.revision
        with self._lock:
            if not self.known:
                self.revision = _describe()
                self.known = True
        return self.revision


_git = _Git()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_git.unlock)
_state: EnvironmentState | None = None


def current() -> EnvironmentState:
    """What to report now."""
    global _state  # noqa: PLW0603 - one environment a process
    state = _state
    if state is None or not state.is_current():
        state = _state = EnvironmentState()
    return state


def git_revision() -> str | None:
    """``git describe`` of the working directory, or None; runs git at the first call."""
    return _git.ask()


def merge_extra(extra: Mapping[str, Any] | None, state: EnvironmentState) -> dict[str, Any]:
    """A run's `extra` with runtime and environment; what the run says itself wins.

    Args:
        extra: The run's own.
        state: What to add.
    """
    merged = dict(extra or {})
    own = merged.get("runtime")
    merged["runtime"] = {**state.runtime, **own} if isinstance(own, dict) else dict(state.runtime)
    metadata = merged.get("metadata")
    if metadata is None or isinstance(metadata, dict):
        merged["metadata"] = {**state.metadata, **(metadata or {})}
    return merged


def _metadata() -> dict[str, str]:
    found = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("LANGSMITH_", "LANGCHAIN_"))
        and name not in _NOT_REPORTED
        and not any(word in name.lower() for word in _SECRET)
    }
    revision = found.pop("LANGCHAIN_REVISION_ID", None)
    if revision:
        found["revision_id"] = revision
    return found


def _describe() -> str | None:
    import subprocess

    try:
        done = subprocess.run(
            ["git", "describe", "--tags", "--always", "--dirty"],  # noqa: S607 - whichever git there is
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
