"""Turn any value into JSON bytes: total, so that what is traced never breaks the traced program.

orjson does nearly everything. What it does not know or refuses (other types, cycles, lone surrogates,
integers beyond 64 bits, keys that are not text), and what is too large, is first copied node by node
by `_rewrite`. orjson never calls back into Python: foreign code that changes or frees a container while
orjson stands in it would crash the interpreter, and so would a dataclass whose attributes fail; hence
dataclasses are copied too. Only an interrupt passes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COPIED", "MOST_BYTES", "PLAIN", "Serializer", "dumps", "loads"]

PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS
"""How orjson is always called."""

MOST_BYTES = 32 * 1024 * 1024
"""Bytes of one encoded value; what is larger is cut, and says so."""

COPIED = 65_536
"""Bytes from which on it does not pay to keep a copy in place of what orjson gives."""
_LAST_RESORT = b'"<not encoded>"'

loads = orjson.loads


class Serializer:
    """Encodes values; `dumps` raises nothing but KeyboardInterrupt and SystemExit.

    Args:
        hook: Asked first about values that JSON does not know; None leaves them to the built-in rules. A value
            that it fails on becomes a marker: the rules might show what it was to hide.
        failed: Told what the hook raised.
    """

    __slots__ = ("_failed", "_hook")

    def __init__(
        self,
        hook: Callable[[Any], Any] | None = None,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._hook = hook
        self._failed = failed

    def dumps(self, value: Any) -> bytes:
        """JSON of a value.

        Args:
            value: Anything.

        Example:
            >>> Serializer().dumps({"when": {1, 2}})
            b'{"when":[1,2]}'
        """
        try:
            encoded = orjson.dumps(value, None, _options())
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, the slow way copes with it
            _let_interrupts_pass(error)
        else:
            size = len(encoded)
            if size < COPIED:
                # What orjson gives is a shrunk buffer of 1 KiB or more. Kept by the thousand, such buffers cost
                # the allocator 3 µs each; a copy of the right size costs a hundredth of that.
                return b"%b" % encoded
            if size <= MOST_BYTES:
                return encoded
        return self._slowly(value)

    def _slowly(self, value: Any) -> bytes:
        from smithkit.tracing._rewrite import Rewriter

        options = _options()
        for thorough in (False, True):
            try:
                plain = Rewriter(self._hook, self._failed, options, thorough=thorough).rewrite(value)
                encoded = orjson.dumps(plain, None, options)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - what only a thorough pass copes with; or no memory
                _let_interrupts_pass(error)
            else:
                if thorough or len(encoded) <= MOST_BYTES:
                    return encoded
        return _LAST_RESORT


def _options() -> int:
    """How orjson encodes: asked for numpy's types it imports numpy, which takes long and is no use without."""
    return PLAIN | orjson.OPT_SERIALIZE_NUMPY if "numpy" in sys.modules else PLAIN


def _let_interrupts_pass(error: BaseException) -> None:
    """Raise the interrupt that orjson has wrapped into its own error, if it has."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt | SystemExit):
            raise cause
        cause = cause.__cause__


dumps = Serializer().dumps
