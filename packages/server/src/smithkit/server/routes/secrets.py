"""Secrets of the workspace: clients look which provider's key is there, and bring it if none is.

This server runs no models, so it remembers the names and forgets the values at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import Nothing, SecretName
from smithkit.server.routes._common import json_response, read_model, services
from smithkit.server.routes._models import Secrets
from smithkit.server.routes._operation import Operation

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_PATH = "/workspaces/current/secrets"


async def _list(request: Request) -> Response:
    return json_response([{"key": key} for key in await services(request).store.list_secrets()])


async def _change(request: Request) -> Response:
    given = {secret.key: secret.value is not None for secret in (await read_model(request, Secrets)).root}
    added = [key for key, is_there in given.items() if is_there]
    removed = [key for key, is_there in given.items() if not is_there]
    await services(request).store.change_secrets(added, removed)
    return json_response({})


routes = [
    Operation("GET", _PATH, _list, "List the names of secrets", answer=list[SecretName]),
    Operation("POST", _PATH, _change, "Bring and remove secrets", body=Secrets, answer=Nothing),
]
