"""The ASGI application."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from smithkit.server.body import Budget
from smithkit.server.deadlines import DeadlineMiddleware
from smithkit.server.errors import ApiError, conflict, error_response, not_found, problem
from smithkit.server.limits import Limits
from smithkit.server.middleware import (
    ErrorMiddleware,
    GuardMiddleware,
    HeaderMiddleware,
    KeyMiddleware,
    PathMiddleware,
)
from smithkit.server.observing import ObserveMiddleware
from smithkit.server.routes import all_routes
from smithkit.server.services.workspaces import Workspaces
from smithkit.server.store import MissingError, RefusalError, open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from starlette.requests import Request
    from starlette.responses import Response

    from smithkit.server.domain.embeddings import Embedder
    from smithkit.server.metrics import Metrics

__all__ = ["create_app"]


def create_app(
    url: str,
    *,
    blobs: str | None = None,
    api_key: str | None = None,
    stored_keys: bool = True,
    allowed_hosts: Collection[str] | None = None,
    limits: Limits | None = None,
    metrics: Metrics | None = None,
    retention_days: int | None = None,
) -> Starlette:
    """Build the application. The store opens when the application starts (ASGI lifespan).

    Args:
        url: ``sqlite:///path.db``, a path, ``postgresql://user:password@host/database``, or a URL that a plugin's `create_store` knows.
        blobs: Where attachments lie: a folder, or a URL that fsspec knows (``s3://bucket/prefix``); by default beside the
            database.
        api_key: The operator's key, which allows everything. Requests bring a key as ``x-api-key``; without this one,
            and without keys in the database (``smithkit keys``), none is asked for.
        stored_keys: Whether keys in the database count; false for callers who can open the file anyhow.
        allowed_hosts: Names that the Host header may give; None allows all. Give the names of this machine
            when you listen on localhost without a key.
        limits: Caps on requests.
        metrics: Counts requests and shows the figures at ``/metrics``; None keeps none.
        retention_days: For how long projects that say nothing of it keep runs; None for ever.

    Returns:
        The application; plugins have added their routes (hook `register_routes`).

    Example:
        >>> app = create_app("sqlite:///runs.db", api_key="secret")
    """
    limits = limits or Limits()
    app = Starlette(
        routes=all_routes(),
        lifespan=partial(_lifespan, url=url, blobs=blobs, limits=limits, retention_days=retention_days),
        middleware=[
            Middleware(HeaderMiddleware),
            Middleware(ObserveMiddleware, metrics=metrics),
            Middleware(ErrorMiddleware),
            Middleware(DeadlineMiddleware, limits=limits),
            Middleware(GuardMiddleware, allowed_hosts=allowed_hosts),
            Middleware(PathMiddleware),
            Middleware(
                KeyMiddleware, operator_key=api_key, stored_keys=stored_keys, also_open=_also_open(metrics)
            ),
        ],
        exception_handlers={
            HTTPException: _on_http_exception,
            ApiError: _on_api_error,
            RefusalError: _on_refusal,
        },
    )
    app.state.metrics = metrics
    _extend(app)
    return app


def _also_open(metrics: Metrics | None) -> tuple[str, ...]:
    return ("/metrics",) if metrics is not None and metrics.is_open else ()


@asynccontextmanager
async def _lifespan(
    app: Starlette, *, url: str, blobs: str | None, limits: Limits, retention_days: int | None
) -> AsyncIterator[None]:
    store = open_store(url, blobs=blobs)
    own = Workspaces(store, limits, Budget(limits.in_memory), _embedder(), retention_days)
    app.state.workspaces = own
    own.retention.start()
    try:
        yield
    finally:
        await own.close()
        await run_in_threadpool(store.close)


async def _on_http_exception(_request: Request, error: Any) -> Response:
    return error_response(ApiError(error.status_code, error.detail, error.headers))


async def _on_api_error(_request: Request, error: Any) -> Response:
    return error_response(error)


async def _on_refusal(_request: Request, error: Any) -> Response:
    answer = not_found(str(error)) if isinstance(error, MissingError) else conflict(str(error))
    answer.errors = [problem(key, "id", said) for key, said in error.examples.items()]
    return error_response(answer)


def _embedder() -> Embedder | None:
    """The embedder that a plugin gives."""
    try:
        from smithkit.plugins import manager
    except ImportError:  # a core without plugins
        return None
    return cast("Embedder | None", manager().first("create_embedder"))


def _extend(app: Starlette) -> None:
    """Let plugins add routes; a failing one is reported by the plugin manager and the others go on."""
    try:
        from smithkit.plugins import manager
    except ImportError:  # a core without plugins
        return
    manager().notify("register_routes", app=app)
