"""Turn any value into JSON bytes: total, so that what is traced never breaks the traced program.

orjson does nearly everything. Types that it does not know become simpler ones here; what it refuses
(cycles, lone surrogates, integers beyond 64 bits, keys that are not text) is rewritten node by node.
Only what is no `Exception` passes: an interrupt stays an interrupt.
"""

from __future__ import annotations

import binascii
import dataclasses
import datetime as dt
import decimal
import math
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Serializer", "dumps", "loads"]

_MAX_DEPTH = 100
_COPIED = 65_536
_INT_LIMIT = 2**63
_EXACT_FLOAT = 2**53
_EXPORTERS = ("to_dict", "dict")

loads = orjson.loads


class Serializer:
    """Encodes values; `dumps` never raises an `Exception`.

    Args:
        hook: Asked first about values that JSON does not know; None leaves them to the built-in rules.
    """

    __slots__ = ("_hook", "_plain")

    def __init__(self, hook: Callable[[Any], Any] | None = None) -> None:
        self._hook = hook
        # A dataclass may be the very type that the hook wants to encode.
        self._plain = 0 if hook is None else orjson.OPT_PASSTHROUGH_DATACLASS

    def dumps(self, value: Any) -> bytes:
        """JSON of a value.

        Args:
            value: Anything.

        Example:
            >>> Serializer().dumps({"when": {1, 2}})
            b'{"when":[1,2]}'
        """
        try:
            encoded = orjson.dumps(value, self._simplify, self._options())
        except Exception as error:  # noqa: BLE001 - whatever it is, the slow way copes with it
            _let_interrupts_pass(error)
        else:
            # What orjson gives is a shrunk buffer of 1 KiB or more. Kept by the thousand, such buffers cost
            # the allocator 3 µs each; a copy of the right size costs a hundredth of that.
            return b"%b" % encoded if len(encoded) < _COPIED else encoded
        try:
            return orjson.dumps(self._rewrite(value, 0, ()), option=self._options() | orjson.OPT_NON_STR_KEYS)
        except Exception as error:  # noqa: BLE001 - values can change, or fail, while they are read
            _let_interrupts_pass(error)
            return orjson.dumps(f"<{_type_name(value)}: {type(error).__name__} while it was encoded>")

    def _options(self) -> int:
        """How orjson encodes: asked for numpy's types it imports numpy, which takes long and is no use without."""
        return self._plain | orjson.OPT_SERIALIZE_NUMPY if "numpy" in sys.modules else self._plain

    def _simplify(self, value: Any) -> Any:
        """One step from an unknown type towards JSON."""
        if self._hook is not None:
            try:
                given = self._hook(value)
            except Exception:  # noqa: BLE001 - a failing hook leaves the value to the rules
                given = None
            if given is not None:
                return given
        try:
            return _by_rule(value)
        except Exception as error:  # noqa: BLE001 - __repr__, model_dump and their like are foreign code
            return f"<{_type_name(value)}: {type(error).__name__} while it was encoded>"

    def _rewrite(self, value: Any, depth: int, above: tuple[int, ...]) -> Any:  # noqa: PLR0911 - one a type
        """A copy of the value that orjson accepts."""
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return _valid_text(value)
        if isinstance(value, int):
            return value if -_INT_LIMIT <= value < 2 * _INT_LIMIT else _big_int(value)
        if id(value) in above:
            return "<circular reference>"
        if depth >= _MAX_DEPTH:
            return "<nested too deeply>"
        below = (*above, id(value))
        if isinstance(value, dict):
            return {
                self._key(key): self._rewrite(item, depth + 1, below) for key, item in list(value.items())
            }
        if isinstance(value, list) or type(value) is tuple:
            return [self._rewrite(item, depth + 1, below) for item in list(value)]
        if dataclasses.is_dataclass(value) and not isinstance(value, type) and self._hook is None:
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
            return self._rewrite(fields, depth + 1, below)
        try:
            return orjson.Fragment(orjson.dumps(value, option=self._options()))
        except TypeError:
            return self._rewrite(self._simplify(value), depth + 1, below)

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return _valid_text(key)
        try:
            pair: str = next(iter(orjson.loads(orjson.dumps({key: 0}, option=orjson.OPT_NON_STR_KEYS))))
        except Exception:  # noqa: BLE001 - not a key that JSON knows
            simple = self._simplify(key)
            return _valid_text(simple if isinstance(simple, str) else _text(key))
        return pair


def _by_rule(value: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 - one branch a type
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, BaseException):
        return {"error": type(value).__name__, "message": str(value)}
    kind = type(value)
    if hasattr(kind, "model_dump"):
        return value.model_dump(exclude_none=True, mode="json")
    if isinstance(value, tuple):
        fields: Any = getattr(value, "_asdict", None)
        return list(value) if fields is None else fields()
    if isinstance(value, AbstractSet | deque):
        return list(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return binascii.b2a_base64(bytes(value), newline=False).decode()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, int):
        return _big_int(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    for name in _EXPORTERS:
        if hasattr(kind, name):
            exported = getattr(value, name)()
            if isinstance(exported, dict):
                return exported
    if hasattr(value, "pattern") and kind.__module__ == "re":
        return value.pattern
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return _valid_text(str(value))


def _number(value: decimal.Decimal) -> int | float | str:
    number = float(value)
    if not math.isfinite(number):
        return str(value)
    return int(number) if number.is_integer() and abs(number) < _EXACT_FLOAT else number


def _big_int(value: int) -> str:
    """Text, for JSON readers lose digits beyond 64 bits; Python refuses very long decimal texts."""
    try:
        return str(int(value))
    except ValueError:
        return hex(value)


def _valid_text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "ignore").decode()
    return text if type(text) is str else str.__str__(text)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - __str__ is foreign code
        return f"<{_type_name(value)}>"


def _type_name(value: Any) -> str:
    return type(value).__qualname__


def _let_interrupts_pass(error: BaseException) -> None:
    """Raise the interrupt that orjson has wrapped into its own error, if it has."""
    cause: BaseException | None = error
    while cause is not None:
        if not isinstance(cause, Exception):
            raise cause
        cause = cause.__cause__


dumps = Serializer().dumps
