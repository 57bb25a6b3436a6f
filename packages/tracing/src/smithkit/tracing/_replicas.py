"""Copies of a run for further projects and endpoints.

A run that has replicas is written to these, and to nothing else: whoever wants it in its own project
too, lists that. A copy for another project has ids of its own, which follow from the run's id and the
project: so post and patch, parents and children, and several processes agree without speaking.
Loaded when a run has replicas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smithkit import environment
from smithkit.tracing._context import distributed_parent_of
from smithkit.tracing._identity import parse_dotted_order
from smithkit.tracing._report import report
from smithkit.tracing._sending import settle
from smithkit.tracing.pipeline._snapshot import AUTH_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.tracing._run_fields import RunFields
    from smithkit.tracing._types import WriteReplica
    from smithkit.tracing.pipeline._snapshot import Operation

__all__ = ["copied_id", "from_environment", "write_copies"]

_ID_LENGTH = 36
_VERSION_PLACE = 14
_CREDENTIALS = frozenset(AUTH_FIELDS[1:])
_VARIABLE = "LANGSMITH_RUNS_ENDPOINTS"

_read: tuple[str, Sequence[WriteReplica]] = ("", ())


def write_copies(operation: Operation, run: RunFields, body: dict[str, Any], client: Any) -> None:
    """Hand a run over once for each of its replicas. Failures are logged, and keep no other copy back.

    Args:
        operation: ``post`` or ``patch``.
        run: The run.
        body: What would be sent of it.
        client: Its client.
    """
    for replica in run.replicas or ():
        try:
            _hand_over(operation, _copy(run, body, replica), client)
        except Exception as error:  # noqa: BLE001 - tracing must not break the traced program
            report("a run could not be written to one of its replicas", error)


def from_environment() -> Sequence[WriteReplica]:
    """The replicas that ``LANGSMITH_RUNS_ENDPOINTS`` names.

    It holds a JSON list of objects with ``api_url`` and ``api_key``, or an object of URLs and keys. What is
    not fit for use is left out, and logged when the value is first seen.
    """
    global _read  # noqa: PLW0603 - one tuple, replaced as a whole
    text = environment.get("RUNS_ENDPOINTS") or ""
    read = _read
    if read[0] != text:
        _read = read = (text, _endpoints(text))
    return read[1]


def copied_id(run_id: str, project: str, milliseconds: int) -> str:
    """The id of a run's copy in another project.

    Args:
        run_id: Text of the run's id.
        project: Name of the other project.
        milliseconds: The run's start since the epoch, used where its id does not hold a time.

    Example:
        >>> copied_id("018f4c1e-0000-7000-8000-000000000001", "copy", 0)
        '018f4c1e-0000-7769-8f71-431381f65232'
    """
    import xxhash

    digest = xxhash.xxh3_128_hexdigest(f"{run_id}:{project}".encode(errors="surrogatepass"))
    timed = run_id[_VERSION_PLACE] == "7"
    time = run_id[:13] if timed else f"{milliseconds >> 16 & 0xFFFFFFFF:08x}-{milliseconds & 0xFFFF:04x}"
    variant = int(digest[4:6], 16) & 0x3F | 0x80
    return f"{time}-7{digest[1:4]}-{variant:02x}{digest[6:8]}-{digest[8:20]}"


def _copy(run: RunFields, body: Mapping[str, Any], replica: Any) -> dict[str, Any]:
    if not isinstance(replica, Mapping):
        raise TypeError(f"a replica is a dictionary, not {type(replica).__name__}")
    copy = dict(body)
    updates = dict(replica.get("updates") or {})
    if updates.pop("reroot", False) and (distributed_parent := distributed_parent_of(run)) is not None:
        _reroot(copy, distributed_parent)
    project = replica.get("project_name")
    if project and project != run.session_name:
        _move(copy, project)
    copy.update(updates)
    copy.update(_destination(replica))
    return copy


def _reroot(copy: dict[str, Any], distributed_parent_id: str) -> None:
    """Cut off the part of the trace that other processes hold: the run below it becomes the root."""
    segments = copy["dotted_order"].split(".")
    ids = [segment[-_ID_LENGTH:] for segment in segments]
    if distributed_parent_id not in ids[:-1]:
        return
    first = ids.index(distributed_parent_id) + 1
    copy["dotted_order"] = ".".join(segments[first:])
    copy["trace_id"] = ids[first]
    if first == len(ids) - 1:
        copy.pop("parent_run_id", None)


def _move(copy: dict[str, Any], project: str) -> None:
    """Give a copy its place in another project."""
    starts = {key: start // 1_000_000 for start, key in parse_dotted_order(copy["dotted_order"])}
    moved = {key: copied_id(key, project, start) for key, start in starts.items()}
    segments = copy["dotted_order"].split(".")
    copy["dotted_order"] = ".".join(
        segment[:-_ID_LENGTH] + moved[segment[-_ID_LENGTH:].lower()] for segment in segments
    )
    own = starts.get(copy["id"], 0)
    for field in ("id", "trace_id", "parent_run_id"):
        if (key := copy.get(field)) is not None:
            copy[field] = moved.get(key) or copied_id(key, project, own)
    copy.pop("session_id", None)
    copy["session_name"] = project


def _destination(replica: Mapping[str, Any]) -> dict[str, Any]:
    """Endpoint and credentials of a copy, which the client keeps out of what it sends.

    Raises:
        ValueError: There is an endpoint, but it is no URL: the key must not go to another one.
    """
    given = {"api_key": replica.get("api_key"), **(replica.get("auth") or {})}
    found = {name: value for name, value in given.items() if name in _CREDENTIALS and value is not None}
    if replica.get("api_url") is not None:
        url = _url(replica["api_url"])
        if url is None:
            raise ValueError("its api_url is not an http or https URL")
        found["api_url"] = url
    return found


def _url(value: Any) -> str | None:
    text = value.strip().strip("\"'").strip().rstrip("/") if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.hostname else None


def _hand_over(operation: Operation, body: dict[str, Any], client: Any) -> None:
    submit = getattr(client, f"submit_{operation}", None)
    if submit is not None:
        submit(body)
    elif operation == "post":
        settle(client.create_run(**body))
    else:
        settle(client.update_run(run_id=body.pop("id"), **body))


def _endpoints(text: str) -> Sequence[WriteReplica]:
    """Replicas of the environment's text; what is wrong with it is said without the keys in it."""
    try:
        value = json.loads(text) if text else []
    except (ValueError, RecursionError):
        report(f"{_VARIABLE} is ignored: it is not JSON")
        return ()
    if isinstance(value, dict):
        value = [{"api_url": url, "api_key": key} for url, key in value.items()]
    if not isinstance(value, list):
        report(f"{_VARIABLE} is ignored: it is neither a list of endpoints nor an object of URLs and keys")
        return ()
    found: list[WriteReplica] = []
    for position, item in enumerate(value):
        url = _url(item.get("api_url")) if isinstance(item, dict) else None
        key = item.get("api_key") if isinstance(item, dict) else None
        if url is None or not isinstance(key, str) or not key.strip():
            report(f"item {position} of {_VARIABLE} is ignored: it needs an http api_url and an api_key")
        else:
            found.append({"api_url": url, "api_key": key.strip()})
    return tuple(found)
