"""What the server is and can do; needs no key."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from smithkit.server import __version__
from smithkit.server.errors import busy
from smithkit.server.routes._answers import Health, Info
from smithkit.server.routes._common import json_response, services
from smithkit.server.routes._operation import Operation

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

# The API's version that this server is compatible with: clients switch features on by it.
_API_VERSION = "0.13.5"
_READY_SECONDS = 5.0

_INFO = {
    "version": _API_VERSION,
    "license_expiration_time": None,
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 4,
        "scale_down_nempty_trigger": 4,
        "size_limit": 500,
        "size_limit_bytes": 20_971_520,
    },
    "instance_flags": {
        "dataset_examples_multipart_enabled": True,
        "examples_multipart_enabled": True,
        "insights_without_model": True,
        "zstd_compression_enabled": True,
    },
    "server": {"name": "smithkit", "version": __version__},
}


async def _info(_request: Request) -> Response:
    return json_response(_INFO)


async def _alive(_request: Request) -> Response:
    return json_response({"status": "ok"})


async def _ready(request: Request) -> Response:
    """Ask the store, for a server that cannot reach it shall get no requests."""
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await services(request).store.read_settings()
    except (OSError, TimeoutError, SQLAlchemyError) as error:
        raise busy("The database does not answer") from error
    return json_response({"status": "ok", "store": "ok"})


routes = [
    Operation("GET", "/info", _info, "Say what the server is and can do", answer=Info),
    Operation("GET", "/health", _ready, "Say that the server and its database answer", answer=Health),
    Operation("GET", "/ok", _alive, "Say that the server runs", answer=Health),
]
