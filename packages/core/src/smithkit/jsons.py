"""JSON as request bodies hold it: the values that Python programs have beside JSON's own."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any

from smithkit.errors import LangSmithUserError

__all__ = ["dumps"]


def dumps(value: Any, *, strict: bool = False, ordered: bool = False) -> bytes:
    """Encode a value as JSON.

    Beside JSON's own types it takes UUIDs, decimals, dates, enums, sets, pydantic models, and what numpy and
    its like turn into plain values by ``tolist()``.

    Args:
        value: What to encode.
        strict: Refuse numbers that JSON does not have: NaN and the infinities.
        ordered: Sort keys, so that equal values are equal bytes.

    Returns:
        The JSON.

    Raises:
        LangSmithUserError: A value cannot be sent as JSON.

    Example:
        >>> dumps({"id": uuid.UUID(int=0), "on": dt.date(2024, 5, 6)})
        b'{"id": "00000000-0000-0000-0000-000000000000", "on": "2024-05-06"}'
    """
    try:
        return json.dumps(value, default=_plain, allow_nan=not strict, sort_keys=ordered).encode()
    except (TypeError, ValueError, RecursionError) as error:  # a key, NaN, a cycle
        raise LangSmithUserError(f"This cannot be sent as JSON: {error}.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return str(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise LangSmithUserError(f"A {type(value).__name__} cannot be sent as JSON: {value!r:.80}")
