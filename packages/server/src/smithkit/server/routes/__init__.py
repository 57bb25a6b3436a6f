"""The API's routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes import (
    annotation_queues,
    datasets,
    directories,
    examples,
    feedback,
    feedback_tokens,
    files,
    home,
    info,
    insights,
    metrics,
    openapi,
    otlp,
    prompts,
    public_datasets,
    run_views,
    runs,
    secrets,
    sessions,
    settings,
    sharing,
    threads,
)

if TYPE_CHECKING:
    from starlette.routing import Route

__all__ = ["all_routes"]


def all_routes() -> list[Route]:
    """Give the built-in routes."""
    return [
        *home.routes,
        *info.routes,
        *metrics.routes,
        *openapi.routes,
        *runs.routes,
        *sharing.routes,
        *run_views.routes,
        *threads.routes,
        *otlp.routes,
        *sessions.routes,
        *insights.routes,
        *datasets.routes,
        *examples.routes,
        *public_datasets.routes,
        *feedback_tokens.routes,
        *feedback.routes,
        *annotation_queues.routes,
        *secrets.routes,
        *settings.routes,
        *prompts.routes,
        *directories.routes,
        *files.routes,
    ]
