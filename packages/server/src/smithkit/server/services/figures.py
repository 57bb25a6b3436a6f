"""Figures of runs, as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.times import format_time
from smithkit.server.domain.usage import format_cost

if TYPE_CHECKING:
    from smithkit.server.domain.runs import Row

__all__ = ["render_figures"]

_COSTS = ("total_cost", "prompt_cost", "completion_cost", "cost_p50", "cost_p99")
_MOMENTS = ("first_run_start_time", "last_run_start_time")


def render_figures(figures: Row) -> dict[str, Any]:
    """Write figures as a store gives them: costs become decimal text, moments ISO 8601.

    Example:
        >>> render_figures({"run_count": 2, "total_cost": 21_000_000})
        {'run_count': 2, 'total_cost': '0.0021', 'run_facets': []}
    """
    shown = dict(figures)
    shown |= {name: format_cost(figures[name]) for name in _COSTS if name in figures}
    shown |= {
        name: None if figures[name] is None else format_time(figures[name])
        for name in _MOMENTS
        if name in figures
    }
    return shown | {"run_facets": []}
