"""The `trace` block."""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

from smithkit.tracing import _otel
from smithkit.tracing._context import Scope, current, joined, mode_of, restore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Literal
    from uuid import UUID

    from smithkit.tracing._types import RunType
    from smithkit.tracing.run_trees import RunTree

__all__ = ["trace"]


class trace:  # noqa: N801 - used like a function
    """Trace a block of code as a run, with ``with`` or ``async with``.

    The block gets the run; call its `end` with the outputs. An exception that leaves the block is
    recorded and goes on. While tracing is off the block gets a run too, which is not sent.

    Args:
        name: What the run is called.
        run_type: ``chain``, ``llm``, ``tool``, ``retriever``, ``embedding``, ``prompt`` or ``parser``.
        inputs: What the block works on.
        extra: What stands in `extra` beside the metadata.
        project_name: Project, where the block starts a new trace.
        parent: Parent in place of the current run: a run, the headers of a request, a dotted order, or
            ``"ignore"`` for a new trace.
        tags: Labels.
        metadata: Metadata; the context's wins.
        client: Client to send with.
        run_id: The run's id.
        reference_example_id: Example of a dataset that a new trace answers.
        exceptions_to_handle: Exceptions that are part of the normal course: they go on, but are not
            recorded as errors.
        attachments: Name → (MIME type, bytes or path).
        dangerously_allow_filesystem: Whether attachments may be paths, which are read and uploaded.

    Example:
        >>> from smithkit import trace
        >>> with trace("search", "retriever", inputs={"query": "tea"}) as run:
        ...     run.end(outputs={"documents": []})
    """

    __slots__ = ("_block", "_fields", "_handled", "_outer", "_parent", "_run", "_run_type", "name")

    def __init__(
        self,
        name: str,
        run_type: RunType = "chain",
        *,
        inputs: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        project_name: str | None = None,
        parent: RunTree | Mapping[Any, Any] | str | Literal[False] | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        client: Any = None,
        run_id: UUID | str | None = None,
        reference_example_id: UUID | str | None = None,
        exceptions_to_handle: Iterable[type[BaseException]] | None = None,
        attachments: Mapping[str, Any] | None = None,
        dangerously_allow_filesystem: bool = False,
        **_: Any,
    ) -> None:
        self.name = name
        self._run_type = run_type
        self._parent = parent
        self._handled = tuple(exceptions_to_handle or ())
        self._fields = (
            inputs,
            extra,
            project_name,
            tags,
            metadata,
            client,
            run_id,
            reference_example_id,
            attachments,
            dangerously_allow_filesystem,
        )
        self._outer: Scope | RunTree | None = None
        self._block: Scope | None = None
        self._run: RunTree | None = None

    def __enter__(self) -> RunTree:
        """Start the run."""
        from smithkit.tracing._sending import send_post

        self._outer = scope = current.get()
        mode = mode_of(scope) or (self._parent is not None and scope is None)
        try:
            run = self._start(scope)
        except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
            from smithkit.tracing._report import report
            from smithkit.tracing.run_trees import RunTree

            report(f"the block {self.name!r} is not traced", error)
            run, mode = RunTree(name=str(self.name)), False
        self._run = run
        if mode is not True:
            run._local = True
        if mode:
            send_post(run)
            current.set(run)
            if _otel.bridge is not None:
                _otel.bridge.enter(run)
        return run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run."""
        run, self._run = self._run, None
        if run is None:
            return
        restore(run, self._outer)
        if _otel.bridge is not None:
            _otel.bridge.leave(run)
        # A block in a generator that is closed early has not failed.
        if error is not None and not isinstance(error, (GeneratorExit, *self._handled)):
            from smithkit.tracing._failure import error_text

            run.error = error_text(error)
        if run._end is None:
            run.end()
        run.patch()

    async def __aenter__(self) -> RunTree:
        """Start the run."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the run."""
        self.__exit__(kind, error, traceback)

    def _start(self, scope: Scope | RunTree | None) -> RunTree:
        from smithkit.tracing import _calls
        from smithkit.tracing._langchain import surroundings

        around, block = surroundings(scope if _otel.bridge is None else _otel.bridge.around(scope))
        parent = _calls.chosen_parent(self._parent, around)
        inputs, extra, project, tags, metadata, client, run_id, example, attachments, files = self._fields
        own = {**((extra or {}).get("metadata") or {}), **(metadata or {})}
        labels = joined(tags, _calls.inherited_tags(parent, block))
        run = _calls.start_run(
            self.name,
            self._run_type,
            dict(inputs or {}),
            {**own, **(_calls.inherited(parent, block) or {}), "ls_method": "trace"},
            sorted(labels) if labels else None,
            parent,
            block,
            client=client,
            project_name=project,
            run_id=run_id,
            extra={key: value for key, value in (extra or {}).items() if key != "metadata"},
            reference_example_id=example,
            around=around,
        )
        if attachments:
            run.attachments = dict(attachments)
            run.dangerously_allow_filesystem = files
        return run
