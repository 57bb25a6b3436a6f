"""One traced call: the run starts, the run ends. Loaded at the first call that is traced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from smithkit.tracing._binding import Binding
from smithkit.tracing._context import Scope, default_project, defaults, joined, split
from smithkit.tracing._failure import error_text
from smithkit.tracing._identity import dotted_segment, new_id, parse_id
from smithkit.tracing._report import report
from smithkit.tracing._sending import send_patch, send_post
from smithkit.tracing.run_trees import RunTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from smithkit.tracing._traceable import Options

__all__ = ["chosen_parent", "fail", "finish", "inherited", "inherited_tags", "start", "start_run"]

_new = object.__new__
_PLAIN = frozenset({str, int, float, bool, type(None), list, tuple, bytes})
_NOTHING: Mapping[str, Any] = {}


def start(  # noqa: PLR0913, PLR0917 - runs on every traced call
    options: Options,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    extra: Mapping[str, Any] | None,
    scope: Scope | RunTree | None,
    mode: bool | Literal["local"],  # noqa: FBT001
) -> RunTree | None:
    """Make and post the run of a call.

    Args:
        options: What the decorator was told.
        args: The call's positional arguments.
        kwargs: Its keyword arguments; gets the run where the function asks for it.
        extra: Its `langsmith_extra`.
        scope: What is current.
        mode: ``"local"`` for a run that is not sent.

    Returns:
        The run; None when something of tracing failed, which is logged.
    """
    try:
        binding = options.binding
        if binding is None:
            binding = options.binding = Binding(options.fn)
        inputs = binding.inputs(args, kwargs)
        attachments = binding.take_attachments(inputs) if binding.attachments else None
        metadata = options.metadata
        if options.invocation_params is not None:
            metadata = {**_guarded(options.invocation_params, inputs, options, "_invocation_params_fn"), **metadata}
        if options.process_inputs is not None:
            inputs = _processed(options.process_inputs, inputs, options, "process_inputs", "input")
        run = _make(options, extra, scope, inputs, metadata)
        if mode == "local":
            run._local = True
        if attachments:
            run.attachments = attachments
            if options.allow_files:
                run.dangerously_allow_filesystem = True
        send_post(run)
    except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"a call of {options.name!r} is not traced", error)
        return None
    if options.run_position >= len(args) and "run_tree" not in kwargs:
        kwargs["run_tree"] = run
    return run


def _make(
    options: Options,
    extra: Mapping[str, Any] | None,
    scope: Scope | RunTree | None,
    inputs: dict[str, Any],
    metadata: dict[str, Any],
) -> RunTree:
    parent, block = split(scope)
    if extra is None:
        extra = _NOTHING
    else:
        given = extra.get("parent")
        parent = chosen_parent(extra.get("run_tree") if given is None else given, parent)
    return start_run(
        name=extra.get("name") or options.name,
        run_type=options.run_type,
        inputs=inputs,
        parent=parent,
        block=block,
        run_id=extra.get("run_id"),
        client=extra.get("client") or options.client,
        project_name=extra.get("project_name") or options.project_name,
        metadata=_merged(extra.get("metadata"), inherited(parent, block), metadata),
        tags=joined(extra.get("tags"), inherited_tags(parent, block), options.tags),
        extra=extra.get("run_extra"),
        reference_example_id=extra.get("reference_example_id"),
    )


def start_run(  # noqa: PLR0913 - the fields of a run
    *,
    name: str,
    run_type: str,
    inputs: dict[str, Any],
    parent: RunTree | None,
    block: Scope | None,
    run_id: Any,
    client: Any,
    project_name: str | None,
    metadata: dict[str, Any],
    tags: list[str] | None,
    extra: Mapping[str, Any] | None,
    reference_example_id: Any,
) -> RunTree:
    """Make a run that starts now, without a detour through the constructor's many conversions.

    Args:
        name: What it is called.
        run_type: Its type.
        inputs: What it is called with; kept as it is.
        parent: Its parent.
        block: The `tracing_context` around it.
        run_id: An id to take.
        client: The client that call or decorator name.
        project_name: The project that call or decorator name; a parent's and the block's come first.
        metadata: Its metadata; kept as it is.
        tags: Its tags; kept as they are.
        extra: What stands in `extra` beside the metadata.
        reference_example_id: Example that a root run answers.

    Returns:
        The run.
    """
    run = _new(RunTree)
    now = time.time_ns()
    if client is None and block is not None:
        client = block.client
    if parent is None:
        run._start = now
        run.id_text = run_id = new_id(now) if run_id is None else parse_id(run_id)
        run.dotted_order = dotted_segment(now, run_id)
        run.trace_id_text = run_id
        run._parent_id = None
        run.session_name = (block and block.project_name) or project_name or default_project()
        run._rare = None
        if reference_example_id is not None:
            run._rare = {"reference_example_id": parse_id(reference_example_id)}
    else:
        if now < parent._start:
            now = parent._start
        run._start = now
        run.id_text = run_id = new_id(now) if run_id is None else parse_id(run_id)
        run.dotted_order = f"{parent.dotted_order}.{dotted_segment(now, run_id)}"
        run.trace_id_text = parent.trace_id_text
        run._parent_id = parent.id_text
        run.session_name = parent.session_name
        run._rare = None if parent._rare is None else _rare_of_child(parent._rare)
        if client is None:
            client = parent.ls_client
    if block is not None and block.replicas:
        run.replicas = block.replicas
    run.ls_client = client
    run.parent_run = parent
    run.name = name
    run.run_type = run_type
    run.error = None
    run._end = None
    run._inputs = inputs
    run._outputs = None
    run._tags = tags
    run._metadata = metadata
    run._extra = {**extra, "metadata": metadata} if extra else None
    run._local = False if parent is None else parent._local
    run._posted = False
    run._forced = False
    run._touched = 0
    run._shown = None
    return run


def finish(options: Options, run: RunTree, result: Any, extra: Mapping[str, Any] | None) -> None:
    """End a run with the function's result, and send it.

    Args:
        options: What the decorator was told.
        run: The run.
        result: What the function returned, or what was made of its chunks.
        extra: The call's `langsmith_extra`.
    """
    run._end = max(time.time_ns(), run._start)
    try:
        if not run._forced:
            if options.process_outputs is not None:
                run._outputs = _processed(options.process_outputs, result, options, "process_outputs", "output")
            else:
                run._outputs = _as_dictionary(result, "output")
        if extra is not None and extra.get("_on_success") is not None:
            _guarded(extra["_on_success"], run, options, "_on_success")
    except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"the result of {options.name!r} is not recorded", error)
    send_patch(run)
    if extra is not None and extra.get("on_end") is not None:
        _guarded(extra["on_end"], run, options, "on_end")


def fail(
    options: Options,
    run: RunTree,
    error: BaseException,
    extra: Mapping[str, Any] | None,
    partial: Any = None,
) -> None:
    """End a run with the exception that the function raised, and send it.

    Args:
        options: What the decorator was told.
        run: The run.
        error: The exception; it is not kept.
        extra: The call's `langsmith_extra`.
        partial: What was made of the chunks up to there.
    """
    run._end = max(time.time_ns(), run._start)
    try:
        if not options.exceptions_to_handle or not isinstance(error, options.exceptions_to_handle):
            run.error = error_text(error)
        if run._outputs is None:
            if partial is not None and options.process_outputs is not None:
                run._outputs = _processed(options.process_outputs, partial, options, "process_outputs", "output")
            else:
                run._outputs = _as_dictionary(partial, "output")
    except Exception as problem:  # noqa: BLE001 - tracing must not break the traced program
        report(f"the failure of {options.name!r} is not recorded in full", problem)
    send_patch(run)
    if extra is not None and extra.get("on_end") is not None:
        _guarded(extra["on_end"], run, options, "on_end")


def chosen_parent(given: Any, parent: RunTree | None) -> RunTree | None:
    """The parent that is given in any form, else the current run.

    Args:
        given: What a call names as parent; ``"ignore"`` and False stand for none at all.
        parent: The current run.
    """
    if given is None:
        return parent
    if given is False or (isinstance(given, str) and given == "ignore"):
        return None
    from smithkit.tracing._propagation import as_parent

    found = as_parent(given)
    return parent if found is None else found


def inherited(parent: RunTree | None, block: Scope | None) -> dict[str, Any] | None:
    """The metadata that a run gets from its surroundings."""
    if block is not None:
        if block.metadata is None:
            return defaults.metadata if parent is None else parent.inherited_metadata()
        if parent is None or parent is block.run:
            return block.metadata
        return {**parent.inherited_metadata(), **block.metadata}
    return defaults.metadata if parent is None else parent.inherited_metadata()


def inherited_tags(parent: RunTree | None, block: Scope | None) -> list[str] | None:
    """The tags that a run gets from its surroundings."""
    if block is not None:
        if block.tags is None:
            return defaults.tags if parent is None else parent._tags
        return block.tags if parent is None else joined(parent._tags, block.tags)
    return defaults.tags if parent is None else parent._tags


def _merged(
    of_call: Mapping[str, Any] | None, inherited: Mapping[str, Any] | None, own: dict[str, Any]
) -> dict[str, Any]:
    if of_call:
        return {**of_call, **(inherited or _NOTHING), **own}
    return {**inherited, **own} if inherited else own.copy()


def _rare_of_child(rare: dict[str, Any]) -> dict[str, Any] | None:
    """Of a parent's rare fields, those that children have too."""
    return {name: rare[name] for name in ("session_id", "replicas") if rare.get(name)} or None


def _as_dictionary(value: Any, key: str) -> dict[str, Any]:
    """A dictionary as it is, a pydantic model as one, anything else under a key."""
    kind = value.__class__
    if kind is dict or (kind not in _PLAIN and isinstance(value, dict)):
        found: dict[str, Any] = value
        return found
    if kind not in _PLAIN and callable(getattr(kind, "model_dump", None)):
        try:
            dumped = value.model_dump(exclude_none=True, mode="json")
        except Exception:  # noqa: BLE001 - the client's encoder deals with what pydantic cannot
            return {key: value}
        if isinstance(dumped, dict):
            return dumped
    return {key: value}


def _processed(
    process: Callable[[Any], Any], value: Any, options: Options, what: str, key: str
) -> dict[str, Any]:
    """What a callback of the user's makes of inputs or outputs: never these themselves if it fails."""
    try:
        return _as_dictionary(process(value), key)
    except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"{what} of {options.name!r} failed, nothing of what it was given is sent", error)
        return {"redacted": f"{what} raised {type(error).__name__}"}


def _guarded(callback: Callable[[Any], Any], value: Any, options: Options, what: str) -> Any:
    try:
        return callback(value) or {}
    except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"{what} of {options.name!r} failed", error)
        return {}
