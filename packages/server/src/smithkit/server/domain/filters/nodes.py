"""The syntax tree of a filter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import Enum, StrEnum

__all__ = [
    "And",
    "Comparison",
    "FilterError",
    "Group",
    "Node",
    "Not",
    "Operator",
    "Or",
    "Scalar",
    "Some",
    "Value",
    "write_filter",
]

Scalar = str | int | float | bool | None
Value = Scalar | tuple[Scalar, ...]


class FilterError(ValueError):
    """A filter that cannot be answered; the text says what is wrong, and where."""

    def __init__(self, problem: str, column: int | None = None) -> None:
        super().__init__(problem if column is None else f"column {column}: {problem}")


class Operator(StrEnum):
    """What a comparison asks of its field."""

    EQ = "eq"
    NEQ = "neq"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    LIKE = "like"
    HAS = "has"
    SEARCH = "search"
    EXISTS = "exists"


class Group(Enum):
    """What a run has several of."""

    METADATA = "metadata"
    INPUTS = "inputs"
    OUTPUTS = "outputs"
    FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field beside a value.

    Attributes:
        operator: How they are compared.
        field: The field's name; empty for a search in every text.
        value: The value, or all of them. ``exists(field)`` has none: True.
        column: Where it stands in the text, from 1.
    """

    operator: Operator
    field: str
    value: Value
    column: int = dataclass_field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All operands hold."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One operand holds, or several."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The operand does not hold."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Some:
    """There is one of a group for which the condition holds; `check_filter` puts it in.

    Attributes:
        group: What one of.
        condition: Of comparisons of this group's fields alone.
    """

    group: Group
    condition: Node


Node = Comparison | And | Or | Not | Some


def write_filter(node: Node) -> str:  # noqa: PLR0911 - one a kind of node
    """Write a tree as text, from which `parse_filter` makes the same tree.

    Example:
        >>> write_filter(Not(Comparison(Operator.IN, "name", ("a", "b"))))
        'not(in(name, ["a", "b"]))'
    """
    match node:
        case Comparison(Operator.SEARCH, "", value):
            return f"search({_literal(value)})"
        case Comparison(Operator.EXISTS, name, True):
            return f"exists({name})"
        case Comparison(operator, name, value):
            return f"{operator}({name}, {_literal(value)})"
        case Not(operand):
            return f"not({write_filter(operand)})"
        case And(operands):
            return f"and({', '.join(map(write_filter, operands))})"
        case Or(operands):
            return f"or({', '.join(map(write_filter, operands))})"
        case Some(_, condition):
            return write_filter(condition)


def _literal(value: Value) -> str:
    return json.dumps(value)
