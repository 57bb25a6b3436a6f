"""The way into the pipeline, which both clients share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.delivery import DeliveryReport
from smithkit.operations import Methods
from smithkit.tracing._default_client import PIPELINE

if TYPE_CHECKING:
    from smithkit.tracing._options import TracingOptions
    from smithkit.tracing.otel import OtelExporter
    from smithkit.tracing.pipeline import Pipeline, TracingStats
    from smithkit.tracing.pipeline._multipart import Compressor
    from smithkit.tracing.pipeline._queue import TraceQueue

__all__ = ["FLUSH_SECONDS", "PIPELINE", "Submission"]

FLUSH_SECONDS = 30.0


class Submission(Methods):
    """What both clients share: the pipeline, and the way into it."""

    @property
    def _pipeline(self) -> Pipeline:
        pipeline: Pipeline | None = self.state.get(PIPELINE)
        return self._new_pipeline() if pipeline is None else pipeline

    def _new_pipeline(self) -> Pipeline:
        from smithkit.tracing import _options
        from smithkit.tracing.pipeline import Pipeline

        options: TracingOptions = self.state.get("tracing") or _options.resolve(self.config.options)
        client: Any = self
        made: Pipeline = self.state.setdefault(
            PIPELINE, Pipeline(options, self.config, self.hooks, client.blocking)
        )
        return made

    def submit_post(self, run: dict[str, Any]) -> None:
        """Hand over a run that begins; it is copied at once and sent in the background.

        This is the way for run helpers and integrations; `create_run` is the API's own.

        Args:
            run: Fields as the API has them, with `id`, `trace_id` and `dotted_order`. It is used up. Values
                may be of any type. Credentials of its own: `api_url`, `api_key`, `service_key`,
                `tenant_id`, `authorization`, `cookie`. Attachments that name files need
                ``"dangerously_allow_filesystem": True``.

        Raises:
            LangSmithError: Without batching alone, or when the run lacks `trace_id` or `dotted_order`: it
                is sent at once, and could not be.

        Example:
            >>> client.submit_post({"id": run_id, "trace_id": run_id, ...})  # doctest: +SKIP
        """
        self._pipeline.submit("post", run)

    def submit_patch(self, run: dict[str, Any]) -> None:
        """Hand over what changed in a run; see `submit_post`.

        Args:
            run: `id`, `trace_id`, `dotted_order` and the changed fields. It is used up.

        Raises:
            LangSmithError: As `submit_post`.
        """
        self._pipeline.submit("patch", run)

    def submit_feedback(self, feedback: dict[str, Any]) -> bool:
        """Hand over feedback, to be sent along with the runs of its trace.

        Args:
            feedback: Fields as the API has them, with `id` and `trace_id`.

        Returns:
            False if this client does not send in the background: then nothing was done.
        """
        options: TracingOptions | None = self.state.get("tracing")
        if options is not None and (options.otel_enabled or not options.auto_batch_tracing):
            return False
        self._pipeline.feedback(feedback)
        return True

    def _redact_baggage(
        self, metadata: dict[str, Any], tags: list[str] | None
    ) -> tuple[Any, list[str] | None]:
        """What headers may tell another service of a run."""
        redactor = self._pipeline.redactor
        return redactor.baggage(metadata, tags) if redactor.needed else (metadata, tags)

    def tracing_stats(self) -> TracingStats:
        """What became of the runs that were handed over.

        Returns:
            Counts; every operation is queued, spooled, sent, dropped or failed.

        Example:
            >>> client.tracing_stats().sent  # doctest: +SKIP
            2
        """
        if PIPELINE not in self.state:
            from smithkit.tracing.pipeline._stats import TracingStats

            return TracingStats()
        return self._pipeline.stats()

    def close_tracing(self, timeout: float = FLUSH_SECONDS) -> DeliveryReport:
        """Send what is queued and end the sender's thread; a later run starts it again.

        Args:
            timeout: Seconds to wait at most; what is not sent by then stays on disk where there is a spool,
                and else is dropped and counted.

        Returns:
            What became of the runs.
        """
        return self._pipeline.close(timeout) if PIPELINE in self.state else DeliveryReport()

    def recover_runs(self) -> None:
        """Deliver, in the background, what ended processes have left in this client's spool.

        A client does this when it is made. Without a spool, or with an empty one, nothing starts.

        Example:
            >>> client.recover_runs()  # doctest: +SKIP
        """
        options: TracingOptions | None = self.state.get("tracing")
        if options is not None and options.spool is not None:
            self._pipeline.recover()

    @property
    def tracing_sample_rate(self) -> float | None:
        """Share of traces that are kept; None for all."""
        options: TracingOptions | None = self.state.get("tracing")
        return None if options is None else options.tracing_sampling_rate

    @property
    def tracing_queue(self) -> TraceQueue | None:
        """The runs that wait; None without batching."""
        pipeline = self._pipeline
        return pipeline.main_lane.queue if pipeline.options.auto_batch_tracing else None

    @property
    def compressed_traces(self) -> Compressor | None:
        """What compresses runs; None until the server is known to take compressed runs."""
        if PIPELINE not in self.state:
            return None
        mode = self._pipeline.mode.known
        return self._pipeline.main_lane.delivery.compressor if mode is not None and mode.zstd else None

    @property
    def otel_exporter(self) -> OtelExporter | None:
        """What exports this client's runs as OpenTelemetry spans; None if nothing does."""
        options: TracingOptions | None = self.state.get("tracing")
        return None if options is None or not options.otel_enabled else self._pipeline.otel
