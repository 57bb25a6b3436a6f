"""Helpers of the reference client that smithkit has no use for itself, for programs that import them.

`smithkit.compat` says under which names. They are thin: what they do is done elsewhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from smithkit.errors import LangSmithUserError
from smithkit.tracing import _context
from smithkit.tracing._runtime import current as environment_state
from smithkit.tracing._switch import environment_project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextvars import Token
    from typing import NoReturn

    from smithkit.tracing._context import Scope
    from smithkit.tracing.run_trees import RunTree

__all__ = [
    "AgentAddress",
    "CurrentRun",
    "current_run",
    "ensure_agent",
    "get_env_var",
    "get_langchain_env_var_metadata",
    "get_tracer_project",
    "get_tracing_context",
    "is_truish",
    "set_tracing_context",
    "tracing_is_enabled",
]


class _Context(dict[str, Any]):
    """A context that says nothing to the keys that newer releases of the reference have."""

    def __missing__(self, key: str) -> None:
        return None


def get_tracing_context(context: Any = None) -> dict[str, Any]:  # noqa: ARG001 - the reference's signature
    """`smithkit.tracing.get_tracing_context`; None for keys that it has not."""
    return _Context(_context.get_tracing_context())


def set_tracing_context(values: Mapping[str, Any]) -> None:
    """Change what is current, from here on: there is no block that ends it.

    LangChain calls it in a copy of the context that a step runs in.

    Args:
        values: Keys of `get_tracing_context`; what is left out stays.
    """
    state = {**_context.get_tracing_context(), **values}
    parent = state["parent"]
    if parent is not None:
        from smithkit.tracing._propagation import as_parent

        parent = as_parent(parent) if parent is not False else None
    scope = _context.Scope(parent, state["enabled"])
    scope.project_name = state["project_name"]
    scope.client = state["client"]
    scope.replicas = state["replicas"]
    scope.distributed_parent_id = state["distributed_parent_id"]
    scope.tags, scope.metadata = state["tags"], state["metadata"]
    if parent is not None:
        # The functions that a step calls get its metadata, and of tags those around it alone.
        scope.tags = list(scope.tags or ())
        scope.metadata = {**parent.inherited_metadata(), **(scope.metadata or {})}
    says = any(getattr(scope, name) is not None for name in _SAYS)
    _context.current.set(scope if says else None)


_SAYS = ("run", "enabled", "project_name", "client", "replicas", "distributed_parent_id", "tags", "metadata")


class CurrentRun:
    """The current run, as a context variable of its own would show it."""

    def get(self, default: RunTree | None = None) -> RunTree | None:
        """The current run, or the default."""
        return _context.get_current_run_tree() or default

    def set(self, run: RunTree | None) -> Token[Scope | RunTree | None]:
        """Make a run current; `reset` takes it back."""
        token = _context.current.set(_context.current.get())
        set_tracing_context({"parent": run})
        return token

    def reset(self, token: Token[Scope | RunTree | None]) -> None:
        """Make current again what was when `set` gave the token."""
        _context.current.reset(token)


current_run = CurrentRun()


def tracing_is_enabled(ctx: Mapping[str, Any] | None = None) -> bool | Literal["local"]:
    """Whether a traced function that is called now makes a run.

    Args:
        ctx: What `get_tracing_context` gave, to ask for that context.
    """
    if ctx is None or (ctx.get("enabled") is None and ctx.get("parent") is None):
        return _context.tracing_enabled()
    enabled = ctx.get("enabled")
    return True if enabled is None else enabled


def get_tracer_project(return_default_value: bool = True) -> str | None:  # noqa: FBT001, FBT002 - the reference's signature
    """The project that the environment names for runs.

    Args:
        return_default_value: Whether it is ``default`` where the environment names none, else None.
    """
    return environment_project("") or ("default" if return_default_value else None)


def get_env_var(
    name: str, default: str | None = None, *, namespaces: Sequence[str] = ("LANGSMITH", "LANGCHAIN")
) -> str | None:
    """The first variable ``<namespace>_<name>`` that is more than blanks, else the default."""
    for namespace in namespaces:
        value = os.environ.get(f"{namespace}_{name}")
        if value is not None and value.strip():
            return value
    return default


def is_truish(value: object) -> bool:
    """Whether a value says yes: True, ``"true"`` in any case, or ``"1"``."""
    return value is True or (isinstance(value, str) and value.lower() in {"true", "1"})


def get_langchain_env_var_metadata() -> dict[str, str]:
    """The ``LANGSMITH_*`` and ``LANGCHAIN_*`` variables that runs report: none with a secret."""
    return dict(environment_state().metadata)


class AgentAddress(TypedDict):
    """Where an agent's runs go, on servers that have agents in place of projects.

    Attributes:
        kind: ``AGENT``.
        id: The agent.
        environment: ``LOCAL``, ``DEVELOPMENT``, ``STAGING`` or ``PRODUCTION``.
    """

    kind: Literal["AGENT"]
    id: str
    environment: str


def ensure_agent(address: object) -> NoReturn:  # noqa: ARG001 - the reference's signature
    """Refuse an agent's address: smithkit sends runs to projects.

    Raises:
        LangSmithUserError: Always.
    """
    raise LangSmithUserError("Runs are sent to projects: give project_name instead of an address.")
