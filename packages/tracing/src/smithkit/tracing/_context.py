"""What is current: the run, and what `tracing_context` and `configure` say.

One context variable holds it all. Its value is the current run itself, or a `Scope` inside of a
`tracing_context` block, or None. A run carries what its children inherit (project, tags, metadata,
client), so that starting a run needs no second object.
"""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

from contextvars import ContextVar

from smithkit.tracing._switch import environment_enabled, environment_has_endpoints, environment_project

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any, Literal

    from smithkit.tracing._run_fields import RunFields
    from smithkit.tracing._types import WriteReplica
    from smithkit.tracing.run_trees import RunTree

__all__ = [
    "configure",
    "get_current_run_tree",
    "get_tracing_context",
    "set_run_metadata",
    "tracing_context",
    "tracing_enabled",
]


class Scope:
    """What a `tracing_context` block says to the runs that start inside of it."""

    __slots__ = (
        "client",
        "distributed_parent_id",
        "enabled",
        "left_for",
        "metadata",
        "project_name",
        "replicas",
        "run",
        "tags",
    )

    enabled: bool | Literal["local"] | None
    left_for: Scope | RunTree | None

    def __init__(self, run: RunTree | None = None, enabled: bool | Literal["local"] | None = None) -> None:  # noqa: FBT001 - internal
        self.run = run
        self.enabled = enabled
        self.project_name: str | None = None
        self.tags: list[str] | None = None
        self.metadata: dict[str, Any] | None = None
        self.client: Any = None
        self.replicas: Sequence[WriteReplica] | None = None
        self.distributed_parent_id: str | None = None


class Defaults:
    """What `configure` set for the process."""

    __slots__ = ("client", "enabled", "metadata", "project_name", "tags")

    def __init__(self) -> None:
        self.client: Any = None
        self.enabled: bool | Literal["local"] | None = None
        self.project_name: str | None = None
        self.tags: list[str] | None = None
        self.metadata: dict[str, Any] | None = None


class _Unset:
    """Type of the mark for arguments that were left out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<unset>"


_UNSET = _Unset()
defaults = Defaults()
current: ContextVar[Scope | RunTree | None] = ContextVar("smithkit_tracing", default=None)


def split(scope: Scope | RunTree | None) -> tuple[RunTree | None, Scope | None]:
    """The current run and the block around it, of a value of `current`."""
    if scope is None:
        return None, None
    if isinstance(scope, Scope):
        return scope.run, scope
    return scope, None


def mode_of(scope: Scope | RunTree | None) -> bool | Literal["local"]:
    """Whether a run that starts in this scope is traced."""
    if scope is None:
        enabled = defaults.enabled
        return environment_enabled() if enabled is None else enabled
    if not isinstance(scope, Scope):
        return "local" if scope._local else True
    return mode_of(scope.run) if scope.enabled is None else scope.enabled


def distributed_parent_of(run: RunFields | None) -> str | None:
    """Id of the run of another process above a run: it is noted there, not at each child."""
    while run is not None:
        if run._rare is not None and run.distributed_parent_id is not None:
            return run.distributed_parent_id
        run = run.parent_run
    return None


def default_project() -> str:
    """The project of a run when neither call, decorator, parent nor context names one."""
    return defaults.project_name or environment_project()


def environment_replicas() -> Sequence[WriteReplica] | None:
    """The replicas that the environment names."""
    if not environment_has_endpoints():
        return None
    from smithkit.tracing._replicas import from_environment

    return from_environment()


def current_replicas() -> Sequence[WriteReplica] | None:
    """The replicas of a run that neither has its own nor gets a parent's."""
    block = split(current.get())[1]
    return (block.replicas if block is not None else None) or environment_replicas()


def tracing_enabled() -> bool | Literal["local"]:
    """Whether a traced function that is called now makes a run.

    The first that says something decides: the innermost `tracing_context` with `enabled`, a current
    run, `configure(enabled=…)`, the environment (``LANGSMITH_TRACING_V2``, then ``LANGSMITH_TRACING``,
    each also with ``LANGCHAIN_``; on for the exact text ``true``). The environment is read at each call.

    Returns:
        True, False, or ``"local"`` where runs are made and not sent.

    Example:
        >>> from smithkit.tracing import tracing_context, tracing_enabled
        >>> with tracing_context(enabled=False):
        ...     tracing_enabled()
        False
    """
    return mode_of(current.get())


def get_current_run_tree() -> RunTree | None:
    """The run whose function or block is being executed, or None.

    Example:
        >>> from smithkit.tracing import get_current_run_tree, trace, tracing_context
        >>> with tracing_context(enabled="local"), trace("step"):
        ...     get_current_run_tree().name
        'step'
    """
    return split(current.get())[0]


def set_run_metadata(**metadata: Any) -> None:
    """Add metadata to the current run; without one, nothing happens.

    Args:
        **metadata: Keys and JSON-ready values; they replace values of the same key.

    Example:
        >>> from smithkit.tracing import set_run_metadata, traceable
        >>> @traceable
        ... def answer(question: str) -> str:
        ...     set_run_metadata(language="en")
        ...     return "42"
    """
    run = get_current_run_tree()
    if run is not None:
        run.add_metadata(metadata)


def get_tracing_context() -> dict[str, Any]:
    """What is current, as a dictionary.

    Returns:
        ``parent`` (the current run), ``project_name``, ``tags``, ``metadata``, ``enabled``, ``client``,
        ``replicas`` and ``distributed_parent_id``; None where nothing is said. These are the keyword
        arguments of a `tracing_context` that repeats the context elsewhere.

    Example:
        >>> from smithkit.tracing import get_tracing_context, tracing_context
        >>> with tracing_context(project_name="checkout"):
        ...     get_tracing_context()["project_name"]
        'checkout'
    """
    scope = current.get()
    run, block = split(scope)
    if block is None and run is not None:
        block = Scope(run, "local" if run._local else True)
        block.project_name = run.session_name
        block.tags = list(run.tags or ())
        block.metadata = dict(run.inherited_metadata())
        block.client = run.ls_client
        block.replicas = run.replicas
        block.distributed_parent_id = distributed_parent_of(run)
    elif block is None:
        block = Scope(enabled=defaults.enabled)
        block.project_name = defaults.project_name
        block.tags = defaults.tags
        block.metadata = defaults.metadata
        block.client = defaults.client
    names = ("project_name", "tags", "metadata", "enabled", "client", "replicas", "distributed_parent_id")
    return {"parent": block.run, **{name: getattr(block, name) for name in names}}


def configure(
    client: Any = _UNSET,
    enabled: bool | Literal["local"] | _Unset | None = _UNSET,  # noqa: FBT001 - the API's known signature
    project_name: str | _Unset | None = _UNSET,
    tags: Sequence[str] | _Unset | None = _UNSET,
    metadata: Mapping[str, Any] | _Unset | None = _UNSET,
) -> None:
    """Set tracing's defaults for the whole process, and for the current `tracing_context` block.

    Only the arguments that are given change something; None takes a default back.

    Args:
        client: Client that runs are sent with where nothing names another.
        enabled: Whether functions are traced, whatever the environment says; ``"local"`` makes runs
            without sending them.
        project_name: Project of new traces.
        tags: Tags of new traces.
        metadata: Metadata of new traces.

    Example:
        >>> from smithkit.tracing import configure
        >>> configure(project_name="checkout", tags=["canary"])
        >>> configure(project_name=None, tags=None)
    """
    block = split(current.get())[1]
    for place in (defaults, block):
        if place is None:
            continue
        if client is not _UNSET:
            place.client = client
        if not isinstance(enabled, _Unset):
            place.enabled = enabled
        if not isinstance(project_name, _Unset):
            place.project_name = project_name
        if not isinstance(tags, _Unset):
            place.tags = list(tags) if tags is not None else None
        if not isinstance(metadata, _Unset):
            place.metadata = dict(metadata) if metadata is not None else None


class tracing_context:  # noqa: N801 - used like a function
    """Say for a block of code whether, where and under which parent its runs are traced.

    What is left out is not said inside of the block, with two exceptions: `enabled` and the current
    run stay as they are. Tags and metadata of the parent are handed on beside the given ones.

    Args:
        project_name: Project of traces that start inside.
        tags: Tags for every run inside.
        metadata: Metadata for every run inside.
        parent: Run that runs inside become children of: a `RunTree`, the headers of a request
            (`RunTree.to_headers`), or a dotted order. False means that they start traces of their own.
        enabled: Whether to trace; ``"local"`` makes runs without sending them.
        client: Client to send with.
        replicas: Places to write each run to, in place of its project and the client's endpoint: see
            `WriteReplica`.
        distributed_parent_id: Id of the run of another process that the block continues.

    Example:
        >>> from smithkit.tracing import traceable, tracing_context
        >>> @traceable
        ... def secret() -> int:
        ...     return 7
        >>> with tracing_context(enabled=False):
        ...     secret()
        7
    """

    __slots__ = ("_given", "_outer", "_scope")

    def __init__(
        self,
        *,
        project_name: str | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        parent: RunTree | Mapping[Any, Any] | str | Literal[False] | None = None,
        enabled: bool | Literal["local"] | None = None,
        client: Any = None,
        replicas: Sequence[WriteReplica] | None = None,
        distributed_parent_id: str | None = None,
    ) -> None:
        self._given = (
            project_name,
            tags,
            metadata,
            parent,
            enabled,
            client,
            replicas,
            distributed_parent_id,
        )
        self._outer: Scope | RunTree | None = None
        self._scope: Scope | None = None

    def __enter__(self) -> None:
        """Begin the block."""
        self._outer = current.get()
        self._scope = self._make(self._outer)
        current.set(self._scope)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the block: what was current before is current again."""
        restore(self._scope, self._outer)

    def _make(self, outer: Scope | RunTree | None) -> Scope:
        project_name, tags, metadata, parent, enabled, client, replicas, distributed_parent_id = self._given
        run, block = split(outer)
        kept: bool | Literal["local"] | None = None
        if block is not None:
            kept = block.enabled
        elif run is not None:
            kept = mode_of(run)
        if parent is False:
            run = None
        elif parent is not None:
            from smithkit.tracing._propagation import as_parent

            given = as_parent(parent, project_name)
            if given is not None:
                run = given
                if given is not parent:
                    given.ls_client = client
                    distributed_parent_id = distributed_parent_id or given.id_text
        scope = Scope(run, kept if enabled is None else enabled)
        scope.project_name = project_name
        scope.tags = joined(run.tags_now() if run is not None else None, tags)
        inherited = run.inherited_metadata() if run is not None else None
        scope.metadata = {**(inherited or {}), **(metadata or {})} or None
        scope.client = client
        scope.replicas = replicas
        scope.distributed_parent_id = distributed_parent_id
        return scope


def joined(*lists: Sequence[str] | None) -> list[str] | None:
    """Tags of several sources in their order, each once; None for none."""
    given = [tags for tags in lists if tags]
    if not given:
        return None
    return list(dict.fromkeys(tag for tags in given for tag in ((tags,) if isinstance(tags, str) else tags)))


def restore(inner: Scope | RunTree | None, outer: Scope | RunTree | None) -> None:
    """Make current again what was before a block.

    Blocks in generators may end in another order than they began. One that is not current when it
    ends leaves things as they are, and a note for the block that would come back to it.

    Args:
        inner: What the block made current.
        outer: What was current before.
    """
    if current.get() is not inner:
        if inner is not None:
            inner.left_for = outer
        return
    while outer is not None and hasattr(outer, "left_for"):
        outer = outer.left_for
    current.set(outer)
