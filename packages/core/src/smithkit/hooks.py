"""The hooks through which plugins take part: one sentence each, contracts in `docs/hooks.md`.

A plugin is a module or object whose functions carry `@hookimpl` and the name of a hook. An
implementation may leave out arguments that it does not need. Plugins come in through an entry point
of the group ``smithkit``, through `register` for the whole process, or through
``Client(plugins=[...])`` for one client.

Example:
    >>> from smithkit import hooks
    >>> class Audit:
    ...     @hooks.hookimpl
    ...     def before_request(self, request):
    ...         print(request.method, request.path)
    >>> audit = hooks.register(Audit())
    >>> hooks.unregister(audit)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Executor

    from smithkit.cli import CommandRegistry
    from smithkit.config import Config
    from smithkit.operations import Request, Response
    from smithkit.plugins import MethodRegistry

__all__ = ["API_VERSION", "PROJECT", "HookSpecs", "hookimpl", "hookspec", "register", "unregister"]

PROJECT = "smithkit"
API_VERSION = 1
"""Version of the hook API; a plugin states the one it was written for as ``smithkit_hook_api = 1``."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """All hooks. Every argument is optional for an implementation."""

    @hookspec
    def register_methods(self, registry: MethodRegistry) -> None:
        """Add classes of methods to the clients."""

    @hookspec
    def configure_client(self, client: Any, config: Config) -> None:
        """Set a client up after its construction; a ValueError or LangSmithError refuses its options."""

    @hookspec(firstresult=True)
    def authenticate(self, config: Config) -> dict[str, str] | None:
        """Give the headers that authenticate a request, in place of the API key's."""

    @hookspec
    def before_request(self, request: Request) -> None:
        """See, or change, a request before it is sent."""

    @hookspec
    def after_response(self, request: Request, response: Response) -> None:
        """See an accepted answer."""

    @hookspec
    def on_request_error(self, request: Request, error: Exception) -> None:
        """See why a request failed, after the last attempt."""

    @hookspec(firstresult=True)
    def serialize(self, value: Any) -> Any:
        """Turn a value of a type of your own into JSON-ready data; None leaves it to the next."""

    @hookspec
    def process_runs(self, runs: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Redact, drop or enrich runs before anything leaves the process; return the list to keep."""

    @hookspec
    def export_runs(self, batch: Sequence[dict[str, Any]]) -> None:
        """Send runs to a further sink."""

    @hookspec
    def on_tracing_error(self, error: Exception, runs: Sequence[dict[str, Any]]) -> None:
        """Learn that runs could not be delivered."""

    @hookspec(firstresult=True)
    def create_prompt_cache(self, config: Config) -> Any:
        """Give a prompt cache to use in place of the built-in one."""

    @hookspec(firstresult=True)
    def create_executor(self, spec: str) -> Executor | None:
        """Give the executor that evaluations named by a spec such as ``dask://host:port`` run on."""

    @hookspec
    def on_experiment_progress(self, event: Any) -> None:
        """Follow an experiment's progress."""

    @hookspec
    def register_commands(self, cli: CommandRegistry) -> None:
        """Add commands to the `smithkit` program."""

    @hookspec
    def register_routes(self, app: Any) -> None:
        """Add routes to the server's application."""

    @hookspec(firstresult=True)
    def create_embedder(self) -> Any:
        """Give what makes vectors of texts, for the server's few-shot search."""

    @hookspec(firstresult=True)
    def create_store(self, url: str) -> Any:
        """Give the server's store for a database URL."""


def register(plugin: object, name: str | None = None) -> object:
    """Register a plugin for the whole process.

    Args:
        plugin: A module or object with `hookimpl` functions.
        name: Name shown by `smithkit plugins`; by default its type's or module's name.

    Returns:
        The plugin, for `unregister`.

    Raises:
        PluginConflictError: It registers a client method that another plugin has registered.
        LangSmithUserError: It implements a hook with an argument that the hook does not have.

    Example:
        >>> from smithkit import hooks
        >>> class Silent: ...
        >>> hooks.unregister(hooks.register(Silent()))
    """
    from smithkit.plugins import manager

    return manager().register(plugin, name)


def unregister(plugin: object) -> None:
    """Take a plugin back that `register` added; methods that it registered leave the clients.

    Args:
        plugin: What `register` returned.
    """
    from smithkit.plugins import manager

    manager().unregister(plugin)
