"""Tokens as providers count them, as `usage_metadata`: totals that include their parts.

``input_tokens`` is all that went in (cached tokens too), ``output_tokens`` all that came out (reasoning
too); the details say how much of it was what, and so has a price of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.tracing.wrappers._values import Json

__all__ = ["anthropic_usage", "gemini_usage", "openai_usage"]

_PRICED_TIERS = ("flex", "priority")
_LONG_CONTEXT = 200_000


def openai_usage(usage: Mapping[str, Any] | None, service_tier: str | None = None) -> Json | None:
    """Tokens of OpenAI's APIs: chat completions, completions, responses.

    Args:
        usage: The answer's ``usage``.
        service_tier: The tier that served it; ``flex`` and ``priority`` have prices of their own.

    Example:
        >>> openai_usage({"prompt_tokens": 3, "completion_tokens": 4})["total_tokens"]
        7
    """
    if not usage:
        return None
    total_in = _count(usage, "prompt_tokens", "input_tokens")
    total_out = _count(usage, "completion_tokens", "output_tokens")
    read = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    written = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    tier = service_tier if service_tier in _PRICED_TIERS else None
    inputs = _renamed(read, {"cached_tokens": "cache_read", "cache_write_tokens": "cache_creation"})
    outputs = _renamed(written, {"reasoning_tokens": "reasoning"})
    if tier is not None:
        inputs, outputs = _of_tier(tier, inputs, total_in), _of_tier(tier, outputs, total_out)
    inputs |= _renamed(read, {"audio_tokens": "audio"})
    outputs |= _renamed(written, {"audio_tokens": "audio"})
    return _metadata(total_in, total_out, inputs, outputs, usage.get("total_tokens"))


def anthropic_usage(usage: Mapping[str, Any] | None) -> Json | None:
    """Tokens of Anthropic's API, which counts cached tokens beside ``input_tokens``.

    Args:
        usage: The message's ``usage``.

    Example:
        >>> anthropic_usage({"input_tokens": 1, "cache_read_input_tokens": 9, "output_tokens": 2})
        {'input_tokens': 10, 'output_tokens': 2, 'total_tokens': 12, 'input_token_details': {'cache_read': 9}}
    """
    if not usage:
        return None
    created = _count(usage, "cache_creation_input_tokens")
    kinds = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    by_kind = _renamed(usage.get("cache_creation") or {}, {kind: kind for kind in kinds})
    created = max(created, sum(by_kind.values()))
    inputs = _renamed(usage, {"cache_read_input_tokens": "cache_read"}) | by_kind
    rest = created - sum(by_kind.values())
    if rest:
        inputs["cache_creation"] = rest
    outputs = _renamed(usage.get("output_tokens_details") or {}, {"thinking_tokens": "reasoning"})
    total_in = _count(usage, "input_tokens") + created + inputs.get("cache_read", 0)
    details = {kind: count for kind, count in inputs.items() if count}
    return _metadata(total_in, _count(usage, "output_tokens"), details, outputs)


def gemini_usage(usage: Mapping[str, Any] | None) -> Json | None:
    """Tokens of Google's API, which counts thoughts and the results of built-in tools apart.

    Tokens beyond 200,000 are named as such: they have a price of their own.

    Args:
        usage: The response's ``usage_metadata``.

    Example:
        >>> gemini_usage({"prompt_token_count": 5, "candidates_token_count": 2, "thoughts_token_count": 3})
        {'input_tokens': 5, 'output_tokens': 5, 'total_tokens': 10, 'output_token_details': {'reasoning': 3}}
    """
    if not usage:
        return None
    total_in = _count(usage, "prompt_token_count") + _count(usage, "tool_use_prompt_token_count")
    thoughts = _count(usage, "thoughts_token_count")
    total_out = _count(usage, "candidates_token_count") + thoughts
    cached = _count(usage, "cached_content_token_count")
    inputs = {
        "audio": _audio(usage.get("prompt_tokens_details")),
        "cache_read": min(cached, _LONG_CONTEXT),
        "cache_read_over_200k": max(cached - _LONG_CONTEXT, 0),
        "over_200k": max(total_in - cached - _LONG_CONTEXT, 0),
    }
    outputs = {
        "audio": _audio(usage.get("candidates_tokens_details")),
        "reasoning": thoughts,
        "over_200k": max(total_out - _LONG_CONTEXT, 0),
    }
    return _metadata(
        total_in,
        total_out,
        {name: count for name, count in inputs.items() if count},
        {name: count for name, count in outputs.items() if count},
        usage.get("total_token_count"),
    )


def _metadata(total_in: int, total_out: int, inputs: Json, outputs: Json, total: Any = None) -> Json:
    known = isinstance(total, int) and total > 0
    usage: Json = {
        "input_tokens": total_in,
        "output_tokens": total_out,
        "total_tokens": total if known else total_in + total_out,
    }
    if inputs:
        usage["input_token_details"] = inputs
    if outputs:
        usage["output_token_details"] = outputs
    return usage


def _of_tier(tier: str, details: Mapping[str, int], total: int) -> Json:
    """Details under the tier's name; what they do not cover is the tier's too."""
    named = {f"{tier}_{name}": count for name, count in details.items()}
    return {**named, tier: max(total - sum(details.values()), 0)}


def _renamed(counts: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, int]:
    return {ours: _count(counts, theirs) for theirs, ours in names.items() if counts.get(theirs) is not None}


def _count(counts: Mapping[str, Any], *names: str) -> int:
    """The first of the counts that is there; never below zero."""
    found = next((counts[name] for name in names if counts.get(name) is not None), 0)
    return max(int(found), 0) if isinstance(found, int | float) else 0


def _audio(details: Any) -> int:
    counts = [
        item
        for item in details or ()
        if getattr(item.get("modality"), "value", item.get("modality")) == "AUDIO"
    ]
    return sum(_count(item, "token_count") for item in counts)
