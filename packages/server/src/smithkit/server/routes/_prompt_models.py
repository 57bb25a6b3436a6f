"""Bodies of requests about prompts."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from smithkit.server.domain.prompt_names import check_handle, check_name, check_tag

__all__ = ["CommitCreate", "Handle", "Like", "RepoCreate", "RepoUpdate", "TagCreate", "TagUpdate"]


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode: it has half of a surrogate pair") from None
    return text


_Text = Annotated[str, AfterValidator(_storable)]
_Examples = Annotated[list[UUID], Field(max_length=100)]
_Label = Annotated[_Text, Field(min_length=1, max_length=255)]
_Labels = Annotated[
    list[_Label], Field(max_length=100), AfterValidator(lambda labels: [*dict.fromkeys(labels)])
]


class _Body(BaseModel):
    """Fields that this server does not know are ignored."""

    model_config = ConfigDict(extra="ignore")


class RepoUpdate(_Body):
    """Body of ``PATCH /repos/{owner}/{name}``; null changes nothing."""

    description: _Text | None = None
    readme: _Text | None = None
    is_public: bool | None = None
    is_archived: bool | None = None
    tags: _Labels | None = None

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set."""
        return self.model_dump(exclude={"tags", "repo_handle"}, exclude_none=True)


class RepoCreate(RepoUpdate):
    """Body of ``POST /repos``."""

    repo_handle: Annotated[str, AfterValidator(check_name)]

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set, the name among them."""
        return {**super().columns(), "name": self.repo_handle}


class CommitCreate(_Body):
    """Body of ``POST /commits/{owner}/{name}``."""

    manifest: Any
    parent_commit: str | None = None
    example_run_ids: _Examples | None = None


class TagUpdate(_Body):
    """Body of ``PATCH /repos/{owner}/{name}/tags/{tag}``."""

    commit_id: UUID


class TagCreate(TagUpdate):
    """Body of ``POST /repos/{owner}/{name}/tags``."""

    tag_name: Annotated[str, AfterValidator(check_tag)]


class Like(_Body):
    """Body of ``POST /likes/{owner}/{name}``."""

    like: bool


class Handle(_Body):
    """Body of ``POST /settings/handle``."""

    tenant_handle: Annotated[str, AfterValidator(check_handle)]
