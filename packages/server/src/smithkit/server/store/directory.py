"""Who may use a database: its workspaces, their keys, and whose a link is. The one place that looks across workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from smithkit.server.domain.times import now
from smithkit.server.store.access import speak_for
from smithkit.server.store.dataset_tables import dataset_shares, datasets
from smithkit.server.store.feedback_tables import feedback_tokens
from smithkit.server.store.protocol import NameTakenError
from smithkit.server.store.tables import api_keys, run_shares, runs, sessions, workspaces
from smithkit.server.store.write_sessions import SessionResolver

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.access import Access

__all__ = ["SqlDirectory"]

_SHOWN = (workspaces.c.id, workspaces.c.display_name, workspaces.c.handle, workspaces.c.created_at)


class SqlDirectory:
    """Fulfils `Directory`.

    Args:
        access: The open database.
    """

    def __init__(self, access: Access) -> None:
        self._write, self._read = access.write, access.read

    async def workspaces(self) -> list[Row]:
        """Read the workspaces, oldest first."""
        statement = select(*_SHOWN).order_by(workspaces.c.created_at, workspaces.c.id)
        return await self._read(lambda db: [dict(row) for row in db.execute(statement).mappings()])

    async def create_workspace(self, name: str, handle: str, secret: bytes) -> Row:
        """Make a workspace, with its default project."""
        row: Row = {"id": uuid4(), "display_name": name, "handle": handle, "created_at": now()}

        def make(connection: Connection) -> Row:
            connection.execute(workspaces.insert(), {**row, "secret": secret})
            SessionResolver(speak_for(connection, row["id"]), row["created_at"]).default()
            return row

        try:
            return await self._write(make)
        except IntegrityError as error:
            raise NameTakenError(handle) from error

    async def add_key(self, row: Row) -> None:
        """Store a key's record."""
        await self._write(lambda db: db.execute(api_keys.insert(), row).rowcount)

    async def find_key(self, digest: bytes) -> Row | None:
        """Read the record of the key that has a digest."""
        statement = select(api_keys).where(api_keys.c.digest == digest)
        found = await self._read(lambda db: db.execute(statement).mappings().first())
        return None if found is None else dict(found)

    async def keys(self) -> list[Row]:
        """Read the records of keys, oldest first."""
        statement = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        return await self._read(lambda db: [dict(row) for row in db.execute(statement).mappings()])

    async def has_keys(self) -> bool:
        """Tell whether there ever was a key."""
        statement = select(api_keys.c.id).limit(1)
        return await self._read(lambda db: db.execute(statement).first() is not None)

    async def revoke_key(self, key_id: UUID) -> bool:
        """Make a key worthless."""
        live = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        statement = update(api_keys).where(live).values(revoked_at=now())
        return bool(await self._write(lambda db: db.execute(statement).rowcount))

    async def owner_of_link(self, token: UUID) -> UUID | None:
        """Give the workspace whose run or dataset has a token."""
        of_run = select(sessions.c.workspace_id).select_from(sessions.join(runs).join(run_shares))
        of_dataset = select(datasets.c.workspace_id).select_from(datasets.join(dataset_shares))

        def find(connection: Connection) -> UUID | None:
            run = connection.execute(of_run.where(run_shares.c.token == token)).scalar()
            return run or connection.execute(of_dataset.where(dataset_shares.c.token == token)).scalar()

        return await self._read(find)

    async def owner_of_feedback_token(self, handle: bytes) -> UUID | None:
        """Give the workspace that made a feedback token."""
        statement = select(feedback_tokens.c.workspace_id).where(feedback_tokens.c.handle == handle)
        return await self._read(lambda db: db.execute(statement).scalar())
