"""OTLP/HTTP: spans of OpenTelemetry, which become runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.responses import Response

from smithkit.server.body import read_body
from smithkit.server.observing import seen_of
from smithkit.server.routes._common import services
from smithkit.server.routes._operation import PROTOBUF, Operation

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["routes"]


async def _traces(request: Request) -> Response:
    from smithkit.server import otlp_body  # loaded with the first span

    own = services(request)
    kind = otlp_body.media_type(request.headers.get("content-type", ""))
    with own.budget.reserve() as held:
        body = await read_body(request, own.limits, held)
        message = await asyncio.to_thread(otlp_body.decode, body, kind)
        accepted = await own.spans.accept(message, _project(request))
    seen_of(request.scope).runs = accepted.runs
    return Response(otlp_body.encode_answer(kind, accepted.rejected, accepted.reason), media_type=kind)


def _project(request: Request) -> str | None:
    """The header's project; exporters quote what they take from the environment."""
    return unquote(request.headers.get("langsmith-project", "")).strip() or None


routes = [
    Operation("POST", path, _traces, "Write spans", body=bytes, accepts=PROTOBUF, gives=PROTOBUF)
    for path in ("/otel/v1/traces", "/v1/traces")
]
