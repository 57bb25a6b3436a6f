"""`smithkit demo`: a retrieval program, traced and evaluated on this machine, without account or network."""

from __future__ import annotations

import importlib.util
import runpy
from typing import TYPE_CHECKING

from smithkit.errors import MissingPackageError

if TYPE_CHECKING:
    import argparse

    from smithkit.cli import CommandRegistry

__all__ = ["register"]


def register(registry: CommandRegistry) -> None:
    """Add the command."""
    registry.add(
        "demo", help="trace a small retrieval program, show its traces, evaluate two variants", run=_run
    )


def _run(_: argparse.Namespace) -> int:
    spec = importlib.util.find_spec("smithkit.quickstart")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            "The demo comes with the whole of smithkit: pip install smithkit (in a checkout: make demo)"
        )
    runpy.run_path(next(iter(spec.submodule_search_locations)), run_name="__main__")
    return 0
