"""One traced call: the run starts, the run ends. Loaded at the first call that is traced."""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from smithkit.tracing import _otel
from smithkit.tracing._binding import Binding
from smithkit.tracing._context import default_project, defaults, environment_replicas, joined
from smithkit.tracing._failure import error_text
from smithkit.tracing._identity import new_id, parse_id, texts
from smithkit.tracing._langchain import surroundings
from smithkit.tracing._report import report
from smithkit.tracing._sending import send_patch, send_post
from smithkit.tracing._switch import environment_has_endpoints
from smithkit.tracing.run_trees import RunTree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from smithkit.tracing._context import Scope
    from smithkit.tracing._decoration import Options

__all__ = ["chosen_parent", "fail", "finish", "inherited", "inherited_tags", "start", "start_run"]

_new = object.__new__
_INHERITED = ("session_id", "replicas")
_PLAIN = frozenset({str, int, float, bool, type(None), list, tuple, bytes})


def start(  # noqa: C901, PLR0917 - runs on every traced call
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
        asks_for_run = options.run_position >= len(args) and "run_tree" not in kwargs
        if asks_for_run:
            kwargs["run_tree"] = None
        try:
            inputs = binding.bind(*args, **kwargs)
        except TypeError:  # the call itself will say what does not fit
            inputs = {"args": list(args), "kwargs": dict(kwargs)}
        metadata = options.metadata
        attachments = None
        if options.prepares or binding.attachments:
            inputs, metadata, attachments = _prepare(options, binding, inputs)
        if _otel.bridge is not None:
            scope = _otel.bridge.around(scope)
        parent, block = surroundings(scope)
        if extra is None:
            around = inherited(parent, block)
            tags = inherited_tags(parent, block)
            run = start_run(
                options.name,
                options.run_type,
                inputs,
                {**around, **metadata} if around else metadata.copy(),
                joined(tags, options.tags) if tags or options.tags else None,
                parent,
                block,
                options.client,
                options.project_name,
            )
        else:
            run = _start_as_told(options, extra, parent, block, inputs, metadata)
        if mode is not True:
            run._local = True
        if attachments:
            run.attachments = attachments
            run.dangerously_allow_filesystem = options.allow_files
        send_post(run)
        if _otel.bridge is not None:
            _otel.bridge.enter(run)
    except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"a call of {options.name!r} is not traced", error)
        return None
    if asks_for_run:
        kwargs["run_tree"] = run
    return run


def _prepare(
    options: Options, binding: Binding, inputs: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Inputs, metadata and attachments of a call, where there is more to it than taking the arguments."""
    metadata = options.metadata
    attachments = binding.take_attachments(inputs)
    if options.invocation_params is not None:
        found = _guarded(options.invocation_params, inputs, options, "_invocation_params_fn")
        metadata = {**found, **metadata}
    if options.process_inputs is not None:
        inputs = _processed(options.process_inputs, inputs, options, "process_inputs", "input")
    return inputs, metadata, attachments


def _start_as_told(  # noqa: PLR0917 - what `start` has found out
    options: Options,
    extra: Mapping[str, Any],
    parent: RunTree | None,
    block: Scope | None,
    inputs: dict[str, Any],
    metadata: dict[str, Any],
) -> RunTree:
    """Start the run of a call that has a `langsmith_extra`."""
    given = extra.get("parent")
    around = parent
    parent = chosen_parent(extra.get("run_tree") if given is None else given, around)
    return start_run(
        extra.get("name") or options.name,
        options.run_type,
        inputs,
        {**(extra.get("metadata") or {}), **(inherited(parent, block) or {}), **metadata},
        joined(extra.get("tags"), inherited_tags(parent, block), options.tags),
        parent,
        block,
        options.client if extra.get("client") is None else extra["client"],
        extra.get("project_name") or options.project_name,
        run_id=extra.get("run_id"),
        extra=extra.get("run_extra"),
        reference_example_id=extra.get("reference_example_id"),
        around=around,
    )


def start_run(  # noqa: PLR0917 - the fields of a run, on every traced call
    name: str,
    run_type: str,
    inputs: dict[str, Any],
    metadata: dict[str, Any],
    tags: list[str] | None,
    parent: RunTree | None,
    block: Scope | None,
    client: Any,
    project_name: str | None,
    *,
    run_id: Any = None,
    extra: Mapping[str, Any] | None = None,
    reference_example_id: Any = None,
    around: RunTree | None = None,
) -> RunTree:
    """Make a run that starts now, without a detour through the constructor's many conversions.

    Args:
        name: What it is called.
        run_type: Its type.
        inputs: What it is called with; kept as it is.
        metadata: Its metadata; kept as it is.
        tags: Its tags; kept as they are.
        parent: Its parent.
        block: The `tracing_context` around it.
        client: The client that call or decorator name.
        project_name: The project that call or decorator name; a parent's and the block's come first.
        run_id: An id to take.
        extra: What stands in `extra` beside the metadata.
        reference_example_id: Example that a root run answers.
        around: The current run, where the parent is another: what nobody else says is taken from it.

    Returns:
        The run.
    """
    run = _new(RunTree)
    now = time.time_ns()
    if parent is not None and now < parent._start:
        now = parent._start
    run._start = now
    run.id_text = run_id = (None if run_id is None else _given_id(run_id)) or new_id(now)
    stamp, run._start_text = texts(now)
    run._rare = None
    if block is not None:
        if client is None:
            client = block.client
        if block.project_name is not None:
            project_name = block.project_name
    if parent is None:
        run.dotted_order = stamp + run_id
        run.trace_id_text = run_id
        run._parent_id = None
        run._local = False
        run.session_name = project_name or (around.session_name if around is not None else default_project())
        if reference_example_id is not None:
            run._rare = {"reference_example_id": _given_id(reference_example_id)}
    else:
        run.dotted_order = f"{parent.dotted_order}.{stamp}{run_id}"
        run.trace_id_text = parent.trace_id_text
        run._parent_id = parent.id_text
        run._local = parent._local
        run.session_name = parent.session_name
        if parent._rare is not None:
            run._rare = _rare_of_child(parent._rare)
        if client is None:
            client = parent.ls_client
    if (
        block is not None and (block.replicas or (run._rare is not None and block.distributed_parent_id))
    ) or (parent is None and environment_has_endpoints()):
        run._rare = {**(run._rare or {}), **_written_to(parent, block)}
    run.ls_client = around.ls_client if client is None and around is not None else client
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
    run._op = None
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
    if _otel.bridge is not None:
        _otel.bridge.leave(run)
    try:
        if not run._forced:
            early = run._outputs
            if options.process_outputs is not None:
                run._outputs = _processed(
                    options.process_outputs, result, options, "process_outputs", "output"
                )
            elif result.__class__ in _PLAIN:
                run._outputs = {"output": result}
            else:
                run._outputs = _as_dictionary(result, "output")
            if early:  # what the function added by itself
                run._outputs = {**early, **run._outputs}
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
    if _otel.bridge is not None:
        _otel.bridge.leave(run)
    try:
        if not options.exceptions_to_handle or not isinstance(error, options.exceptions_to_handle):
            run.error = error_text(error)
        if run._outputs is None:
            if partial is not None and options.process_outputs is not None:
                run._outputs = _processed(
                    options.process_outputs, partial, options, "process_outputs", "output"
                )
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
    if parent is None:
        own = None
    elif parent._extra is None and "usage_metadata" not in parent._metadata:
        own = parent._metadata
    else:
        own = parent.inherited_metadata()
    if block is None or block.metadata is None:
        return defaults.metadata if parent is None else own
    return {**own, **block.metadata} if own and parent is not block.run else block.metadata


def inherited_tags(parent: RunTree | None, block: Scope | None) -> list[str] | None:
    """The tags that a run gets from its surroundings."""
    if block is None or block.tags is None:
        return defaults.tags if parent is None else parent._tags
    return block.tags if parent is None or parent is block.run else joined(parent._tags, block.tags)


def _given_id(value: Any) -> str | None:
    try:
        return parse_id(value)
    except ValueError as error:
        report("an id that was given for a run is ignored", error)
        return None


def _rare_of_child(rare: dict[str, Any]) -> dict[str, Any] | None:
    """Of a parent's rare fields, those that children have too."""
    return {name: rare[name] for name in _INHERITED if rare.get(name)} or None


def _written_to(parent: RunTree | None, block: Scope | None) -> dict[str, Any]:
    """What block and environment say about the places that a run is written to."""
    given = {
        "replicas": (block and block.replicas) or (environment_replicas() if parent is None else None),
        "distributed_parent_id": block and block.distributed_parent_id,
    }
    return {name: value for name, value in given.items() if value}


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
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"{what} of {options.name!r} failed, nothing of what it was given is sent", error)
        return {"redacted": f"{what} raised {type(error).__name__}"}


def _guarded(callback: Callable[[Any], Any], value: Any, options: Options, what: str) -> Any:
    try:
        return callback(value) or {}
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - tracing must not break the traced program
        report(f"{what} of {options.name!r} failed", error)
        return {}
