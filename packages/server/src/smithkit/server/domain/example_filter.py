"""Examples as records that a filter can be evaluated for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.server.domain.filters.evaluate import evaluate, pairs_of
from smithkit.server.domain.filters.words import words_of
from smithkit.server.domain.jsons import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smithkit.server.domain.filters import Group, Node
    from smithkit.server.domain.runs import Row

__all__ = ["example_matches"]


def example_matches(node: Node, row: Row, metadata: dict[str, Any]) -> bool:
    """Tell whether a filter holds for an example.

    Args:
        node: The filter, checked against `EXAMPLE_FIELDS`.
        row: The example's record.
        metadata: Its metadata.

    Returns:
        Whether it does.

    Example:
        >>> from smithkit.server.domain.filters import EXAMPLE_FIELDS, check_filter, parse_filter
        >>> node = check_filter(parse_filter('exists(metadata, "k")'), EXAMPLE_FIELDS)
        >>> example_matches(node, {}, {"k": 1}), example_matches(node, {}, {})
        (True, False)
    """
    return evaluate(node, _Example(row, metadata))


_COLUMNS = {"id": "example_id", "modified_at": "valid_from"}


class _Example:
    def __init__(self, row: Row, metadata: dict[str, Any]) -> None:
        self._row = row
        self._metadata = metadata

    def value(self, field: str) -> Any:
        value = self._row[_COLUMNS.get(field, field)]
        return str(value) if isinstance(value, UUID) else value

    def document(self, _field: str) -> dict[str, Any]:
        return self._metadata

    def elements(self, _group: Group) -> Iterable[Mapping[str, Any]]:
        return pairs_of(self._metadata)

    def words(self, _field: str) -> Sequence[str]:
        return words_of(text_of(self._metadata))
