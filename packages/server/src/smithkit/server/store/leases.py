"""Duties that one of several servers on a database does at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from smithkit.server.domain.times import now
from smithkit.server.store.tables import metadata

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.store.protocol import Duty

__all__ = ["claim", "leases", "release"]

_SECOND = 1_000_000

# Who does what; one row a duty.
leases = Table(
    "leases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("owner", LargeBinary, nullable=False),
    Column("until", BigInteger, nullable=False),
    info={"derived": True},
)


def claim(connection: Connection, duty: Duty, owner: UUID, seconds: float) -> bool:
    """Become the one that does a duty, or stay it.

    Args:
        connection: A connection that holds the write lock.
        duty: What is to be done.
        owner: Who wants to.
        seconds: For how long the claim counts, unless it is made again.

    Returns:
        Whether that is so; another one's claim counts until it ends.
    """
    moment = now()
    free = (leases.c.owner == owner.bytes) | (leases.c.until < moment)
    taken = leases.update().where(leases.c.id == duty, free)
    until = moment + int(seconds * _SECOND)
    return connection.execute(taken.values(owner=owner.bytes, until=until)).rowcount == 1


def release(connection: Connection, duty: Duty, owner: UUID) -> None:
    """Let others do a duty."""
    own = (leases.c.id == duty) & (leases.c.owner == owner.bytes)
    connection.execute(leases.update().where(own).values(until=0))
