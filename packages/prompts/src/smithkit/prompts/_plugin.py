"""What `smithkit` loads when a client is first used: registers the methods and resolves the options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    from smithkit.cli import CommandRegistry
    from smithkit.plugins import MethodRegistry

__all__ = ["configure_client", "register_commands", "register_methods", "smithkit_hook_api"]

smithkit_hook_api = 1
"""Version of the hook API that this plugin is written for."""


@hookimpl
def register_methods(registry: MethodRegistry) -> None:
    """Add the methods of this package to the clients."""
    from smithkit.prompts._methods import AsyncPromptMethods, PromptMethods

    registry.add(PromptMethods, asynchronous=AsyncPromptMethods)


@hookimpl
def configure_client(client: Any) -> None:
    """Check the client's options of prompts, and have a cache of its own end with it."""
    from smithkit.prompts._options import ClientPrompts

    kept = client.state["prompts"] = ClientPrompts(client)
    client.state.setdefault("on_close", []).append(kept.close)


@hookimpl
def register_commands(cli: CommandRegistry) -> None:
    """Add `smithkit prompts`."""
    from smithkit.prompts import _cli

    _cli.register(cli)
