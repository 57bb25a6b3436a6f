"""Whoever calls: other sites' pages, callers without a key, altered links. None gets in, and none breaks the server."""

from __future__ import annotations

import hmac
import re
import time
import uuid
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from smithkit.server import create_app
from smithkit.server.limits import Limits
from smithkit.server.routes import all_routes

OWN = "localhost"
KEY = "sesame"
ROUTES = [
    (route.method, re.sub(r"\{\w+\}", str(uuid.UUID(int=7)), route.path_format)) for route in all_routes()
]
CHANGING = [
    (method, path) for method, path in ROUTES if method != "GET" and not path.startswith("/feedback/tokens/")
]
NONSENSE = [
    "http://[",
    "http://]",
    "http://[::1",
    "null",
    "",
    "//",
    f"http://{OWN}@evil",
    f"{OWN}",
    "http://a b",
    "ß",
]


async def echo(socket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A server with a key for this machine's names alone, and a WebSocket that a plugin could have brought."""
    path = tmp_path_factory.mktemp("callers") / "runs.db"
    app = create_app(str(path), api_key=KEY, allowed_hosts=[OWN], limits=Limits(url_lifetime=60))
    app.router.routes.append(WebSocketRoute("/live", echo))
    return app


@pytest.fixture(scope="module")
def http(app):
    with TestClient(app, f"http://{OWN}", raise_server_exceptions=False) as client:
        client.headers["x-api-key"] = KEY
        yield client


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_no_route_is_served_under_a_foreign_name(http, prefix):
    for method, path in ROUTES:
        answer = http.request(method, prefix + path, headers={"host": "evil.example"})
        assert (answer.status_code, "is not served here" in answer.text) == (403, True), (method, path)


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_no_route_is_changed_by_a_page_of_another_origin(http, prefix):
    for method, path in CHANGING:
        answer = http.request(method, prefix + path, headers={"origin": "https://evil.example"})
        assert (answer.status_code, "other origins" in answer.text) == (403, True), (method, path)


def test_no_route_but_the_open_ones_is_served_without_a_key(http):
    open_paths = re.compile(
        r"/(info|health|ok|openapi\.json|blobs/.*|(api/v2/)?public/.*|feedback/tokens/.*)"
    )
    for method, path in ROUTES:
        for key in ("", "wrong", KEY + " ", KEY.upper()):
            answer = http.request(method, path, headers={"x-api-key": key})
            assert (answer.status_code == 401) is (open_paths.fullmatch(path) is None), (method, path, key)


def refused_by(http, origin, host=OWN):
    answer = http.post("/sessions", content=b"{}", headers={"origin": origin.encode(), "host": host.encode()})
    return answer.status_code


@pytest.mark.parametrize("origin", NONSENSE)
def test_an_origin_that_is_none_is_another_one(http, origin):
    assert refused_by(http, origin) == 403


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    origin=st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), max_size=20).map(
        "http://{}".format
    ),
    host=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)
def test_whatever_stands_in_these_headers_is_refused(http, origin, host):
    assert refused_by(http, origin) == 403
    assert refused_by(http, f"http://{host}", host) == 403


def talk(app, path, **headers):
    client = TestClient(app, f"http://{OWN}")
    with client.websocket_connect(f"ws://{OWN}{path}", headers=headers) as socket:
        socket.send_text("hello")
        return socket.receive_text()


@pytest.mark.parametrize("path", ["/live", "/api/v1/live", "/live/"])
def test_a_websocket_is_opened_for_those_who_may(http, app, path):
    assert talk(app, path, **{"x-api-key": KEY}) == "hello"
    assert talk(app, path, **{"x-api-key": KEY, "origin": f"http://{OWN}"}) == "hello"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"host": "evil.example"}, "is not served here"),
        ({"origin": "https://evil.example"}, "other origins"),
        ({"origin": "null"}, "other origins"),
        ({"origin": "http://["}, "other origins"),
        ({"x-api-key": "wrong"}, "Invalid or missing API key"),
        ({"x-api-key": ""}, "Invalid or missing API key"),
    ],
)
def test_a_websocket_is_closed_to_others(http, app, headers, said):
    with pytest.raises(WebSocketDisconnect) as refused:
        talk(app, "/live", **{"x-api-key": KEY, **headers})
    assert (refused.value.code, said in refused.value.reason) == (1008, True)


@pytest.fixture(scope="module")
def link(http):
    """The URL of a file, as path and parameters."""
    run = {"id": str(uuid.uuid4()), "name": "r", "run_type": "chain", "start_time": "2024-01-01"}
    files = {"f": ["text/plain", "aGVsbG8="], "g": ["text/html", "d29ybGQ="]}
    assert http.post("/runs", json=run | {"attachments": files}).status_code == 202
    urls = http.get(f"/runs/{run['id']}").json()["s3_urls"]
    first, second = (urlsplit(urls[f"attachment.{name}"]["presigned_url"]) for name in files)
    return first.path, {name: value for name, (value,) in parse_qs(first.query).items()}, second


def fetch(http, path, parameters):
    return http.get(f"{path}?{urlencode(parameters)}", headers={"x-api-key": ""})


def test_a_link_gives_its_file_to_whoever_has_it(http, link):
    path, parameters, _ = link
    answer = fetch(http, path, parameters)
    assert (answer.content, answer.headers["content-disposition"]) == (b"hello", "attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"expires": "9999999999"},
        {"expires": "9" * 5000},
        {"expires": ""},
        {"expires": "-1"},
        {"type": "text/html"},
        {"type": "text/plain\r\nx: y"},
        {"expires": None},
        {"type": None},
        {"signature": None},
    ],
)
def test_an_altered_link_opens_nothing(http, link, change):
    path, parameters, _ = link
    altered = {name: value for name, value in (parameters | change).items() if value is not None}
    answer = fetch(http, path, altered)
    assert (answer.status_code, answer.json()["detail"]) == (403, "The URL's signature is not valid")


def test_a_signature_is_good_for_its_own_file_alone(http, link):
    path, parameters, second = link
    assert fetch(http, second.path, parameters).status_code == 403
    assert fetch(http, f"/blobs/{'0' * 64}", parameters).status_code == 403
    assert fetch(http, "/blobs/..%2f..%2fruns.db", parameters).status_code in {403, 404}
    assert fetch(http, path.upper().replace("/BLOBS", "/blobs"), parameters).status_code in {200, 403}
    assert fetch(http, path[:-1], parameters).status_code == 403


def test_a_link_ends(http, link, monkeypatch):
    path, parameters, _ = link
    monkeypatch.setattr(time, "time", lambda: int(parameters["expires"]) + 1)
    answer = fetch(http, path, parameters)
    assert (answer.status_code, "has expired" in answer.json()["detail"]) == (403, True)


def test_links_end_with_the_secret_that_signed_them(http, app, link, monkeypatch):
    path, parameters, _ = link
    workspace = app.state.workspaces.default.store.workspace
    changed = replace(workspace, secret=b"another secret")
    monkeypatch.setattr(type(app.state.workspaces.default.store), "workspace", changed)
    assert fetch(http, path, parameters).status_code == 403


def test_secrets_are_compared_in_constant_time(http, link, monkeypatch):
    """What is guessed letter by letter must not be told letter by letter."""
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b))
    path, parameters, _ = link
    fetch(http, path, parameters | {"signature": "f" * 64})
    http.get("/sessions", headers={"x-api-key": "wrong"})
    assert [guess for pair in compared for guess in pair if guess in {b"f" * 64, b"wrong"}] == [
        b"f" * 64,
        b"wrong",
    ]
    run = str(uuid.uuid4())
    token = http.post(
        "/feedback/tokens", json={"run_id": run, "feedback_key": "k", "expires_in": {"hours": 1}}
    ).json()
    compared.clear()
    assert http.post(f"/feedback/tokens/{token['id']}", json={"score": 1}).status_code == 200
    assert len(compared) == 1
