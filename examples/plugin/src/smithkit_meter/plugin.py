"""The hooks: smithkit loads this module through the entry point in `pyproject.toml`.

Each process that makes a client imports it, so it imports the rest when that is needed. Every argument
of a hook may be left out. What a hook raises is logged and warned about; the request goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    from smithkit.operations import Request
    from smithkit.plugins import MethodRegistry

smithkit_hook_api = 1
"""The version of the hooks that this plugin was written for."""


@hookimpl
def register_methods(registry: MethodRegistry) -> None:
    """Add `project_cost` and `request_stats` to the clients."""
    from smithkit_meter.methods import MeterMethods

    registry.add(MeterMethods)


@hookimpl
def before_request(request: Request) -> None:
    """Give the request a correlation id, and start the clock."""
    from smithkit_meter.stats import STATS

    if not request.anonymous:  # presigned URLs belong to a storage service: it learns nothing from us
        STATS.start(request)


@hookimpl
def after_response(request: Request) -> None:
    """Count a request that was answered."""
    from smithkit_meter.stats import STATS

    STATS.end(request, failed=False)


@hookimpl
def on_request_error(request: Request) -> None:
    """Count a request that failed."""
    from smithkit_meter.stats import STATS

    STATS.end(request, failed=True)


@hookimpl
def serialize(value: Any) -> Any:
    """Encode a `ProjectCost` among the inputs or outputs of a run; None leaves a value to others."""
    from smithkit_meter.methods import ProjectCost

    if not isinstance(value, ProjectCost):
        return None
    return {
        "project": value.project,
        "runs": value.runs,
        "tokens": value.tokens,
        "cost": str(value.cost),
    }
