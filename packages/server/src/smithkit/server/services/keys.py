"""API keys: made once and shown once, kept as digests, each for one workspace and one role."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import uuid4

from cachetools import TTLCache

from smithkit.server.domain.times import now

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.domain.roles import Role
    from smithkit.server.domain.runs import Row
    from smithkit.server.store import Directory

__all__ = ["Grant", "KeyService"]

_PREFIX = "smk_"
_HINT = 4
_DAY = 24 * 3600 * 1_000_000
_REMEMBERED = 1000
_REMEMBERED_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Grant:
    """What a key allows.

    Attributes:
        workspace_id: The workspace that it is for.
        role: What may be done there.
    """

    workspace_id: UUID
    role: Role


class KeyService:
    """Makes keys, and tells what a key allows.

    Args:
        directory: Where their records lie.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        # A revoked key may work for that long yet, in a process that has just seen it.
        self._known: TTLCache[bytes, Grant | None] = TTLCache[bytes, "Grant | None"](
            _REMEMBERED, _REMEMBERED_SECONDS
        )
        self._needed: TTLCache[None, bool] = TTLCache[None, bool](1, _REMEMBERED_SECONDS)

    async def create(self, workspace_id: UUID, name: str, role: Role, days: int | None) -> tuple[str, Row]:
        """Make a key.

        Args:
            workspace_id: The workspace that it is for.
            name: What people call it.
            role: What may be done with it.
            days: For how many days it works; None for ever.

        Returns:
            The key, which is not kept, and its record.
        """
        key = _PREFIX + secrets.token_urlsafe(32)
        moment = now()
        row: Row = {
            "id": uuid4(),
            "workspace_id": workspace_id,
            "name": name,
            "role": role,
            "digest": _digest(key),
            "hint": key[-_HINT:],
            "created_at": moment,
            "expires_at": None if days is None else moment + days * _DAY,
            "revoked_at": None,
        }
        await self._directory.add_key(row)
        return key, row

    async def grant(self, key: str) -> Grant | None:
        """Tell what a key allows; None if it allows nothing.

        Only its digest is looked up, so how long that takes tells nothing of the keys that there are.
        """
        digest = _digest(key)
        if digest not in self._known:
            self._known[digest] = await self._find(digest)
        return self._known.get(digest)

    async def needed(self) -> bool:
        """Tell whether requests must bring a key: they must once there has been one."""
        if not self._needed.get(None, False):
            self._needed[None] = await self._directory.has_keys()
        return self._needed.get(None, True)

    async def _find(self, digest: bytes) -> Grant | None:
        row = await self._directory.find_key(digest)
        if row is None or row["revoked_at"] is not None:
            return None
        if row["expires_at"] is not None and row["expires_at"] <= now():
            return None
        return Grant(row["workspace_id"], cast("Role", row["role"]))


def _digest(key: str) -> bytes:
    """No salt and no slow hash: nobody guesses 256 random bits, however fast he tries."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
