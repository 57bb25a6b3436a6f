"""Prompts, their commits, and the commits' tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.server.routes._answers import (
    CommitAnswer,
    CommitPage,
    Likes,
    Nothing,
    Pulled,
    RepoAnswer,
    RepoPage,
    Tag,
)
from smithkit.server.routes._common import json_response, read_model, read_query, services
from smithkit.server.routes._operation import Operation
from smithkit.server.routes._prompt_models import (
    CommitCreate,
    Like,
    Pull,
    RepoCreate,
    RepoList,
    RepoUpdate,
    TagCreate,
    TagUpdate,
)
from smithkit.server.routes._queries import Page
from smithkit.server.store import CommitSelection, RepoSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]


async def _create(request: Request) -> Response:
    body = await read_model(request, RepoCreate)
    made = await services(request).prompts.create(body.columns(), body.tags or [])
    return json_response({"repo": made})


async def _list(request: Request) -> Response:
    own = services(request)
    query = read_query(request, RepoList)
    selection = RepoSelection(
        query=query.query,
        match_prefix=query.match_prefix,
        repo_type=query.repo_type,
        is_public=query.is_public,
        is_archived=query.is_archived,
        labels=set(query.tags or ()),
        sort_field=query.sort_field,
        ascending=query.sort_direction == "asc",
        limit=query.size(own.limits.page),
        offset=query.offset,
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
    page = read_query(request, Page)
    selection = CommitSelection(limit=page.size(own.limits.page), offset=page.offset)
    return json_response(await own.commits.find(*_repo(request), selection))


async def _pull(request: Request) -> Response:
    include_model = read_query(request, Pull).include_model
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


_REPO = "/repos/{owner}/{name}"
_COMMITS = "/commits/{owner}/{name}"

routes = [
    Operation("POST", "/repos", _create, "Make a prompt", body=RepoCreate, answer=RepoAnswer),
    Operation("GET", "/repos", _list, "List prompts", query=RepoList, answer=RepoPage),
    Operation("GET", _REPO, _read, "Read a prompt", answer=RepoAnswer),
    Operation("PATCH", _REPO, _update, "Change a prompt", body=RepoUpdate, answer=RepoAnswer),
    Operation("DELETE", _REPO, _delete, "Delete a prompt and its commits", answer=Nothing),
    Operation("POST", f"{_REPO}/tags", _tag, "Tag a commit", body=TagCreate, answer=Tag),
    Operation("GET", f"{_REPO}/tags", _list_tags, "List a prompt's tags", answer=list[Tag]),
    Operation("GET", f"{_REPO}/tags/{{tag}}", _read_tag, "Read a tag", answer=Tag),
    Operation("PATCH", f"{_REPO}/tags/{{tag}}", _move_tag, "Move a tag", body=TagUpdate, answer=Tag),
    Operation("DELETE", f"{_REPO}/tags/{{tag}}", _delete_tag, "Delete a tag", answer=Nothing),
    Operation("POST", "/likes/{owner}/{name}", _like, "Like a prompt, or not", body=Like, answer=Likes),
    Operation("POST", _COMMITS, _commit, "Write a commit", body=CommitCreate, answer=CommitAnswer),
    Operation("GET", _COMMITS, _list_commits, "List commits", query=Page, answer=CommitPage),
    Operation("GET", f"{_COMMITS}/{{commit:path}}", _pull, "Pull a commit", query=Pull, answer=Pulled),
]
