"""Methods of `AsyncClient` that write runs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, TypeVar, overload

from smithkit.arguments import as_uuid
from smithkit.operations import Flow, Request, operation
from smithkit.tracing._methods._ingest import IngestMethods
from smithkit.tracing._methods._submission import Submission
from smithkit.tracing._switch import environment_project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.delivery import DeliveryReport
    from smithkit.tracing.schemas import Run, RunLikeDict

__all__ = ["AsyncIngestMethods"]

T = TypeVar("T")


class AsyncIngestMethods(Submission):
    """Methods of `AsyncClient` that write runs: awaited, each its own request."""

    @operation
    def create_run(
        self,
        /,
        name: str,
        inputs: dict[str, Any],
        run_type: str,
        *,
        project_name: str | None = None,
        revision_id: ID_TYPE | None = None,
        **kwargs: Any,
    ) -> Flow[None]:
        """Create a run now (``POST /runs``), without batching, sampling and runtime metadata.

        Args:
            name: Its name.
            inputs: What it is given.
            run_type: Its kind.
            project_name: Project to put it into. Default: the environment's.
            revision_id: Version of the program.
            kwargs: Further fields of the run, see `Client.create_run`.

        Raises:
            LangSmithError: It was refused.

        Example:
            >>> await client.create_run("greet", {"who": "you"}, "chain")  # doctest: +SKIP
        """
        run = {
            "name": name,
            "id": kwargs.pop("id", None) or uuid.uuid4(),
            "inputs": inputs,
            "run_type": run_type,
            "session_name": project_name or kwargs.pop("session_name", None) or environment_project(),
            "revision_id": revision_id,
            **kwargs,
        }
        body = self._body(run)
        if body is not None:
            yield Request("POST", "/runs", content=body)

    @operation
    def update_run(self, /, run_id: ID_TYPE, **kwargs: Any) -> Flow[None]:
        """Update a run now (``PATCH /runs/{run_id}``).

        Args:
            run_id: Its id.
            kwargs: Changed fields, see `Client.update_run`.

        Raises:
            LangSmithError: It was refused.

        Example:
            >>> await client.update_run(run_id, outputs={"answer": 42})  # doctest: +SKIP
        """
        key = as_uuid(run_id, "run_id")
        body = self._body({**kwargs, "id": key})
        if body is not None:
            yield Request("PATCH", f"/runs/{key}", content=body)

    def _body(self, run: dict[str, Any]) -> bytes | None:
        """What is sent of a run; None if a hook drops it."""
        pipeline = self._pipeline
        kept = pipeline.redact(run)
        return None if kept is None else pipeline.serializer.dumps(kept)

    async def batch_ingest_runs(
        self,
        create: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        update: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        *,
        pre_sampled: bool = False,
    ) -> None:
        """Send runs now, as JSON; see `Client.batch_ingest_runs`.

        Args:
            create: Runs that begin.
            update: Updates of runs.
            pre_sampled: Whether the sampling rate has been applied already.

        Raises:
            LangSmithUserError: A run lacks `trace_id` or `dotted_order`.
        """
        await _in_thread(
            IngestMethods.batch_ingest_runs,
            self,
            create,
            update,
            pre_sampled=pre_sampled,
        )

    async def multipart_ingest(
        self,
        create: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        update: Sequence[Run | RunLikeDict | dict[str, Any]] | None = None,
        *,
        pre_sampled: bool = False,
        dangerously_allow_filesystem: bool = False,
    ) -> None:
        """Send runs now, with their attachments; see `Client.multipart_ingest`.

        Args:
            create: Runs that begin.
            update: Updates of runs.
            pre_sampled: Whether the sampling rate has been applied already.
            dangerously_allow_filesystem: Whether attachments may name files to be read.

        Raises:
            LangSmithUserError: A run lacks `trace_id` or `dotted_order`.
            ValueError: An attachment names a file without permission.
        """
        await _in_thread(
            IngestMethods.multipart_ingest,
            self,
            create,
            update,
            pre_sampled=pre_sampled,
            dangerously_allow_filesystem=dangerously_allow_filesystem,
        )

    @overload
    async def flush(self) -> None: ...
    @overload
    async def flush(self, timeout: float) -> DeliveryReport: ...  # noqa: ASYNC109 - the sync method's argument
    async def flush(self, timeout: float | None = None) -> DeliveryReport | None:  # noqa: ASYNC109
        """Wait until the runs that were handed over so far are delivered, or given up.

        Args:
            timeout: Seconds to wait at most, 30 where nothing is said.

        Returns:
            With a `timeout`, what became of the runs since the last report, see `Client.flush`.
        """
        return await _in_thread(_flush, self, timeout)

    async def flush_compressed_traces(self, attempts: int = 3) -> None:
        """Like `flush`, with fewer attempts at each request.

        Args:
            attempts: How often each request is tried.
        """
        await _in_thread(IngestMethods.flush_compressed_traces, self, attempts)

    async def cleanup(self) -> None:
        """Send what is queued and end the sender's thread; the client stays usable."""
        await _in_thread(self.close_tracing)


def _flush(client: Any, timeout: float | None) -> DeliveryReport | None:
    return IngestMethods.flush(client) if timeout is None else IngestMethods.flush(client, timeout)


async def _in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    import asyncio

    return await asyncio.to_thread(function, *args, **kwargs)
