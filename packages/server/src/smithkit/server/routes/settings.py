"""Settings of the workspace: who it is, and the handle by which it owns prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.times import format_time
from smithkit.server.errors import conflict
from smithkit.server.routes._answers import Settings
from smithkit.server.routes._common import json_response, read_model, services
from smithkit.server.routes._operation import Operation
from smithkit.server.routes._prompt_models import Handle
from smithkit.server.store import NameTakenError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from smithkit.server.domain.runs import Row

__all__ = ["routes"]


async def _read(request: Request) -> Response:
    return json_response(_render(await services(request).store.read_settings()))


async def _set_handle(request: Request) -> Response:
    handle = (await read_model(request, Handle)).tenant_handle
    try:
        return json_response(_render(await services(request).store.set_handle(handle)))
    except NameTakenError as error:
        raise conflict(f"tenant_handle: {handle!r} is another workspace's") from error


def _render(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "display_name": row["display_name"],
        "created_at": format_time(row["created_at"]),
        "tenant_handle": row["handle"],
    }


routes = [
    Operation("GET", "/settings", _read, "Read the workspace's settings", answer=Settings),
    Operation(
        "POST", "/settings/handle", _set_handle, "Choose the handle of prompts", body=Handle, answer=Settings
    ),
]
