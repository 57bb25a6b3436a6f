"""Attachments of examples, as functions get them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithkit.datasets.schemas import Example

__all__ = ["fresh"]


def fresh(example: Example | None) -> dict[str, Any]:
    """An example's attachments with readers of their own: one function's reading is not another's."""
    found = (example.attachments if example is not None else None) or {}
    return {name: _reopened(info) for name, info in found.items()}


def _reopened(info: Any) -> Any:
    reader = info.get("reader") if isinstance(info, dict) else None
    return {**info, "reader": io.BytesIO(reader.getvalue())} if isinstance(reader, io.BytesIO) else info
