"""The client methods for runs and projects."""

from __future__ import annotations

from smithkit.tracing._methods._async_ingest import AsyncIngestMethods
from smithkit.tracing._methods._ingest import IngestMethods
from smithkit.tracing._methods._insights import AsyncInsightsMethods, InsightsMethods
from smithkit.tracing._methods._projects import AsyncProjectMethods, ProjectMethods
from smithkit.tracing._methods._runs import AsyncRunMethods, RunMethods
from smithkit.tracing._methods._sharing import AsyncSharingMethods, SharingMethods
from smithkit.tracing._methods._stats import AsyncStatsMethods, StatsMethods
from smithkit.tracing._methods._threads import AsyncThreadMethods, ThreadMethods

__all__ = ["AsyncTracingMethods", "TracingMethods"]


class TracingMethods(
    IngestMethods,
    RunMethods,
    StatsMethods,
    ThreadMethods,
    SharingMethods,
    ProjectMethods,
    InsightsMethods,
):
    """What this package adds to `Client`."""


class AsyncTracingMethods(
    AsyncIngestMethods,
    AsyncRunMethods,
    AsyncStatsMethods,
    AsyncThreadMethods,
    AsyncSharingMethods,
    AsyncProjectMethods,
    AsyncInsightsMethods,
):
    """What this package adds to `AsyncClient`."""
