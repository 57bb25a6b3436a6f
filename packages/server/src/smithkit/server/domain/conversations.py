"""What was said in a conversation, out of the many forms in which runs record it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["conversation"]

# What describes a message rather than being said in it.
_ASIDE = frozenset(
    "additional_kwargs id lc name response_metadata role tool_call_id type usage_metadata".split()
)
_LONGEST = 20_000


def conversation(inputs: Any, outputs: Any) -> str:
    r"""Give what was said in a run.

    Args:
        inputs: Its inputs, of whatever type.
        outputs: Its outputs. Those of a chat hold the whole of it, and inputs would only be repeated.

    Returns:
        The text, a line for each thing said, 20,000 characters at most.

    Example:
        >>> conversation({"messages": [{"role": "user", "content": "Hi"}]}, {"answer": "Hello"})
        'Hi\nHello'
    """
    whole = isinstance(outputs, dict) and isinstance(outputs.get("messages"), list)
    said = _said(outputs) if whole else (*_said(inputs), *_said(outputs))
    return "\n".join(text for text in said if text)[:_LONGEST]


def _said(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part.strip()
        elif isinstance(part, list):
            waiting += reversed(part)
        elif isinstance(part, dict):
            inner = [part["content"]] if "content" in part else _parts(part)
            waiting += reversed(inner)


def _parts(value: dict[str, Any]) -> list[Any]:
    return [part for key, part in value.items() if key not in _ASIDE]
