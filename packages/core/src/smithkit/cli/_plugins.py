"""`smithkit plugins`: which plugins are loaded, failed and skipped, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from smithkit.cli._output import print_json, print_table
from smithkit.plugins import manager

if TYPE_CHECKING:
    import argparse

    from smithkit.cli import CommandRegistry
    from smithkit.plugins import PluginRecord

__all__ = ["register"]


def register(registry: CommandRegistry) -> None:
    """Add the command."""
    registry.add("plugins", help="show loaded, failed and skipped plugins", run=_run, configure=_configure)


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(arguments: argparse.Namespace) -> int:
    records = manager().records
    if arguments.json:
        print_json([asdict(record) for record in records])
    else:
        print_table(
            ("plugin", "from", "status", "adds"),
            [(record.name, record.source, record.status, _summary(record)) for record in records],
        )
    return 1 if any(record.status == "failed" for record in records) else 0


def _summary(record: PluginRecord) -> str:
    if record.reason:
        return record.reason
    hooks = [hook for hook in record.hooks if hook != "register_methods"]
    count = len(record.methods)
    parts = [f"{count} method{'s' * (count > 1)}"] if count else []
    return ", ".join(parts + [f"hook {hook}" for hook in hooks])
