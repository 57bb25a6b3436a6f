"""What `smithkit` loads when a client is first used: registers the methods and resolves the options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    from smithkit.config import Config
    from smithkit.plugins import MethodRegistry

__all__ = ["configure_client", "register_methods", "smithkit_hook_api"]

smithkit_hook_api = 1
"""Version of the hook API that this plugin is written for."""


@hookimpl
def register_methods(registry: MethodRegistry) -> None:
    """Add the methods of this package to the clients."""
    from smithkit.tracing._methods import AsyncTracingMethods, TracingMethods

    registry.add(TracingMethods, asynchronous=AsyncTracingMethods)


@hookimpl
def configure_client(client: Any, config: Config) -> None:
    """Resolve the client's options of tracing, and have what is queued delivered when it closes."""
    from smithkit.tracing import _options

    options = client.state["tracing"] = _options.resolve(config.options)
    if options.otel_enabled:
        from smithkit.tracing.otel._bridge import activate

        activate()
    client.state.setdefault("deliver", []).append(client.close_tracing)
    if options.spool is not None:
        client.recover_runs()
