"""Records of runs as they are stored: read by id, and written with what is looked up in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.filters.evaluate import scalar_text
from smithkit.server.domain.jsons import load
from smithkit.server.store.clickhouse.client import Bound, chunks
from smithkit.server.store.stored_record import text_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.clickhouse.client import Clickhouse

__all__ = [
    "HOMES",
    "document_rows",
    "fresh_metadata",
    "home_of",
    "home_row",
    "looked_up",
    "pairs_of",
    "read_rows",
    "spaced",
]

HOMES = (
    "(workspace_id, session_id, start_time, id) IN"
    " (SELECT workspace_id, session_id, start_time, run_id FROM run_homes WHERE run_id IN {ids})"
)
"""A condition on `runs` by ids, which reads where they have ever been."""

_SEARCHED = frozenset({"inputs", "outputs", "error"})


def home_of(row: Row) -> tuple[UUID, UUID, int]:
    """What tells where a run lies."""
    return row["workspace_id"], row["session_id"], row["start_time"]


def home_row(row: Row) -> Row:
    """The record that leads to a run by its id."""
    return {
        "run_id": row["id"],
        "workspace_id": row["workspace_id"],
        "session_id": row["session_id"],
        "start_time": row["start_time"],
    }


def read_rows(clickhouse: Clickhouse, ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Read whole records by id, of any workspace."""
    found: dict[UUID, Row] = {}
    for part in chunks(ids):
        bound = Bound()
        rows = clickhouse.query(f"SELECT * FROM runs FINAL WHERE {HOMES.format(ids=bound.ids(part))}", bound)
        found |= {row["id"]: row for row in rows}
    return found


def looked_up(row: Row) -> Row:
    """What follows from a record's own columns."""
    tags = load(row["tags"].encode()) if row["tags"] else []
    return {
        "tag_list": [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
        "name_words": spaced(text_words(row["name"])),
        "tags_words": spaced(text_words(tags)),
    }


def fresh_metadata(payloads: Mapping[str, bytes]) -> dict[str, str] | None:
    """The pairs of a run's metadata, if these payloads bring some."""
    return pairs_of(_metadata(load(payloads["extra"]))) if "extra" in payloads else None


def pairs_of(metadata: Any) -> dict[str, str]:
    """Write pairs as texts: a letter for the kind of the value, then the text by which it is compared.

    Example:
        >>> pairs_of({"a": "1", "b": 1, "c": True, "d": None, "e": []})
        {'a': 's1', 'b': 'n1', 'c': 'ltrue', 'd': '-', 'e': 'j'}
    """
    items = metadata.items() if isinstance(metadata, dict) else ()
    return {key: _written(value) for key, value in items}


def _written(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return "-" if value is None else "j"
    kind = "s" if isinstance(value, str) else "l" if isinstance(value, bool) else "n"
    return kind + (scalar_text(value) or "")


def document_rows(workspace_id: UUID, run_id: UUID, payloads: Mapping[str, bytes], version: int) -> list[Row]:
    """The records of payloads, with their words."""
    own = {"workspace_id": workspace_id, "run_id": run_id, "version": version}
    rows = []
    for name, json in payloads.items():
        words = spaced(text_words(load(json) or None)) if name in _SEARCHED else ""
        rows.append({**own, "field": name, "json": json, "words": words})
        if name == "extra":
            words = spaced(text_words(_metadata(load(json))))
            rows.append({**own, "field": "metadata", "json": "", "words": words})
    return rows


def spaced(words: list[str]) -> str:
    """Words with a space before and after each, so that phrases can be looked for in them."""
    return f" {' '.join(words)} " if words else ""


def _metadata(extra: Any) -> Any:
    return extra.get("metadata") if isinstance(extra, dict) else None
