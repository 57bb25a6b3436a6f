"""Runs as the run helpers make them: from their fields to an op, without a dictionary in between.

What is built here is what `_snapshot.run_op` builds of the same fields, at a third of the cost. It is for
runs of the usual fields, which leave by one way and under no rule; all others go through `run_op`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from smithkit.tracing import _runtime
from smithkit.tracing._serialize import COPIED, MOST_BYTES, PLAIN
from smithkit.tracing.pipeline._snapshot import (
    EXTRA,
    FIRST_FIELD,
    ID,
    MAIN,
    OP_OVERHEAD,
    PATCH,
    PENDING_REVISION,
    POST,
    SIZE,
    TRACE,
    extra_with_runtime,
)
from smithkit.tracing.pipeline._usual import CHILD, ENDED, NAME, ORDER, ROOT, START, UPDATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.tracing.pipeline._sender import Lane
    from smithkit.tracing.pipeline._snapshot import Op

__all__ = ["LiveRuns"]

_MOST_CACHED = 64


class LiveRuns:
    """Takes runs that begin and end in this process.

    Args:
        lane: Where they leave.
        dumps: Encoder, for values that are not plain JSON.
        with_runtime: Whether to say what they run on.
    """

    def __init__(self, lane: Lane, dumps: Callable[[Any], bytes], *, with_runtime: bool) -> None:
        self._lane = lane
        self._dumps = dumps
        self._with_runtime = with_runtime
        self._state: _runtime.EnvironmentState | None = None
        self._extras: dict[tuple[str, ...], bytes] = {}

    def begin(  # noqa: PLR0917 - on the path of every run, where keywords cost
        self,
        key: str,
        trace: str,
        order: str,
        name: str,
        run_type: str,
        project: str,
        start: str,
        parent: str | None,
        inputs: dict[str, Any],
        metadata: dict[str, Any],
    ) -> Op:
        """Take a run that begins.

        Args:
            key: Its id.
            trace: Id of its trace.
            order: Its dotted order.
            name: Its name.
            run_type: Its type.
            project: Its project.
            start: When it began, as the API writes times.
            parent: Id of its parent.
            inputs: What it is given.
            metadata: Its metadata.

        Returns:
            Its op, for `end`.
        """
        given = self._json(inputs)
        extra, pending = self._extra(metadata)
        names: tuple[str, ...] = ROOT
        values: tuple[str, ...] = (key, trace, order, name, run_type, project, start)
        if parent is not None:
            names = CHILD
            values = (*values, parent)
        size = OP_OVERHEAD + len(order) + len(name) + len(given) + len(extra)
        op = (
            POST, key, trace, (names, values, False),
            given, None, None, extra, None, None, None, None, pending, size, 1,
        )  # fmt: skip
        if self._lane.queue.put(op):
            self._lane.ready()
        return op

    def end(self, begun: Op, end: str, outputs: dict[str, Any] | None, error: str | None) -> None:
        """Take the end of a run: it completes the op that waits, or leaves alone if that has left.

        Args:
            begun: What `begin` gave.
            end: When it ended.
            outputs: What it gave.
            error: Why it failed.
        """
        names, values, _ = begun[MAIN]
        size = begun[SIZE]
        result = failure = None
        if outputs is not None:
            result = self._json(outputs)
            size += len(result)
        if error is not None:
            failure = self._json(error)
            size += len(failure)
        whole = (
            POST, begun[ID], begun[TRACE], (ENDED[names], (*values, end), False),
            begun[FIRST_FIELD], result, None, begun[EXTRA], failure, None, None, None,
            begun[PENDING_REVISION], size, 2,
        )  # fmt: skip
        if self._lane.queue.complete(begun, whole):
            return
        size += OP_OVERHEAD - begun[SIZE] + len(values[ORDER]) + len(values[NAME])
        alone = (*values[:START], end, *values[START + 1 :])
        self._lane.put((
            PATCH, begun[ID], begun[TRACE], (UPDATE[names], alone, False),
            None, result, None, None, failure, None, None, None, False, size, 1,
        ))  # fmt: skip

    def _json(self, value: Any) -> bytes:
        """JSON of a value; the encoder is asked where orjson alone does not do."""
        try:
            encoded = orjson.dumps(value, None, PLAIN)
        except TypeError:
            return self._dumps(value)
        size = len(encoded)
        if size < COPIED:
            return b"%b" % encoded
        return encoded if size <= MOST_BYTES else self._dumps(value)

    def _extra(self, metadata: dict[str, Any]) -> tuple[bytes, bool]:
        """`extra` as JSON, and whether the revision is still to come; runs of one function have the same."""
        if not self._with_runtime:
            return self._dumps({"metadata": metadata}), False
        state = _runtime.current()
        if state is not self._state:
            self._state = state
            self._extras = {}
        key = (*metadata, *metadata.values())
        for value in key:
            if type(value) is not str:
                return extra_with_runtime({"metadata": metadata}, state, self._dumps), state.revision_pending
        known = self._extras.get(key)
        if known is None:
            known = extra_with_runtime({"metadata": metadata}, state, self._dumps)
            if len(self._extras) < _MOST_CACHED:
                self._extras[key] = known
        return known, state.revision_pending
