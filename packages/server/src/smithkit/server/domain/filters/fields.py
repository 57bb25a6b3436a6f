"""The fields of filters, and which operators and values they take."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING
from uuid import UUID

from smithkit.server.domain.filters.groups import bind_groups
from smithkit.server.domain.filters.nodes import (
    And,
    Comparison,
    FilterError,
    Group,
    Node,
    Not,
    Operator,
    Or,
    Some,
)
from smithkit.server.domain.filters.words import search_terms
from smithkit.server.domain.jsons import contains, load
from smithkit.server.domain.runs import Status
from smithkit.server.domain.times import parse_time
from smithkit.server.domain.usage import COST_SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.server.domain.filters.nodes import Scalar, Value

__all__ = ["EXAMPLE_FIELDS", "RUN_FIELDS", "Field", "Kind", "check_filter", "find_field"]


class Kind(Enum):
    """What a field holds, and so which operators it takes."""

    TEXT = auto()
    ID = auto()
    STATUS = auto()
    TIME = auto()
    DURATION = auto()
    COUNT = auto()
    COST = auto()
    FLAG = auto()
    SCORE = auto()
    SCALAR = auto()  # a text, a number or a boolean, as JSON has it
    ERROR = auto()
    TAGS = auto()
    DOCUMENT = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a filter.

    Attributes:
        name: Its name; of several names the first.
        kind: What it holds.
        group: What it belongs to, if a run has several of it.
        part: Of a key and a value, which; of a document, the key within it.
    """

    name: str
    kind: Kind
    group: Group | None = None
    part: str = ""


def _fields(*fields: Field, **aliases: str) -> dict[str, Field]:
    known = {field.name: field for field in fields}
    return known | {alias: known[name] for alias, name in aliases.items()}


def _of(kind: Kind, names: str) -> list[Field]:
    return [Field(name, kind) for name in names.split()]


def _pair(group: Group, prefix: str) -> list[Field]:
    return [
        Field(f"{prefix}_key", Kind.TEXT, group, "key"),
        Field(f"{prefix}_value", Kind.SCALAR, group, "value"),
    ]


RUN_FIELDS: Mapping[str, Field] = _fields(
    *_of(Kind.ID, "id trace_id parent_run_id session_id reference_example_id"),
    *_of(Kind.TEXT, "name run_type thread_id session_name"),
    *_of(Kind.STATUS, "status"),
    *_of(Kind.TIME, "start_time end_time first_token_time"),
    *_of(Kind.DURATION, "latency first_token_latency"),
    *_of(Kind.COUNT, "prompt_tokens completion_tokens total_tokens execution_order"),
    *_of(Kind.COST, "prompt_cost completion_cost total_cost"),
    *_of(Kind.FLAG, "is_root in_dataset"),
    *_of(Kind.ERROR, "error"),
    *_of(Kind.TAGS, "tags"),
    *_of(Kind.DOCUMENT, "metadata inputs outputs"),
    *_pair(Group.METADATA, "metadata"),
    *_pair(Group.INPUTS, "input"),
    *_pair(Group.OUTPUTS, "output"),
    Field("feedback_key", Kind.TEXT, Group.FEEDBACK, "key"),
    Field("feedback_score", Kind.SCORE, Group.FEEDBACK, "score"),
    Field("feedback_value", Kind.TEXT, Group.FEEDBACK, "value"),
    Field("feedback_source", Kind.TEXT, Group.FEEDBACK, "source"),
    run_id="id",
    trace="trace_id",
    parent_run="parent_run_id",
    session="session_id",
    reference_example="reference_example_id",
    thread="thread_id",
    run_status="status",
    tag="tags",
    input="inputs",
    output="outputs",
)
"""Name → field, of runs."""

EXAMPLE_FIELDS: Mapping[str, Field] = _fields(
    *_of(Kind.ID, "id source_run_id"),
    *_of(Kind.TIME, "created_at modified_at"),
    *_of(Kind.DOCUMENT, "metadata"),
    *_pair(Group.METADATA, "metadata"),
    example_id="id",
)
"""Name → field, of examples."""

_EQUAL = frozenset({Operator.EQ, Operator.NEQ, Operator.IN})
_ORDERED = _EQUAL | {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
_EXISTS = frozenset({Operator.EXISTS})
_OPERATORS: Mapping[Kind, frozenset[Operator]] = {
    Kind.TEXT: _ORDERED | _EXISTS | {Operator.LIKE, Operator.SEARCH},
    Kind.ID: _EQUAL | _EXISTS,
    Kind.STATUS: _EQUAL | _EXISTS,
    Kind.TIME: _ORDERED | _EXISTS,
    Kind.DURATION: _ORDERED | _EXISTS,
    Kind.COUNT: _ORDERED | _EXISTS,
    Kind.COST: _ORDERED | _EXISTS,
    Kind.FLAG: _EQUAL | _EXISTS,
    Kind.SCORE: _ORDERED | _EXISTS,
    Kind.SCALAR: _ORDERED | _EXISTS | {Operator.LIKE},
    Kind.ERROR: frozenset({Operator.EQ, Operator.NEQ, Operator.LIKE, Operator.SEARCH, Operator.EXISTS}),
    Kind.TAGS: frozenset(
        {Operator.HAS, Operator.EQ, Operator.NEQ, Operator.IN, Operator.SEARCH, Operator.EXISTS}
    ),
    Kind.DOCUMENT: frozenset({Operator.HAS, Operator.SEARCH, Operator.EXISTS}),
}
_SEARCHED = frozenset({"name", "inputs", "outputs", "error", "metadata", "tags"})
_DURATION = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d)\s*")
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_LARGEST = 2**62


def find_field(fields: Mapping[str, Field], node: Comparison) -> Field:
    """Find the field of a comparison.

    Raises:
        FilterError: There is none of this name.
    """
    known = fields.get(node.field)
    if known is not None:
        return known
    document, dot, key = node.field.partition(".")
    if dot and document in fields and fields[document].kind is Kind.DOCUMENT:
        return Field(fields[document].name, Kind.SCALAR, part=key)
    raise FilterError(f"there is no field {node.field!r}; known are {', '.join(sorted(fields))}", node.column)


def check_filter(node: Node, fields: Mapping[str, Field]) -> Node:
    """Check the fields, operators and values of a filter, and write values as they are stored.

    Args:
        node: As `parse_filter` gives it.
        fields: What may be asked: `RUN_FIELDS` or `EXAMPLE_FIELDS`.

    Returns:
        A tree whose fields have their first names and whose values are those of the columns: times and
        durations are microseconds, costs whole numbers, ids UUIDs as text. What must hold of one pair or
        one feedback stands in a `Some`.

    Raises:
        FilterError: A field is not known, or does not take this operator or value.

    Example:
        >>> check_filter(Comparison(Operator.GT, "latency", "2s"), RUN_FIELDS)
        Comparison(operator=<Operator.GT: 'gt'>, field='latency', value=2000000, column=0)
    """
    return bind_groups(_check(node, fields), fields)


def _check(node: Node, fields: Mapping[str, Field]) -> Node:
    match node:
        case And(operands):
            return And(tuple(_check(one, fields) for one in operands))
        case Or(operands):
            return Or(tuple(_check(one, fields) for one in operands))
        case Not(operand):
            return Not(_check(operand, fields))
        case Some(_, condition):
            return _check(condition, fields)
        case Comparison():
            return _check_comparison(node, fields)


def _check_comparison(node: Comparison, fields: Mapping[str, Field]) -> Comparison:
    if node.operator is Operator.SEARCH and not node.field:
        if "inputs" not in fields:
            raise FilterError("search needs a field here: search(name, ...)", node.column)
        return _check_search(node)
    field = find_field(fields, node)
    if node.operator not in _OPERATORS[field.kind]:
        known = ", ".join(sorted(_OPERATORS[field.kind]))
        raise FilterError(f"{node.field} does not take {node.operator}; it takes {known}", node.column)
    name = f"{field.name}.{field.part}" if field.kind is Kind.SCALAR and field.group is None else field.name
    node = replace(node, field=name)
    if node.operator is Operator.SEARCH:
        if field.name not in _SEARCHED or field.name not in fields:
            raise FilterError(
                f"{node.field} cannot be searched; {', '.join(sorted(_SEARCHED))} can", node.column
            )
        return _check_search(node)
    try:
        return replace(node, value=_check_value(node, field))
    except (ValueError, OverflowError) as error:
        raise FilterError(f"{node.field}: {error}", node.column) from None


def _check_search(node: Comparison) -> Comparison:
    if not isinstance(node.value, str) or not search_terms(node.value):
        raise FilterError("there is no word to search for", node.column)
    return node


def _check_value(node: Comparison, field: Field) -> Value:
    value = node.value
    if node.operator is Operator.EXISTS:
        if value is True:
            return True
        if field.kind is Kind.DOCUMENT and isinstance(value, str):
            return value
        raise ValueError("exists takes a field, or metadata and a key")
    if node.operator is Operator.IN:
        return tuple(_convert(one, field) for one in value) if isinstance(value, tuple) else ()
    if isinstance(value, tuple):
        raise ValueError("takes one value, not a list")  # noqa: TRY004 - one error type for all that users write
    if node.operator is Operator.LIKE:
        return _text(value)
    if value is None:
        if node.operator in {Operator.EQ, Operator.NEQ}:
            return None
        raise ValueError(f"null can be compared by eq and neq alone, not by {node.operator}")
    return _convert(value, field)


def _convert(value: Scalar, field: Field) -> Scalar:
    if value is None:
        return None
    if field.kind is Kind.DOCUMENT:
        return _document(value)
    return _CONVERTERS[field.kind](value)


def _document(value: Scalar) -> str:
    """JSON text; a text that is no JSON stands for itself."""
    text = _text(value)
    try:
        part = load(text.encode())
    except ValueError:
        raise ValueError('takes JSON, such as \'{"key": "value"}\'') from None
    try:
        contains(part, part)
    except RecursionError:
        raise ValueError("takes JSON that is not nested as deeply") from None
    if not isinstance(part, dict | list):
        raise ValueError('takes a JSON object, such as \'{"key": "value"}\'')  # noqa: TRY004
    return text


def _text(value: Scalar) -> str:
    if not isinstance(value, str):
        raise ValueError("takes a quoted text")  # noqa: TRY004
    return value


def _id(value: Scalar) -> str:
    try:
        return str(UUID(_text(value)))
    except ValueError:
        raise ValueError(f"{value!r} is not a UUID") from None


def _status(value: Scalar) -> str:
    if value not in Status.__members__:
        raise ValueError(f"{value!r} is not a status; {', '.join(Status.__members__)} are")
    return _text(value)


def _time(value: Scalar) -> int:
    if isinstance(value, str):
        try:
            return parse_time(value)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f'{value!r} is not a time, such as "2026-01-31T12:00:00Z"')


def _duration(value: Scalar) -> int:
    if not isinstance(value, str):
        return _bounded(_number(value) * _UNITS["s"])
    match = _DURATION.fullmatch(value)
    if match is None:
        raise ValueError(f'{value!r} is not a duration; give seconds, or a text such as "1.5s" or "200ms"')
    return _bounded(float(match[1]) * _UNITS[match[2]])


def _cost(value: Scalar) -> int:
    return _bounded(_number(value) * COST_SCALE)


def _bounded(value: float) -> int:
    return round(max(-_LARGEST, min(_LARGEST, value)))


def _number(value: Scalar) -> int | float:
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise ValueError(f"{value!r} is not a number")
    return value


def _score(value: Scalar) -> int | float:
    return float(value) if isinstance(value, bool) else _number(value)


def _flag(value: Scalar) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "True", 1}:
        return True
    if value in {"false", "False", 0}:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _scalar(value: Scalar) -> Scalar:
    return value


_CONVERTERS: Mapping[Kind, Callable[[Scalar], Scalar]] = {
    Kind.TEXT: _text,
    Kind.ID: _id,
    Kind.STATUS: _status,
    Kind.TIME: _time,
    Kind.DURATION: _duration,
    Kind.COUNT: _number,
    Kind.COST: _cost,
    Kind.FLAG: _flag,
    Kind.SCORE: _score,
    Kind.SCALAR: _scalar,
    Kind.ERROR: _text,
    Kind.TAGS: _text,
}
