"""What a client learns once about the workspace that it acts in.

What belongs to a workspace is kept for the client's credentials: with another key or workspace it is
looked up anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit.answers import parse, rows
from smithkit.errors import LangSmithError
from smithkit.operations import Flow, Methods, Request

if TYPE_CHECKING:
    from smithkit.schemas import LangSmithInfo, LangSmithSettings

__all__ = ["required_tenant_id", "server_info", "settings", "tenant_id"]


def tenant_id(client: Methods) -> Flow[UUID | None]:
    """Look up the id of the client's workspace, which is part of its objects' links.

    It is the `tenant_id` of any project (``GET /sessions?limit=1``). A link is not worth an error: when
    the look-up fails the result is None, and the next call tries again.

    Args:
        client: The client.

    Returns:
        The id; None if there is no project yet or the server could not be asked.
    """
    known = _kept(client)
    if "tenant_id" not in known:
        try:
            response = yield Request("GET", "/sessions", params={"limit": 1}, retries=False)
            known["tenant_id"] = UUID(str(rows(response)[0]["tenant_id"]))
        except (LangSmithError, LookupError, TypeError, ValueError):
            return None
    found: UUID = known["tenant_id"]
    return found


def required_tenant_id(client: Methods) -> Flow[UUID]:
    """Look up the id of the client's workspace, for results that are nothing without it.

    Args:
        client: The client.

    Returns:
        The id.

    Raises:
        LangSmithError: There is no project yet, or the server could not be asked.
    """
    found = yield from tenant_id(client)
    if found is None:
        raise LangSmithError(
            "The workspace's id is not known: the server did not list any project (GET /sessions?limit=1). "
            "Check the key's rights, or create a project first."
        )
    return found


def server_info(client: Methods) -> Flow[LangSmithInfo]:
    """Read what the server says about itself (``GET /info``), unless the client was told or knows already.

    Args:
        client: The client.

    Returns:
        What it says.

    Raises:
        LangSmithError: It could not be asked.
    """
    transport: Any = client
    info: LangSmithInfo = yield from transport._server_info()  # noqa: SLF001 - kept where `client.info` keeps it
    return info


def settings(client: Methods) -> Flow[LangSmithSettings]:
    """Read the settings of the client's workspace (``GET /settings``).

    Args:
        client: The client.

    Returns:
        The settings.

    Raises:
        LangSmithError: The server refused, or could not be asked; the next call tries again.
    """
    known = _kept(client)
    if "settings" not in known:
        from smithkit.schemas import LangSmithSettings

        response = yield Request("GET", "/settings")
        known["settings"] = parse(LangSmithSettings, response.json())
    found: LangSmithSettings = known["settings"]
    return found


def _kept(client: Methods) -> dict[str, Any]:
    """What was looked up with the credentials that the client has now."""
    credentials = (getattr(client, "api_key", None), getattr(client, "workspace_id", None))
    known: dict[Any, dict[str, Any]] = client.state.setdefault("workspace", {})
    return known.setdefault(credentials, {})
