"""Methods that share runs by link, and read what was shared."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from smithkit.arguments import as_uuid
from smithkit.config import host_url
from smithkit.errors import LangSmithResponseError
from smithkit.operations import Flow, PageFlow, Request, operation, paginated
from smithkit.tracing._methods._lookup import AsyncLookup, Lookup
from smithkit.tracing._methods._query import query_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.schemas import Run

__all__ = ["AsyncSharingMethods", "SharingMethods"]


class SharingMethods(Lookup):
    """Methods of `Client` that share runs."""

    @operation
    def share_run(self, run_id: ID_TYPE, *, share_id: ID_TYPE | None = None) -> Flow[str]:
        """Make a run, with everything below it, readable to whoever has a link (``PUT /runs/{run_id}/share``).

        Args:
            run_id: Its id.
            share_id: Token to use in the link, a random UUID. Default: a new one.

        Returns:
            The link. A run that is shared already keeps the link that it has.

        Raises:
            LangSmithUserError: An id is no UUID.
            LangSmithNotFoundError: There is no such run.

        Example:
            >>> client.share_run(run_id)  # doctest: +SKIP
            'https://smith.langchain.com/public/70000000-0000-4000-8000-000000000009/r'
        """
        key = as_uuid(run_id, "run_id")
        token = uuid.uuid4() if share_id is None else as_uuid(share_id, "share_id")
        body = {"run_id": str(key), "share_token": str(token)}
        link = self._shared_link((yield Request("PUT", f"/runs/{key}/share", json=body)).json())
        if link is None:
            raise LangSmithResponseError(f"PUT /runs/{key}/share answered without a share_token.")
        return link

    @operation
    def unshare_run(self, run_id: ID_TYPE) -> Flow[None]:
        """Take a run's link back (``DELETE /runs/{run_id}/share``).

        Args:
            run_id: Its id.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such run.

        Example:
            >>> client.unshare_run(run_id)  # doctest: +SKIP
        """
        yield Request("DELETE", f"/runs/{as_uuid(run_id, 'run_id')}/share")

    @operation
    def read_run_shared_link(self, run_id: ID_TYPE) -> Flow[str | None]:
        """Read a run's link (``GET /runs/{run_id}/share``).

        Args:
            run_id: Its id.

        Returns:
            The link; None if the run is not shared.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such run.

        Example:
            >>> client.read_run_shared_link(run_id) is None  # doctest: +SKIP
            True
        """
        return (yield from self._read_link(run_id))

    @operation
    def run_is_shared(self, run_id: ID_TYPE) -> Flow[bool]:
        """Whether a run has a link (``GET /runs/{run_id}/share``).

        Args:
            run_id: Its id.

        Raises:
            LangSmithUserError: The id is no UUID.
            LangSmithNotFoundError: There is no such run.

        Example:
            >>> client.run_is_shared(run_id)  # doctest: +SKIP
            False
        """
        return (yield from self._read_link(run_id)) is not None

    @operation
    def read_shared_run(self, share_token: ID_TYPE, run_id: ID_TYPE | None = None) -> Flow[Run]:
        """Read a run by the token of its link (``GET /public/{share_token}/run``).

        Args:
            share_token: The token in the link.
            run_id: A run below the shared one (``GET /public/{share_token}/run/{run_id}``). Default: itself.

        Returns:
            The run.

        Raises:
            LangSmithUserError: The token or the id is no UUID.
            LangSmithNotFoundError: Nothing is shared by this token, or the run is no part of it.

        Example:
            >>> client.read_shared_run("70000000-0000-4000-8000-000000000009").name  # doctest: +SKIP
            'greet'
        """
        path = f"/public/{as_uuid(share_token, 'share_token')}/run"
        if run_id is not None:
            path += f"/{as_uuid(run_id, 'run_id')}"
        return self._run((yield Request("GET", path)).json())

    @paginated
    def list_shared_runs(
        self, share_token: ID_TYPE, run_ids: Sequence[ID_TYPE] | None = None
    ) -> PageFlow[Run]:
        """Read the runs that a link gives (``POST /public/{share_token}/runs/query``).

        Args:
            share_token: The token in the link.
            run_ids: These runs alone.

        Returns:
            An iterator of runs: the shared one and those below it.

        Raises:
            LangSmithUserError: The token is no UUID.
            LangSmithNotFoundError: Nothing is shared by this token.

        Example:
            >>> [run.name for run in client.list_shared_runs(token)]  # doctest: +SKIP
            ['answer', 'greet']
        """
        path = f"/public/{as_uuid(share_token, 'share_token')}/runs/query"
        body = {"id": [str(run_id) for run_id in run_ids] if run_ids else None}
        yield from query_pages(path, body, self._run)

    def _read_link(self, run_id: ID_TYPE) -> Flow[str | None]:
        response = yield Request("GET", f"/runs/{as_uuid(run_id, 'run_id')}/share")
        return self._shared_link(response.json())

    def _shared_link(self, answer: Any) -> str | None:
        token = answer.get("share_token") if isinstance(answer, dict) else None
        return f"{host_url(self.config)}/public/{token}/r" if token else None


class AsyncSharingMethods(AsyncLookup, SharingMethods):
    """Methods of `AsyncClient` that share runs."""
