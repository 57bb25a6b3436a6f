"""Send given runs at once: what `batch_ingest_runs` and `multipart_ingest` do."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from smithkit.errors import LangSmithUserError
from smithkit.tracing.pipeline import _snapshot
from smithkit.tracing.pipeline._decoded import merged
from smithkit.tracing.pipeline._delivery import Delivery, Encoding, Patience
from smithkit.tracing.pipeline._sender import cut
from smithkit.tracing.pipeline._stats import TracingStats
from smithkit.tracing.pipeline._target import of_credentials, write_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smithkit.tracing.pipeline._buffer import RunBuffer
    from smithkit.tracing.pipeline._mode import ServerMode
    from smithkit.tracing.pipeline._report import Reporter
    from smithkit.tracing.pipeline._sampling import Sampler
    from smithkit.tracing.pipeline._snapshot import Op, Operation
    from smithkit.transport import SyncTransport

__all__ = ["Ingestion"]

_ATTEMPTS = 3


class _Rules(Protocol):
    """What of a pipeline an ingestion needs."""

    mode: ServerMode
    report: Reporter
    sampler: Sampler | None

    def prepare(
        self, operation: Operation, run: dict[str, Any], *, alone: bool = False
    ) -> dict[str, Any] | None: ...


class Ingestion:
    """Sends runs in the caller's thread; failures are reported, not raised.

    Args:
        rules: The client's rules.
        transport: Gives the transport to send over.
        dumps: Encoder.
        buffer: The program's function for lists of runs, if it has one.
    """

    def __init__(
        self,
        rules: _Rules,
        transport: Callable[[], SyncTransport],
        dumps: Callable[[Any], bytes],
        buffer: RunBuffer | None,
    ) -> None:
        self._rules = rules
        self._transport = transport
        self._dumps = dumps
        self._buffer = buffer

    def send(
        self,
        create: Iterable[Any],
        update: Iterable[Any],
        encoding: Encoding,
        *,
        pre_sampled: bool,
        allow_files: bool,
    ) -> TracingStats:
        """Send runs.

        Args:
            create: Runs that begin, as dicts or models.
            update: Updates of runs.
            encoding: How they travel.
            pre_sampled: Whether the sampling rate has been applied already.
            allow_files: Whether attachments may name files.

        Returns:
            What became of them.

        Raises:
            LangSmithUserError: A run has no place in a trace.
            ValueError: An attachment names a file.
        """
        posts = [_as_dict(run, allow_files=allow_files) for run in create]
        patches = [_as_dict(run, allow_files=allow_files) for run in update]
        if not pre_sampled and self._rules.sampler is not None:
            posts = [run for run in posts if self._keeps(run)]
            patches = [run for run in patches if self._rules.sampler.keeps_patch(run)]
        stats = TracingStats(submitted=len(posts) + len(patches))
        ops = self._ops(posts, patches)
        stats.dropped = stats.submitted - len(ops)
        if ops:
            self._deliver(ops, encoding, stats)
        return stats

    def _keeps(self, run: dict[str, Any]) -> bool:
        """Draw for roots; ids that are text come from an export, whose traces were drawn when they began."""
        sampler = self._rules.sampler
        return sampler is None or not isinstance(run["trace_id"], uuid.UUID) or sampler.keeps_post(run)

    def _ops(self, posts: list[dict[str, Any]], patches: list[dict[str, Any]]) -> list[Op]:
        for run in posts:
            run.setdefault("id", uuid.uuid4())
            run.setdefault("start_time", dt.datetime.now(dt.UTC))
        created = {str(run["id"]) for run in posts}
        submitted: list[tuple[Operation, dict[str, Any]]] = [
            *(("post", post) for post in posts),
            *(("patch", patch) for patch in patches),
        ]
        prepared: list[tuple[Operation, dict[str, Any]]] = [
            (operation, kept)
            for operation, run in submitted
            if (kept := self._rules.prepare(operation, run, alone=str(run["id"]) not in created)) is not None
        ]
        if self._buffer is not None and prepared:
            answer = self._buffer.process([run for _, run in prepared])
            prepared = [(given[0], run) for given, run in zip(prepared, answer, strict=True)]
        return [
            _snapshot.run_op(operation, run, self._dumps, _snapshot.take_auth(run), with_runtime=False)
            for operation, run in prepared
        ]

    def _deliver(self, ops: list[Op], encoding: Encoding, stats: TracingStats) -> None:
        delivery = Delivery(self._transport, stats, self._rules.report, Patience(attempts=_ATTEMPTS))
        mode = self._rules.mode.get()
        groups: dict[Any, list[Op]] = {}
        for op in ops:
            groups.setdefault(op[_snapshot.AUTH], []).append(op)
        for auth, group in groups.items():
            own = None if auth is None else [of_credentials(auth)]
            for target in own or write_endpoints(self._transport().config):
                for batch in cut(merged(group), mode.runs, mode.bytes):
                    delivery.deliver(batch, target, encoding)


def _as_dict(run: Any, *, allow_files: bool) -> dict[str, Any]:
    """A fresh dict of a run that has a place in a trace."""
    if hasattr(run, "model_dump"):
        given: dict[str, Any] = run.model_dump(
            exclude_none=True, exclude={"child_runs", "child_run_ids", "attachments"}
        )
        given["attachments"] = run.attachments
    else:
        given = dict(run)
    if not given.get("trace_id") or not given.get("dotted_order"):
        raise LangSmithUserError(
            f"A batch needs trace_id and dotted_order of each run; {given.get('id')!s:.60} lacks one."
        )
    _snapshot.check_attachments(given.get("attachments"), allow_files=allow_files)
    given["dangerously_allow_filesystem"] = allow_files
    return given
