"""Prompts, their commits, and the commits' tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from starlette.routing import Route

from smithkit.server.errors import unprocessable
from smithkit.server.routes._common import json_response, query_flag, query_int, read_model, services
from smithkit.server.routes._prompt_models import (
    CommitCreate,
    Like,
    RepoCreate,
    RepoUpdate,
    TagCreate,
    TagUpdate,
)
from smithkit.server.store import CommitSelection, RepoSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from smithkit.server.store import SortField

__all__ = ["routes"]

_LARGEST_OFFSET = 2**31
_LONGEST_QUERY = 1000
_MOST_TAGS = 100
_SORT_FIELDS = ("updated_at", "num_likes", "num_downloads", "num_views")
_DIRECTIONS = ("desc", "asc")


async def _create(request: Request) -> Response:
    body = await read_model(request, RepoCreate)
    made = await services(request).prompts.create(body.columns(), body.tags or [])
    return json_response({"repo": made})


async def _list(request: Request) -> Response:
    own = services(request)
    selection = RepoSelection(
        query=_query(request),
        match_prefix=bool(query_flag(request, "match_prefix")),
        is_public=query_flag(request, "is_public"),
        is_archived=query_flag(request, "is_archived"),
        labels=_labels(request),
        sort_field=cast("SortField", _choice(request, "sort_field", _SORT_FIELDS)),
        ascending=_choice(request, "sort_direction", _DIRECTIONS) == "asc",
        limit=query_int(request, "limit", own.limits.page, 1, own.limits.page),
        offset=query_int(request, "offset", 0, 0, _LARGEST_OFFSET),
    )
    return json_response(await own.prompts.find(selection))


async def _read(request: Request) -> Response:
    found = await services(request).prompts.read(*_repo(request))
    return json_response({"repo": found, "latest_commit_manifest": None})


async def _update(request: Request) -> Response:
    body = await read_model(request, RepoUpdate)
    changed = await services(request).prompts.update(*_repo(request), body.columns(), body.tags)
    return json_response({"repo": changed})


async def _delete(request: Request) -> Response:
    await services(request).prompts.delete(*_repo(request))
    return json_response({})


async def _like(request: Request) -> Response:
    body = await read_model(request, Like)
    return json_response(await services(request).prompts.like(*_repo(request), like=body.like))


async def _commit(request: Request) -> Response:
    body = await read_model(request, CommitCreate)
    made = await services(request).commits.create(
        *_repo(request), body.manifest, body.parent_commit, body.example_run_ids or []
    )
    return json_response(made)


async def _list_commits(request: Request) -> Response:
    own = services(request)
    selection = CommitSelection(
        limit=query_int(request, "limit", own.limits.page, 1, own.limits.page),
        offset=query_int(request, "offset", 0, 0, _LARGEST_OFFSET),
    )
    return json_response(await own.commits.find(*_repo(request), selection))


async def _pull(request: Request) -> Response:
    include_model = bool(query_flag(request, "include_model"))
    commit = request.path_params["commit"]
    return json_response(
        await services(request).commits.pull(*_repo(request), commit, include_model=include_model)
    )


async def _tag(request: Request) -> Response:
    body = await read_model(request, TagCreate)
    return json_response(await services(request).commits.tag(*_repo(request), body.tag_name, body.commit_id))


async def _list_tags(request: Request) -> Response:
    return json_response(await services(request).commits.find_tags(*_repo(request)))


async def _read_tag(request: Request) -> Response:
    return json_response(
        await services(request).commits.read_tag(*_repo(request), request.path_params["tag"])
    )


async def _move_tag(request: Request) -> Response:
    body = await read_model(request, TagUpdate)
    tag = request.path_params["tag"]
    return json_response(await services(request).commits.move_tag(*_repo(request), tag, body.commit_id))


async def _delete_tag(request: Request) -> Response:
    await services(request).commits.delete_tag(*_repo(request), request.path_params["tag"])
    return json_response({})


def _repo(request: Request) -> tuple[str, str]:
    """Owner and name of the prompt in the path."""
    return request.path_params["owner"], request.path_params["name"]


def _query(request: Request) -> str | None:
    text = request.query_params.get("query")
    if text is not None and len(text) > _LONGEST_QUERY:
        raise unprocessable(f"query: must have {_LONGEST_QUERY} characters at most")
    return text


def _labels(request: Request) -> set[str]:
    labels = set(request.query_params.getlist("tags"))
    if len(labels) > _MOST_TAGS:
        raise unprocessable(f"tags: must be {_MOST_TAGS} at most")
    return labels


def _choice(request: Request, name: str, known: tuple[str, ...]) -> str:
    value = request.query_params.get(name, known[0])
    if value not in known:
        raise unprocessable(f"{name}: must be one of {', '.join(known)}")
    return value


_REPO = "/repos/{owner}/{name}"
_COMMITS = "/commits/{owner}/{name}"

routes = [
    Route("/repos", _create, methods=["POST"]),
    Route("/repos", _list, methods=["GET"]),
    Route(_REPO, _read, methods=["GET"]),
    Route(_REPO, _update, methods=["PATCH"]),
    Route(_REPO, _delete, methods=["DELETE"]),
    Route(f"{_REPO}/tags", _tag, methods=["POST"]),
    Route(f"{_REPO}/tags", _list_tags, methods=["GET"]),
    Route(f"{_REPO}/tags/{{tag}}", _read_tag, methods=["GET"]),
    Route(f"{_REPO}/tags/{{tag}}", _move_tag, methods=["PATCH"]),
    Route(f"{_REPO}/tags/{{tag}}", _delete_tag, methods=["DELETE"]),
    Route("/likes/{owner}/{name}", _like, methods=["POST"]),
    Route(_COMMITS, _commit, methods=["POST"]),
    Route(_COMMITS, _list_commits, methods=["GET"]),
    Route(f"{_COMMITS}/{{commit:path}}", _pull, methods=["GET"]),
]
