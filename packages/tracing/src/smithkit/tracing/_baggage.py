"""The ``baggage`` header: what of a run travels to the next service, and what is taken from the one before.

Whoever sends a request writes what it likes. So what is read is a short list (metadata, tags and
project; never endpoints, credentials, replicas or files), of limited size, and without the names that
tell of the run itself, which costs are computed from and which experiments are found by.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from smithkit import environment
from smithkit.tracing._default_client import known_client
from smithkit.tracing._report import report
from smithkit.tracing._serialize import dumps

if TYPE_CHECKING:
    from smithkit.tracing.run_trees import RunTree

__all__ = ["Carried", "merged", "read", "written"]

_METADATA = "langsmith-metadata"
_TAGS = "langsmith-tags"
_PROJECT = "langsmith-project"
_READ = (_METADATA, _TAGS, _PROJECT)
_OWN = "langsmith-"

_MOST_WRITTEN = 8192  # bytes that the standard has everybody pass on
_MOST_READ = 65_536
_MOST_KEYS = 128
_MOST_TAGS = 128
_LONGEST_NAME = 256
_RESERVED = ("ls_", "__", "usage_metadata")


class Carried(NamedTuple):
    """What came along with a request."""

    metadata: dict[str, Any]
    tags: list[str]
    project: str


def written(run: RunTree) -> str:
    """The items for a run's metadata, tags and project; what would make the header too long stays out.

    Args:
        run: The run.
    """
    texts = {}
    metadata, tags = _shown(run)
    if metadata:
        texts[_METADATA] = dumps(metadata).decode()
    if tags:
        texts[_TAGS] = ",".join(map(str, tags))
    if run.session_name:
        texts[_PROJECT] = run.session_name
    items = [f"{key}={quote(text, safe='', errors='replace')}" for key, text in texts.items()]
    while len(",".join(items)) > _MOST_WRITTEN:
        longest = max(items, key=len)
        items.remove(longest)
        report(f"{longest.partition('=')[0]} is not sent along with a request: it is too long for a header")
    return ",".join(items)


def _shown(run: RunTree) -> tuple[Any, list[str] | None]:
    """Metadata and tags, by the rules of the run's client; the environment's where it has none yet."""
    metadata, tags = run.metadata_now(), run.tags_now()
    client = run.ls_client if run.ls_client is not None else known_client()
    if client is None:
        return ({} if environment.is_true("HIDE_METADATA") else metadata), tags
    redact = getattr(type(client), "_redact_baggage", None)
    return (metadata, tags) if redact is None else redact(client, metadata, tags)


def merged(foreign: str, own: str) -> str:
    """A header that holds other programs' items as well as our own.

    Args:
        foreign: The header as it is; items of another run are replaced.
        own: Our items.
    """
    kept = [item for item in foreign.split(",") if item.strip() and not item.strip().startswith(_OWN)]
    return ",".join([*map(str.strip, kept), *([own] if own else [])])


def read(header: str) -> Carried:
    """What a header carries; what is none of it, or too much, is ignored.

    Args:
        header: The header of a request.
    """
    found: dict[str, str] = {}
    if len(header) <= _MOST_READ:
        for item in header.split(","):
            key, separator, value = item.partition("=")
            key = key.strip()
            if separator and key in _READ:
                found.setdefault(key, unquote(value.partition(";")[0].strip()))
    project = found.get(_PROJECT, "").strip()
    return Carried(
        _metadata(found.get(_METADATA, "")),
        _tags(found.get(_TAGS, "")),
        project if len(project) <= _LONGEST_NAME else "",
    )


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    names = [name for name in value if len(name) <= _LONGEST_NAME and not name.startswith(_RESERVED)]
    return {name: value[name] for name in names[:_MOST_KEYS]}


def _tags(text: str) -> list[str]:
    return [tag for tag in text.split(",") if tag and len(tag) <= _LONGEST_NAME][:_MOST_TAGS]
