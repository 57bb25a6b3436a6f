"""The client methods for runs and projects."""

from __future__ import annotations

from smithkit.tracing._methods._async_ingest import AsyncIngestMethods
from smithkit.tracing._methods._ingest import IngestMethods
from smithkit.tracing._methods._projects import AsyncProjectMethods, ProjectMethods
from smithkit.tracing._methods._runs import AsyncRunMethods, RunMethods

__all__ = ["AsyncTracingMethods", "TracingMethods"]


class TracingMethods(IngestMethods, RunMethods, ProjectMethods):
    """What this package adds to `Client`."""


class AsyncTracingMethods(AsyncIngestMethods, AsyncRunMethods, AsyncProjectMethods):
    """What this package adds to `AsyncClient`."""
