"""One running test: what it logs, and how it ended."""

from __future__ import annotations

import contextlib
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal
from unittest import SkipTest

from smithkit.tracing._serialize import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from uuid import UUID

    from smithkit.evaluation.testing._options import Options
    from smithkit.evaluation.testing._suite import Suite
    from smithkit.tracing import RunTree

__all__ = ["Case", "Status", "current_case", "snapshot"]

Status = Literal["passed", "failed", "skipped"]

_current: ContextVar[Case | None] = ContextVar("smithkit_test", default=None)


def current_case() -> Case | None:
    """The test that is running here, or None."""
    return _current.get()


class Case:
    """A test from its start to its end. Values are kept as JSON has them: later changes are not seen.

    Attributes:
        function: The test.
        options: How it is recorded.
        inputs: What it works on.
        outputs: What it gave.
        reference_outputs: What it should have given.
        returned: Its result alone.
        scores: Feedback key → score or value.
        suite: Its suite; None while tests are not tracked.
        run: The test's run; None while tests are not tracked.
        experiment: Name of the experiment; None while tests are not tracked.
        example_id: The example's id, where it is known.
        status: How it ended.
        reason: Why it failed or was skipped.
    """

    def __init__(self, function: Callable[..., Any], inputs: Mapping[str, Any], options: Options) -> None:
        self.function = function
        self.options = options
        self.inputs: dict[str, Any] = snapshot(inputs)
        self.outputs: dict[str, Any] = {}
        self.reference_outputs: dict[str, Any] = {}
        self.returned: dict[str, Any] = {}
        self.scores: dict[str, Any] = {}
        self.suite: Suite | None = None
        self.run: RunTree | None = None
        self.experiment: str | None = None
        self.example_id: UUID | None = options.id
        self.status: Status = "passed"
        self.reason: str | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Be the current test, and note how the block ends."""
        token = _current.set(self)
        try:
            yield
        except BaseException as error:
            self._ended_by(error)
            raise
        finally:
            _current.reset(token)

    def returns(self, result: Any) -> None:
        """Note the test's result; None says nothing."""
        if result is not None:
            self.returned = snapshot(result if isinstance(result, dict) else {"output": result})
            self.outputs |= self.returned

    def client(self) -> Any:
        """The client for everything but runs."""
        if self.options.client is not None:
            return self.options.client
        from smithkit.tracing import get_cached_client

        return get_cached_client()

    def _ended_by(self, error: BaseException) -> None:
        self.status = "skipped" if isinstance(error, _skips()) else "failed"
        self.reason = str(error) or type(error).__name__


def snapshot(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy as JSON has it; what JSON does not know is described."""
    copied: dict[str, Any] = loads(dumps(dict(values)))
    return copied


def _skips() -> tuple[type[BaseException], ...]:
    """The exceptions that skip a test; pytest's only if it is there."""
    outcomes = sys.modules.get("_pytest.outcomes")
    return (SkipTest,) if outcomes is None else (SkipTest, outcomes.Skipped)
