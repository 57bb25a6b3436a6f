"""A run's place in its trace, as headers of a request, and back.

What comes in is not to be trusted: nothing here raises for it, and of the baggage only metadata, tags
and project are read. Endpoints, credentials and replicas are never taken from a request.
"""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from smithkit.tracing._identity import parse_dotted_order
from smithkit.tracing._report import report
from smithkit.tracing.run_trees import RunTree

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_parent", "from_headers", "remote_run", "to_headers"]

_TRACE = "langsmith-trace"
_BAGGAGE = "baggage"
_METADATA = "langsmith-metadata"
_TAGS = "langsmith-tags"
_PROJECT = "langsmith-project"
_READ = (_METADATA, _TAGS, _PROJECT)
_MOST_CHARACTERS = 65_536
_MOST_DEEP = 1000


def to_headers(run: RunTree) -> dict[str, str]:
    """Headers for a request to a service that continues the run's trace."""
    headers = {_TRACE: run.dotted_order}
    items = []
    metadata, tags = run.metadata_now(), run.tags_now()
    if metadata:
        items.append((_METADATA, json.dumps(metadata, separators=(",", ":"), default=str, skipkeys=True)))
    if tags:
        items.append((_TAGS, ",".join(map(str, tags))))
    if run.session_name:
        items.append((_PROJECT, run.session_name))
    if items:
        headers[_BAGGAGE] = ",".join(f"{key}={quote(text, safe='', errors='replace')}" for key, text in items)
    return headers


def from_headers(headers: Mapping[Any, Any], **kwargs: Any) -> RunTree | None:
    """The caller's run, or None where the headers name none."""
    found = _headers(headers)
    dotted_order = found.get(_TRACE, "").strip()
    if not dotted_order:
        return None
    baggage = _baggage(found.get(_BAGGAGE, ""))
    extra = dict(kwargs.pop("extra", None) or {})
    extra["metadata"] = {**_metadata(baggage.get(_METADATA, "")), **(extra.get("metadata") or {})}
    kwargs["extra"] = extra
    kwargs["tags"] = [*_tags(baggage.get(_TAGS, "")), *(kwargs.get("tags") or ())]
    project = baggage.get(_PROJECT, "").strip()
    if project:
        kwargs.pop("project_name", None)
        kwargs["session_name"] = project
    try:
        return remote_run(dotted_order, **kwargs)
    except ValueError:
        report(f"the {_TRACE} header of a request is ignored: it is not a dotted order")
        return None


def remote_run(dotted_order: str, **kwargs: Any) -> RunTree:
    """A run of another process, of its dotted order.

    Raises:
        ValueError: It is not a dotted order.
    """
    if len(dotted_order) > _MOST_CHARACTERS or dotted_order.count(".") > _MOST_DEEP:
        raise ValueError("a dotted order of this length is not accepted")
    runs = parse_dotted_order(dotted_order)
    given = {
        "name": "parent",
        "run_type": "chain",
        **kwargs,
        "id": runs[-1][1],
        "trace_id": runs[0][1],
        "parent_run_id": runs[-2][1] if len(runs) > 1 else None,
        "dotted_order": dotted_order,
    }
    run = RunTree(**given)
    run._posted = True
    run.distributed_parent_id = run.id_text
    return run


def as_parent(value: Any, project_name: str | None = None) -> RunTree | None:
    """A parent in any of the forms in which one may be given.

    Args:
        value: A `RunTree`, the headers of a request, or a dotted order.
        project_name: Project of a parent whose headers name none.

    Returns:
        The parent; None for anything else, which is logged where it looks like a mistake.
    """
    if isinstance(value, RunTree):
        return value
    given = {"project_name": project_name} if project_name else {}
    if isinstance(value, str):
        try:
            return remote_run(value, **given)
        except ValueError as error:
            report("a parent is ignored: the text is not a dotted order", error)
            return None
    if hasattr(value, "items"):
        return from_headers(value, **given)
    report(f"a parent is ignored: {type(value).__name__} is neither run, headers nor dotted order")
    return None


def _headers(headers: Mapping[Any, Any]) -> dict[str, str]:
    """The two headers that matter, of names and values that are text or bytes in any case."""
    found: dict[str, str] = {}
    try:
        for name, value in headers.items():
            key = _text(name).lower()
            if key in {_TRACE, _BAGGAGE}:
                found.setdefault(key, _text(value))
    except Exception as error:  # noqa: BLE001 - whatever a framework gives as headers
        report("headers of a request could not be read", error)
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _baggage(header: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if len(header) > _MOST_CHARACTERS:
        return found
    for item in header.split(","):
        key, separator, value = item.partition("=")
        key = key.strip()
        if separator and key in _READ:
            found.setdefault(key, unquote(value.partition(";")[0].strip()))
    return found


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _tags(text: str) -> list[str]:
    return [tag for tag in text.split(",") if tag]
