"""Few-shot search: the examples whose inputs are most like given ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from smithkit.server.domain.jsons import text_of
from smithkit.server.errors import conflict
from smithkit.server.services.examples import example_matcher
from smithkit.server.store import ExampleSelection

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.services.examples import ExampleService
    from smithkit.server.store import Store

__all__ = ["SearchService", "words_of"]

_WORD = re.compile(r"\w+")
_WORDS = 200


class SearchService:
    """Keeps indexes of datasets and asks them.

    Args:
        store: Where examples and indexes lie.
        examples: Shows examples.
    """

    def __init__(self, store: Store, examples: ExampleService) -> None:
        self._store = store.datasets
        self._examples = examples

    async def index(self, dataset_id: UUID) -> None:
        """Make the index of a dataset, or bring it up to date.

        Raises:
            ApiError: 404.
        """
        await self._store.index(dataset_id, must_exist=False)

    async def sync(self, dataset_id: UUID) -> None:
        """Bring the index of a dataset up to date.

        Raises:
            ApiError: 404; 409, it has none.
        """
        if not await self._store.index(dataset_id, must_exist=True):
            raise _no_index()

    async def drop(self, dataset_id: UUID) -> None:
        """Remove the index of a dataset.

        Raises:
            ApiError: 404.
        """
        await self._store.drop_index(dataset_id)

    async def search(
        self, dataset_id: UUID, inputs: dict[str, Any], limit: int, filter_text: str | None
    ) -> dict[str, Any]:
        """Find examples.

        Args:
            dataset_id: Among which.
            inputs: What their inputs shall be like.
            limit: How many at most.
            filter_text: A filter of examples.

        Returns:
            The examples, best first.

        Raises:
            ApiError: 404; 409, the dataset has no index; 422, the filter is not understood.
        """
        matches = example_matcher(None, None, filter_text)
        selection = ExampleSelection(dataset_id=dataset_id, matches=matches, limit=limit)
        rows = await self._store.search(dataset_id, words_of(text_of(inputs)), selection)
        if rows is None:
            raise _no_index()
        return {"examples": [self._examples.render_found(row) for row in rows]}


def words_of(text: str) -> list[str]:
    """Cut a text into its different words.

    Example:
        >>> words_of("Who, if I cried, who")
        ['who', 'if', 'i', 'cried']
    """
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:_WORDS]


def _no_index() -> Exception:
    return conflict("The dataset has no index: make one with POST /datasets/{id}/index")
