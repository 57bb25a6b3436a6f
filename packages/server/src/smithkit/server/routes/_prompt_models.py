"""Bodies of requests about prompts."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from smithkit.server.domain.fields import Body
from smithkit.server.domain.prompt_names import check_handle, check_name, check_tag
from smithkit.server.routes._queries import Page, Query
from smithkit.server.store import RepoType, SortField  # noqa: TC001 - pydantic evaluates the annotation

__all__ = [
    "CommitCreate",
    "Handle",
    "Like",
    "Pull",
    "RepoCreate",
    "RepoList",
    "RepoUpdate",
    "TagCreate",
    "TagUpdate",
]


_Examples = Annotated[list[UUID], Field(max_length=100)]
_Label = Annotated[str, Field(min_length=1, max_length=255)]
_Labels = Annotated[
    list[_Label], Field(max_length=100), AfterValidator(lambda labels: [*dict.fromkeys(labels)])
]


class RepoUpdate(Body):
    """Body of ``PATCH /repos/{owner}/{name}``; null changes nothing."""

    description: str | None = None
    readme: str | None = None
    is_public: bool | None = None
    is_archived: bool | None = None
    tags: _Labels | None = None

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set."""
        return self.model_dump(exclude={"tags", "repo_handle"}, exclude_none=True)


class RepoCreate(RepoUpdate):
    """Body of ``POST /repos``."""

    repo_handle: Annotated[str, AfterValidator(check_name)]
    repo_type: RepoType = "prompt"

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set, the name among them."""
        return {**super().columns(), "name": self.repo_handle}


class RepoList(Page):
    """Query of ``GET /repos``."""

    query: Annotated[str | None, Field(max_length=1000)] = None
    match_prefix: bool = False
    repo_type: RepoType = "prompt"
    is_public: bool | None = None
    is_archived: bool | None = None
    tags: Annotated[list[str] | None, Field(max_length=100)] = None
    sort_field: SortField = "updated_at"
    sort_direction: Literal["desc", "asc"] = "desc"


class Pull(Query):
    """Query of ``GET /commits/{owner}/{name}/{commit}``."""

    include_model: bool = False


class CommitCreate(Body):
    """Body of ``POST /commits/{owner}/{name}``."""

    manifest: Any
    parent_commit: str | None = None
    example_run_ids: _Examples | None = None


class TagUpdate(Body):
    """Body of ``PATCH /repos/{owner}/{name}/tags/{tag}``."""

    commit_id: UUID


class TagCreate(TagUpdate):
    """Body of ``POST /repos/{owner}/{name}/tags``."""

    tag_name: Annotated[str, AfterValidator(check_tag)]


class Like(Body):
    """Body of ``POST /likes/{owner}/{name}``."""

    like: bool


class Handle(Body):
    """Body of ``POST /settings/handle``."""

    tenant_handle: Annotated[str, AfterValidator(check_handle)]
