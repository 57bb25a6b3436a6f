"""What this package adds to smithkit: the commands ``serve``, ``db``, ``keys`` and ``workspaces``.

Loaded by every process that imports a client, so it imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    import argparse

    from smithkit.cli import CommandRegistry

__all__ = ["register_commands"]

smithkit_hook_api = 1


@hookimpl
def register_commands(cli: CommandRegistry) -> None:
    """Add the commands."""
    cli.add("serve", help="serve the LangSmith API from a local database", configure=_configure, run=_run)
    cli.add("db", help="check, back up, shrink and copy a database", configure=_configure_db, run=_run_db)
    cli.add("keys", help="make, list and revoke API keys", configure=_configure_keys, run=_run_access)
    cli.add("workspaces", help="make and list workspaces", configure=_configure_workspaces, run=_run_access)


def _configure(parser: argparse.ArgumentParser) -> None:
    from smithkit.server.serve import configure

    configure(parser)


def _run(args: argparse.Namespace) -> int:
    from smithkit.server.serve import run

    return run(args)


def _configure_db(parser: argparse.ArgumentParser) -> None:
    from smithkit.server.upkeep.cli import configure

    configure(parser)


def _run_db(args: argparse.Namespace) -> int:
    from smithkit.server.upkeep.cli import run

    return run(args)


def _configure_keys(parser: argparse.ArgumentParser) -> None:
    from smithkit.server.access_cli import configure_keys

    configure_keys(parser)


def _configure_workspaces(parser: argparse.ArgumentParser) -> None:
    from smithkit.server.access_cli import configure_workspaces

    configure_workspaces(parser)


def _run_access(args: argparse.Namespace) -> int:
    from smithkit.server.access_cli import run

    return run(args)
