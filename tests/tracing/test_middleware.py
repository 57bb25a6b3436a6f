"""Web applications that continue the traces of their callers: real frameworks and real servers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import socket
import threading
import wsgiref.simple_server
import wsgiref.util
from wsgiref.validate import validator

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import iterate_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient

from smithkit import RunTree, configure, get_current_run_tree, traceable, tracing_context
from smithkit.tracing.middleware import TracingMiddleware, WSGITracingMiddleware


@pytest.fixture
def client(make_recorder):
    """Gets what is traced while it is the configured one."""
    recorder = make_recorder()
    configure(client=recorder)
    yield recorder
    configure(client=None)


@pytest.fixture
def up():
    return RunTree(name="up", project_name="callers", tags=["up"], extra={"metadata": {"thread_id": "t"}})


@traceable
def step(name):
    return name


@traceable
async def astep(name):
    return name


@traceable
async def pieces(number):
    for i in range(number):
        step(f"piece {i}")
        yield f"{i},"
        await asyncio.sleep(0)


@traceable
def plain_pieces(number):
    for i in range(number):
        step(f"piece {i}")
        yield f"{i},"


async def asynchronous(request):
    return JSONResponse(await astep("asynchronous"))


def synchronous(request):
    return JSONResponse(step("synchronous"))


@traceable(name="handler")
async def streaming(request):
    return StreamingResponse(pieces(3))


@traceable(name="handler")
def plainly_streaming(request):
    return StreamingResponse(plain_pieces(3))


async def failing(request):
    await astep("before")
    raise RuntimeError("handler failed")


async def later(request):
    return JSONResponse({}, background=BackgroundTask(step, "background"))


async def websocket(socket):
    await socket.accept()
    await socket.send_json(await astep("websocket"))
    await socket.close()


class Between(BaseHTTPMiddleware):
    """What runs the application in a task of its own."""

    async def dispatch(self, request, call_next):
        return await call_next(request)


def build(*more, **options):
    return Starlette(
        routes=[
            Route("/async", asynchronous),
            Route("/sync", synchronous),
            Route("/stream", streaming),
            Route("/plain-stream", plainly_streaming),
            Route("/fail", failing),
            Route("/later", later),
            WebSocketRoute("/socket", websocket),
        ],
        middleware=[Middleware(TracingMiddleware, **options), *more],
    )


@pytest.fixture(params=[(), (Middleware(Between),)], ids=["alone", "with another middleware"])
def browser(request):
    with TestClient(build(*request.param), raise_server_exceptions=False) as client:
        yield client


def tree(client):
    """Name → names of the runs above it; fails unless every run ended once."""
    ended = [patch["id"] for patch in client.patches]
    assert sorted(ended) == sorted(post["id"] for post in client.posts)
    names = {post["id"]: post["name"] for post in client.posts}
    places = {}
    for post in client.posts:
        above = [segment[22:] for segment in post["dotted_order"].split(".")][:-1]
        inputs = post["inputs"].get("name", post["name"])
        places[inputs] = [names.get(key, "caller") for key in above]
    return places


@pytest.mark.parametrize("path", ["/async", "/sync"])
def test_handlers_continue_the_callers_trace(browser, client, up, path):
    browser.get(path, headers=up.to_headers())
    (run,) = client.runs
    assert run["trace_id"] == run["parent_run_id"] == up.id_text
    assert run["session_name"] == "callers"
    assert run["tags"] == ["up"]
    assert run["extra"]["metadata"]["thread_id"] == "t"
    assert get_current_run_tree() is None


def test_requests_of_others_start_traces_of_their_own(browser, client):
    browser.get("/async", headers={"baggage": "langsmith-project=p"})
    assert not client.runs
    with tracing_context(enabled=True):
        asyncio.run(astep("alone"))
    assert "parent_run_id" not in client.run


@pytest.mark.parametrize("path", ["/stream", "/plain-stream"])
def test_a_streamed_body_belongs_to_the_handler_that_made_it(browser, client, up, path):
    assert browser.get(path, headers=up.to_headers()).text == "0,1,2,"
    body = "pieces" if path == "/stream" else "plain_pieces"
    assert tree(client) == {
        "handler": ["caller"],
        body: ["caller", "handler"],
        **{f"piece {i}": ["caller", "handler", body] for i in range(3)},
    }


def test_a_failing_handler_is_served_and_traced_as_ever(browser, client, up):
    assert browser.get("/fail", headers=up.to_headers()).status_code == 500
    assert tree(client) == {"before": ["caller"]}
    assert get_current_run_tree() is None


def test_background_tasks_belong_to_the_trace(browser, client, up):
    browser.get("/later", headers=up.to_headers())
    assert tree(client) == {"background": ["caller"]}


def test_websockets_continue_the_callers_trace(client, up):
    with TestClient(build()).websocket_connect("/socket", headers=up.to_headers()) as connection:
        assert connection.receive_json() == "websocket"
    assert tree(client) == {"websocket": ["caller"]}


def test_concurrent_requests_stay_apart(client):
    callers = [RunTree(name=f"caller {i}", project_name=f"p{i}") for i in range(20)]

    async def main():
        app = build()

        async def request(caller):
            headers = [(name.encode(), value.encode()) for name, value in caller.to_headers().items()]
            scope = {
                "type": "http",
                "path": "/stream",
                "method": "GET",
                "headers": headers,
                "query_string": b"",
            }
            sent = []

            async def receive():
                await asyncio.sleep(10)

            async def send(message):
                sent.append(message)
                await asyncio.sleep(0)

            await app(scope, receive, send)
            return sent

        await asyncio.gather(*map(request, callers))

    asyncio.run(main())
    by_trace = {caller.trace_id_text: caller.session_name for caller in callers}
    assert len(client.posts) == 20 * 5
    assert all(by_trace[post["trace_id"]] == post["session_name"] for post in client.posts)


def test_client_and_replicas_around_the_application_stay(make_recorder, up):
    recorder = make_recorder()

    async def app(scope, receive, send):
        await astep("inside")

    headers = [(name.encode(), value.encode()) for name, value in up.to_headers().items()]
    with tracing_context(client=recorder, replicas=[{"updates": {"tags": ["copy"]}}]):
        asyncio.run(TracingMiddleware(app)({"type": "http", "headers": headers}, None, None))
    assert (recorder.run["parent_run_id"], recorder.run["tags"]) == (up.id_text, ["copy"])


# ------------------------------------------------------------------ what is switched off stays off


@pytest.mark.parametrize(
    ("variable", "configured", "option", "traced"),
    [
        (None, None, None, True),
        ("true", None, None, True),
        ("false", None, None, False),
        ("0", None, None, False),
        ("true", False, None, False),
        ("false", True, None, True),
        ("false", None, True, True),
        (None, None, False, False),
    ],
)
def test_a_caller_does_not_switch_tracing_on(  # noqa: PLR0917 - fixtures and cases
    client, up, monkeypatch, variable, configured, option, traced
):
    if variable is not None:
        monkeypatch.setenv("LANGSMITH_TRACING", variable)
    configure(enabled=configured)
    with TestClient(build(enabled=option)) as browser:
        browser.get("/async", headers=up.to_headers())
    configure(enabled=None)
    assert bool(client.posts) is traced


# ------------------------------------------------------------------ hostile callers


async def serve(headers):
    seen = []

    async def app(scope, receive, send):
        seen.append((get_current_run_tree(), scope))

    scope = {"type": "http", "headers": headers}
    await TracingMiddleware(app)(scope, None, None)
    ((run, passed_on),) = seen
    assert passed_on is scope
    return run


names = st.sampled_from(
    [b"langsmith-trace", b"Langsmith-Trace", b"baggage", b"BAGGAGE", b"host"]
) | st.binary(max_size=8)


@given(st.lists(st.tuples(names, st.binary(max_size=200)), max_size=8))
def test_any_bytes_in_the_headers_are_served(headers):
    run = asyncio.run(serve(headers))
    assert run is None or (run.ls_client is None and run.replicas is None and not run.attachments)


@pytest.mark.parametrize(
    "headers",
    [
        [(b"langsmith-trace", b"x" * 5_000_000)],
        [(b"langsmith-trace", b"")],
        [(b"baggage", b"langsmith-metadata=%7B%7D")] * 100_000,
        [(b"langsmith-trace", b"\xff\xfe\x00")] * 1000,
    ],
)
def test_absurd_headers_are_served(headers):
    assert asyncio.run(serve(headers)) is None


def test_the_first_of_several_traces_counts_and_baggage_adds_up(up):
    other = RunTree(name="other").to_headers()["langsmith-trace"]
    headers = [
        (b"Langsmith-Trace", up.dotted_order.encode()),
        (b"baggage", b"user=u1"),
        (b"langsmith-trace", other.encode()),
        (b"Baggage", b"langsmith-project=p"),
    ]
    run = asyncio.run(serve(headers))
    assert (run.id, run.session_name) == (up.id, "p")
    flood = [*headers, *[(b"baggage", b"x" * 1_000_000)] * 5]
    assert asyncio.run(serve(flood)).session_name == "default"


def test_other_kinds_of_connections_are_passed_on():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    asyncio.run(TracingMiddleware(app)({"type": "lifespan"}, None, None))
    assert seen == [{"type": "lifespan"}]


# ------------------------------------------------------------------ WSGI


def flask_app():
    import flask

    app = flask.Flask(__name__)

    @app.get("/plain")
    def plain():
        return step("plain")

    @app.get("/stream")
    @traceable(name="handler")
    def stream():
        return flask.Response(plain_pieces(3))

    @app.get("/kept")
    def kept():
        return flask.Response(flask.stream_with_context(plain_pieces(2)))

    @app.get("/fail")
    def fail():
        step("before")
        raise RuntimeError("handler failed")

    app.wsgi_app = WSGITracingMiddleware(app.wsgi_app)
    return app


@pytest.fixture(scope="module")
def flask_client():
    return flask_app().test_client()


def test_flask_continues_the_callers_trace(flask_client, client, up):
    assert flask_client.get("/plain", headers=up.to_headers()).text == "plain"
    assert tree(client) == {"plain": ["caller"]}
    assert get_current_run_tree() is None
    flask_client.get("/plain")
    assert len(client.posts) == 1


def test_flask_streams_in_the_callers_trace(flask_client, client, up):
    assert flask_client.get("/stream", headers=up.to_headers()).text == "0,1,2,"
    assert tree(client) == {
        "handler": ["caller"],
        "plain_pieces": ["caller", "handler"],
        **{f"piece {i}": ["caller", "handler", "plain_pieces"] for i in range(3)},
    }
    assert flask_client.get("/kept", headers=up.to_headers()).text == "0,1,"
    assert get_current_run_tree() is None


def test_flask_answers_errors_as_ever(flask_client, client, up):
    assert flask_client.get("/fail", headers=up.to_headers()).status_code == 500
    assert tree(client) == {"before": ["caller"]}


def wsgi_environ(**headers):
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    wsgiref.util.setup_testing_defaults(environ)
    return environ


def call_wsgi(app, environ):
    body = app(environ, lambda status, headers, exc_info=None: lambda data: None)
    try:
        return b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()


def test_a_wsgi_application_that_is_a_generator_is_served_in_the_trace(client, up):
    closed = []

    def app(environ, start_response):
        try:
            step("first")
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"a"
            step("second")
            yield b"b"
        finally:
            closed.append(get_current_run_tree().id)

    environ = wsgi_environ(**up.to_headers())
    environ["QUERY_STRING"] = ""
    assert call_wsgi(validator(WSGITracingMiddleware(validator(app))), environ) == b"ab"
    assert tree(client) == {"first": ["caller"], "second": ["caller"]}
    assert closed == [up.id]


def test_a_body_that_is_left_early_is_closed_in_the_trace(client, up):
    def app(environ, start_response):
        start_response("200 OK", [])
        return (piece.encode() for piece in plain_pieces(5))

    body = WSGITracingMiddleware(app)(wsgi_environ(**up.to_headers()), lambda *args: None)
    assert next(iter(body)) == b"0,"
    body.close()
    assert tree(client) == {"plain_pieces": ["caller"], "piece 0": ["caller", "plain_pieces"]}
    assert client.runs[0]["outputs"] == {"output": ["0,"]}


def test_bodies_that_servers_treat_specially_stay_what_they_are(up):
    for body in ([b"a"], (b"a",), wsgiref.util.FileWrapper(io.BytesIO(b"a"))):
        environ = {**wsgi_environ(**up.to_headers()), "wsgi.file_wrapper": wsgiref.util.FileWrapper}
        app = WSGITracingMiddleware(lambda environ, start_response, body=body: body)
        assert app(environ, None) is body


@given(trace=st.text(max_size=200), baggage=st.text(max_size=200))
def test_any_text_in_wsgi_headers_is_served(trace, baggage):
    app = WSGITracingMiddleware(lambda environ, start_response: [b"served"])
    assert call_wsgi(app, {"HTTP_LANGSMITH_TRACE": trace, "HTTP_BAGGAGE": baggage}) == b"served"


# ------------------------------------------------------------------ real servers


@contextlib.contextmanager
def uvicorn_server(app):
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", timeout_keep_alive=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextlib.contextmanager
def wsgiref_server(app):
    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *args):
            pass

    server = wsgiref.simple_server.make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetch(port, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/stream", "/plain-stream"])
def test_uvicorn_serves_streams_in_one_tree(client, up, soon, path):
    with uvicorn_server(build()) as port:
        assert fetch(port, path, up.to_headers()) == b"0,1,2,"
        soon(lambda: len(client.patches) == 5)
    body = "pieces" if path == "/stream" else "plain_pieces"
    assert tree(client)["piece 2"] == ["caller", "handler", body]


@pytest.mark.slow
def test_uvicorn_ends_the_stream_of_a_reader_who_leaves(client, up, soon):
    """The run of a response that nobody reads to its end has the pieces that were sent."""
    block = "x" * 65_536

    @traceable
    async def endless():
        while True:
            yield block
            await asyncio.sleep(0)

    async def app(request):
        return StreamingResponse(endless())

    application = Starlette(routes=[Route("/", app)], middleware=[Middleware(TracingMiddleware)])
    with uvicorn_server(application) as port:
        connection = socket.create_connection(("127.0.0.1", port))
        lines = "".join(f"{name}: {value}\r\n" for name, value in up.to_headers().items())
        connection.sendall(f"GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())
        assert connection.recv(1024)
        connection.close()
        soon(lambda: client.patches)
    (run,) = client.runs
    assert run["parent_run_id"] == up.id_text
    assert run["outputs"]["output"]
    assert len(client.patches) == 1


@pytest.mark.slow
def test_wsgiref_serves_streams_in_one_tree(client, up, soon):
    with wsgiref_server(flask_app()) as port:
        assert fetch(port, "/stream", up.to_headers()) == b"0,1,2,"
        soon(lambda: len(client.patches) == 5)
    assert tree(client)["piece 2"] == ["caller", "handler", "plain_pieces"]


def test_pieces_made_in_threads_stay_in_the_tree(client, up):
    async def app(scope, receive, send):
        async for piece in iterate_in_threadpool(plain_pieces(2)):
            await send(piece)

    sent = []

    async def send(piece):
        sent.append(piece)

    headers = [(name.encode(), value.encode()) for name, value in up.to_headers().items()]
    asyncio.run(TracingMiddleware(app)({"type": "http", "headers": headers}, None, send))
    assert sent == ["0,", "1,"]
    assert tree(client)["piece 1"] == ["caller", "plain_pieces"]
