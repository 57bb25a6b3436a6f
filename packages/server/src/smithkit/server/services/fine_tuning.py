"""Datasets as conversations in the form that OpenAI's fine-tuning takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import dump, load
from smithkit.server.domain.messages import openai_messages
from smithkit.server.store import ExampleSelection

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.domain.runs import Row
    from smithkit.server.store import Store

__all__ = ["FineTuningService"]

_STEP = 500


class FineTuningService:
    """Writes datasets as JSON lines.

    Args:
        store: Where examples lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.datasets

    async def read(self, dataset_id: UUID) -> bytes:
        """Write a dataset's conversations, one a line; examples without messages are left out.

        Raises:
            ApiError: 404.
        """
        lines: list[bytes] = []
        selection = ExampleSelection(dataset_id=dataset_id, limit=_STEP)
        while True:
            rows = await self._store.read_examples(selection)
            lines += [dump(line) + b"\n" for line in map(_line, rows) if line["messages"]]
            if len(rows) < _STEP:
                return b"".join(lines)
            selection.offset += _STEP


def _line(row: Row) -> dict[str, Any]:
    inputs, outputs = (load(row[name]) if row[name] else {} for name in ("inputs", "outputs"))
    line: dict[str, Any] = {"messages": openai_messages(inputs) + openai_messages(outputs)}
    if inputs.get("tools"):
        line["tools"] = inputs["tools"]
    return line
