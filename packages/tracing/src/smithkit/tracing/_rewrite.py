"""Copy any value into what JSON knows, node by node and within bounds.

The way of what orjson does not take at once: see `_serialize`. Nothing foreign is trusted here: a value
whose methods fail becomes a marker that names its type, and keeps its siblings; what is too deep, too
large or takes too long is cut, and says so. The first, quick pass leaves texts and integers as they are;
where orjson does not take its result, a thorough one follows.
"""

from __future__ import annotations

import binascii
import dataclasses
import datetime as dt
import decimal
import enum
import math
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from smithkit.tracing._serialize import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Iterable

__all__ = ["Rewriter"]

_MOST_DEEP = 100
_MOST_NODES = 500_000
_MOST_SECONDS = 3.0
_MOST_ITEMS = 400_000  # of a container that is no list or dict
_ITEMS_A_LOOK = 64
_INT_LIMIT = 2**63
_DECIMAL_BITS = 14_000  # about what Python turns into decimal text at once
_MOST_BITS = 1_000_000
_EXACT_FLOAT = 2**53
_SHORT = 4096
_EXPORTERS = ("to_dict", "dict")
_CUT = "<truncated>"
_SAFE = frozenset({bool, float, type(None)})
_QUICK = _SAFE | {str, int}
_KNOWN = frozenset({uuid.UUID, dt.datetime, dt.date, dt.time})


class Rewriter:
    """Copies one value.

    Args:
        hook: Asked first about values that JSON does not know.
        failed: Told what the hook raised.
        options: How orjson encodes.
        thorough: Whether to look into texts and integers, and to count bytes.
    """

    def __init__(
        self,
        hook: Callable[[Any], Any] | None,
        failed: Callable[[BaseException], None] | None,
        options: int,
        *,
        thorough: bool,
    ) -> None:
        self._thorough = thorough
        self._leaves = _SAFE if thorough else _QUICK
        self._hook = hook
        self._failed = failed
        self._options = options
        self._bytes = MOST_BYTES
        self._nodes = _MOST_NODES
        self._ends = time.monotonic() + _MOST_SECONDS
        self._above: set[int] = set()

    def rewrite(self, value: Any, depth: int = 0) -> Any:
        """A copy that orjson accepts; what it cannot be made of becomes a marker.

        Args:
            value: Anything.
            depth: How many containers it stands in.
        """
        try:
            return self._node(value, depth)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - __repr__, model_dump and their like are foreign code
            return _marker(value, error)

    def _node(self, value: Any, depth: int) -> Any:  # noqa: PLR0911 - one a kind
        kind = type(value)
        if kind in self._leaves:
            return value
        if issubclass(kind, str):
            return self._text(value)
        if issubclass(kind, int):
            return _number(int.__index__(value))
        if id(value) in self._above:
            return "<circular reference>"
        if depth >= _MOST_DEEP:
            return "<nested too deeply>"
        self._above.add(id(value))
        try:
            if issubclass(kind, dict):
                return self._object(dict.items(value), dict.__len__(value), depth)
            if issubclass(kind, list) or kind is tuple:
                return self._array(value, depth)
            return self._other(value, kind, depth)
        finally:
            self._above.discard(id(value))

    def _other(self, value: Any, kind: type, depth: int) -> Any:
        if time.monotonic() > self._ends:
            self._nodes = 0
            return _CUT
        if kind in _KNOWN or kind.__module__ == "numpy":
            simple = _natively(value, self._options)
            if simple is not None and len(simple) <= self._bytes:
                self._bytes -= len(simple)
                return orjson.Fragment(simple)
        if self._hook is not None:
            given = self._asked(value, self._hook)
            if given is not None:
                return self.rewrite(given, depth + 1)
        if dataclasses.is_dataclass(kind):
            names = [field.name for field in dataclasses.fields(kind)]
            return self.rewrite(_fields(value, names), depth + 1)
        if hasattr(kind, "model_dump") and not isinstance(value, type):
            return self._model(value, depth)
        return self.rewrite(_by_rule(value, kind, self._ends), depth + 1)

    def _model(self, value: Any, depth: int) -> Any:
        """A pydantic model's fields; those that pydantic cannot make JSON of are left to the rules."""
        try:
            dumped = value.model_dump(exclude_none=True, mode="json")
        except Exception:  # noqa: BLE001 - a field of any type
            dumped = value.model_dump(exclude_none=True)
        else:
            if not self._thorough:
                return dumped
        return self.rewrite(dumped, depth + 1)

    def _asked(self, value: Any, hook: Callable[[Any], Any]) -> Any:
        """What the hook makes of a value; if it fails, nothing of the value."""
        try:
            return hook(value)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a hook is foreign code
            if self._failed is not None:
                self._failed(error)
            return _marker(value, error)

    def _array(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        copied: list[Any] = []
        leaves = self._leaves
        for item in tuple(value) if len(value) < _SHORT else tuple(islice(value, max(self._nodes, 0) + 1)):
            if self._nodes <= 0 or self._bytes <= 0:
                copied.append(f"<truncated: {len(value) - len(copied)} more items>")
                break
            self._nodes -= 1
            copied.append(item if type(item) in leaves else self.rewrite(item, depth + 1))
        return copied

    def _object(self, items: ItemsView[Any, Any], count: int, depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        leaves = self._leaves
        for key, item in tuple(items) if count < _SHORT else tuple(islice(items, max(self._nodes, 0) + 1)):
            if self._nodes <= 0 or self._bytes <= 0:
                copied[_CUT] = f"{count - len(copied)} more items"
                break
            self._nodes -= 1
            name = key if type(key) in leaves and type(key) is str else self._key(key)
            copied[name] = item if type(item) in leaves else self.rewrite(item, depth + 1)
        return copied

    def _key(self, key: Any) -> str:
        if isinstance(key, str):
            return self._text(key)
        try:
            pair: str = next(iter(orjson.loads(orjson.dumps({key: 0}, option=orjson.OPT_NON_STR_KEYS))))
        except (TypeError, ValueError):  # not a key that JSON knows
            simple = self.rewrite(key, _MOST_DEEP - 2)
            return simple if isinstance(simple, str) else self._text(_str(key))
        return pair

    def _text(self, text: str) -> str:
        """Text without lone surrogates, cut to the bytes that are left."""
        size, left = str.__len__(text), max(self._bytes, 0)
        kept = str.encode(str.__getitem__(text, slice(left)), "utf-8", "ignore").decode()
        taken = len(kept) if len(kept) < _SHORT else len(orjson.dumps(kept))
        if taken > left:  # escapes, and characters of several bytes
            kept = kept[: len(kept) * left // taken]
        self._bytes -= min(taken, left + 1)
        return kept if size <= left and taken <= left else f"{kept}<truncated: of {size} characters>"


def _natively(value: Any, options: int) -> bytes | None:
    """What orjson makes of a value that holds no other: a UUID, a date, an array of numpy."""
    try:
        return orjson.dumps(value, None, options)
    except TypeError:
        return None


def _by_rule(value: Any, kind: type, ends: float) -> Any:  # noqa: C901, PLR0911, PLR0912 - one branch a type
    """One step from an unknown type towards JSON."""
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, BaseException):
        return {"error": kind.__name__, "message": str(value)}
    if issubclass(kind, tuple):
        fields = getattr(kind, "_fields", None)
        return list(value) if fields is None else dict(zip(fields, tuple.__iter__(value), strict=False))
    if isinstance(value, bytes | bytearray | memoryview):
        return _base64(value)
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return _decimal(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(kind, enum.EnumType):
        return value.value
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in _some(value, ends)}
    if isinstance(value, AbstractSet | deque):
        return _some(value, ends)
    exported = _exported(value, kind)
    if exported is not None:
        return exported
    if kind.__module__ == "re" and hasattr(value, "pattern"):
        return value.pattern
    if hasattr(kind, "__attrs_attrs__"):
        return _fields(value, [field.name for field in kind.__attrs_attrs__])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _some(value, ends)
    return _of_numpy(value) if kind.__module__ == "numpy" else str(value)


def _of_numpy(value: Any) -> Any:
    """A list of an array that orjson does not take, such as a transposed one."""
    small = hasattr(value, "tolist") and value.size <= _MOST_NODES
    return value.tolist() if small else str(value)


def _exported(value: Any, kind: type) -> dict[Any, Any] | None:
    """What the first method that gives a dictionary gives; one that wants arguments is none of these."""
    for name in _EXPORTERS:
        if hasattr(kind, name):
            try:
                exported = getattr(value, name)()
            except TypeError:
                continue
            if isinstance(exported, dict):
                return exported
    return None


def _fields(value: Any, names: list[str]) -> dict[str, Any]:
    """Public fields by name; one whose reading fails says so."""
    found: dict[str, Any] = {}
    for name in names:
        if not name.startswith("_"):
            try:
                found[name] = getattr(value, name, None)
            except Exception as error:  # noqa: BLE001 - a property is foreign code
                found[name] = f"<{_name(type(error))} while it was read>"
    return found


def _read(value: Mapping[Any, Any], key: Any) -> Any:
    """The value of a key; one whose reading fails says so."""
    try:
        return value[key]
    except Exception as error:  # noqa: BLE001 - __getitem__ is foreign code
        return f"<{_name(type(error))} while it was read>"


def _some(values: Iterable[Any], ends: float) -> list[Any]:
    """The items, as many of them as may be encoded and can be had until time is up."""
    items: list[Any] = []
    for item in values:
        count = len(items)
        if count >= _MOST_ITEMS or (count % _ITEMS_A_LOOK == 0 and time.monotonic() > ends):
            items.append("<truncated: more items>")
            break
        items.append(item)
    return items


def _base64(value: bytes | bytearray | memoryview) -> str:
    size = memoryview(value).nbytes
    if size * 4 // 3 > MOST_BYTES:
        return f"<truncated: {size} bytes>"
    return binascii.b2a_base64(bytes(value), newline=False).decode()


def _number(value: int) -> int | str:
    """The integer, or its text beyond 64 bits, where JSON readers lose digits."""
    if -_INT_LIMIT <= value < 2 * _INT_LIMIT:
        return value
    bits = value.bit_length()
    if bits <= _DECIMAL_BITS:
        return str(value)
    return hex(value) if bits <= _MOST_BITS else f"<integer of {bits} bits>"


def _decimal(value: decimal.Decimal) -> int | float | str:
    number = float(value) if value.is_finite() else math.nan
    if not math.isfinite(number):
        return str(value)
    return int(number) if number.is_integer() and abs(number) < _EXACT_FLOAT else number


def _str(value: Any) -> str:
    try:
        return str(value)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - __str__ is foreign code
        return _marker(value, error)


def _marker(value: Any, error: BaseException) -> str:
    return f"<{_name(type(value))}: {_name(type(error))} while it was encoded>"


def _name(kind: type) -> str:
    """A type's name, without asking its metaclass."""
    name: str = type.__dict__["__qualname__"].__get__(kind)
    return str.encode(name, "utf-8", "ignore").decode()
