"""The command ``smithkit serve``."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["add_database_option", "configure", "database_url", "days", "main", "run"]

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_KEY_VARIABLE = "SMITHKIT_SERVER_API_KEY"
_SHUTDOWN_SECONDS = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's options.

    Args:
        parser: The command's parser.
    """
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=1984, help="port; 0 picks a free one (default: %(default)s)"
    )
    add_database_option(parser)
    parser.add_argument(
        "--blobs",
        metavar="PLACE",
        help="where attachments lie: a folder, or a URL such as s3://bucket/prefix (default: beside a SQLite file, else "
        "blobs in SMITHKIT_HOME)",
    )
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        help=f"key that allows everything (default: ${_KEY_VARIABLE}); see `smithkit keys` for others",
    )
    parser.add_argument(
        "--retention-days",
        type=days,
        metavar="N",
        help="delete runs of projects that say nothing of it after N days (default: keep them for ever)",
    )
    parser.add_argument("--access-log", action="store_true", help="log every request")
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        help="lines of text or of JSON (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics-open", action="store_true", help="show /metrics to those who bring no key, too"
    )


def add_database_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which database is meant.

    Args:
        parser: The command's parser.
    """
    parser.add_argument(
        "--db",
        metavar="URL",
        help="a path, sqlite:///path.db or postgresql://user:password@host/database (default: smithkit.db in SMITHKIT_HOME)",
    )


def database_url(args: argparse.Namespace) -> str:
    """Give the database that is meant.

    Args:
        args: Options, as `add_database_option` defines them.

    Returns:
        Path or URL.
    """
    if args.db:
        return str(args.db)
    from smithkit.config import home

    return str(home() / "smithkit.db")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped.

    Args:
        args: Options, as `configure` defines them.

    Returns:
        Exit status.
    """
    api_key = args.api_key or os.environ.get(_KEY_VARIABLE) or None
    local = _is_loopback(args.host)
    url = database_url(args)
    if not local and api_key is None and _is_new(url):
        return _refuse(args.host)
    problem, has_keys = _look_into(url, args.blobs)
    if problem is not None:
        _say(f"smithkit serve: {problem}", sys.stderr)
        return 1
    asks = api_key is not None or has_keys
    if not local and not asks:
        return _refuse(args.host)
    from smithkit.server.app import create_app
    from smithkit.server.logs import set_up_logs
    from smithkit.server.metrics import Metrics

    set_up_logs(args.log_format, access=args.access_log)
    metrics = Metrics(is_open=args.metrics_open)
    hosts = {*_LOOPBACK_HOSTS, args.host} if local else None
    app = create_app(
        url,
        blobs=args.blobs,
        api_key=api_key,
        allowed_hosts=hosts,
        metrics=metrics,
        retention_days=args.retention_days,
    )
    return _serve(app, args, url, with_key=asks)


def _refuse(host: str) -> int:
    _say(
        f"smithkit serve: {host} can be reached from other machines, so an API key is needed: "
        f"make one with `smithkit keys create NAME`, pass --api-key or set {_KEY_VARIABLE}",
        sys.stderr,
    )
    return 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command by itself, without the `smithkit` program.

    Args:
        argv: Arguments; the process's by default.

    Returns:
        Exit status.
    """
    parser = argparse.ArgumentParser(
        prog="smithkit serve", description="Serve the LangSmith API from a local database."
    )
    configure(parser)
    return run(parser.parse_args(argv))


def _serve(app: object, args: argparse.Namespace, url: str, *, with_key: bool) -> int:
    import uvicorn

    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=args.host,
        port=args.port,
        log_config=None,
        access_log=False,  # it would write down whole URLs, signatures and tokens among them
        lifespan="on",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    try:
        listener = _bind(args.host, args.port)
    except OSError as error:
        _say(f"smithkit serve: cannot listen on {args.host}:{args.port}: {error}", sys.stderr)
        return 1
    address = f"http://{f'[{args.host}]' if ':' in args.host else args.host}:{listener.getsockname()[1]}"
    key = " LANGSMITH_API_KEY=<the key>" if with_key else ""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[Any] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                _say(f"smithkit server on {address}, data in {_shown(url)}", sys.stdout)
                _say(
                    f"Point clients at it: LANGSMITH_TRACING=true LANGSMITH_ENDPOINT={address}{key}",
                    sys.stdout,
                )

    server = Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn raises it again after its orderly shutdown
        return 0
    finally:
        listener.close()
    return 0 if server.started else 1


def days(text: str) -> int:
    """Read a number of days that a user gives, at least 1.

    Raises:
        ValueError: It is none.
    """
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def _shown(url: str) -> str:
    """A database's URL without passwords."""
    from smithkit.server.store.clickhouse.address import is_clickhouse, parse_address
    from smithkit.server.store.postgres_engine import without_password

    return str(parse_address(url)) if is_clickhouse(url) else without_password(url)


def _is_new(url: str) -> bool:
    """Tell whether it is a file that is yet to be made."""
    from smithkit.server.store.engine import database_path

    try:
        return not database_path(url).exists()
    except ValueError:  # another kind of database
        return False


def _look_into(url: str, blobs: str | None) -> tuple[str | None, bool]:
    """Open the database once and let go of it, for what is wrong with it is to be told in one line.

    Returns:
        What is wrong, and whether the database has keys.
    """
    import asyncio

    from smithkit.server.store import open_store
    from smithkit.server.store.storage import StorageError

    try:
        store = open_store(url, blobs=blobs)
    except (StorageError, ValueError) as error:
        return str(error), False
    try:
        return None, asyncio.run(store.directory.has_keys())
    finally:
        store.close()


def _bind(host: str, port: int) -> socket.socket:
    """Bind here, so that a free port picked by the system is known.

    With the protocol told: asyncio turns Nagle's algorithm off for such sockets alone, and with it on,
    every answer on a kept connection may wait 40 ms.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _say(text: str, stream: TextIO) -> None:
    print(text, file=stream, flush=True)


if __name__ == "__main__":
    sys.exit(main())
