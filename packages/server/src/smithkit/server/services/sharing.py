"""Runs shared by link."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from smithkit.server.errors import conflict, not_found, unprocessable
from smithkit.server.store import NameTakenError, Place, RunSelection

if TYPE_CHECKING:
    from collections.abc import Collection

    from smithkit.server.services.runs import RunService
    from smithkit.server.store import Store

__all__ = ["SharingService", "check_token"]

_RANDOM = 4


class SharingService:
    """Gives runs links, and shows to whoever has a link the run and what is below it, nothing else.

    Args:
        store: Where runs and tokens lie.
        runs: Reads runs.
    """

    def __init__(self, store: Store, runs: RunService) -> None:
        self._store = store
        self._runs = runs

    async def share(self, run_id: UUID, token: UUID | None) -> dict[str, Any]:
        """Give a run a token. One that is shared already keeps its own.

        Args:
            run_id: The run.
            token: The token that the client proposes, a random UUID: who can guess it can read the run.

        Returns:
            The run's id and its token.

        Raises:
            ApiError: 404; 409, the token is another run's; 422, the token is not random.
        """
        check_token(token)
        try:
            given = await self._store.share_run(run_id, token or uuid4())
        except NameTakenError as error:
            raise conflict("share_token: is in use") from error
        if given is None:
            raise not_found("Run")
        return {"run_id": run_id, "share_token": given}

    async def read(self, run_id: UUID) -> dict[str, Any] | None:
        """Read a run's token.

        Returns:
            The run's id and its token; None if it is not shared.

        Raises:
            ApiError: 404.
        """
        token = await self._store.read_share(run_id)
        if token is not None:
            return {"run_id": run_id, "share_token": token}
        await self._must_exist(run_id)
        return None

    async def unshare(self, run_id: UUID) -> None:
        """Make a run's token worthless.

        Raises:
            ApiError: 404.
        """
        await self._must_exist(run_id)
        await self._store.delete_share(run_id)

    async def read_run(self, token: UUID, run_id: UUID | None) -> bytes:
        """Read the shared run, or one below it.

        Returns:
            Its JSON.

        Raises:
            ApiError: 404, nobody has this token, or the run is not below the shared one.
        """
        shared = await self._shared(token)
        wanted = RunSelection(ids=[run_id or shared["id"]], below=_place(shared), limit=1)
        return await self._runs.read_first(wanted)

    async def query(
        self, token: UUID, selection: RunSelection, select: Collection[str] | None, *, one_page: bool = False
    ) -> bytes:
        """Read a page of the shared run and those below it; see `RunService.query`.

        Raises:
            ApiError: 404, nobody has this token.
        """
        shared = await self._shared(token)
        own = replace(selection, below=_place(shared))
        return await self._runs.query(own, select, one_page=one_page)

    async def _shared(self, token: UUID) -> dict[str, Any]:
        row = await self._store.find_shared(token)
        if row is None:
            raise not_found("Shared run")
        return row

    async def _must_exist(self, run_id: UUID) -> None:
        if not await self._store.find_runs(RunSelection(ids=[run_id], limit=1)):
            raise not_found("Run")


def _place(row: dict[str, Any]) -> Place:
    return Place(row["trace_id"], row["dotted_order"])


def check_token(token: UUID | None) -> None:
    """Check that a proposed token cannot be guessed.

    Raises:
        ApiError: 422, it can.
    """
    if token is not None and token.version != _RANDOM:
        raise unprocessable("share_token: must be a random UUID (version 4), or nobody's guess is safe")
