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
    Operator,
    Or,
    Some,
    check_filter,
    evaluate,
    parse_filter,
)
from smithkit.server.domain.filters.evaluate import SEARCHED, pairs_of, scalar_text
from smithkit.server.domain.filters.words import search_terms, words_of
from smithkit.server.domain.jsons import load, text_of
from smithkit.server.store.packing import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smithkit.server.domain.filters import Node

__all__ = ["ARGUMENTS", "StoredRecord", "columns_of", "filter_matches", "metadata_text", "text_words"]

ARGUMENTS = ("name", "tags", "inputs", "outputs", "error", "extra")
"""What `filter_matches` takes after the filter."""

_PLAIN = frozenset({"name", "tags"})
_SEARCH = Operator.SEARCH
_Search = tuple[list[str], list[bytes]]
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
    tree, searches = _tree(text)
    texts: dict[str, bytes | None] = {}
    if any(_is_absent(word, fields, columns, texts) for fields, words in searches for word in words):
        return False
    return evaluate(tree, StoredRecord(*columns))


@lru_cache(maxsize=256)
def _tree(text: str) -> tuple[Node, list[_Search]]:
    """Read a filter, and what is searched for wherever it holds."""
    tree = check_filter(parse_filter(text, sys.maxsize), RUN_FIELDS)
    operands = tree.operands if isinstance(tree, And) else (tree,)
    return tree, [_search(one) for one in operands if isinstance(one, Comparison) and one.operator is _SEARCH]


def _search(node: Comparison) -> _Search:
    """The columns and the words of a search; of numbers JSON may have other digits than their words."""
    words = [word for phrase in search_terms(str(node.value)) for word in phrase.words]
    return list(columns_of(node)), [word.encode() for word in words if word.isascii() and word.isalpha()]


def _is_absent(
    word: bytes, fields: Iterable[str], columns: Sequence[Any], texts: dict[str, bytes | None]
) -> bool:
    """Tell without cutting texts into words that none has this one; of texts beyond ASCII it cannot be told."""
    for field in fields:
        if field not in texts:
            texts[field] = _plain_text(field, columns[ARGUMENTS.index(field)])
        text = texts[field]
        if text is None or word in text:
            return False
    return True


def _plain_text(field: str, column: Any) -> bytes | None:
    """A column in small letters; None where its letters may be written in another way than words are."""
    if column is None:
        return b""
    data = column.encode("utf-8", "surrogatepass") if field in _PLAIN else unpack(column)
    return data.lower() if data.isascii() and b"\\u" not in data else None
