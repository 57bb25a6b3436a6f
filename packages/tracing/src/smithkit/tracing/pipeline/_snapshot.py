"""From a run to an `Op`: what a run is at this moment, as bytes.

An op is a flat tuple of bytes and scalars. The garbage collector stops tracking such tuples, which
makes a full queue cost nothing; and whatever the program does to its objects later is not seen.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.tracing import _runtime

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ATTACHMENTS",
    "AUTH",
    "AUTH_FIELDS",
    "EXTRA",
    "FEEDBACK",
    "FIELDS",
    "FIRST_FIELD",
    "ID",
    "KIND",
    "MAIN",
    "PATCH",
    "PENDING_REVISION",
    "POST",
    "SIZE",
    "TRACE",
    "WEIGHT",
    "Op",
    "check_attachments",
    "feedback_op",
    "patch_op",
    "post_op",
    "strip_serialized",
    "take_auth",
]

Op = tuple[Any, ...]
"""(kind, id, trace, main, inputs, outputs, events, extra, error, serialized, attachments, auth,
pending revision, size, how many ops it is made of): see the constants for each place."""

KIND, ID, TRACE, MAIN = 0, 1, 2, 3
FIRST_FIELD, EXTRA = 4, 7
ATTACHMENTS, AUTH, PENDING_REVISION, SIZE, WEIGHT = 10, 11, 12, 13, 14

POST, PATCH, FEEDBACK = 0, 1, 2
FIELDS = ("inputs", "outputs", "events", "extra", "error", "serialized")
"""Fields of a run that travel as parts of their own, in the order of their places from `FIRST_FIELD`."""

AUTH_FIELDS = ("api_url", "api_key", "service_key", "tenant_id", "authorization", "cookie")
"""Credentials that a run may bring along."""

_OP_OVERHEAD = 400  # bytes of a tuple and of its bytes objects, beside their content
_TRACE_IN_DOTTED_ORDER = slice(22, 58)
_QUOTED_UUID = 38
_SERIALIZED_KINDS = ("llm", "prompt")
_log = logging.getLogger("smithkit.tracing")


def post_op(
    run: dict[str, Any], dumps: Callable[[Any], bytes], auth: tuple[Any, ...] | None, *, with_runtime: bool
) -> Op:
    """Take a snapshot of a run that begins.

    Args:
        run: The run; it is used up.
        dumps: Encoder.
        auth: Its own credentials, see `take_auth`.
        with_runtime: Whether to say what it runs on.
    """
    pop = run.pop
    strip_serialized(run)
    inputs, outputs, events, extra = (
        pop("inputs", None),
        pop("outputs", None),
        pop("events", None),
        pop("extra", None),
    )
    error, serialized, attachments = pop("error", None), pop("serialized", None), _attachments(run)
    pending = False
    if with_runtime:
        state = _runtime.current()
        pending = state.revision_pending
        extra_json: bytes | None = _extra_json(extra, state, dumps) if extra else state.extra_json
    else:
        extra_json = None if extra is None else dumps(extra)
    return _op(
        POST, run, dumps, inputs, outputs, events, extra_json, error, serialized, attachments, auth, pending
    )


def patch_op(
    run: dict[str, Any], dumps: Callable[[Any], bytes], auth: tuple[Any, ...] | None, *, with_runtime: bool
) -> Op:
    """Take a snapshot of what changed in a run.

    Args:
        run: Id and changed fields; it is used up.
        dumps: Encoder.
        auth: Its own credentials.
        with_runtime: Whether to say in an `extra` that is not empty what it runs on.
    """
    pop = run.pop
    inputs, outputs, events, extra = (
        pop("inputs", None),
        pop("outputs", None),
        pop("events", None),
        pop("extra", None),
    )
    error, serialized, attachments = pop("error", None), pop("serialized", None), _attachments(run)
    pending = False
    if with_runtime and extra and isinstance(extra, dict):
        state = _runtime.current()
        pending = state.revision_pending
        extra_json: bytes | None = _extra_json(extra, state, dumps)
    else:
        extra_json = None if extra is None else dumps(extra)
    return _op(
        PATCH, run, dumps, inputs, outputs, events, extra_json, error, serialized, attachments, auth, pending
    )


def feedback_op(feedback: dict[str, Any], dumps: Callable[[Any], bytes]) -> Op:
    """Take a snapshot of a feedback that goes along with runs.

    Args:
        feedback: With `id` and `trace_id`.
        dumps: Encoder.
    """
    main = dumps(feedback)
    key = _id_bytes(feedback["id"], dumps)
    trace = str(feedback.get("trace_id"))
    size = len(main) + _OP_OVERHEAD
    return (FEEDBACK, key, trace, main, None, None, None, None, None, None, None, None, False, size, 1)


def take_auth(run: dict[str, Any]) -> tuple[Any, ...] | None:
    """Take a run's own credentials out of it.

    Args:
        run: The run; loses its `AUTH_FIELDS`.

    Returns:
        The values of `AUTH_FIELDS`, or None where there are none.
    """
    found = None
    for name in AUTH_FIELDS:
        if name in run:
            value = run.pop(name)
            if value is not None:
                found = found or {}
                found[name] = value
    return None if found is None else tuple(found.get(name) for name in AUTH_FIELDS)


def strip_serialized(run: dict[str, Any]) -> None:
    """Leave `serialized` to models and prompts, without its graph, as the API has it."""
    serialized = run.get("serialized")
    if serialized is None:
        return
    if run.get("run_type") not in _SERIALIZED_KINDS:
        del run["serialized"]
    elif isinstance(serialized, dict) and "graph" in serialized:
        run["serialized"] = {key: value for key, value in serialized.items() if key != "graph"}


def check_attachments(attachments: Any, *, allow_files: bool) -> None:
    """Refuse attachments that name files, unless the caller has allowed them.

    Raises:
        ValueError: There is such an attachment.
    """
    for name, attachment in (attachments or {}).items():
        if not allow_files and isinstance(attachment[1], Path):
            raise ValueError(
                f"Attachment {name!r} names a file. Give its bytes, or dangerously_allow_filesystem=True if "
                f"no path can come from somebody you do not trust."
            )


def _op(  # noqa: PLR0913, PLR0917 - the places of an op
    kind: int,
    run: dict[str, Any],
    dumps: Callable[[Any], bytes],
    inputs: Any,
    outputs: Any,
    events: Any,
    extra: bytes | None,
    error: Any,
    serialized: Any,
    attachments: tuple[Any, ...] | None,
    auth: tuple[Any, ...] | None,
    pending: bool,  # noqa: FBT001
) -> Op:
    main = dumps(run)
    size = len(main) + _OP_OVERHEAD
    if inputs is not None:
        inputs = dumps(inputs)
        size += len(inputs)
    if outputs is not None:
        outputs = dumps(outputs)
        size += len(outputs)
    if events is not None:
        events = dumps(events)
        size += len(events)
    if extra is not None:
        size += len(extra)
    if error is not None:
        error = dumps(error)
        size += len(error)
    if serialized is not None:
        serialized = dumps(serialized)
        size += len(serialized)
    if attachments is not None:
        size += sum(len(data) for _, _, data, _ in attachments if data is not None)
    key = _id_bytes(run["id"], dumps)
    trace = run["dotted_order"][_TRACE_IN_DOTTED_ORDER] or str(run["trace_id"])
    return (
        kind, key, trace, main, inputs, outputs, events, extra, error, serialized, attachments, auth, pending, size, 1,
    )  # fmt: skip


def _id_bytes(value: Any, dumps: Callable[[Any], bytes]) -> bytes:
    """A run's id as it stands in part names: 36 characters that need no escaping."""
    quoted = dumps(value)  # several times faster than str(UUID)
    if len(quoted) != _QUOTED_UUID or b"\\" in quoted:
        return str(UUID(str(value))).encode()
    return quoted[1:-1]


def _extra_json(extra: Any, state: _runtime.EnvironmentState, dumps: Callable[[Any], bytes]) -> bytes:
    """`extra` with runtime and environment; the metadata stands last, where a late revision is added."""
    metadata = extra.get("metadata")
    if "runtime" in extra or (metadata is not None and not isinstance(metadata, dict)):
        merged = _runtime.merge_extra(extra, state)
        merged["metadata"] = merged.pop("metadata")
        return dumps(merged)
    metadata_json = dumps({**state.metadata, **metadata} if metadata else state.metadata)
    rest = {key: value for key, value in extra.items() if key != "metadata"}
    if not rest:
        return b'{"runtime":%b,"metadata":%b}' % (state.runtime_json, metadata_json)
    return b'{"runtime":%b,%b,"metadata":%b}' % (state.runtime_json, dumps(rest)[1:-1], metadata_json)


def _attachments(run: dict[str, Any]) -> tuple[Any, ...] | None:
    """((name, MIME type, bytes or None, path or None), …) of a run's attachments."""
    given = run.pop("attachments", None)
    allow_files = run.pop("dangerously_allow_filesystem", False)
    run.pop("replicas", None)
    if not given:
        return None
    taken = []
    for name, attachment in given.items():
        mime, data = attachment[0], attachment[1]
        if "." in name:
            _log.warning("Attachment %r is left out: names of attachments may not hold a dot.", name)
        elif isinstance(data, Path):
            if allow_files:
                taken.append((name, mime, None, str(data)))
            else:
                _log.warning("Attachment %r is left out: it names a file, which nobody has allowed.", name)
        else:
            taken.append((name, mime, bytes(data), None))
    return tuple(taken) or None
