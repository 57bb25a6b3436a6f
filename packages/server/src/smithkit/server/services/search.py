"""Few-shot search: the examples whose inputs are most like given ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from smithkit.server.domain.embeddings import TextVectors
from smithkit.server.domain.jsons import text_of
from smithkit.server.errors import conflict
from smithkit.server.services.examples import example_matcher
from smithkit.server.store import ExampleSelection, Likeness

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.domain.embeddings import Embedder
    from smithkit.server.services.examples import ExampleService
    from smithkit.server.store import Store

__all__ = ["SearchService", "words_of"]

_WORD = re.compile(r"\w+")
_WORDS = 200
_EMBEDDED_AT_ONCE = 256


class SearchService:
    """Keeps indexes of datasets and asks them.

    Args:
        store: Where examples and indexes lie.
        examples: Shows examples.
        embedder: Makes vectors of texts, where a plugin gives one; without, words decide.
    """

    def __init__(self, store: Store, examples: ExampleService, embedder: Embedder | None = None) -> None:
        self._store = store.datasets
        self._examples = examples
        self._vectors = None if embedder is None else TextVectors(embedder)

    async def index(self, dataset_id: UUID) -> None:
        """Make the index of a dataset, or bring it up to date.

        Raises:
            ApiError: 404.
        """
        await self._store.index(dataset_id, must_exist=False)
        await self._embed(dataset_id)

    async def sync(self, dataset_id: UUID) -> None:
        """Bring the index of a dataset up to date.

        Raises:
            ApiError: 404; 409, it has none.
        """
        if not await self._store.index(dataset_id, must_exist=True):
            raise _no_index()
        await self._embed(dataset_id)

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
        rows = await self._store.search(dataset_id, await self._likeness(text_of(inputs)), selection)
        if rows is None:
            raise _no_index()
        return {"examples": [self._examples.render_found(row) for row in rows]}

    async def _likeness(self, text: str) -> Likeness:
        if self._vectors is None:
            return Likeness(words_of(text))
        vector = await run_in_threadpool(self._vectors.of_query, text)
        return Likeness(words_of(text), self._vectors.model, vector)

    async def _embed(self, dataset_id: UUID) -> None:
        """Make the vectors that are missing, some at a time, so that what is made outlives a failure."""
        if self._vectors is None:
            return
        while found := await self._store.texts_without_vector(
            dataset_id, self._vectors.model, _EMBEDDED_AT_ONCE
        ):
            vectors = await run_in_threadpool(self._vectors.of_documents, [text for _, text in found])
            made = dict(zip((row for row, _ in found), vectors, strict=True))
            await self._store.add_vectors(self._vectors.model, made)


def words_of(text: str) -> list[str]:
    """Cut a text into its different words.

    Example:
        >>> words_of("Who, if I cried, who")
        ['who', 'if', 'i', 'cried']
    """
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:_WORDS]


def _no_index() -> Exception:
    return conflict("The dataset has no index: make one with POST /datasets/{id}/index")
