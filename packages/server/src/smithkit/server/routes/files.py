"""Attachments, through signed URLs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, StreamingResponse

from smithkit.server.routes._common import read_query, services
from smithkit.server.routes._operation import Operation
from smithkit.server.routes._queries import Query

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

# Whoever traced a run chose these bytes and their type: a browser must never run them as this site's.
_HEADERS = {
    "content-disposition": "attachment",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, max-age=3600",
}


class _Signed(Query):
    """What the server has put into the URL."""

    expires: str = ""
    type: str = ""
    signature: str = ""


async def _blob(request: Request) -> Response:
    query = read_query(request, _Signed)
    blob = await run_in_threadpool(
        services(request).files.find,
        request.path_params["name"],
        query.expires,
        query.type,
        query.signature,
    )
    if blob.path is not None:
        return FileResponse(blob.path, media_type=query.type, headers=_HEADERS)
    length = {"content-length": str(blob.size)}
    return StreamingResponse(blob.pieces(), media_type=query.type, headers=_HEADERS | length)


routes = [
    Operation(
        "GET", "/blobs/{name}", _blob, "Download a file", query=_Signed, gives="application/octet-stream"
    )
]
