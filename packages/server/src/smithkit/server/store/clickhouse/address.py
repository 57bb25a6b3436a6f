"""URLs that name a ClickHouse server, and the SQL database beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from smithkit.server.store.postgres_engine import is_postgres, without_password

__all__ = ["SCHEMES", "Address", "is_clickhouse", "parse_address"]

SCHEMES = {"clickhouse": False, "clickhouses": True}
"""Schemes, and whether they stand for TLS."""

_EXAMPLE = "clickhouse://user:password@host:8123/database?meta=sqlite:///path/to/file.db"
_PORTS = {False: 8123, True: 8443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where data lies.

    Attributes:
        host: Of the ClickHouse server.
        port: Of its HTTP interface.
        database: Name of the database there.
        user: Who asks.
        password: Their password.
        secure: Whether to use TLS.
        meta: URL of the SQL database that holds everything but runs and feedback.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    secure: bool
    meta: str = field(repr=False)

    def __str__(self) -> str:
        """Write it for people: without passwords."""
        scheme = next(name for name, secure in SCHEMES.items() if secure is self.secure)
        meta = without_password(self.meta)
        return f"{scheme}://{self.user}@{self.host}:{self.port}/{self.database}?meta={meta}"


def is_clickhouse(url: str) -> bool:
    """Tell whether a URL names a ClickHouse server.

    Example:
        >>> is_clickhouse("clickhouse://localhost/traces"), is_clickhouse("runs.db")
        (True, False)
    """
    scheme, found, _ = url.partition("://")
    return bool(found) and scheme in SCHEMES


def parse_address(url: str) -> Address:
    """Read a URL.

    Args:
        url: ``clickhouse://user:password@host:8123/database?meta=sqlite:///path``; ``clickhouses`` for TLS.

    Returns:
        What it names.

    Raises:
        ValueError: Something is missing or not known; the text says what, and never the password.

    Example:
        >>> parse_address("clickhouse://me@localhost/traces?meta=sqlite:///runs.db").port
        8123
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"not a ClickHouse URL; it looks like {_EXAMPLE}")
    secure = SCHEMES[parts.scheme]
    options = parse_qs(parts.query, keep_blank_values=True)
    unknown = sorted(set(options) - {"meta"})
    if unknown:
        raise ValueError(
            f"unknown option {unknown[0]!r} in the ClickHouse URL; it looks like {_EXAMPLE}. "
            "In the URL of the SQL database, & is written as %26"
        )
    meta = options.get("meta", [""])[-1]
    database = unquote(parts.path.strip("/"))
    if "://" in meta and not (meta.startswith("sqlite:") or is_postgres(meta)):
        raise ValueError(
            "the SQL database beside ClickHouse (meta=...) is sqlite:///path or postgresql://..."
        )
    if not meta:
        raise ValueError(f"the ClickHouse URL names no SQL database (meta=...); it looks like {_EXAMPLE}")
    if not parts.hostname or not database or "/" in database:
        raise ValueError(f"the ClickHouse URL names no host or no database; it looks like {_EXAMPLE}")
    return Address(
        host=parts.hostname,
        port=parts.port or _PORTS[secure],
        database=database,
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        secure=secure,
        meta=meta,
    )
