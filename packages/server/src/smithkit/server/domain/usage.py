"""Tokens and costs, from the `usage_metadata` that clients record in outputs or metadata."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from smithkit.server.domain.jsons import dump, load

__all__ = ["COST_SCALE", "find_usage", "format_cost", "usage_columns", "usage_details"]

COST_SCALE = 10**10
"""Costs are stored as integers of this fraction of a dollar, so that sums are exact."""

# Beyond these a value is nonsense, and sums over many runs would not fit into 64 bits.
_MOST_TOKENS = 10**12
_HIGHEST_COST = 10**5 * COST_SCALE
_TOKENS = (
    ("input_tokens", "prompt_tokens"),
    ("output_tokens", "completion_tokens"),
    ("total_tokens", "total_tokens"),
)
_COSTS = (("input_cost", "prompt_cost"), ("output_cost", "completion_cost"), ("total_cost", "total_cost"))
_NO_USAGE: dict[str, int | None] = dict.fromkeys((*dict(_TOKENS).values(), *dict(_COSTS).values()))
_DETAILS = (
    ("input_token_details", "prompt_token_details"),
    ("output_token_details", "completion_token_details"),
    ("input_cost_details", "prompt_cost_details"),
    ("output_cost_details", "completion_cost_details"),
)


def find_usage(holder: Any) -> bytes | None:
    """Take the `usage_metadata` out of outputs or metadata.

    Args:
        holder: Outputs or metadata of a run, of whatever type the client sent.

    Returns:
        Its JSON, or None when there is none.

    Example:
        >>> find_usage({"usage_metadata": {"input_tokens": 1}})
        b'{"input_tokens":1}'
    """
    usage = holder.get("usage_metadata") if isinstance(holder, dict) else None
    return dump(usage) if isinstance(usage, dict) and usage else None


def usage_columns(usage: bytes | None) -> dict[str, int | None]:
    """Work out the six numbers that a run carries.

    Negative and non-numeric values are left out: a cost is never below zero. A missing total is the sum.

    Example:
        >>> usage_columns(b'{"input_tokens": 1, "output_tokens": 2}')["total_tokens"]
        3
    """
    if usage is None:
        return _NO_USAGE.copy()
    given = load(usage)
    columns: dict[str, int | None] = {ours: _count(given.get(theirs)) for theirs, ours in _TOKENS}
    columns |= {ours: _cost(given.get(theirs)) for theirs, ours in _COSTS}
    for kind in ("tokens", "cost"):
        if columns[f"total_{kind}"] is None:
            parts = [n for n in (columns[f"prompt_{kind}"], columns[f"completion_{kind}"]) if n is not None]
            columns[f"total_{kind}"] = sum(parts) if parts else None
    return columns


def usage_details(usage: bytes | None) -> dict[str, Any]:
    """Give the break-downs that a run carries beside its numbers.

    Example:
        >>> usage_details(b'{"input_token_details": {"cache_read": 1}}')
        {'prompt_token_details': {'cache_read': 1}}
    """
    given = load(usage) if usage else {}
    return {ours: given[theirs] for theirs, ours in _DETAILS if isinstance(given.get(theirs), dict)}


def format_cost(value: int | None) -> str | None:
    """Write a stored cost as decimal text.

    Example:
        >>> format_cost(21_000_000)
        '0.0021'
    """
    if value is None:
        return None
    text = f"{Decimal(value).scaleb(-10):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None


def _cost(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        scaled = Decimal(str(value)) * COST_SCALE
    except InvalidOperation:
        return None
    return int(scaled.to_integral_value()) if scaled.is_finite() and 0 <= scaled <= _HIGHEST_COST else None
