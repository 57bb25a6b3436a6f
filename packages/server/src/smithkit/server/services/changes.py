"""One run's JSON, checked and turned into a change."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.server.domain.jsons import dump
from smithkit.server.domain.runs import PAYLOADS, RUN_TYPES, Rank, RunChange
from smithkit.server.domain.threads import find_thread
from smithkit.server.domain.times import parse_time
from smithkit.server.domain.usage import find_usage
from smithkit.server.errors import unprocessable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["make_change", "parse_id", "set_payload"]

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_UUID_LENGTH = 36
# A batch says the ids of its traces over and over.
parse_id = lru_cache(maxsize=8192)(UUID)
"""Reads an id; raises like `UUID`."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004 - reported to the client like any other wrong value
    return value.encode("utf-8", "replace").decode()


def _id(value: Any) -> UUID:
    try:
        return parse_id(value)
    except (ValueError, AttributeError, TypeError):
        raise ValueError("must be a UUID") from None


def _run_type(value: Any) -> str:
    if not isinstance(value, str) or value not in RUN_TYPES:
        raise ValueError(f"unknown run type {value!r}; known are {', '.join(sorted(RUN_TYPES))}")
    return value


def _dotted_order(value: Any) -> str:
    if not isinstance(value, str) or not all(
        _UUID.fullmatch(segment[-_UUID_LENGTH:]) for segment in value.split(".")
    ):
        raise ValueError("must be segments of time and UUID, joined with dots")
    return value


def _tags(value: Any) -> str:
    if not isinstance(value, list):
        raise ValueError("must be a list")  # noqa: TRY004 - as above
    return dump(value).decode()


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _text,
    "run_type": _run_type,
    "start_time": parse_time,
    "end_time": parse_time,
    "tags": _tags,
    "trace_id": _id,
    "dotted_order": _dotted_order,
    "parent_run_id": _id,
    "reference_example_id": _id,
    "manifest_id": _id,
}


def make_change(operation: str, run_id: UUID | None, body: Any, where: str) -> RunChange:
    """Check a run's JSON.

    Fields that are not a run's are dropped: some clients send other endpoints' keys among them.

    Args:
        operation: ``post`` or ``patch``.
        run_id: The run, if the request names it elsewhere than in the body.
        body: The run's JSON.
        where: Place in the request, for messages.

    Returns:
        The change.

    Raises:
        ApiError: 422, naming the place.
    """
    if not isinstance(body, dict):
        raise unprocessable(f"{where}: must be an object")
    change = RunChange(_read_id(run_id, body.get("id"), where), Rank.PATCH)
    for name, read in _READERS.items():
        value = body.get(name)
        if value is not None:
            try:
                change.values[name] = read(value)
            except (ValueError, OverflowError) as error:
                raise unprocessable(f"{where}.{name}: {error}") from error
    if body.get("session_id") is not None:
        change.session_id = _read(_id, body["session_id"], f"{where}.session_id")
    if body.get("session_name"):
        change.session_name = _read(_text, body["session_name"], f"{where}.session_name")
    for name in PAYLOADS:
        if body.get(name) is not None:
            set_payload(change, name, body[name], dump(body[name]), where)
    if operation == "post":
        change.rank = Rank.FINISHED if "end_time" in change.values else Rank.OPENING
    return change


def set_payload(change: RunChange, name: str, value: Any, raw: bytes, where: str) -> None:
    """Put a payload into a change, with the columns that follow from it.

    Args:
        change: The change.
        name: Name of the payload.
        value: Its parsed JSON.
        raw: Its JSON.
        where: Place in the request, for messages.

    Raises:
        ApiError: 422, there is no such payload or it has the wrong type.
    """
    if name not in PAYLOADS:
        raise unprocessable(f"{where}: a run has no {name!r}")
    if value is None:
        return
    facts = change.facts
    if name == "error":
        if not isinstance(value, str):
            raise unprocessable(f"{where}.error: must be a text")
        facts["has_error"] = bool(value)
    elif name == "events":
        if not isinstance(value, list):
            raise unprocessable(f"{where}.events: must be a list")
        facts["first_token_time"] = _first_token(value)
    elif name == "outputs":
        facts["usage_outputs"] = find_usage(value)
    elif name == "extra":
        metadata = value.get("metadata") if isinstance(value, dict) else None
        facts["usage_extra"] = find_usage(metadata)
        facts["thread_id"] = find_thread(metadata)
    change.payloads[name] = raw


def _read_id(run_id: UUID | None, told: Any, where: str) -> UUID:
    if told is None:
        if run_id is None:
            raise unprocessable(f"{where}.id: is missing")
        return run_id
    body_id: UUID = _read(_id, told, f"{where}.id")
    if run_id is not None and body_id != run_id:
        raise unprocessable(f"{where}.id: {body_id} is another run than {run_id}")
    return body_id


def _read(read: Callable[[Any], Any], value: Any, where: str) -> Any:
    try:
        return read(value)
    except (ValueError, OverflowError) as error:
        raise unprocessable(f"{where}: {error}") from error


def _first_token(events: list[Any]) -> int | None:
    times: list[int] = []
    for event in events:
        if isinstance(event, dict) and event.get("name") == "new_token":
            try:
                times.append(parse_time(event.get("time")))
            except (ValueError, OverflowError):
                continue  # a token without a readable time tells nothing
    return min(times, default=None)
