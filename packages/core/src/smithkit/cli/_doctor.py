"""`smithkit doctor`: what is wrong with key, endpoint, workspace, proxy, CA, server or plugins, and the cure."""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from smithkit import environment
from smithkit.cli._output import print_json, print_table
from smithkit.errors import LangSmithAuthError, LangSmithError, LangSmithUserError
from smithkit.operations import without_secrets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from smithkit.cli import CommandRegistry
    from smithkit.client import Client

__all__ = ["Check", "examine", "register"]

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_ACCESS_CURES = {
    403: "Set LANGSMITH_WORKSPACE_ID, or give the key the right to read projects.",
    404: "Check that the endpoint is the API's base URL: self-hosted servers have it below /api.",
    429: "A usage limit is reached, or too much is asked at once: wait, or raise the limit.",
}
_PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        name: What was looked at.
        status: ``ok``, ``warning`` or ``failed``.
        found: What was found; never a secret.
        cure: What to do, if something is wrong.
    """

    name: str
    status: Literal["ok", "warning", "failed"]
    found: str
    cure: str = ""


def register(registry: CommandRegistry) -> None:
    """Add the command."""
    registry.add(
        "doctor",
        help="check key, endpoint, workspace, proxy, CA, server and plugins",
        run=_run,
        configure=_configure,
    )


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--api-url", help="endpoint to check (default: as Client() finds it)")


def _run(arguments: argparse.Namespace) -> int:
    checks = list(examine(arguments.api_url))
    if arguments.json:
        print_json([asdict(check) for check in checks])
    else:
        print_table(
            ("check", "status", "found"), [(check.name, check.status, check.found) for check in checks]
        )
        for check in checks:
            if check.cure:
                sys.stdout.write(f"\n{check.name}: {check.cure}\n")
    return 1 if any(check.status == "failed" for check in checks) else 0


def examine(api_url: str | None = None) -> Iterator[Check]:
    """Look at everything that keeps clients from working.

    Args:
        api_url: Endpoint to check; by default the one that ``Client()`` would use.

    Returns:
        The findings, in the order in which they are made.

    Example:
        >>> [check.name for check in examine("sqlite:///demo.db")][0]
        'plugins'
    """
    yield from _plugins()
    yield from _variables()
    yield from _proxy()
    yield from _certificates()
    try:
        client = _client(api_url)
    except LangSmithUserError as error:
        yield Check("settings", "failed", str(error), "Correct the settings named above.")
        return
    with client:
        yield _endpoint(client, api_url)
        yield _key(client)
        yield from _server(client)


def _client(api_url: str | None) -> Client:
    from smithkit import Client, retry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every warning has its line in the table
        return Client(api_url, timeout_ms=5_000, retry_config=retry.default_retry(0))


def _plugins() -> Iterator[Check]:
    from smithkit.plugins import manager

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the table says it
        manager().load()
    failed = [record for record in manager().records if record.status == "failed"]
    loaded = [record.name for record in manager().records if record.status == "loaded"]
    if not failed:
        yield Check("plugins", "ok", ", ".join(loaded) or "none")
    for record in failed:
        yield Check(
            "plugins",
            "failed",
            f"{record.name} ({record.source}): {record.reason}",
            f"Upgrade or remove {record.source.split()[0]}, or set SMITHKIT_DISABLE_PLUGINS={record.name}.",
        )


def _variables() -> Iterator[Check]:
    for name in ("ENDPOINT", "API_KEY", "WORKSPACE_ID", "PROJECT"):
        first, second = (os.environ.get(variable, "").strip() for variable in environment.names(name))
        if first and second and first != second:
            yield Check(
                "environment",
                "warning",
                f"LANGSMITH_{name} and LANGCHAIN_{name} differ; the first counts",
                f"Unset LANGCHAIN_{name}.",
            )


def _proxy() -> Iterator[Check]:
    found = []
    for name in _PROXY_VARIABLES:
        value = os.environ.get(name) or os.environ.get(name.lower())
        if value:
            found.append(f"{name}={without_secrets(value)}")
    yield Check("proxy", "ok", ", ".join(found) or "none")


def _certificates() -> Iterator[Check]:
    for name in _CA_VARIABLES:
        value = os.environ.get(name)
        if value and not Path(value).exists():
            yield Check(
                "CA", "failed", f"{name} names {value}, which does not exist", f"Correct or unset {name}."
            )
        elif value:
            yield Check("CA", "ok", f"{name}={value}")


def _endpoint(client: Client, given: str | None) -> Check:
    if given:
        why = "--api-url"
    elif environment.get("ENDPOINT"):
        why = next(name for name in environment.names("ENDPOINT") if os.environ.get(name, "").strip())
    elif client.config.embedded:
        why = "no endpoint and no key: the embedded backend"
    else:
        why = "LangSmith's cloud is the default"
    return Check("endpoint", "ok", f"{without_secrets(client.api_url)} ({why})")


def _key(client: Client) -> Check:
    if client.api_key:
        source = next((name for name in environment.names("API_KEY") if os.environ.get(name, "").strip()), "")
        return Check("key", "ok", f"set, {len(client.api_key)} characters ({source})")
    if client.config.embedded:
        return Check("key", "ok", "none needed")
    return Check(
        "key",
        "warning",
        "none",
        "Set LANGSMITH_API_KEY, unless the server needs none.",
    )


def _server(client: Client) -> Iterator[Check]:
    try:
        info = client.info
    except LangSmithError as error:
        yield Check("server", "failed", str(error), "Check endpoint, network, proxy and CA.")
        return
    product = getattr(info, "server", None) or {}
    named = (
        f"{product.get('name')} {product.get('version')}, " if isinstance(product, dict) and product else ""
    )
    yield Check("server", "ok", f"{named}API version {info.version or 'unknown'}")
    workspace = client.workspace_id or "the key's own"
    try:
        client.request_with_retries("GET", "/sessions", params={"limit": 1})
    except LangSmithAuthError as error:
        cure = (
            "Set LANGSMITH_API_KEY to a key of this endpoint; each region of the cloud has keys of its own."
        )
        yield Check("access", "failed", str(error), cure)
    except LangSmithError as error:
        yield Check("access", "failed", str(error), _ACCESS_CURES.get(error.status_code or 0, ""))
    else:
        yield Check("access", "ok", f"projects can be read (workspace: {workspace})")
