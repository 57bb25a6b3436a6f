"""The services of every workspace that shares a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.services import make_services
from smithkit.server.services.keys import KeyService
from smithkit.server.services.retention import RetentionService

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.server.body import Budget
    from smithkit.server.domain.embeddings import Embedder
    from smithkit.server.limits import Limits
    from smithkit.server.services import Services
    from smithkit.server.store import Store

__all__ = ["Workspaces"]


class Workspaces:
    """Gives each workspace its services, made when they are first asked for.

    Args:
        store: The open store, as the first workspace sees it.
        limits: The caps.
        budget: Bytes in memory, shared by all requests.
        embedder: Makes vectors of texts for few-shot search, where a plugin gives one.
        retention_days: For how long projects that say nothing of it keep runs; None for ever.

    Attributes:
        default: The services of the first workspace.
        directory: Workspaces and keys.
        keys: Tells what keys allow.
        retention: Deletes what is too old, in all of them.
    """

    def __init__(
        self,
        store: Store,
        limits: Limits,
        budget: Budget,
        embedder: Embedder | None = None,
        retention_days: int | None = None,
    ) -> None:
        self._store, self._limits, self._budget, self._embedder = store, limits, budget, embedder
        self.directory = store.directory
        self.keys = KeyService(store.directory)
        self.retention = RetentionService(store, retention_days)
        self.default = make_services(store, limits, budget, embedder)
        self._known: dict[UUID, Services] = {store.workspace.id: self.default}

    def of(self, workspace_id: UUID) -> Services:
        """Give the services of a workspace that is there."""
        if workspace_id not in self._known:
            view = self._store.in_workspace(workspace_id)
            self._known[workspace_id] = make_services(view, self._limits, self._budget, self._embedder)
        return self._known[workspace_id]

    async def has(self, workspace_id: UUID) -> bool:
        """Tell whether a workspace is there."""
        if workspace_id in self._known:
            return True
        return any(row["id"] == workspace_id for row in await self.directory.workspaces())

    async def close(self) -> None:
        """End what the services do in the background."""
        await self.retention.close()
        for services in self._known.values():
            await services.insights.close()
