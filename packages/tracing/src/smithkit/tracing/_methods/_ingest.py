"""Methods of `Client` that write runs."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any, overload

from smithkit.arguments import as_uuid
from smithkit.delivery import DeliveryReport
from smithkit.tracing._methods._submission import FLUSH_SECONDS, PIPELINE, Submission
from smithkit.tracing._switch import environment_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.attachments import Attachments
    from smithkit.tracing.schemas import Run, RunLikeDict

__all__ = ["IngestMethods"]


class IngestMethods(Submission):
    """Methods of `Client` that write runs."""

    def create_run(
        self,
        name: str,
        inputs: dict[str, Any],
        run_type: str,
        *,
        project_name: str | None = None,
        revision_id: str | None = None,
        dangerously_allow_filesystem: bool = False,
        api_key: str | None = None,
        api_url: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Create a run (``POST /runs/multipart`` in the background, or ``POST /runs``).

        With `trace_id` and `dotted_order` the run is queued and this returns at once; failures are logged
        and told to `tracing_error_callback`. Otherwise, or with ``auto_batch_tracing=False``, it is sent now.

        Args:
            name: Its name.
            inputs: What it is given; copied now.
            run_type: ``tool``, ``chain``, ``llm``, ``retriever``, ``embedding``, ``prompt`` or ``parser``.
            project_name: Project to put it into. Default: `session_name`, else the environment's.
            revision_id: Version of the program, for the metadata.
            dangerously_allow_filesystem: Whether attachments may name files to be read.
            api_key: Key for this run alone.
            api_url: Endpoint for this run alone.
            kwargs: Further fields of the run: `id`, `start_time`, `end_time`, `outputs`, `error`, `extra`,
                `tags`, `events`, `parent_run_id`, `trace_id`, `dotted_order`, `serialized`,
                `reference_example_id`, `attachments`; and `service_key`, `tenant_id`, `authorization`,
                `cookie` as credentials for this run alone.

        Raises:
            LangSmithUserError: The id is no UUID.
            ValueError: An attachment names a file without permission.
            LangSmithError: It was sent now, and refused.

        Example:
            >>> client.create_run("greet", {"who": "you"}, "chain")  # doctest: +SKIP
        """
        run: dict[str, Any] = dict(kwargs)
        given = run.pop("session_name", None)
        run["session_name"] = project_name or given or environment_project()
        run["name"] = name
        run["inputs"] = inputs
        run["run_type"] = run_type
        run.pop("child_runs", None)
        if run.get("id") is None:
            run["id"] = uuid.uuid4()
        elif not isinstance(run["id"], uuid.UUID):
            as_uuid(run["id"], "id")
        if run.get("start_time") is None:
            run["start_time"] = dt.datetime.now(dt.UTC)
        if revision_id is not None:
            run["extra"] = _with_revision(run.get("extra"), revision_id)
        if api_key is not None:
            run["api_key"] = api_key
        if api_url is not None:
            run["api_url"] = api_url
        _permit_attachments(run, allow_files=dangerously_allow_filesystem)
        self._pipeline.submit("post", run)

    def update_run(
        self,
        run_id: ID_TYPE,
        *,
        name: str | None = None,
        run_type: str | None = None,
        start_time: dt.datetime | None = None,
        end_time: dt.datetime | None = None,
        error: str | None = None,
        inputs: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
        events: Sequence[dict[str, Any]] | None = None,
        extra: dict[str, Any] | None = None,
        tags: list[str] | None = None,
        attachments: Attachments | None = None,
        dangerously_allow_filesystem: bool = False,
        reference_example_id: ID_TYPE | None = None,
        api_key: str | None = None,
        api_url: str | None = None,
        service_key: str | None = None,
        tenant_id: str | None = None,
        authorization: str | None = None,
        cookie: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Update a run, usually when it ends (in the background, or ``PATCH /runs/{run_id}``).

        Args:
            run_id: Its id.
            name: Its name.
            run_type: Its kind.
            start_time: When it began.
            end_time: When it ended. Default: now.
            error: Why it failed.
            inputs: What it was given.
            outputs: What it gave.
            events: What happened.
            extra: Metadata and more.
            tags: Its tags.
            attachments: Name → (MIME type, bytes).
            dangerously_allow_filesystem: Whether attachments may name files to be read.
            reference_example_id: The example that it was run for.
            api_key: Key for this update alone.
            api_url: Endpoint for this update alone.
            service_key: Service key in place of the client's key.
            tenant_id: Workspace for this update alone.
            authorization: ``Authorization`` header in place of the client's key.
            cookie: ``Cookie`` header in place of the client's key.
            kwargs: `trace_id`, `parent_run_id`, `dotted_order`, `session_id`, `session_name`.

        Raises:
            LangSmithUserError: The id is no UUID.
            ValueError: An attachment names a file without permission.
            LangSmithError: It was sent now, and refused.

        Example:
            >>> client.update_run(run_id, outputs={"answer": 42})  # doctest: +SKIP
        """
        run: dict[str, Any] = {
            "id": as_uuid(run_id, "run_id"),
            "name": name,
            "run_type": run_type,
            "trace_id": kwargs.get("trace_id"),
            "parent_run_id": kwargs.get("parent_run_id"),
            "dotted_order": kwargs.get("dotted_order"),
            "tags": tags,
            "extra": extra,
            "session_id": kwargs.get("session_id"),
            "session_name": kwargs.get("session_name"),
            "end_time": end_time or dt.datetime.now(dt.UTC),
        }
        optional = {
            "start_time": start_time,
            "error": error,
            "inputs": inputs,
            "outputs": outputs,
            "events": events,
            "attachments": attachments,
            "reference_example_id": reference_example_id,
            "api_key": api_key,
            "api_url": api_url,
            "service_key": service_key,
            "tenant_id": tenant_id,
            "authorization": authorization,
            "cookie": cookie,
        }
        run.update({field: value for field, value in optional.items() if value is not None})
        _permit_attachments(run, allow_files=dangerously_allow_filesystem)
        self._pipeline.submit("patch", run)

    def batch_ingest_runs(
        self,
        create: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        update: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        *,
        pre_sampled: bool = False,
    ) -> None:
        """Send runs now, as JSON (``POST /runs/batch``).

        An update of a run that is among `create` becomes part of it. Bodies are cut to the server's limit.
        Failures are logged and told to `tracing_error_callback`, not raised. Attachments cannot travel this way.

        Args:
            create: Runs that begin.
            update: Updates of runs.
            pre_sampled: Whether the sampling rate has been applied already. Runs whose ids are text are
                taken for an export, and not drawn for either.

        Raises:
            LangSmithUserError: A run lacks `trace_id` or `dotted_order`.

        Example:
            >>> client.batch_ingest_runs(create=[run])  # doctest: +SKIP
        """
        from smithkit.tracing.pipeline import Encoding

        if create or update:
            self._pipeline.ingestion().send(
                create or (), update or (), Encoding.JSON, pre_sampled=pre_sampled, allow_files=True
            )

    def multipart_ingest(
        self,
        create: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        update: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        *,
        pre_sampled: bool = False,
        dangerously_allow_filesystem: bool = False,
    ) -> None:
        """Send runs now, with their attachments (``POST /runs/multipart``).

        Like `batch_ingest_runs`; a server without this endpoint gets them through the other.

        Args:
            create: Runs that begin.
            update: Updates of runs.
            pre_sampled: See `batch_ingest_runs`.
            dangerously_allow_filesystem: Whether attachments may name files to be read.

        Raises:
            LangSmithUserError: A run lacks `trace_id` or `dotted_order`.
            ValueError: An attachment names a file without permission.

        Example:
            >>> client.multipart_ingest(create=[run])  # doctest: +SKIP
        """
        from smithkit.tracing.pipeline import Encoding

        if create or update:
            self._pipeline.ingestion().send(
                create or (),
                update or (),
                Encoding.PLAIN,
                pre_sampled=pre_sampled,
                allow_files=dangerously_allow_filesystem,
            )

    @overload
    def flush(self) -> None: ...
    @overload
    def flush(self, timeout: float) -> DeliveryReport: ...
    def flush(self, timeout: float | None = None) -> DeliveryReport | None:
        """Wait until the runs that were handed over so far are delivered, or given up.

        Args:
            timeout: Seconds to wait at most, 30 where nothing is said.

        Returns:
            With a `timeout`, what became of the runs since the last report: it is false if any were lost
            or are still in memory. None without, as the API has it; `tracing_stats` tells at any time.

        Example:
            >>> client.flush(timeout=5).delivered  # doctest: +SKIP
            2
        """
        if timeout is not None:
            return self._pipeline.flush(timeout) if PIPELINE in self.state else DeliveryReport()
        if PIPELINE in self.state:
            self._pipeline.wait(FLUSH_SECONDS)
        return None

    def flush_compressed_traces(self, attempts: int = 3) -> None:
        """Like `flush`, with fewer attempts at each request.

        Args:
            attempts: How often each request is tried.
        """
        if PIPELINE in self.state:
            self._pipeline.wait(FLUSH_SECONDS, attempts)

    def cleanup(self) -> None:
        """Send what is queued and end the sender's thread; the client stays usable.

        `close` does so too, closes the connections, and reports what became of the runs.
        """
        self.close_tracing()


def _with_revision(extra: Any, revision_id: str) -> dict[str, Any]:
    extra = extra if isinstance(extra, dict) else {}
    return {**extra, "metadata": {**(extra.get("metadata") or {}), "revision_id": revision_id}}


def _permit_attachments(run: dict[str, Any], *, allow_files: bool) -> None:
    if run.get("attachments"):
        from smithkit.tracing.pipeline._snapshot import check_attachments

        check_attachments(run["attachments"], allow_files=allow_files)
        if allow_files:
            run["dangerously_allow_filesystem"] = True
