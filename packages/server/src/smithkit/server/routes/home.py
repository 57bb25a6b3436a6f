"""A page for people who open the server's address in a browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from smithkit.server import __version__
from smithkit.server.routes._common import services
from smithkit.server.routes._operation import Operation
from smithkit.server.store import SessionSelection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_STYLE = "body{font:16px/1.5 system-ui;margin:3rem auto;max-width:50rem;padding:0 1rem}td,th{padding:.2rem 1rem .2rem 0;text-align:left}"
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


async def _home(request: Request) -> Response:
    projects = await services(request).sessions.find(SessionSelection(limit=100), include_stats=True)
    rows = "".join(
        f"<tr><td>{escape(project['name'])}</td><td>{project['run_count']}</td>"
        f"<td>{escape(project['last_run_start_time'] or '')}</td></tr>"
        for project in projects
    )
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>smithkit</title><style>{_STYLE}</style>"
        f"<h1>smithkit server {__version__}</h1>"
        f"<p>It speaks the LangSmith API. Point a client at it with "
        f"<code>LANGSMITH_ENDPOINT={escape(str(request.base_url).rstrip('/'))}</code>.</p>"
        f"<table><tr><th>Project</th><th>Traces</th><th>Last</th></tr>{rows}</table></html>"
    )
    return HTMLResponse(page, headers=_HEADERS)


routes = [Operation("GET", "/", _home, "Show the projects to a browser", gives="text/html")]
