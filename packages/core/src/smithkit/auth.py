"""Who a request comes from: an API key, a bearer token, or what a plugin's `authenticate` hook gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smithkit.hooks import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.config import Config
    from smithkit.plugins import ClientHooks

__all__ = ["BearerAuth", "headers"]


def headers(
    hooks: ClientHooks, config: Config, *, api_key: str | None, workspace_id: str | None
) -> dict[str, str]:
    """The headers that authenticate a request.

    Args:
        hooks: Asked first: what an `authenticate` hook gives takes the API key's place.
        config: Passed to the hook.
        api_key: Sent as ``x-api-key``.
        workspace_id: Sent as ``X-Tenant-Id``.

    Raises:
        Exception: What the hook raises: a request that should be authenticated is not sent without.
    """
    given = hooks.first("authenticate", config=config)
    credentials = dict(given) if given is not None else {"x-api-key": api_key} if api_key else {}
    if workspace_id:
        credentials["X-Tenant-Id"] = workspace_id
    return credentials


class BearerAuth:
    """A plugin that sends ``Authorization: Bearer …`` in place of an API key.

    Args:
        token: The token, or a function that gives a fresh one for each request.

    Example:
        >>> from smithkit import Client
        >>> from smithkit.auth import BearerAuth
        >>> client = Client("https://langsmith.example", plugins=[BearerAuth("token")])
    """

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    @hookimpl
    def authenticate(self) -> dict[str, str]:
        """Give the header."""
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {token}"}
