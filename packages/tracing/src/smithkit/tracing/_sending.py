"""What of a run goes to the client when it starts and when it ends.

Both functions run on every traced call. The post carries what is known at the start; the patch what
the end adds, and of the rest only what was changed in between: inputs are recorded as they were when
the run started, whatever the program does to them later.
"""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from smithkit.tracing._default_client import PIPELINE, default_client
from smithkit.tracing._identity import iso
from smithkit.tracing._report import report
from smithkit.tracing._run_fields import (
    TOUCHED_EXTRA,
    TOUCHED_INPUTS,
    TOUCHED_REFERENCE,
    TOUCHED_TAGS,
    RunFields,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from smithkit.tracing.pipeline._snapshot import Operation

__all__ = ["send_patch", "send_post", "settle"]

_pending: set[Any] = set()


def send_post(run: RunFields) -> None:
    """Tell the run's client that it has started. Failures are logged.

    Args:
        run: The run; nothing is sent of one that is local.
    """
    if not run._local:
        try:
            client = _client_of(run)
            if client is None or _begin_live(run, client):
                return
            body = _post_body(run)
            if run._rare is not None and run._rare.get("replicas"):
                _write_copies("post", run, body, client)
            else:
                try:
                    submit = client.submit_post
                except AttributeError:
                    settle(client.create_run(**body))
                else:
                    submit(body)
        except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
            report("a run could not be posted", error)
    run._posted = True
    run._touched = 0
    run._shown = None
    if run._rare is not None and run._rare.get("attachments"):
        _note_uploads(run, run._rare["attachments"])


def send_patch(run: RunFields, *, exclude_inputs: bool = False) -> None:
    """Tell the run's client how it ended; a missing end time is now. Failures are logged.

    Args:
        run: The run.
        exclude_inputs: Whether inputs stay out even if they changed.
    """
    if run._end is None:
        run._end = time.time_ns()
    try:
        outputs = run._outputs
        if outputs is not None and "usage_metadata" in outputs:
            _copy_usage(run, outputs["usage_metadata"])
        client = None if run._local else _client_of(run)
        if client is None or (run._op is not None and _end_live(run, client)):
            return
        body = _patch_body(run, exclude_inputs=exclude_inputs)
        if run._rare is not None and run._rare.get("replicas"):
            _write_copies("patch", run, body, client)
            return
        try:
            submit = client.submit_patch
        except AttributeError:
            settle(client.update_run(run_id=body.pop("id"), **body))
        else:
            submit(body)
    except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
        report("a run could not be patched", error)


def _client_of(run: RunFields) -> Any:
    client = run.ls_client
    if client is None:
        client = run.ls_client = default_client()
    return client


def _begin_live(run: RunFields, client: Any) -> bool:
    """Hand over a run of the usual fields without a dictionary in between; False if it must have one."""
    if run._rare is not None or run._extra is not None or run._outputs is not None or run._tags:
        return False
    if run.error is not None or run._end is not None:
        return False
    try:
        live = client.state[PIPELINE].live
    except (AttributeError, KeyError):  # before the client's first run; or what only looks like a client
        return False
    if live is None:
        return False
    run._op = live.begin(
        run.id_text,
        run.trace_id_text,
        run.dotted_order,
        run.name,
        run.run_type,
        run.session_name,
        run._start_text or iso(run._start),
        run._parent_id,
        run._inputs,
        run._metadata,
    )
    run._posted = True
    run._touched = 0
    run._shown = None
    return True


def _end_live(run: RunFields, client: Any) -> bool:
    """Hand over the end of a run that nothing was added to but its result; False if there is more."""
    if run._touched or run._shown is not None or run._rare is not None:
        return False
    try:
        live = client.state[PIPELINE].live
    except (AttributeError, KeyError):  # another client than the one that it began with
        return False
    if live is None:
        return False
    live.end(run._op, iso(run._end or run._start), run._outputs, run.error)
    return True


def _post_body(run: RunFields) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": run.id_text,
        "trace_id": run.trace_id_text,
        "dotted_order": run.dotted_order,
        "name": run.name,
        "run_type": run.run_type,
        "start_time": run._start_text or iso(run._start),
        "session_name": run.session_name,
        "inputs": run._inputs,
        "extra": {"metadata": run._metadata} if run._extra is None else _extra(run),
    }
    if run._parent_id is not None:
        body["parent_run_id"] = run._parent_id
    if run._tags:
        body["tags"] = run._tags
    if run._outputs is not None:
        body["outputs"] = run._outputs
    if run.error is not None:
        body["error"] = run.error
    if run._end is not None:
        body["end_time"] = iso(run._end)
    if run._rare is not None:
        _add_rare(run._rare, body)
        if (reference := run._rare.get("reference_example_id")) is not None:
            body["reference_example_id"] = reference
        if (serialized := run._rare.get("serialized")) is not None:
            body["serialized"] = serialized
    return body


def _patch_body(run: RunFields, *, exclude_inputs: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": run.id_text,
        "trace_id": run.trace_id_text,
        "dotted_order": run.dotted_order,
        "name": run.name,
        "run_type": run.run_type,
        "session_name": run.session_name,
        "end_time": iso(run._end or run._start),
    }
    if run._parent_id is not None:
        body["parent_run_id"] = run._parent_id
    if run._outputs is not None:
        body["outputs"] = run._outputs
    if run.error is not None:
        body["error"] = run.error
    if run._touched or run._shown is not None or not run._posted:
        _add_changed(run, body, exclude_inputs=exclude_inputs)
    if run._rare is not None:
        _add_rare(run._rare, body)
    return body


def _add_changed(run: RunFields, body: dict[str, Any], *, exclude_inputs: bool) -> None:
    """Add what the post did not carry, or carried otherwise."""
    touched = run._touched if run._posted else -1
    if not run._posted:
        body["start_time"] = run._start_text or iso(run._start)
    if not exclude_inputs and (touched & TOUCHED_INPUTS or _changed(run._shown, run._inputs)):
        body["inputs"] = run._inputs
    if touched & TOUCHED_TAGS and run._tags is not None:
        body["tags"] = run._tags
    if touched & TOUCHED_EXTRA:
        body["extra"] = _extra(run)
    if touched & TOUCHED_REFERENCE and run._rare is not None:
        reference = run._rare.get("reference_example_id")
        if reference is not None:
            body["reference_example_id"] = reference


def _changed(shown: dict[str, Any] | None, now: dict[str, Any]) -> bool:
    """Whether keys were set, replaced or deleted; what happens inside of the values does not count."""
    if shown is None:
        return False
    return shown.keys() != now.keys() or any(now[key] is not value for key, value in shown.items())


def _add_rare(rare: dict[str, Any], body: dict[str, Any]) -> None:
    if rare.get("events"):
        body["events"] = rare["events"]
    if (session_id := rare.get("session_id")) is not None:
        del body["session_name"]
        body["session_id"] = session_id
    attachments = rare.get("attachments")
    if attachments:
        uploaded = rare.get("uploaded", ())
        fresh = {name: value for name, value in attachments.items() if name not in uploaded}
        if fresh:
            body["attachments"] = fresh
            body["dangerously_allow_filesystem"] = rare.get("dangerously_allow_filesystem", False)


def _write_copies(operation: Operation, run: RunFields, body: dict[str, Any], client: Any) -> None:
    from smithkit.tracing._replicas import write_copies  # few programs have any

    write_copies(operation, run, body, client)


def _note_uploads(run: RunFields, attachments: dict[str, Any]) -> None:
    names = list(attachments)
    run._rare = {**(run._rare or {}), "uploaded": frozenset(names)}
    run.events.append({"name": "uploaded_attachment", "time": iso(time.time_ns()), "message": names})


def _extra(run: RunFields) -> dict[str, Any]:
    extra = run._extra
    return {"metadata": run._metadata} if extra is None else {**extra, "metadata": run.metadata_now()}


def _copy_usage(run: RunFields, usage: Any) -> None:
    """Token usage that the outputs hold belongs to the metadata, where costs are computed from."""
    if isinstance(usage, dict) and "usage_metadata" not in run.metadata_now():
        run.metadata["usage_metadata"] = usage


def settle(answer: Awaitable[Any] | None) -> None:
    """Let an asynchronous client's call run: as a task where there is a loop, else to its end here.

    Args:
        answer: What the call gave.
    """
    if answer is None or not hasattr(answer, "__await__"):
        return
    import asyncio

    async def finish() -> None:
        try:
            await answer
        except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
            report("a run could not be sent by an asynchronous client", error)

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(finish())
        return
    task = loop.create_task(finish())
    _pending.add(task)  # a task that nobody holds may be collected before it has run
    task.add_done_callback(_pending.discard)
