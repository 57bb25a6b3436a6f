"""Agents and skills of the hub: their directories, read whole and changed commit by commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import CommitAnswer, Nothing, WholeDirectory
from smithkit.server.routes._common import json_response, read_model, read_query, services
from smithkit.server.routes._directory_models import DirectoryCommit, DirectoryRead
from smithkit.server.routes._operation import Operation

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _read(request: Request) -> Response:
    query = read_query(request, DirectoryRead)
    own = services(request).directories
    return json_response(await own.read(*_repo(request), query.repo_type, query.commit))


async def _commit(request: Request) -> Response:
    body = await read_model(request, DirectoryCommit)
    own = services(request).directories
    return json_response(await own.commit(*_repo(request), body.changes(), body.parent_commit))


async def _delete(request: Request) -> Response:
    await services(request).directories.delete(*_repo(request))
    return json_response({})


def _repo(request: Request) -> tuple[str, str]:
    """Owner and name of the repository in the path."""
    return request.path_params["owner"], request.path_params["name"]


_PATH = "/v1/platform/hub/repos/{owner}/{name}/directories"

routes = [
    Operation(
        "GET",
        _PATH,
        _read,
        "Read an agent's or a skill's directory",
        query=DirectoryRead,
        answer=WholeDirectory,
    ),
    Operation("DELETE", _PATH, _delete, "Delete an agent or a skill and its commits", answer=Nothing),
    Operation(
        "POST",
        f"{_PATH}/commits",
        _commit,
        "Commit changes of a directory",
        body=DirectoryCommit,
        answer=CommitAnswer,
    ),
]
