"""What feedback may say: configs of keys, and formulas over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["find_problem", "normal_config", "weigh"]


def normal_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with all of its fields, so that two that say the same are equal.

    Example:
        >>> normal_config({"type": "freeform"})
        {'type': 'freeform', 'min': None, 'max': None, 'categories': None}
    """
    categories = config.get("categories")
    return {
        "type": config["type"],
        "min": config.get("min"),
        "max": config.get("max"),
        "categories": None
        if categories is None
        else [{"value": one["value"], "label": one.get("label")} for one in categories],
    }


def find_problem(config: Mapping[str, Any], score: float | None, value: Any) -> str | None:
    """Say what is wrong with a feedback by the config of its key; None if nothing is.

    Example:
        >>> find_problem({"type": "continuous", "min": 0, "max": 1}, 2.0, None)
        'score: 2 is above 1, the largest of this key'
    """
    if config["type"] == "continuous":
        return _outside(score, config.get("min"), config.get("max"))
    if config["type"] == "categorical":
        return _no_category(config.get("categories") or (), score, value)
    return None


def _outside(score: float | None, low: float | None, high: float | None) -> str | None:
    if score is not None and low is not None and score < low:
        return f"score: {score:g} is below {low:g}, the smallest of this key"
    if score is not None and high is not None and score > high:
        return f"score: {score:g} is above {high:g}, the largest of this key"
    return None


def _no_category(categories: Sequence[Mapping[str, Any]], score: float | None, value: Any) -> str | None:
    scores = [one["value"] for one in categories]
    if score is not None and score not in scores:
        known = ", ".join(f"{one:g}" for one in scores)
        return f"score: {score:g} is none of this key's categories: {known}"
    labels = [one["label"] for one in categories if one.get("label") is not None]
    if isinstance(value, str) and labels and value not in labels:
        return f"value: {value!r:.80} is none of this key's categories: {', '.join(labels)}"
    return None


def weigh(parts: Sequence[Mapping[str, Any]], aggregation: str, scores: Mapping[str, float]) -> float | None:
    """Work a formula out.

    Args:
        parts: Keys with their weights.
        aggregation: ``sum``, or ``avg``: divided by the sum of the weights.
        scores: Key → score.

    Returns:
        The result; None while one of the keys has no score, or if the weights add up to nothing.

    Example:
        >>> weigh([{"key": "a", "weight": 3}, {"key": "b", "weight": 1}], "avg", {"a": 1.0, "b": 0.0})
        0.75
    """
    if any(part["key"] not in scores for part in parts):
        return None
    total = float(sum(part["weight"] * scores[part["key"]] for part in parts))
    if aggregation == "sum":
        return total
    weights = sum(part["weight"] for part in parts)
    return total / weights if weights else None
