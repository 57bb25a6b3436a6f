"""Reading filters: from text to a syntax tree."""

from __future__ import annotations

import json
import math
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.filters.nodes import And, Comparison, FilterError, Node, Not, Operator, Or, Value

if TYPE_CHECKING:
    from lark import Lark, Token

__all__ = ["DEEPEST", "LONGEST", "MOST_NODES", "parse_filter"]

LONGEST = 32_768
"""Characters of a filter at most."""
MOST_NODES = 300
"""Operators in a filter at most."""
DEEPEST = 16
"""Operators inside each other at most."""

_GRAMMAR = r"""
?start: expression
?expression: _AND "(" expressions ")"                 -> conjunction
    | _OR "(" expressions ")"                         -> disjunction
    | _NOT "(" expressions ")"                        -> negation
    | COMPARATOR "(" field "," value ")"               -> comparison
    | _IN "(" field "," "[" [scalar ("," scalar)* [","]] "]" ")" -> membership
    | _SEARCH "(" TEXT ")"                            -> search_all
    | _SEARCH "(" field "," value ")"                 -> search_field
    | _EXISTS "(" field ")"                           -> presence
    | _EXISTS "(" field "," value ")"                 -> presence_of

expressions: expression ("," expression)* [","]
field: NAME -> name
    | TEXT -> quoted_name
?value: scalar
?scalar: TEXT -> text
    | NUMBER -> number
    | "true" -> true
    | "false" -> false
    | "null" -> null

_AND: /and\b/
_OR: /or\b/
_NOT: /not\b/
_IN: /in\b/
_SEARCH: /search\b/
_EXISTS: /exists\b/
COMPARATOR: /(?:eq|neq|gte?|lte?|like|has)\b/
NAME: /[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*/
TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
NUMBER: /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/
%ignore /\s+/
"""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*")
_LARGEST = 2**63 - 1


@lru_cache(maxsize=512)
def parse_filter(text: str, longest: int = LONGEST) -> Node:
    """Read a filter.

    Args:
        text: For instance ``and(eq(run_type, "llm"), gt(latency, 2))``.
        longest: Characters at most.

    Returns:
        Its syntax tree; whether its fields are known is for `check_filter` to say.

    Raises:
        FilterError: It is not a filter, or a too large one.

    Example:
        >>> parse_filter("eq(name, 'a')")
        Comparison(operator=<Operator.EQ: 'eq'>, field='name', value='a', column=4)
    """
    from lark import UnexpectedCharacters, UnexpectedInput

    if len(text) > longest:
        raise FilterError(f"it has {len(text)} characters; {longest} are the most")
    try:
        built: Any = _parser().parse(text)  # not lark's tree, but what the builder makes
    except UnexpectedInput as error:
        place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
        if not isinstance(error, UnexpectedCharacters) and getattr(error, "token", None) == "":
            place = len(text)
        raise FilterError(_complaint(text, place, error), place + 1) from None
    node: Node = built.node
    return node


def _complaint(text: str, place: int, error: Any) -> str:
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or error.allowed or ()
    known = sorted({str(_SHOWN.get(name, name.strip("_").lower())) for name in names})
    found = repr(text[place : place + 20]) if text[place:].strip() else "the end"
    return f"expected {', '.join(known[:-1]) + ' or ' if len(known) > 1 else ''}{known[-1] if known else 'a filter'}, found {found}"


_SHOWN = {
    "COMPARATOR": "a comparison (eq, neq, gt, gte, lt, lte, like, has)",
    "NAME": "a field",
    "TEXT": "a quoted text",
    "NUMBER": "a number",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "COMMA": "','",
    "$END": "the end",
}


@cache
def _parser() -> Lark:
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), maybe_placeholders=False)


class _Built:
    """A tree under construction."""

    __slots__ = ("depth", "node", "size")

    def __init__(self, node: Node, depth: int = 1, size: int = 1) -> None:
        if depth > DEEPEST:
            raise FilterError(f"it is nested too deeply; {DEEPEST} operators inside each other are the most")
        if size > MOST_NODES:
            raise FilterError(f"it is too large; {MOST_NODES} operators are the most")
        self.node = node
        self.depth = depth
        self.size = size


_Name = tuple[str, int]


class _Builder:
    """Makes the tree while the parser reads; one method a rule of the grammar."""

    def conjunction(self, found: list[list[_Built]]) -> _Built:
        return _joined(And, found[0])

    def disjunction(self, found: list[list[_Built]]) -> _Built:
        return _joined(Or, found[0])

    def negation(self, found: list[list[_Built]]) -> _Built:
        inner = found[0][0] if len(found[0]) == 1 else _joined(Or, found[0])
        return _Built(Not(inner.node), inner.depth + 1, inner.size + 1)

    def comparison(self, found: list[Any]) -> _Built:
        operator, (name, column), value = found
        return _Built(Comparison(Operator(operator), name, _chosen(operator, value), column))

    def membership(self, found: list[Any]) -> _Built:
        (name, column), *values = found
        return _Built(Comparison(Operator.IN, name, tuple(map(_plain, values)), column))

    def search_all(self, found: list[Token]) -> _Built:
        return _Built(Comparison(Operator.SEARCH, "", _unescape(found[0]), _column(found[0])))

    def search_field(self, found: list[Any]) -> _Built:
        (name, column), value = found
        return _Built(Comparison(Operator.SEARCH, name, _plain(value), column))

    def presence(self, found: list[_Name]) -> _Built:
        ((name, column),) = found
        return _Built(Comparison(Operator.EXISTS, name, value=True, column=column))

    def presence_of(self, found: list[Any]) -> _Built:
        (name, column), value = found
        return _Built(Comparison(Operator.EXISTS, name, _plain(value), column))

    def expressions(self, found: list[_Built]) -> list[_Built]:
        return found

    def name(self, found: list[Token]) -> _Name:
        return str(found[0]), _column(found[0])

    def quoted_name(self, found: list[Token]) -> _Name:
        name = _unescape(found[0])
        if not _FIELD_NAME.fullmatch(name):
            raise FilterError(f"{name!r} is not the name of a field", _column(found[0]))
        return name, _column(found[0])

    def text(self, found: list[Token]) -> Token:
        return found[0]

    def number(self, found: list[Token]) -> int | float:
        text = str(found[0])
        value = int(text) if text.lstrip("+-").isdigit() and len(text) < 20 else float(text)  # noqa: PLR2004 - digits of 64 bits
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise FilterError(f"the number {text[:20]} is too large", _column(found[0]))
        return value

    def true(self, _: list[Token]) -> bool:
        return True

    def false(self, _: list[Token]) -> bool:
        return False

    def null(self, _: list[Token]) -> None:
        return None


def _joined(kind: type[And | Or], operands: list[_Built]) -> _Built:
    node = kind(tuple(one.node for one in operands))
    return _Built(node, 1 + max(one.depth for one in operands), 1 + sum(one.size for one in operands))


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _plain(value: Any) -> Any:
    return _unescape(value) if isinstance(value, str) else value


def _chosen(operator: str, value: Any) -> Value:
    r"""Take JSON between quotes as it stands: ``has(metadata, '{"a": "say \"b\""}')``."""
    if operator == Operator.HAS and isinstance(value, str) and value[1:2] in {"{", "["}:
        try:
            json.loads(value[1:-1])
        except (ValueError, RecursionError):
            pass
        else:
            return value[1:-1]
    found: Value = _plain(value)
    return found


def _unescape(token: str) -> str:
    text = _ESCAPE.sub(lambda match: _character(*match.groups()), token[1:-1])
    # Two escapes that stand for one character beyond the first 65,536; one alone stands for none.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _character(code: str | None, escaped: str | None) -> str:
    if code is not None:
        return chr(int(code, 16))
    return _ESCAPED.get(escaped or "", escaped or "")
