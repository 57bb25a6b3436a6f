"""Where runs go, and as whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from smithkit.tracing.pipeline._snapshot import AUTH_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smithkit.config import Config

__all__ = ["Target", "of_credentials", "write_endpoints"]


class Target(NamedTuple):
    """An endpoint, and the headers that differ from the client's own.

    Attributes:
        endpoint: Base URL; None for the client's.
        headers: Headers on top of the client's; None removes one.
    """

    endpoint: str | None
    headers: Mapping[str, str | None]


def write_endpoints(config: Config) -> list[Target]:
    """The targets of runs without credentials of their own.

    Args:
        config: The client's settings.
    """
    return [Target(endpoint, {}) for endpoint in config.write_endpoints] or [Target(None, {})]


def of_credentials(auth: tuple[Any, ...]) -> Target:
    """The target of runs with credentials of their own.

    The client's key is not sent beside another credential, unless the run names a key too.

    Args:
        auth: Values of `AUTH_FIELDS`.
    """
    given: dict[str, Any] = dict(zip(AUTH_FIELDS, auth, strict=True))
    headers: dict[str, str | None] = {}
    if given["service_key"] or given["authorization"] or given["cookie"]:
        headers["x-api-key"] = None
    for field, header in (
        ("api_key", "x-api-key"),
        ("service_key", "X-Service-Key"),
        ("tenant_id", "X-Tenant-Id"),
        ("authorization", "Authorization"),
        ("cookie", "Cookie"),
    ):
        if given[field]:
            headers[header] = str(given[field])
    return Target(str(given["api_url"]).rstrip("/") if given["api_url"] else None, headers)
