"""Whom runs tell that they become current, where somebody wants to know: the bridge to OpenTelemetry.

It is None until something of OpenTelemetry is asked for. This module imports nothing, so that asking
costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.tracing.otel._bridge import Bridge

__all__ = ["bridge"]

bridge: Bridge | None = None
"""What connects the current run and the current span."""
