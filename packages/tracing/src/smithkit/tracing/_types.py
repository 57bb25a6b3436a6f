"""Types of the run helpers. Nothing of it is needed to run; type checkers and editors read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypedDict, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from smithkit.tracing.run_trees import RunTree

__all__ = ["AuthHeaders", "LangSmithExtra", "RunType", "Traceable", "WriteReplica"]

P = ParamSpec("P")
Q = ParamSpec("Q")
R_co = TypeVar("R_co", covariant=True)
S = TypeVar("S")

RunType = Literal["tool", "chain", "llm", "retriever", "embedding", "prompt", "parser"]
"""What kind of work a run is."""


class LangSmithExtra(TypedDict, total=False):
    """What one call of a traced function may say about its run: its ``langsmith_extra``.

    Attributes:
        name: What the run is called.
        run_id: Its id.
        parent: Its parent: a run, the headers of a request, a dotted order, or ``"ignore"`` for none.
        run_tree: Its parent, if `parent` is not given.
        project_name: Project of a new trace.
        metadata: Metadata; context and decorator win over it.
        tags: Tags, before those of context and decorator.
        client: Client to send with.
        reference_example_id: Example of a dataset that a new trace answers.
        run_extra: What stands in `extra` beside the metadata.
        on_end: Called with the run after it was sent.
    """

    name: str | None
    run_id: UUID | str | None
    parent: RunTree | Mapping[Any, Any] | str | Literal[False] | None
    run_tree: RunTree | None
    project_name: str | None
    metadata: Mapping[str, Any] | None
    tags: Sequence[str] | None
    client: Any
    reference_example_id: UUID | str | None
    run_extra: Mapping[str, Any] | None
    on_end: Callable[[RunTree], Any] | None


class AuthHeaders(TypedDict, total=False):
    """Who writes a replica.

    Attributes:
        api_key: Sent as ``x-api-key``.
        service_key: Sent as ``X-Service-Key``.
        tenant_id: Sent as ``X-Tenant-Id``.
        authorization: Sent as ``Authorization``.
        cookie: Sent as ``Cookie``.
    """

    api_key: str | None
    service_key: str | None
    tenant_id: str | None
    authorization: str | None
    cookie: str | None


class WriteReplica(TypedDict, total=False):
    """A place that runs are written to in place of their project and the client's endpoint.

    Attributes:
        api_url: Endpoint, by default the client's. Without credentials of its own, nobody's are sent to it.
        api_key: Key for it.
        auth: Credentials for it, in place of `api_key`.
        project_name: Project, by default the run's. A copy for another project has ids of its own.
        updates: Fields to replace in the copy. ``"reroot": True`` is none of them: of a trace that began in
            another process, it keeps what happens in this one, as a trace of its own.
    """

    api_url: str | None
    api_key: str | None
    auth: AuthHeaders | None
    project_name: str | None
    updates: dict[str, Any] | None


class Traceable(Protocol[P, R_co]):
    """A traced function: called as the function is, or with ``langsmith_extra`` beside its arguments."""

    __name__: str
    __langsmith_traceable__: bool

    @property
    def __wrapped__(self) -> Callable[P, R_co]: ...

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: Any, langsmith_extra: LangSmithExtra | None, **kwargs: Any) -> R_co: ...

    @overload
    def __get__(self, instance: None, owner: type, /) -> Traceable[P, R_co]: ...
    @overload
    def __get__(
        self: Traceable[Concatenate[S, Q], R_co], instance: S, owner: type | None = None, /
    ) -> Traceable[Q, R_co]: ...
