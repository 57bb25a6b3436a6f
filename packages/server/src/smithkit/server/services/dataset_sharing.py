"""Datasets shared by link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from smithkit.server.errors import not_found
from smithkit.server.services.sharing import check_token
from smithkit.server.store import DatasetSelection

if TYPE_CHECKING:
    from smithkit.server.store import Store

__all__ = ["DatasetSharingService"]


class DatasetSharingService:
    """Gives datasets links, and finds what a link stands for.

    Args:
        store: Where datasets and tokens lie.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.datasets

    async def share(self, dataset_id: UUID, token: UUID | None) -> dict[str, Any]:
        """Give a dataset a token. One that is shared already keeps its own.

        Args:
            dataset_id: The dataset.
            token: The token that the client proposes, a random UUID.

        Returns:
            The dataset's id and its token.

        Raises:
            ApiError: 404; 409, the token is in use; 422, the token is not random.
        """
        check_token(token)
        return _render(dataset_id, await self._store.share(dataset_id, token or uuid4()))

    async def read(self, dataset_id: UUID) -> dict[str, Any] | None:
        """Read a dataset's token; None if it is not shared.

        Raises:
            ApiError: 404.
        """
        await self._must_exist(dataset_id)
        token = await self._store.read_share(dataset_id)
        return None if token is None else _render(dataset_id, token)

    async def unshare(self, dataset_id: UUID) -> None:
        """Make a dataset's token worthless.

        Raises:
            ApiError: 404.
        """
        await self._must_exist(dataset_id)
        await self._store.delete_share(dataset_id)

    async def find(self, token: UUID) -> UUID:
        """Give the dataset that has a token.

        Raises:
            ApiError: 404, nobody has this token.
        """
        dataset_id = await self._store.find_shared(token)
        if dataset_id is None:
            raise not_found("Shared dataset")
        return dataset_id

    async def _must_exist(self, dataset_id: UUID) -> None:
        if not await self._store.find(DatasetSelection(ids=[dataset_id], limit=1)):
            raise not_found("Dataset")


def _render(dataset_id: UUID, token: UUID) -> dict[str, Any]:
    return {"dataset_id": dataset_id, "share_token": token}
