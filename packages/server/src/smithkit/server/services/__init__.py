"""The rules of the API, between routes and stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smithkit.server.services.files import FileService
from smithkit.server.services.ingest import IngestService
from smithkit.server.services.insights import InsightsService
from smithkit.server.services.runs import RunService
from smithkit.server.services.sessions import SessionService
from smithkit.server.services.sharing import SharingService
from smithkit.server.services.spans import SpanService

if TYPE_CHECKING:
    from smithkit.server.body import Budget
    from smithkit.server.limits import Limits
    from smithkit.server.store import Store

__all__ = [
    "FileService",
    "IngestService",
    "InsightsService",
    "RunService",
    "Services",
    "SessionService",
    "SharingService",
    "SpanService",
    "make_services",
]


@dataclass(frozen=True, slots=True)
class Services:
    """What routes call; at ``app.state.services`` while the application runs."""

    store: Store
    limits: Limits
    budget: Budget
    files: FileService
    ingest: IngestService
    insights: InsightsService
    runs: RunService
    sessions: SessionService
    spans: SpanService
    sharing: SharingService


def make_services(store: Store, limits: Limits, budget: Budget) -> Services:
    """Build the services on an open store.

    Args:
        store: The open store.
        limits: The caps.
        budget: Bytes in memory, shared by all requests.

    Returns:
        The services.
    """
    files = FileService(store, limits)
    runs = RunService(store, files, limits)
    return Services(
        store=store,
        limits=limits,
        budget=budget,
        files=files,
        ingest=IngestService(store, limits),
        insights=InsightsService(store),
        runs=runs,
        sessions=SessionService(store, limits),
        spans=SpanService(store),
        sharing=SharingService(store, runs),
    )
