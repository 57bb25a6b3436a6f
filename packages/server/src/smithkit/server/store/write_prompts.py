"""Writing prompts inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import delete, select

from smithkit.server.domain.times import now
from smithkit.server.store.packing import pack
from smithkit.server.store.prompt_protocol import CommitSelection
from smithkit.server.store.prompt_tables import (
    prompt_commits,
    prompt_labels,
    prompt_likes,
    prompt_repos,
    prompt_tags,
)
from smithkit.server.store.read_prompts import count_likes, read_repo_by_id, select_commits, select_tags

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from smithkit.server.domain.runs import Row
    from smithkit.server.store.prompt_protocol import NewCommit

__all__ = [
    "change_like",
    "count_pull",
    "delete_repo",
    "delete_tag",
    "insert_commit",
    "insert_repo",
    "set_tag",
    "update_repo",
]


def insert_repo(connection: Connection, workspace_id: UUID, values: Row, labels: Sequence[str]) -> Row | None:
    """Make a prompt.

    Args:
        connection: A connection that holds the write lock.
        workspace_id: Whose it is.
        values: What the client gave: `name`, and what it likes of the other columns.
        labels: Its labels.

    Returns:
        The record; None if the name is taken.
    """
    same = (prompt_repos.c.workspace_id == workspace_id) & (prompt_repos.c.name == values["name"])
    if connection.execute(select(prompt_repos.c.id).where(same)).first() is not None:
        return None
    repo_id, moment = uuid4(), now()
    defaults = {
        "repo_type": "prompt",
        "description": None,
        "readme": None,
        "is_public": False,
        "is_archived": False,
    }
    fixed = {"id": repo_id, "workspace_id": workspace_id, "created_at": moment, "updated_at": moment}
    connection.execute(prompt_repos.insert(), defaults | values | fixed)
    _set_labels(connection, repo_id, labels)
    return read_repo_by_id(connection, workspace_id, repo_id)


def update_repo(
    connection: Connection, workspace_id: UUID, repo_id: UUID, values: Row, labels: Sequence[str] | None
) -> Row | None:
    """Change a prompt, and its labels if they are given; None if there is none."""
    if not _touch(connection, repo_id, values):
        return None
    if labels is not None:
        _set_labels(connection, repo_id, labels)
    return read_repo_by_id(connection, workspace_id, repo_id)


def delete_repo(connection: Connection, repo_id: UUID) -> bool:
    """Remove a prompt with all that belongs to it."""
    for table in (prompt_tags, prompt_likes, prompt_labels, prompt_commits):
        connection.execute(delete(table).where(table.c.repo_id == repo_id))
    return connection.execute(delete(prompt_repos).where(prompt_repos.c.id == repo_id)).rowcount > 0


def change_like(connection: Connection, workspace_id: UUID, repo_id: UUID, *, like: bool) -> int | None:
    """Note whether a workspace likes a prompt, and give its likes; None if there is none."""
    if read_repo_by_id(connection, workspace_id, repo_id) is None:
        return None
    mine = (prompt_likes.c.repo_id == repo_id) & (prompt_likes.c.workspace_id == workspace_id)
    connection.execute(delete(prompt_likes).where(mine))
    if like:
        connection.execute(prompt_likes.insert(), {"repo_id": repo_id, "workspace_id": workspace_id})
    return count_likes(connection, repo_id)


def insert_commit(connection: Connection, repo_id: UUID, commit: NewCommit) -> Row | None:
    """Store a commit on top of its parent.

    Args:
        connection: A connection that holds the write lock.
        repo_id: The prompt.
        commit: The commit.

    Returns:
        Its record; None if the prompt is gone or its newest commit is not the parent.
    """
    newest = CommitSelection(limit=1)
    parent = next(iter(select_commits(connection, repo_id, newest)), None)
    if (parent and parent["id"]) != commit.parent_id or not _touch(connection, repo_id, {}):
        return None
    row = {
        "id": uuid4(),
        "repo_id": repo_id,
        "number": parent["number"] + 1 if parent else 1,
        "hash": commit.hash,
        "manifest_id": commit.manifest_id,
        "manifest": pack(commit.manifest),
        "example_run_ids": commit.example_run_ids,
        "pulls": 0,
        "created_at": now(),
    }
    connection.execute(prompt_commits.insert(), row)
    return select_commits(connection, repo_id, newest)[0]


def count_pull(connection: Connection, commit_id: UUID) -> None:
    """Count that a commit was read."""
    statement = prompt_commits.update().where(prompt_commits.c.id == commit_id)
    connection.execute(statement.values(pulls=prompt_commits.c.pulls + 1))


def set_tag(connection: Connection, repo_id: UUID, name: str, commit_id: UUID) -> Row | None:
    """Give a commit a tag, taking it from another one; None if the prompt has no such commit."""
    there = (prompt_commits.c.id == commit_id) & (prompt_commits.c.repo_id == repo_id)
    if connection.execute(select(prompt_commits.c.id).where(there)).first() is None:
        return None
    moment = now()
    same = (prompt_tags.c.repo_id == repo_id) & (prompt_tags.c.name == name)
    moved = connection.execute(
        prompt_tags.update().where(same).values(commit_id=commit_id, updated_at=moment)
    )
    if not moved.rowcount:
        row = {"id": uuid4(), "repo_id": repo_id, "commit_id": commit_id, "name": name}
        connection.execute(prompt_tags.insert(), row | {"created_at": moment, "updated_at": moment})
    return select_tags(connection, repo_id, name)[0]


def delete_tag(connection: Connection, repo_id: UUID, name: str) -> bool:
    """Remove a tag; False if there is none."""
    same = (prompt_tags.c.repo_id == repo_id) & (prompt_tags.c.name == name)
    return connection.execute(delete(prompt_tags).where(same)).rowcount > 0


def _touch(connection: Connection, repo_id: UUID, values: Row) -> bool:
    """Change a prompt's columns and say that it changed now; False if there is none."""
    statement = prompt_repos.update().where(prompt_repos.c.id == repo_id)
    return connection.execute(statement.values({**values, "updated_at": now()})).rowcount > 0


def _set_labels(connection: Connection, repo_id: UUID, labels: Sequence[str]) -> None:
    connection.execute(delete(prompt_labels).where(prompt_labels.c.repo_id == repo_id))
    rows = [
        {"repo_id": repo_id, "position": position, "label": label} for position, label in enumerate(labels)
    ]
    if rows:
        connection.execute(prompt_labels.insert(), rows)
