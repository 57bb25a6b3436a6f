"""The commands ``smithkit keys`` and ``smithkit workspaces``: who may use a server's database."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.server.domain.roles import ROLES
from smithkit.server.domain.times import format_time, now
from smithkit.server.serve import add_database_option, database_url, days

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from smithkit.server.domain.runs import Row
    from smithkit.server.store import Directory

__all__ = ["configure_keys", "configure_workspaces", "run"]

_HANDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


class _RefusedError(Exception):
    """What was asked for cannot be done; the text says why."""


def configure_keys(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``smithkit keys``.

    Args:
        parser: Of the command.
    """
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="make a key; it is shown once")
    create.add_argument("name", help="what you call it, such as the program that will use it")
    create.add_argument(
        "--workspace", metavar="HANDLE", help="handle or id of its workspace (default: the first)"
    )
    create.add_argument(
        "--role", choices=ROLES, default="write", help="what it allows (default: %(default)s)"
    )
    create.add_argument("--days", type=days, help="for how many days it works (default: for ever)")
    create.set_defaults(action=_create_key)
    listing = commands.add_parser("list", help="show which keys there are, never the keys themselves")
    listing.set_defaults(action=_list_keys)
    revoke = commands.add_parser("revoke", help="make a key worthless")
    revoke.add_argument("id", type=UUID, help="its id, as `list` shows it")
    revoke.set_defaults(action=_revoke_key)
    for command in (create, listing, revoke):
        add_database_option(command)


def configure_workspaces(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``smithkit workspaces``.

    Args:
        parser: Of the command.
    """
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = commands.add_parser("create", help="make a workspace, whose data no other one sees")
    create.add_argument("handle", help="its short name: small letters, digits and dashes")
    create.add_argument("--name", help="its name for people (default: the handle)")
    create.set_defaults(action=_create_workspace)
    listing = commands.add_parser("list", help="show which workspaces there are")
    listing.set_defaults(action=_list_workspaces)
    for command in (create, listing):
        add_database_option(command)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say.

    Args:
        arguments: As one of the functions above has them.

    Returns:
        The exit status: 0, or 1 if it cannot be done.
    """
    try:
        with _directory(database_url(arguments)) as directory:
            asyncio.run(arguments.action(directory, arguments))
    except _RefusedError as error:
        _say(f"smithkit: {error}", sys.stderr)
        return 1
    return 0


@contextmanager
def _directory(url: str) -> Iterator[Directory]:
    from smithkit.server.store import open_store

    store = open_store(url)
    try:
        yield store.directory
    finally:
        store.close()


async def _create_key(directory: Directory, arguments: argparse.Namespace) -> None:
    from smithkit.server.services.keys import KeyService

    workspace = await _workspace(directory, arguments.workspace)
    service = KeyService(directory)
    key, row = await service.create(workspace["id"], arguments.name, arguments.role, arguments.days)
    _say(f"Key {row['id']} for workspace {workspace['handle']}, role {row['role']}. It is not shown again:")
    _say(key)


async def _list_keys(directory: Directory, _arguments: argparse.Namespace) -> None:
    handles = {row["id"]: row["handle"] for row in await directory.workspaces()}
    for row in await directory.keys():
        about = (
            row["id"],
            f"…{row['hint']}",
            handles[row["workspace_id"]],
            row["role"],
            _state(row),
            row["name"],
        )
        _say("  ".join(map(str, about)))


async def _revoke_key(directory: Directory, arguments: argparse.Namespace) -> None:
    if not await directory.revoke_key(arguments.id):
        raise _RefusedError(f"there is no key {arguments.id} that still works: see `smithkit keys list`")
    _say(f"Key {arguments.id} works no longer.")


async def _create_workspace(directory: Directory, arguments: argparse.Namespace) -> None:
    from smithkit.server.store import NameTakenError

    handle = arguments.handle
    if _HANDLE.fullmatch(handle) is None:
        raise _RefusedError(f"{handle!r} is no handle: give small letters, digits and dashes")
    try:
        row = await directory.create_workspace(arguments.name or handle, handle, secrets.token_bytes(32))
    except NameTakenError:
        raise _RefusedError(f"there is a workspace {handle!r} already") from None
    _say(
        f"Workspace {handle}, id {row['id']}. Make a key for it: smithkit keys create NAME --workspace {handle}"
    )


async def _list_workspaces(directory: Directory, _arguments: argparse.Namespace) -> None:
    for row in await directory.workspaces():
        _say(f"{row['id']}  {row['handle']}  {row['display_name']}")


async def _workspace(directory: Directory, wanted: str | None) -> Row:
    found = await directory.workspaces()
    for row in found:
        if wanted is None or wanted in {row["handle"], str(row["id"])}:
            return row
    known = ", ".join(str(row["handle"]) for row in found)
    raise _RefusedError(f"there is no workspace {wanted!r}; there are: {known}")


def _state(row: Row) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    if row["expires_at"] is None:
        return "works"
    return (
        f"{'works until' if row['expires_at'] > now() else 'expired'} {format_time(row['expires_at'])[:10]}"
    )


def _say(text: str, stream: Any = None) -> None:
    print(text, file=stream or sys.stdout, flush=True)
