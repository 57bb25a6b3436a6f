"""Leases of more than one duty: besides indexing, deleting what is too old."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Give the table a name that says so, and the second duty its row."""
    op.rename_table("text_lease", "leases")
    lease = sa.table("leases", sa.column("id"), sa.column("owner", sa.LargeBinary()), sa.column("until"))
    op.bulk_insert(lease, [{"id": 2, "owner": b"", "until": 0}])
