"""Configs of feedback keys inside a transaction. A config that was removed stays, marked, until it is made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from smithkit.server.domain.feedback_rules import find_problem, normal_config
from smithkit.server.store.feedback_protocol import FeedbackRefusedError
from smithkit.server.store.feedback_tables import feedback_configs
from smithkit.server.store.inserts import upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.feedback_protocol import FeedbackItem

__all__ = ["check_items", "insert_config", "remove_config", "select_configs", "update_config"]

_CHUNK = 500
_table = feedback_configs


def check_items(
    connection: Connection, workspace_id: UUID, items: Iterable[FeedbackItem], moment: int
) -> None:
    """Check feedback against the configs of its keys; a key without one gets the one that comes with it.

    Raises:
        FeedbackRefusedError: A score or a value is not one of its key's, or a config contradicts the present one.
    """
    items = list(items)
    keys = sorted({item.key for item in items})
    known: dict[str, Any] = {}
    for at in range(0, len(keys), _CHUNK):
        found = connection.execute(_select(workspace_id).where(_table.c.key.in_(keys[at : at + _CHUNK])))
        known |= {row.key: orjson.loads(row.config) for row in found}
    for item in items:
        if item.config is not None:
            if item.key not in known:
                insert_config(connection, workspace_id, item.key, item.config, None, moment)
                known[item.key] = item.config
            elif known[item.key] != item.config:
                raise FeedbackRefusedError(
                    f"{item.where}feedback_config: the key {item.key!r} has a config that says something else"
                )
        problem = find_problem(known[item.key], item.score, item.value) if item.key in known else None
        if problem is not None:
            raise FeedbackRefusedError(f"{item.where}{problem}")


def insert_config(  # noqa: PLR0917 - a record's columns
    connection: Connection,
    workspace_id: UUID,
    key: str,
    config: Row,
    is_lower_better: bool | None,  # noqa: FBT001 - a column
    moment: int,
) -> Row | None:
    """Give a key a config; None if it has one that says something else."""
    normal = normal_config(config)
    present = _read(connection, workspace_id, key)
    if present is not None:
        same = orjson.loads(present["config"]) == normal and bool(present["is_lower_score_better"]) == bool(
            is_lower_better
        )
        return present if same else None
    row = {
        "workspace_id": workspace_id,
        "key": key,
        "config": orjson.dumps(normal).decode(),
        "is_lower_score_better": is_lower_better,
        "modified_at": moment,
        "deleted_at": None,
    }
    key_columns = _table.primary_key.columns
    statement = upsert(connection, _table).on_conflict_do_update(index_elements=key_columns, set_=row)
    connection.execute(statement, row)
    return row


def update_config(
    connection: Connection, workspace_id: UUID, key: str, changes: Row, moment: int
) -> Row | None:
    """Change a key's config; None if it has none."""
    values = {**changes, "modified_at": moment}
    if "config" in values:
        values["config"] = orjson.dumps(normal_config(values["config"])).decode()
    connection.execute(update(_table).where(*_live(workspace_id), _table.c.key == key).values(values))
    return _read(connection, workspace_id, key)


def remove_config(connection: Connection, workspace_id: UUID, key: str, moment: int) -> bool:
    """Mark a key's config as removed; False if it has none."""
    own = update(_table).where(*_live(workspace_id), _table.c.key == key).values(deleted_at=moment)
    return bool(connection.execute(own).rowcount)


def select_configs(  # noqa: PLR0917 - a query's parts
    connection: Connection,
    workspace_id: UUID,
    keys: Collection[str] | None,
    name_contains: str | None,
    limit: int,
    offset: int,
) -> list[Row]:
    """Read configs, by key."""
    statement = _select(workspace_id)
    if keys is not None:
        statement = statement.where(_table.c.key.in_(keys))
    if name_contains:
        statement = statement.where(_table.c.key.icontains(name_contains, autoescape=True))
    statement = statement.order_by(_table.c.key).limit(limit).offset(offset)
    return [dict(row) for row in connection.execute(statement).mappings()]


def _read(connection: Connection, workspace_id: UUID, key: str) -> Row | None:
    row = connection.execute(_select(workspace_id).where(_table.c.key == key)).mappings().first()
    return None if row is None else dict(row)


def _select(workspace_id: UUID) -> Any:
    return select(_table).where(*_live(workspace_id))


def _live(workspace_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return _table.c.workspace_id == workspace_id, _table.c.deleted_at.is_(None)
