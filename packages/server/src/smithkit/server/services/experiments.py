"""Experiments side by side: the examples that they answered, each with its runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from smithkit.server.domain.jsons import dump, load
from smithkit.server.errors import unprocessable
from smithkit.server.services.cursors import encode_offset
from smithkit.server.services.filters import read_filters
from smithkit.server.services.runs import RUN_FIELDS
from smithkit.server.store import ExperimentSelection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from smithkit.server.services.examples import ExampleService
    from smithkit.server.services.run_views import RunView, RunViewService
    from smithkit.server.services.runs import RunService
    from smithkit.server.store import Store

__all__ = ["ExperimentService"]

_STEP = 25  # examples whose payloads are read at a time
_PAYLOADS = ("inputs", "outputs")
_LONG = 256  # letters of a value in a preview
_NOT_IN_PREVIEW = frozenset({"events", "extra", "serialized"})


class ExperimentService:
    """Reads rows of experiments.

    Args:
        store: Where they lie.
        examples: Shows the examples.
        runs: Shows the runs.
        views: Shows them as version 2 does.
    """

    def __init__(
        self, store: Store, examples: ExampleService, runs: RunService, views: RunViewService
    ) -> None:
        self._store = store.datasets
        self._examples = examples
        self._runs = runs
        self._views = views

    async def select(
        self,
        dataset_id: UUID,
        sessions: Sequence[UUID],
        comparison: UUID | None,
        filters: Mapping[UUID, Sequence[str]],
    ) -> ExperimentSelection:
        """Say which rows a request is about.

        Args:
            dataset_id: The dataset.
            sessions: The experiments; none are those of the comparison.
            comparison: A comparative experiment.
            filters: By experiment: filters that must all hold of one of its runs on the example.

        Raises:
            ApiError: 404, there is no such comparison; 422, there are no experiments, or a filter is not
                understood or of another experiment.
        """
        if comparison is not None:
            row = await self._store.comparison(dataset_id, comparison)
            sessions = sessions or [UUID(one) for one in load(row["experiment_ids"].encode())]
        if not sessions:
            raise unprocessable("session_ids: name at least one experiment")
        strange = next((session for session in filters if session not in sessions), None)
        if strange is not None:
            raise unprocessable(f"filters: {strange} is none of session_ids")
        wanted = read_filters("filters", filters)
        return ExperimentSelection(dataset_id, tuple(dict.fromkeys(sessions)), wanted)

    async def rows(
        self, selection: ExperimentSelection, *, preview: bool, comparison: UUID | None
    ) -> AsyncIterator[bytes]:
        """Read rows as one JSON array, piece by piece.

        Args:
            selection: Which.
            preview: Whether long values are cut and details left out.
            comparison: Leave feedback of other comparative experiments than this one out of the figures.

        Yields:
            Pieces of the array's text.

        Raises:
            ApiError: 404 or 409.
        """
        select = None if not preview else RUN_FIELDS - _NOT_IN_PREVIEW
        end = selection.offset + selection.limit
        before = b"["
        while True:
            page = replace(selection, limit=min(_STEP, end - selection.offset))
            rows = await self._store.experiment_rows(page)
            answers = await self._runs.answers(
                selection.sessions, [row["example_id"] for row in rows], select, comparison
            )
            examples = await self._examples.show(rows)
            if examples:
                shown = [
                    _row(example, answers[row["example_id"]], preview=preview)
                    for row, example in zip(rows, examples, strict=True)
                ]
                yield before + b",".join(shown)
                before = b","
            selection = replace(selection, offset=selection.offset + len(rows))
            if len(rows) < page.limit or selection.offset >= end:
                break
        yield b"]" if before == b"," else b"[]"

    async def page(
        self, selection: ExperimentSelection, view: RunView, comparison: UUID | None
    ) -> dict[str, Any]:
        """Read a page of rows.

        Args:
            selection: Which.
            view: What is shown of runs.
            comparison: Leave feedback of other comparative experiments than this one out of the figures.

        Returns:
            ``items``, and ``next_cursor``, which is null at the end.

        Raises:
            ApiError: 404 or 409.
        """
        limit = selection.limit
        rows = await self._store.experiment_rows(replace(selection, limit=limit + 1))
        shown = rows[:limit]
        answers = await self._runs.answers(
            selection.sessions, [row["example_id"] for row in shown], view.needs, comparison
        )
        examples = await self._examples.show(shown)
        return {
            "items": [
                {**example, "runs": await self._views.show(answers[row["example_id"]], view)}
                for row, example in zip(shown, examples, strict=True)
            ],
            "next_cursor": encode_offset(selection.offset + limit) if len(rows) > limit else None,
        }


def _row(example: dict[str, Any], runs: Sequence[dict[str, Any]], *, preview: bool) -> bytes:
    row = orjson.dumps({**example, "runs": runs})
    return _cut(row) if preview else row


def _cut(text: bytes) -> bytes:
    """Cut what is long in inputs and outputs."""
    row = load(text)
    for shown in (row, *row["runs"]):
        for name in _PAYLOADS:
            if isinstance(shown[name], dict):
                shown[name] = {key: _short(value) for key, value in shown[name].items()}
    return dump(row)


def _short(value: Any) -> Any:
    text = value if isinstance(value, str) else dump(value).decode()
    return value if len(text) <= _LONG else f"{text[:_LONG]}…"
