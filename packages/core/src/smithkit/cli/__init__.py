"""The `smithkit` program.

Commands come from core (`plugins`, `doctor`, `demo`) and from plugins' `register_commands` hooks
(`serve` from smithkit-server). ``--json`` makes a command's output readable for programs.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smithkit._version import __version__
from smithkit.errors import LangSmithError, LangSmithUserError, PluginWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Command", "CommandRegistry", "main"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the program.

    Attributes:
        name: What the user types.
        help: One line for ``smithkit --help``.
        run: Called with the parsed arguments; returns the exit status.
        configure: Adds arguments to the command's parser.
    """

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    configure: Callable[[argparse.ArgumentParser], None] | None = None


class CommandRegistry:
    """Takes the commands of core and of plugins."""

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}

    def add(
        self,
        name: str,
        *,
        help: str,  # noqa: A002 - as argparse names it
        run: Callable[[argparse.Namespace], int],
        configure: Callable[[argparse.ArgumentParser], None] | None = None,
    ) -> None:
        """Add a command.

        Args:
            name: What the user types.
            help: One line for ``smithkit --help``.
            run: Called with the parsed arguments; returns the exit status.
            configure: Adds arguments to the command's parser.

        Raises:
            LangSmithUserError: There is a command of this name.

        Example:
            >>> CommandRegistry().add("hello", help="greet", run=lambda arguments: print("hello") or 0)
        """
        if name in self.commands:
            raise LangSmithUserError(f"There is a command {name!r} already.")
        self.commands[name] = Command(name, help, run, configure)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: Arguments; by default those of the process.

    Returns:
        The exit status: 0 for success, 1 for a failure, 2 for wrong arguments.
    """
    parser = _parser()
    arguments = parser.parse_args(argv)
    if "run" not in arguments:
        parser.print_help()
        return 2
    try:
        status: int = arguments.run(arguments)
    except LangSmithError as error:
        print(f"smithkit: {error}", file=sys.stderr)  # noqa: T201 - a program speaks
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smithkit", description="The LangSmith API at your command line.")
    parser.add_argument("--version", action="version", version=f"smithkit {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in sorted(_commands(), key=lambda command: command.name):
        subparser = subparsers.add_parser(command.name, help=command.help, description=command.help)
        if command.configure is not None:
            command.configure(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _commands() -> list[Command]:
    from smithkit.cli import _demo, _doctor, _plugins
    from smithkit.plugins import manager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        manager().load()
    for record in manager().records:
        if record.status == "failed":
            print(f"smithkit: plugin {record.name!r} is left out: {record.reason}", file=sys.stderr)  # noqa: T201
    registry = CommandRegistry()
    for module in (_demo, _doctor, _plugins):
        module.register(registry)
    manager().notify("register_commands", cli=registry)
    return list(registry.commands.values())


if __name__ == "__main__":
    sys.exit(main())
