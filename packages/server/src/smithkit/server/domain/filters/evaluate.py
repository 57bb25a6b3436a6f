"""What a filter means: its value for one record."""

from __future__ import annotations

from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Protocol

from smithkit.server.domain.filters.nodes import And, Comparison, Group, Node, Not, Operator, Or, Some
from smithkit.server.domain.filters.patterns import is_like
from smithkit.server.domain.filters.words import holds, search_terms
from smithkit.server.domain.jsons import contains, dump, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["DOCUMENTS", "SEARCHED", "Record", "evaluate", "pairs_of", "scalar_text"]

DOCUMENTS = frozenset({"metadata", "inputs", "outputs"})
"""Fields that hold JSON."""
SEARCHED = ("name", "inputs", "outputs", "error", "metadata", "tags")
"""Fields in whose texts a search looks."""

_ORDERS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.GT: gt,
    Operator.GTE: ge,
    Operator.LT: lt,
    Operator.LTE: le,
}


class Record(Protocol):
    """What a filter asks of a run or an example."""

    def value(self, field: str, /) -> Any:
        """Give a field's value, as `check_filter` writes values; None if there is none."""
        ...

    def document(self, field: str, /) -> Any:
        """Give metadata, inputs or outputs."""
        ...

    def elements(self, group: Group, /) -> Iterable[Mapping[str, Any]]:
        """Give pairs (key and value) or feedback (key, score, value and source)."""
        ...

    def words(self, field: str, /) -> Sequence[str]:
        """Give the words of a field's texts."""
        ...


def evaluate(node: Node, record: Record) -> bool:  # noqa: PLR0911 - one a kind of node
    """Tell whether a filter holds for a record.

    Args:
        node: As `check_filter` gives it.
        record: The record.

    Returns:
        Whether it does. What is missing is equal to null alone, and neither above nor below anything.
    """
    match node:
        case And(operands):
            return all(evaluate(one, record) for one in operands)
        case Or(operands):
            return any(evaluate(one, record) for one in operands)
        case Not(operand):
            return not evaluate(operand, record)
        case Some(group, condition):
            return any(evaluate(condition, _Element(element)) for element in record.elements(group))
        case Comparison(Operator.SEARCH):
            return _found(node, record)
        case Comparison(_, "tags"):
            return _tagged(node, record.value("tags") or ())
        case Comparison(_, name) if name in DOCUMENTS:
            return _documented(node, record.document(name))
        case Comparison(operator, name, wanted):
            return _compare(operator, _value(record, name), wanted)


class _Element:
    """One pair or feedback, as a record."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def value(self, field: str) -> Any:
        return self._values[field.rpartition("_")[2]]

    def document(self, field: str) -> Any:
        raise LookupError(field)

    def elements(self, group: Group) -> Iterable[Mapping[str, Any]]:
        raise LookupError(group)

    def words(self, field: str) -> Sequence[str]:
        raise LookupError(field)


def _value(record: Record, name: str) -> Any:
    document, dot, key = name.partition(".")
    if not dot:
        return record.value(name)
    whole = record.document(document)
    return whole.get(key) if isinstance(whole, dict) else None


def _compare(operator: Operator, value: Any, wanted: Any) -> bool:
    if operator is Operator.EXISTS:
        return value is not None
    if operator is Operator.IN:
        return any(_same(value, one) for one in wanted)
    if operator in {Operator.EQ, Operator.NEQ}:
        return _same(value, wanted) is (operator is Operator.EQ)
    if value is None:
        return False
    if operator is Operator.LIKE:
        text = scalar_text(value)
        return text is not None and is_like(text, wanted)
    return _comparable(value, wanted) and _ORDERS[operator](value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    if value is None or wanted is None:
        return value is wanted
    if _is_number(value) and _is_number(wanted):
        return bool(value == wanted)
    return scalar_text(value) == scalar_text(wanted)


def _comparable(value: Any, wanted: Any) -> bool:
    return (_is_number(value) and _is_number(wanted)) or (isinstance(value, str) and isinstance(wanted, str))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def scalar_text(value: Any) -> str | None:
    """Write a scalar as the text by which it is compared; None for lists and objects.

    Example:
        >>> scalar_text("a"), scalar_text(1), scalar_text(True), scalar_text([])
        ('a', '1', 'true', None)
    """
    if isinstance(value, str):
        return value
    return None if isinstance(value, dict | list) else dump(value).decode()


def _tagged(node: Comparison, tags: Sequence[Any]) -> bool:
    if node.operator is Operator.EXISTS:
        return bool(tags)
    wanted = node.value if isinstance(node.value, tuple) else (node.value,)
    found = any(one in tags for one in wanted if one is not None)
    if node.value is None:
        found = not tags
    return found is not (node.operator is Operator.NEQ)


def _documented(node: Comparison, document: Any) -> bool:
    if node.operator is Operator.HAS:
        return contains(document, load(str(node.value).encode()))
    return bool(document) if node.value is True else isinstance(document, dict) and node.value in document


def _found(node: Comparison, record: Record) -> bool:
    fields = (node.field,) if node.field else SEARCHED
    texts = [record.words(field) for field in fields]
    return all(any(holds(words, phrase) for words in texts) for phrase in search_terms(str(node.value)))


def pairs_of(document: Any) -> list[dict[str, Any]]:
    """Give the pairs of an object."""
    return (
        [{"key": key, "value": value} for key, value in document.items()]
        if isinstance(document, dict)
        else []
    )
