"""Alembic's entry: run migrations on the connection that `migrate` gives, inside its transaction."""

from __future__ import annotations

from alembic import context

from smithkit.server.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
