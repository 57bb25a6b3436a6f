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

    async def share_found(self, selection: RunSelection) -> UUID:
        """Give the first run of a selection a token, or tell the one that it has.

        Raises:
            ApiError: 404.
        """
        run_id = await self._must_exist(selection)
        token: UUID = (await self.share(run_id, None))["share_token"]
        return token

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
        await self._must_exist(RunSelection(ids=[run_id]))
        return None

    async def unshare(self, run_id: UUID, session_id: UUID | None = None) -> None:
        """Make a run's token worthless.

        Args:
            run_id: The run.
            session_id: Its project, where the caller has to know it.

        Raises:
            ApiError: 404.
        """
        sessions = None if session_id is None else [session_id]
        await self._must_exist(RunSelection(ids=[run_id], sessions=sessions))
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

    async def below(self, token: UUID) -> RunSelection:
        """Choose the shared run and those below it.

        Raises:
            ApiError: 404, nobody has this token.
        """
        return RunSelection(below=_place(await self._shared(token)))

    async def _shared(self, token: UUID) -> dict[str, Any]:
        row = await self._store.find_shared(token)
        if row is None:
            raise not_found("Shared run")
        return row

    async def _must_exist(self, selection: RunSelection) -> UUID:
        rows = await self._store.find_runs(replace(selection, limit=1))
        if not rows:
            raise not_found("Run")
        run_id: UUID = rows[0]["id"]
        return run_id


def _place(row: dict[str, Any]) -> Place:
    return Place(row["trace_id"], row["dotted_order"])


def check_token(token: UUID | None) -> None:
    """Check that a proposed token cannot be guessed.

    Raises:
        ApiError: 422, it can.
    """
    if token is not None and token.version != _RANDOM:
        raise unprocessable("share_token: must be a random UUID (version 4), or nobody's guess is safe")
