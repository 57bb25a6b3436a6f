"""The filters of lists of examples: what an example's metadata must hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import contains, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smithkit.server.domain.runs import Row

__all__ = ["parse_example_filter"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<word>[A-Za-z_][\w.]*)"""
    r"""|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign>[(),]))"""
)
_DEEPEST = 50
_FORMS = 'exists(metadata, "key"), has(metadata, \'{"key": "value"}\'), eq(id, "..."), eq(metadata.key, "..."), and(), or() and not()'


def parse_example_filter(text: str) -> Callable[[Row, dict[str, Any]], bool]:
    """Read a filter.

    Args:
        text: ``exists(metadata, "key")``, ``has(metadata, '{json}')``, ``eq(id, "...")``,
            ``eq(metadata.key, value)``, and these joined by ``and``, ``or`` and ``not``.

    Returns:
        A function that tells from an example's record and its metadata whether it matches.

    Raises:
        ValueError: It is not a filter that examples have.

    Example:
        >>> matches = parse_example_filter('exists(metadata, "k")')
        >>> matches({}, {"k": 1}), matches({}, {})
        (True, False)
    """
    parser = _Parser(text)
    predicate = parser.expression(0)
    parser.expect("end")
    return predicate


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next()

    def expression(self, depth: int) -> Callable[[Row, dict[str, Any]], bool]:
        name = self.expect("word")
        self.expect("sign", "(")
        if depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
        predicate = self._joined(name, depth) if name in {"and", "or", "not"} else self._compared(name)
        self.expect("sign", ")")
        return predicate

    def expect(self, kind: str, text: str | None = None) -> Any:
        found, value = self._kind, self._value
        if found != kind or text not in {None, value}:
            raise ValueError(f"expected {text or kind} where {value!r} stands; examples know {_FORMS}")
        self._next()
        return value

    def _next(self) -> None:
        self._kind, self._value = next(self._tokens)

    def _joined(self, name: str, depth: int) -> Callable[[Row, dict[str, Any]], bool]:
        parts = [self.expression(depth + 1)]
        while self._value == "," and self._kind == "sign":
            self._next()
            parts.append(self.expression(depth + 1))
        if name == "not":
            return lambda row, metadata: not any(part(row, metadata) for part in parts)
        join = all if name == "and" else any
        return lambda row, metadata: join(part(row, metadata) for part in parts)

    def _compared(self, name: str) -> Callable[[Row, dict[str, Any]], bool]:
        field = self._field()
        self.expect("sign", ",")
        value = self._literal()
        match name, field:
            case "exists", "metadata":
                return lambda _, metadata: value in metadata
            case "has", "metadata":
                wanted = load(str(value).encode())
                return lambda _, metadata: contains(metadata, wanted)
            case "eq", "id":
                return lambda row, _: str(row["example_id"]) == value
            case "eq", str(path) if path.startswith("metadata."):
                key = path.removeprefix("metadata.")
                return lambda _, metadata: key in metadata and contains(metadata[key], value)
        raise ValueError(f"{name}({field}, ...) is not supported; examples know {_FORMS}")

    def _field(self) -> Any:
        return self.expect("text" if self._kind == "text" else "word")

    def _literal(self) -> Any:
        if self._kind == "word" and self._value in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[self.expect("word")]
        return self.expect("number" if self._kind == "number" else "text")


def _tokens(text: str) -> Iterator[tuple[str, Any]]:
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"it cannot be read from {text[at : at + 20]!r} on")
        at = match.end()
        kind = match.lastgroup or ""
        value: Any = match[kind]
        if kind == "text":
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif kind == "number":
            value = float(value) if "." in value else int(value)
        yield kind, value
    while True:
        yield "end", ""
