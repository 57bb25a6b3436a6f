"""What `smithkit` loads when a client is first used: registers the methods and the command of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    import argparse

    from smithkit.cli import CommandRegistry
    from smithkit.plugins import MethodRegistry

__all__ = ["register_commands", "register_methods", "smithkit_hook_api"]

smithkit_hook_api = 1
"""Version of the hook API that this plugin is written for."""


@hookimpl
def register_methods(registry: MethodRegistry) -> None:
    """Add the methods of this package to the clients."""
    from smithkit.datasets._methods import AsyncDatasetMethods, DatasetMethods

    registry.add(DatasetMethods, asynchronous=AsyncDatasetMethods)


@hookimpl
def register_commands(cli: CommandRegistry) -> None:
    """Add ``smithkit datasets``."""
    cli.add("datasets", help="copy examples between files and datasets", configure=_configure, run=_run)


def _configure(parser: argparse.ArgumentParser) -> None:
    from smithkit.datasets._cli import configure

    configure(parser)


def _run(arguments: argparse.Namespace) -> int:
    from smithkit.datasets._cli import run

    return run(arguments)
