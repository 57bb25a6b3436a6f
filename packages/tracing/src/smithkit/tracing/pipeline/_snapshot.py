"""From a run to an `Op`: what a run is at this moment, as bytes.

An op is a flat tuple of bytes and scalars. The garbage collector stops tracking such tuples, which
makes a full queue cost nothing; and whatever the program does to its objects later is not seen. Small
fields stay the immutable values that they are, and are encoded by the sender; everything else is JSON.
"""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
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
    "OP_OVERHEAD",
    "PATCH",
    "PENDING_REVISION",
    "POST",
    "SIZE",
    "TRACE",
    "WEIGHT",
    "Op",
    "Operation",
    "check_attachments",
    "extra_with_runtime",
    "feedback_op",
    "run_op",
    "strip_serialized",
    "take_auth",
]

Op = tuple[Any, ...]
"""(kind, id, trace, (names, values, whether some are JSON) of the small fields, inputs, outputs, events, extra, error, serialized, attachments, auth,
pending revision, size, how many ops it is made of): see the constants for each place."""

KIND, ID, TRACE, MAIN = 0, 1, 2, 3
FIRST_FIELD, EXTRA = 4, 7
ATTACHMENTS, AUTH, PENDING_REVISION, SIZE, WEIGHT = 10, 11, 12, 13, 14

POST, PATCH, FEEDBACK = 0, 1, 2
Operation = Literal["post", "patch"]
FIELDS = ("inputs", "outputs", "events", "extra", "error", "serialized")
"""Fields of a run that travel as parts of their own, in the order of their places from `FIRST_FIELD`."""

AUTH_FIELDS = ("api_url", "api_key", "service_key", "tenant_id", "authorization", "cookie")
"""Credentials that a run may bring along."""

_AUTH_NAMES = frozenset(AUTH_FIELDS)
OP_OVERHEAD = (
    1400  # bytes of the small fields and of the headers of all parts, at most; as objects they take less
)
_TRACE_IN_DOTTED_ORDER = slice(22, 58)
_UUID_LENGTH = 36
_SCALARS = frozenset((str, type(None), int, float, bool, dt.datetime))
_SERIALIZED_KINDS = ("llm", "prompt")
_log = logging.getLogger("smithkit.tracing")


def run_op(
    operation: Operation,
    run: dict[str, Any],
    dumps: Callable[[Any], bytes],
    auth: tuple[Any, ...] | None,
    *,
    with_runtime: bool,
) -> Op:
    """Take a snapshot of a run that begins, or of what changed in one.

    Args:
        operation: ``post`` or ``patch``.
        run: The run, or its id and changed fields; it is used up.
        dumps: Encoder.
        auth: Its own credentials, see `take_auth`.
        with_runtime: Whether to say what it runs on: in a post, and in a patch that has an `extra`.
    """
    extra = run.pop("extra", None)
    pending = False
    begins = operation == "post"
    if with_runtime and (begins or (extra and isinstance(extra, dict))):
        state = _runtime.current()
        pending = state.revision_pending
        extra_json: bytes | None = extra_with_runtime(extra, state, dumps) if extra else state.extra_json
    else:
        extra_json = None if extra is None else dumps(extra)
    return _op(POST if begins else PATCH, run, dumps, extra_json, auth, pending)


def feedback_op(feedback: dict[str, Any], dumps: Callable[[Any], bytes]) -> Op:
    """Take a snapshot of a feedback that goes along with runs.

    Args:
        feedback: With `id` and `trace_id`.
        dumps: Encoder.
    """
    main = tuple(feedback), (*map(dumps, feedback.values()),), True
    size = sum(map(len, main[1])) + OP_OVERHEAD
    trace = str(feedback.get("trace_id"))
    key = _id_text(feedback["id"])
    return (FEEDBACK, key, trace, main, None, None, None, None, None, None, None, None, False, size, 1)


def take_auth(run: dict[str, Any]) -> tuple[Any, ...] | None:
    """Take a run's own credentials out of it.

    Args:
        run: The run; loses its `AUTH_FIELDS`.

    Returns:
        The values of `AUTH_FIELDS`, or None where there are none.
    """
    if _AUTH_NAMES.isdisjoint(run):
        return None
    values = tuple([run.pop(name, None) for name in AUTH_FIELDS])
    return values if any(value is not None for value in values) else None


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


def _op(  # noqa: C901, PLR0917 - on the path of every run, where keywords cost
    kind: int,
    run: dict[str, Any],
    dumps: Callable[[Any], bytes],
    extra: bytes | None,
    auth: tuple[Any, ...] | None,
    pending: bool,  # noqa: FBT001
) -> Op:
    pop = run.pop
    inputs, outputs, events = pop("inputs", None), pop("outputs", None), pop("events", None)
    error, attachments, serialized = pop("error", None), None, None
    pop("replicas", None)
    size = OP_OVERHEAD + len(run.get("dotted_order") or "")  # grows with the depth of the run
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
    if run.get("serialized") is not None:
        strip_serialized(run)
        serialized = pop("serialized", None)
        if serialized is not None:
            serialized = dumps(serialized)
            size += len(serialized)
    if "attachments" in run:
        attachments = _attachments(run)
        size += sum(len(data) for _, _, data, _ in attachments or () if data is not None)
    pop("dangerously_allow_filesystem", None)
    order = run["dotted_order"]
    key = run["id"]
    if type(key) is not str or len(key) != _UUID_LENGTH or not key.isprintable() or '"' in key:
        key = _id_text(key)
    values = tuple(run.values())
    if _SCALARS.issuperset(map(type, values)):
        main = (tuple(run), values, False)
        size += len(run.get("name") or "")
    else:
        values = tuple([value if type(value) in _SCALARS else dumps(value) for value in values])
        main = (tuple(run), values, True)
        size += sum(len(value) for value in values if isinstance(value, str | bytes))
    return (
        kind, key, order[_TRACE_IN_DOTTED_ORDER] or str(run["trace_id"]), main,
        inputs, outputs, events, extra, error, serialized, attachments, auth, pending, size, 1,
    )  # fmt: skip


def _id_text(value: Any) -> str:
    return str(value if isinstance(value, UUID) else UUID(str(value)))


def extra_with_runtime(extra: Any, state: _runtime.EnvironmentState, dumps: Callable[[Any], bytes]) -> bytes:
    """`extra` with runtime and environment; the metadata stands last, where a late revision is added.

    Args:
        extra: A run's own, not empty.
        state: What to add.
        dumps: Encoder.
    """
    metadata = extra.get("metadata")
    if "runtime" in extra or (metadata is not None and not isinstance(metadata, dict)):
        merged = _runtime.merge_extra(extra, state)
        merged["metadata"] = merged.pop("metadata")
        return dumps(merged)
    if metadata and state.metadata:
        metadata = {**state.metadata, **metadata}
    metadata_json = dumps(metadata or state.metadata)
    rest = None if len(extra) == 1 else {key: value for key, value in extra.items() if key != "metadata"}
    if not rest:
        return b'{"runtime":%b,"metadata":%b}' % (state.runtime_json, metadata_json)
    return b'{"runtime":%b,%b,"metadata":%b}' % (state.runtime_json, dumps(rest)[1:-1], metadata_json)


def _attachments(run: dict[str, Any]) -> tuple[Any, ...] | None:
    """((name, MIME type, bytes or None, path or None), …) of a run's attachments."""
    given = run.pop("attachments")
    allow_files = run.get("dangerously_allow_filesystem", False)
    taken: list[tuple[Any, ...]] = []
    for name, attachment in (given or {}).items():
        mime, data = attachment[0], attachment[1]
        if "." in name:
            _log.warning("Attachment %r is left out: names of attachments may not hold a dot.", name)
        elif not isinstance(data, Path):
            taken.append((name, mime, bytes(data), None))
        elif allow_files:
            taken.append((name, mime, None, str(data)))
        else:
            _log.warning("Attachment %r is left out: it names a file, which nobody has allowed.", name)
    return tuple(taken) or None
