"""From an answer's status to a typed error whose message says what to do."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from smithkit.errors import (
    LangSmithAPIError,
    LangSmithAuthError,
    LangSmithConflictError,
    LangSmithError,
    LangSmithNotFoundError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
    LangSmithUserError,
)

if TYPE_CHECKING:
    from smithkit.operations import Response

__all__ = ["refusal"]

_DETAIL_LENGTH = 1000

_CLASSES: dict[int, type[LangSmithError]] = {
    401: LangSmithAuthError,
    404: LangSmithNotFoundError,
    408: LangSmithRequestTimeout,
    409: LangSmithConflictError,
    429: LangSmithRateLimitError,
    500: LangSmithAPIError,
}

_CURES = {
    401: "Check the API key (LANGSMITH_API_KEY, or api_key=) and that it belongs to this endpoint.",
    403: "The key is known but may not do this. Check its permissions, and the workspace "
    "(LANGSMITH_WORKSPACE_ID, or workspace_id=) if the key is valid for several.",
    407: "The proxy wants credentials: put them into HTTPS_PROXY (http://user:password@host:port).",
    413: "The body is too large for this server: send less at once.",
    429: "Too many requests, or a usage limit is reached: wait, or send fewer.",
}


def refusal(method: str, response: Response) -> LangSmithError | None:
    """The error that an answer means, or None if it is an acceptance.

    Args:
        method: HTTP method of the request.
        response: The answer.
    """
    status = response.status_code
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    detail, code = _detail(response)
    kind = _CLASSES.get(status, LangSmithError)
    cure = _CURES.get(status, "")
    if status == HTTPStatus.FORBIDDEN and code == "org_scoped_key_requires_workspace":
        kind = LangSmithUserError
        cure = (
            "This key is valid for a whole organization: name the workspace with LANGSMITH_WORKSPACE_ID "
            "or workspace_id=."
        )
    elif status < HTTPStatus.BAD_REQUEST:
        cure = f"It redirects to {response.headers.get('location', 'nowhere')}: use that base URL as the endpoint."
    text = " ".join(part for part in (f"{method} {response.url} answered {status}:", detail, cure) if part)
    return kind(text, status_code=status, retry_after=_retry_after(response))


def _detail(response: Response) -> tuple[str, str | None]:
    """What the server said, and its error code, if it has one."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return response.text.strip()[:_DETAIL_LENGTH], None
    if not isinstance(body, dict):
        return str(body)[:_DETAIL_LENGTH], None
    said = next((body[key] for key in ("detail", "message", "error") if body.get(key)), body)
    code = body.get("error")
    text = said if isinstance(said, str) else json.dumps(said)
    return text[:_DETAIL_LENGTH], code if isinstance(code, str) else None


def _retry_after(response: Response) -> float | None:
    asked = response.headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        return _seconds_until(asked)


def _seconds_until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime
    from time import time

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time())
    except ValueError:
        return None
