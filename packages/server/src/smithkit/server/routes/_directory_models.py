"""Requests about directories of agents and skills."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import AfterValidator, Field, StringConstraints

from smithkit.server.domain.directories import check_path
from smithkit.server.domain.fields import Body
from smithkit.server.domain.prompt_names import check_name
from smithkit.server.routes._queries import Query

__all__ = ["DirectoryCommit", "DirectoryRead", "Link", "TextFile"]

_MOST_CHANGES = 5000

_Hash = Annotated[str, StringConstraints(to_lower=True, pattern="^[0-9a-fA-F]{8,64}$")]


class TextFile(Body):
    """A file of a directory."""

    type: Literal["file"]
    content: str


class Link(Body):
    """Another agent or skill, at a path of a directory: its newest commit, or the one that is named."""

    type: Literal["agent", "skill"]
    repo_handle: Annotated[str, AfterValidator(check_name)]
    owner: Annotated[str, AfterValidator(check_name)] | None = None
    commit_id: UUID | None = None
    commit_hash: _Hash | None = None


_Entry = Annotated[TextFile | Link, Field(discriminator="type")]


class DirectoryCommit(Body):
    """Body of ``POST /v1/platform/hub/repos/{owner}/{name}/directories/commits``."""

    files: Annotated[
        dict[Annotated[str, AfterValidator(check_path)], _Entry | None], Field(max_length=_MOST_CHANGES)
    ]
    parent_commit: _Hash | None = None

    def changes(self) -> dict[str, dict[str, Any] | None]:
        """Give what shall be at each path; None for nothing."""
        return {path: None if entry is None else entry.model_dump() for path, entry in self.files.items()}


class DirectoryRead(Query):
    """Query of ``GET /v1/platform/hub/repos/{owner}/{name}/directories``."""

    repo_type: Literal["agent", "skill"] | None = None
    commit: Annotated[str, Field(min_length=1, max_length=255)] | None = None
