"""Reading prompts and their commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Select, and_, func, or_, select

from smithkit.server.store.packing import unpack
from smithkit.server.store.prompt_tables import (
    prompt_commits,
    prompt_labels,
    prompt_likes,
    prompt_repos,
    prompt_tags,
)
from smithkit.server.store.tables import workspaces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.prompt_protocol import CommitSelection, RepoSelection

__all__ = [
    "count_likes",
    "read_manifest",
    "read_repo",
    "read_repo_by_id",
    "select_commits",
    "select_repos",
    "select_tags",
]

_OF_REPO = prompt_commits.c.repo_id == prompt_repos.c.id
_NUM_COMMITS = select(func.count()).where(_OF_REPO).scalar_subquery()
_PULLS = select(func.coalesce(func.sum(prompt_commits.c.pulls), 0)).where(_OF_REPO).scalar_subquery()
_LAST_HASH = (
    select(prompt_commits.c.hash)
    .where(_OF_REPO)
    .order_by(prompt_commits.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_NUM_LIKES = select(func.count()).where(prompt_likes.c.repo_id == prompt_repos.c.id).scalar_subquery()
_SORTS: dict[str, ColumnElement[Any]] = {
    "updated_at": prompt_repos.c.updated_at,
    "num_likes": _NUM_LIKES,
    "num_downloads": _PULLS,
    "num_views": _PULLS,
}


def read_repo(connection: Connection, workspace_id: UUID, owner: str | None, name: str) -> Row | None:
    """Read a prompt by name, if it is the workspace's or public.

    Args:
        connection: A connection.
        workspace_id: Who asks.
        owner: Handle of the owner; None for the workspace itself.
        name: The prompt's name.

    Returns:
        Its record.
    """
    own = prompt_repos.c.workspace_id == workspace_id
    owned = own if owner is None else workspaces.c.handle == owner
    return _first_repo(connection, workspace_id, owned, prompt_repos.c.name == name, _visible(workspace_id))


def read_repo_by_id(connection: Connection, workspace_id: UUID, repo_id: UUID) -> Row | None:
    """Read a prompt, whoever may see it."""
    return _first_repo(connection, workspace_id, prompt_repos.c.id == repo_id)


def select_repos(
    connection: Connection, selection: RepoSelection, workspace_id: UUID
) -> tuple[list[Row], int]:
    """Read the prompts that a selection names, and how many there are without its limit."""
    conditions = [_visible(workspace_id), *_conditions(selection)]
    joined = prompt_repos.join(workspaces)
    total = connection.execute(select(func.count()).select_from(joined).where(*conditions)).scalar_one()
    column = _SORTS[selection.sort_field]
    order = column.asc() if selection.ascending else column.desc()
    statement = (
        _repos(workspace_id)
        .where(*conditions)
        .order_by(order, prompt_repos.c.updated_at.desc(), prompt_repos.c.id)
        .limit(selection.limit)
        .offset(selection.offset)
    )
    return _labelled(connection, statement), total


def count_likes(connection: Connection, repo_id: UUID) -> int:
    """Tell how many like a prompt."""
    return connection.execute(select(func.count()).where(prompt_likes.c.repo_id == repo_id)).scalar_one()


def select_commits(connection: Connection, repo_id: UUID, selection: CommitSelection) -> list[Row]:
    """Read commits without their manifests, newest first."""
    parents = prompt_commits.alias("parents")
    before = and_(
        parents.c.repo_id == prompt_commits.c.repo_id, parents.c.number == prompt_commits.c.number - 1
    )
    columns = [column for column in prompt_commits.c if column.name != "manifest"]
    statement = (
        select(*columns, parents.c.id.label("parent_id"), parents.c.hash.label("parent_hash"))
        .select_from(prompt_commits.outerjoin(parents, before))
        .where(prompt_commits.c.repo_id == repo_id)
        .order_by(prompt_commits.c.number.desc())
        .limit(selection.limit)
        .offset(selection.offset)
    )
    if selection.id is not None:
        statement = statement.where(prompt_commits.c.id == selection.id)
    if selection.prefix is not None:
        statement = statement.where(prompt_commits.c.hash.startswith(selection.prefix, autoescape=True))
    if selection.tag is not None:
        tagged = and_(prompt_tags.c.repo_id == repo_id, prompt_tags.c.name == selection.tag)
        statement = statement.where(
            prompt_commits.c.id == select(prompt_tags.c.commit_id).where(tagged).scalar_subquery()
        )
    return _rows(connection, statement)


def read_manifest(connection: Connection, commit_id: UUID) -> bytes | None:
    """Read a commit's manifest."""
    statement = select(prompt_commits.c.manifest).where(prompt_commits.c.id == commit_id)
    packed = connection.execute(statement).scalar()
    return None if packed is None else unpack(packed)


def select_tags(connection: Connection, repo_id: UUID, name: str | None) -> list[Row]:
    """Read the tags of a prompt's commits, by name."""
    statement = (
        select(prompt_tags, prompt_commits.c.hash.label("commit_hash"))
        .join(prompt_commits, prompt_commits.c.id == prompt_tags.c.commit_id)
        .where(prompt_tags.c.repo_id == repo_id)
        .order_by(prompt_tags.c.name)
    )
    return _rows(connection, statement if name is None else statement.where(prompt_tags.c.name == name))


def _repos(workspace_id: UUID) -> Select[Any]:
    likes = and_(prompt_likes.c.repo_id == prompt_repos.c.id, prompt_likes.c.workspace_id == workspace_id)
    return select(
        prompt_repos,
        workspaces.c.handle.label("owner"),
        _NUM_COMMITS.label("num_commits"),
        _PULLS.label("pulls"),
        _LAST_HASH.label("last_commit_hash"),
        _NUM_LIKES.label("num_likes"),
        select(prompt_likes.c.repo_id).where(likes).exists().label("liked"),
    ).join(workspaces, workspaces.c.id == prompt_repos.c.workspace_id)


def _visible(workspace_id: UUID) -> ColumnElement[bool]:
    return or_(prompt_repos.c.workspace_id == workspace_id, prompt_repos.c.is_public)


def _conditions(selection: RepoSelection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if selection.query:
        full_name = workspaces.c.handle + "/" + prompt_repos.c.name
        texts = (prompt_repos.c.name, full_name, prompt_repos.c.description)
        match = "istartswith" if selection.match_prefix else "icontains"
        conditions.append(or_(*(getattr(text, match)(selection.query, autoescape=True) for text in texts)))
    if selection.repo_type is not None:
        conditions.append(prompt_repos.c.repo_type == selection.repo_type)
    if selection.is_public is not None:
        conditions.append(prompt_repos.c.is_public.is_(selection.is_public))
    if selection.is_archived is not None:
        conditions.append(prompt_repos.c.is_archived.is_(selection.is_archived))
    for label in selection.labels:
        has = and_(prompt_labels.c.repo_id == prompt_repos.c.id, prompt_labels.c.label == label)
        conditions.append(select(prompt_labels.c.repo_id).where(has).exists())
    return conditions


def _first_repo(connection: Connection, workspace_id: UUID, *conditions: ColumnElement[bool]) -> Row | None:
    return next(iter(_labelled(connection, _repos(workspace_id).where(*conditions))), None)


def _labelled(connection: Connection, statement: Select[Any]) -> list[Row]:
    repos = _rows(connection, statement)
    labels = _labels(connection, [repo["id"] for repo in repos])
    return [{**repo, "labels": labels.get(repo["id"], [])} for repo in repos]


def _labels(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    statement = (
        select(prompt_labels.c.repo_id, prompt_labels.c.label)
        .where(prompt_labels.c.repo_id.in_(ids))
        .order_by(prompt_labels.c.repo_id, prompt_labels.c.position)
    )
    labels: dict[UUID, list[str]] = {}
    for repo_id, label in connection.execute(statement):
        labels.setdefault(repo_id, []).append(label)
    return labels


def _rows(connection: Connection, statement: Select[Any]) -> list[Row]:
    return [dict(row) for row in connection.execute(statement).mappings()]
