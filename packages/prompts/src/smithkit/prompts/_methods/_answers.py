"""What the methods of this package share about requests and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithResponseError
from smithkit.operations import without_secrets

if TYPE_CHECKING:
    from smithkit.operations import Response

__all__ = ["flag", "json_object"]


def flag(value: bool | None) -> str:  # noqa: FBT001 - one argument
    """A truth value as it stands in a query.

    Args:
        value: The value.
    """
    return "true" if value else "false"


def json_object(response: Response) -> dict[str, Any]:
    """The JSON object of an answer.

    Args:
        response: The answer.

    Raises:
        LangSmithResponseError: It is no JSON object.
    """
    body = response.json()
    if not isinstance(body, dict):
        raise LangSmithResponseError(
            f"{without_secrets(response.url)} answered with JSON that is no object.",
            status_code=response.status_code,
        )
    return body
