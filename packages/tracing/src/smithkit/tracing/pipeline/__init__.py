"""The tracing pipeline: what a traced program hands over is copied at once and sent in the background.

run → sampling → redaction → snapshot (`Op`) → queue → sender → merge → encode → deliver
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from smithkit.delivery import DeliveryReport
from smithkit.tracing import _runtime
from smithkit.tracing._serialize import Serializer
from smithkit.tracing.pipeline import _hooked, _snapshot
from smithkit.tracing.pipeline._buffer import RunBuffer
from smithkit.tracing.pipeline._delivery import Encoding
from smithkit.tracing.pipeline._direct import DirectWriter
from smithkit.tracing.pipeline._ingest import Ingestion
from smithkit.tracing.pipeline._live import LiveRuns
from smithkit.tracing.pipeline._mode import ServerMode
from smithkit.tracing.pipeline._process import process
from smithkit.tracing.pipeline._redaction import Redactor
from smithkit.tracing.pipeline._report import Reporter
from smithkit.tracing.pipeline._sampling import Sampler
from smithkit.tracing.pipeline._sender import Lane
from smithkit.tracing.pipeline._stats import TracingStats
from smithkit.tracing.pipeline._target import Target, write_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.config import Config
    from smithkit.plugins import ClientHooks
    from smithkit.tracing._options import TracingOptions
    from smithkit.tracing.otel._exporter import DirectSpans, OtelExporter
    from smithkit.tracing.pipeline._snapshot import Op, Operation
    from smithkit.tracing.pipeline._spool import SpoolStore
    from smithkit.transport import SyncTransport

__all__ = ["Encoding", "Ingestion", "Pipeline", "TracingStats"]

_log = logging.getLogger("smithkit.tracing")


class Pipeline:
    """A client's way of sending runs.

    Args:
        options: The client's options.
        config: Its settings.
        hooks: Its hooks.
        transport: Gives the transport to send over; called in the sender's thread.
    """

    def __init__(
        self,
        options: TracingOptions,
        config: Config,
        hooks: ClientHooks,
        transport: Callable[[], SyncTransport],
    ) -> None:
        self.options = options
        self._hooks = hooks
        self._transport = transport
        self.report = Reporter(hooks, options.tracing_error_callback)
        self._lock = threading.Lock()
        self._own = TracingStats()
        self._reported = TracingStats()
        self.mode = ServerMode(options, transport)
        self.serializer = Serializer()
        self.redactor = Redactor(options, self._dumps, self._redaction_failed)
        rate = options.tracing_sampling_rate
        self.sampler = None if rate is None else Sampler(rate)
        self._with_runtime = not options.omit_traced_runtime_info
        self._direct: DirectWriter | DirectSpans = DirectWriter(transport, self._dumps, self.report)
        self._buffer = self._new_buffer()
        self._lanes = [
            self._new_lane(target, first=index == 0, spool=self._spool_of(target, config))
            for index, target in enumerate(write_endpoints(config))
        ]
        self._guests: Lane | None = None
        self.otel = self._add_spans() if options.otel_enabled else None
        self._hooked = _hooked.Generation()
        self._process_runs = False
        self._simple = False
        self.live: LiveRuns | None = None
        """The short way for runs of this process; None while a rule applies to runs, or none has come yet."""
        _all.add(self)

    # ------------------------------------------------------------------ runs come in

    def submit(self, operation: Operation, run: dict[str, Any]) -> None:
        """Take a run that begins, or that changes or ends.

        Args:
            operation: ``post`` or ``patch``.
            run: The run, or its id and what changes; it is used up.

        Raises:
            LangSmithError: It is sent at once and could not be.
        """
        while self._hooked.changed():  # again, if there was another change meanwhile
            self._look_at_hooks()
        if self.sampler is not None and not self._keeps(operation, run):
            return
        if not self._simple:
            self._submit_with_rules(operation, run)
            return
        auth = _snapshot.take_auth(run)
        if not (run.get("trace_id") and run.get("dotted_order") and self.options.auto_batch_tracing):
            self._submit_directly(operation, run, auth)
            return
        try:
            op = _snapshot.run_op(operation, run, self._dumps, auth, with_runtime=self._with_runtime)
        except Exception as error:  # noqa: BLE001 - the traced program goes on
            self._lost(error, 1)
            return
        self._put(op)

    def feedback(self, feedback: dict[str, Any]) -> None:
        """Send a feedback along with the runs.

        Args:
            feedback: With `id` and `trace_id`.
        """
        if self.redactor.needed:
            feedback = dict(feedback)
            self.redactor.feedback(feedback)
        self._put(_snapshot.feedback_op(feedback, self._dumps))

    # ------------------------------------------------------------------ waiting and looking

    def wait(self, timeout: float, attempts: int | None = None) -> None:
        """Wait until everything handed over before is settled, without a report.

        Args:
            timeout: Seconds to wait at most.
            attempts: How often to try each request; None leaves it to the usual limits.
        """
        self._each_lane(timeout, lambda lane, seconds: lane.flush(seconds, attempts))

    def flush(self, timeout: float) -> DeliveryReport:
        """Wait until everything handed over before is settled.

        Args:
            timeout: Seconds to wait at most.
        """
        started = time.monotonic()
        self.wait(timeout)
        return self._new_report(started)

    def close(self, timeout: float) -> DeliveryReport:
        """Flush, end the threads, and drop what is in memory still.

        Args:
            timeout: Seconds to wait at most.
        """
        started = time.monotonic()
        self._each_lane(timeout, Lane.close)
        return self._new_report(started)

    def recover(self) -> None:
        """Deliver what earlier processes have left on disk."""
        for lane in self._lanes:
            lane.recover()

    def renew(self) -> None:
        """Begin anew in a forked child; the parent delivers what it was given."""
        self._lock = threading.Lock()
        self._own = TracingStats()
        self._reported = TracingStats()
        self.mode.renew()
        self._buffer = self._new_buffer()
        self._guests = None
        for lane in self._lanes:
            lane.renew()

    def stats(self) -> TracingStats:
        """What became of everything so far."""
        total = TracingStats()
        total.add(self._own)
        for lane in self._all_lanes():
            total.add(lane.stats)
        return total

    @property
    def main_lane(self) -> Lane:
        """The lane of the first write endpoint."""
        return self._lanes[0]

    def ingestion(self) -> Ingestion:
        """A way to send runs at once, as the batch endpoints take them."""
        return Ingestion(self, self._transport, self._dumps, self._buffer)

    # ------------------------------------------------------------------ rules

    def prepare(
        self, operation: Operation, run: dict[str, Any], *, alone: bool = False
    ) -> dict[str, Any] | None:
        """Redact a run and say what it runs on; None if a hook drops it.

        What a post runs on is told after hiding, for nobody asked to hide it; in a patch it is hidden with
        the metadata that it would replace.

        Args:
            operation: ``post`` or ``patch``.
            run: Changed in place; the values in it are not.
            alone: Whether a patch is to say it though it has no `extra`.
        """
        begins = operation == "post"
        if begins:
            _snapshot.strip_serialized(run)
        else:
            extra = run.get("extra")
            if self._with_runtime and (alone or (extra and isinstance(extra, dict))):
                run["extra"] = _runtime.merge_extra(extra, self._known_environment())
        kept = self.redact(run)
        if begins and kept is not None and self._with_runtime:
            kept["extra"] = _runtime.merge_extra(kept.get("extra"), self._known_environment())
        return kept

    def redact(self, run: dict[str, Any]) -> dict[str, Any] | None:
        """What may leave the process of a run; None if a hook drops it.

        Args:
            run: Changed in place; the values in it are not.
        """
        while self._hooked.changed():  # again, if there was another change meanwhile
            self._look_at_hooks()
        if self.redactor.needed:
            self.redactor.redact(run)
        return process(self._hooks, run, self._dumps, self._redaction_failed) if self._process_runs else run

    def _submit_with_rules(self, operation: Operation, run: dict[str, Any]) -> None:
        auth = _snapshot.take_auth(run)
        in_batch = self._goes_in_batch(run)
        try:
            prepared = self.prepare(operation, run)
        except Exception as error:
            if not in_batch:
                raise
            self._lost(error, 1)
            return
        if prepared is None:
            self._count("dropped", 1)
            return
        if auth is not None:
            prepared["auth"] = auth
        if self._buffer is not None:
            self._buffer.add(operation, prepared)
        else:
            self._forward(operation, prepared)

    def _forward(self, operation: Operation, run: dict[str, Any]) -> None:
        """Send on a run that all rules have been applied to."""
        auth = run.pop("auth", None)
        if not self._goes_in_batch(run):
            self._direct.write(operation, run, auth)
            return
        try:
            op = _snapshot.run_op(operation, run, self._dumps, auth, with_runtime=False)
        except Exception as error:  # noqa: BLE001 - the traced program goes on
            self._lost(error, 1)
        else:
            self._put(op)

    def _submit_directly(
        self, operation: Operation, run: dict[str, Any], auth: tuple[Any, ...] | None
    ) -> None:
        prepared = self.prepare(operation, run)
        if prepared is not None:
            self._direct.write(operation, prepared, auth)

    def _goes_in_batch(self, run: dict[str, Any]) -> bool:
        return bool(run.get("trace_id") and run.get("dotted_order") and self.options.auto_batch_tracing)

    def _keeps(self, operation: Operation, run: dict[str, Any]) -> bool:
        run.setdefault("id", uuid.uuid4())
        assert self.sampler is not None  # noqa: S101 - for type checkers
        keeps = self.sampler.keeps_post(run) if operation == "post" else self.sampler.keeps_patch(run)
        if not keeps:
            with self._lock:
                self._own.sampled_out += 1
        return keeps

    # ------------------------------------------------------------------ helpers

    def _dumps(self, value: Any) -> bytes:
        return self.serializer.dumps(value)

    def _put(self, op: Op) -> None:
        if op[_snapshot.AUTH] is not None and not (self.otel is not None and self.otel.only):
            self._guest_lane().put(op)
            return
        for lane in self._lanes:
            lane.put(op)

    def _look_at_hooks(self) -> None:
        """Hooks come and go seldom, runs often: what matters to each run is looked up here."""
        hooks = self._hooks
        has_codec = hooks.has("serialize")
        self.serializer = Serializer(
            (lambda value: hooks.first("serialize", value=value)) if has_codec else None,
            lambda error: self._redaction_failed("A serialize hook", error),
        )
        self._process_runs = self._hooks.has("process_runs")
        self._simple = not (self.redactor.needed or self._process_runs or self._buffer is not None)
        plain = self._simple and self.options.auto_batch_tracing and self.sampler is None and not has_codec
        self.live = (
            LiveRuns(self._lanes[0], self.serializer.dumps, with_runtime=self._with_runtime)
            if plain and len(self._lanes) == 1
            else None
        )

    def _known_environment(self) -> _runtime.EnvironmentState:
        state = _runtime.current()
        if state.revision_pending:
            _runtime.git_revision()
            state = _runtime.current()
        return state

    def _each_lane(self, timeout: float, wait: Callable[[Lane, float], None]) -> None:
        ends = time.monotonic() + timeout
        if self._buffer is not None:
            self._buffer.flush(timeout)
        for lane in self._all_lanes():
            wait(lane, max(0.0, ends - time.monotonic()))

    def _new_report(self, started: float) -> DeliveryReport:
        """What has happened since the last report."""
        stats = self.stats()
        with self._lock:
            last, self._reported = self._reported, stats
        return DeliveryReport(
            delivered=stats.sent - last.sent,
            spooled=stats.spooled,
            dropped=stats.dropped - last.dropped,
            failed=stats.failed - last.failed,
            queued=stats.queued,
            seconds=time.monotonic() - started,
        )

    def _lost(self, error: Exception, count: int) -> None:
        self._count("failed", count)
        self.report.undelivered(error, ())

    def _count(self, outcome: str, count: int) -> None:
        with self._lock:
            self._own.submitted += count
            setattr(self._own, outcome, getattr(self._own, outcome) + count)

    def _redaction_failed(self, name: str, error: BaseException) -> None:
        self.report.contained(f"{name} failed; what it was given is sent as a marker", error)

    def _all_lanes(self) -> list[Lane]:
        return self._lanes if self._guests is None else [*self._lanes, self._guests]

    def _guest_lane(self) -> Lane:
        with self._lock:
            if self._guests is None:
                self._guests = self._new_lane(Target(None, {}), first=True)
            return self._guests

    def _new_lane(
        self, target: Target, *, first: bool, spool: Callable[[], SpoolStore] | None = None
    ) -> Lane:
        return Lane(
            target,
            capacity=self.options.max_queue_bytes,
            mode=self.mode,
            transport=self._transport,
            report=self.report,
            export=self._hooks if first else None,
            spool=spool,
        )

    def _spool_of(self, target: Target, config: Config) -> Callable[[], SpoolStore] | None:
        """How to make an endpoint's spool; runs with credentials of their own have none."""
        if self.options.spool is None:
            return None
        from smithkit.tracing.pipeline._spool import SpoolStore
        from smithkit.tracing.pipeline._spool._folder import endpoint_folder

        url = target.endpoint or config.api_url
        folder = endpoint_folder(self.options.spool.folder, url, config.workspace_id)
        return functools.partial(SpoolStore, folder, self.options.spool.max_bytes, self.report)

    def _add_spans(self) -> OtelExporter:
        """Let runs leave as OpenTelemetry spans, by a lane of their own: beside the others, or alone."""
        from smithkit.tracing.otel._exporter import DirectSpans, OtelExporter, SpanMode

        exporter = OtelExporter(self.options, self.sampler)
        lane = Lane(
            Target(None, {}),
            capacity=self.options.max_queue_bytes,
            mode=SpanMode(self.options, self._transport),
            transport=self._transport,
            report=self.report,
            export=self._hooks if exporter.only else None,
            delivery=exporter.delivery,
        )
        self._lanes = [lane] if exporter.only else [*self._lanes, lane]
        self._direct = DirectSpans(lane, self._dumps, None if exporter.only else self._direct)
        return exporter

    def _new_buffer(self) -> RunBuffer | None:
        if self.options.process_buffered_run_ops is None or not self.options.run_ops_buffer_size:
            return None
        return RunBuffer(
            self.options.process_buffered_run_ops,
            size=self.options.run_ops_buffer_size,
            timeout_ms=self.options.run_ops_buffer_timeout_ms,
            dumps=self._dumps,
            forward=self._forward,
            failed=lambda error: self._redaction_failed("process_buffered_run_ops", error),
            lost=self._lost,
        )


_all: WeakSet[Pipeline] = WeakSet()


def _renew_all() -> None:
    for pipeline in list(_all):
        pipeline.renew()


def _leave_short_way() -> None:
    """Plugins have changed: the next run looks what applies to it now."""
    for pipeline in list(_all):
        pipeline.live = None


_hooked.after_change(_leave_short_way)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
