"""Texts in the order of their characters, whatever language a PostgreSQL database was made for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Give the columns this order; SQLite's have no other."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        return
    inspector = sa.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for table in inspector.get_table_names():
        for column in inspector.get_columns(table):
            if isinstance(column["type"], sa.TEXT):
                name = quote(column["name"])
                op.execute(f'ALTER TABLE {quote(table)} ALTER COLUMN {name} TYPE text COLLATE "C"')
