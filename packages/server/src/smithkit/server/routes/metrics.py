"""Figures for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from smithkit.server.errors import not_found
from smithkit.server.routes._common import services
from smithkit.server.routes._operation import Operation

if TYPE_CHECKING:
    from starlette.requests import Request

    from smithkit.server.metrics import Metrics

__all__ = ["routes"]


async def _read(request: Request) -> Response:
    metrics: Metrics | None = request.app.state.metrics
    if metrics is None:
        raise not_found("Metrics: this server keeps none; they")
    store = services(request).store
    metrics.measure(await store.figures(), await store.count_unindexed())
    return Response(metrics.render(), media_type="text/plain; version=0.0.4")


routes = [Operation("GET", "/metrics", _read, "Give figures to Prometheus", gives="text/plain")]
