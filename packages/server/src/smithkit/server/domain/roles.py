"""What keys allow."""

from __future__ import annotations

import re
from typing import Literal, get_args

__all__ = ["ROLES", "Role", "may"]

Role = Literal["read", "ingest", "write"]
ROLES: tuple[Role, ...] = get_args(Role)

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_READING = re.compile(
    r"/(?:runs/(?:query|stats|group)|datasets/[^/]+/(?:search|runs)"
    r"|api/v2/(?:(?:runs|traces|threads)/query|threads/stats|datasets/[^/]+/experiment-runs))"
)
_INGESTING = re.compile(r"/(?:runs(?:/[^/]+)?|otel/v1/traces|feedback)")
_NOT_INGESTING = frozenset({"/runs/query", "/runs/stats", "/runs/group"})


def may(role: Role, method: str, path: str) -> bool:
    """Tell whether a role allows a request.

    Args:
        role: ``read`` looks and changes nothing; ``ingest`` sends runs and feedback and sees nothing, for programs
            in production; ``write`` does everything.
        method: HTTP method.
        path: Path, below the API's prefix.

    Example:
        >>> may("read", "POST", "/runs/query"), may("ingest", "GET", "/runs/1"), may("ingest", "PATCH", "/runs/1")
        (True, False, True)
    """
    if role == "write":
        return True
    if role == "read":
        return method in _SAFE_METHODS or (method == "POST" and _READING.fullmatch(path) is not None)
    sends = method in {"POST", "PATCH"} and path not in _NOT_INGESTING
    return sends and _INGESTING.fullmatch(path) is not None
