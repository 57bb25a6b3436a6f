"""A stored run as a record that a filter can be evaluated for."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.filters import (
    RUN_FIELDS,
    And,
    Comparison,
    Group,
    Not,
    Or,
    Some,
    check_filter,
    evaluate,
    parse_filter,
)
from smithkit.server.domain.filters.evaluate import SEARCHED, pairs_of, scalar_text
from smithkit.server.domain.filters.words import words_of
from smithkit.server.domain.jsons import load, text_of
from smithkit.server.store.packing import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smithkit.server.domain.filters import Node

__all__ = ["ARGUMENTS", "StoredRecord", "columns_of", "filter_matches", "metadata_text", "text_words"]

ARGUMENTS = ("name", "tags", "inputs", "outputs", "error", "extra")
"""What `filter_matches` takes after the filter."""

_LONGEST_TEXT = 1_000_000  # characters of a field in which words are looked for


class StoredRecord:
    """Reads the columns that a filter asks for, when it asks.

    Args:
        columns: Those that `ARGUMENTS` names, in its order, payloads packed. Those that are not asked for
            may be None, and the last ones be left out.
    """

    __slots__ = ("_columns",)

    def __init__(self, *columns: Any) -> None:
        self._columns: Mapping[str, Any] = dict(zip(ARGUMENTS, columns, strict=False))

    @classmethod
    def of(cls, columns: Mapping[str, Any]) -> StoredRecord:
        """Give the record of some columns by name."""
        record = cls()
        record._columns = columns
        return record

    def value(self, field: str) -> Any:
        """Give the name, the tags or the error."""
        column = self._columns.get(field)
        if column is None or field == "name":
            return column
        value = load(column.encode() if field == "tags" else unpack(column))
        return value or None if field == "error" else value

    def document(self, field: str) -> Any:
        """Give metadata, inputs or outputs."""
        if field != "metadata":
            return self.value(field)
        extra = self.value("extra")
        return extra.get("metadata") if isinstance(extra, dict) else None

    def elements(self, group: Group) -> Iterable[Mapping[str, Any]]:
        """Give the pairs of metadata, inputs or outputs."""
        return pairs_of(self.document(group.value))

    def words(self, field: str) -> Sequence[str]:
        """Give the words of a field's texts."""
        return text_words(
            self.document(field) if field in {"metadata", "inputs", "outputs"} else self.value(field)
        )


def text_words(value: Any) -> list[str]:
    """Give the words of the texts and numbers in JSON, as far as they are looked for."""
    return [] if value is None else words_of(text_of(value)[:_LONGEST_TEXT])


def metadata_text(extra: bytes | None, key: str) -> str | None:
    """Give the text of a value in a run's metadata; None for none, and for lists and objects."""
    metadata = StoredRecord(*[None] * (len(ARGUMENTS) - 1), extra).document("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return None if value is None else scalar_text(value)


def columns_of(node: Node) -> Iterator[str]:
    """Give the columns that a condition reads, of those that `ARGUMENTS` names."""
    match node:
        case And(operands) | Or(operands):
            for one in operands:
                yield from columns_of(one)
        case Not(operand):
            yield from columns_of(operand)
        case Some(group, _):
            yield "extra" if group.value == "metadata" else group.value
        case Comparison(_, ""):
            yield from ("extra" if name == "metadata" else name for name in SEARCHED)
        case Comparison(_, name):
            document = name.partition(".")[0]
            yield "extra" if document == "metadata" else document


def filter_matches(text: str, *columns: Any) -> bool:
    """Tell whether a filter holds for a run, as far as it concerns what `ARGUMENTS` names.

    Args:
        text: The filter.
        columns: The run's columns, in the order of `ARGUMENTS`; those it does not ask for may be None.
    """
    return evaluate(_tree(text), StoredRecord(*columns))


@lru_cache(maxsize=256)
def _tree(text: str) -> Node:
    return check_filter(parse_filter(text, sys.maxsize), RUN_FIELDS)
