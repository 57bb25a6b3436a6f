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
from smithkit.operations import without_secrets
from smithkit.retry import retry_after

if TYPE_CHECKING:
    from collections.abc import Collection

    from smithkit.operations import Response

__all__ = ["check_status"]

_DETAIL_LENGTH = 1000
_SECRET_LENGTH = 8

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


def check_status(method: str, response: Response, secrets: Collection[str] = ()) -> None:
    """Raise the error that an answer means, if it is no acceptance.

    Args:
        method: HTTP method of the request.
        response: The answer.
        secrets: Credentials of the request: servers like to repeat them.

    Raises:
        LangSmithError: By status, see `smithkit.errors`.
    """
    status = response.status_code
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return
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
        target = without_secrets(response.headers.get("location", "nowhere"))
        cure = f"It redirects to {target}: use that base URL as the endpoint."
    for secret in (word for text in secrets for word in text.split() if len(word) >= _SECRET_LENGTH):
        detail = detail.replace(secret, "***")
    start = f"{method} {without_secrets(response.url)} answered {status}:"
    error = kind(
        " ".join(part for part in (start, detail, cure) if part),
        status_code=status,
        retry_after=retry_after(response.headers),
    )
    error.response = response
    raise error


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
