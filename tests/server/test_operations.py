"""What operators see: health, figures, logs, and headers; and what nobody sees there."""

from __future__ import annotations

import io
import json
import logging
import re
import uuid

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from smithkit.server import create_app
from smithkit.server.logs import set_up_logs
from smithkit.server.metrics import Metrics
from smithkit.server.store.sqlite import SqliteStore

CANARY = "canary4c1d"


def figures(answer):
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(sample.labels.get(name) for name in ("method", "route", "status"))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


SPANS = [
    {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": f"{number:016x}",
        "name": "s",
        "startTimeUnixNano": "9",
    }
    for number in (1, 2)
]


def new_run(**fields):
    run = {"id": str(uuid.uuid4()), "name": "r", "run_type": "chain", "start_time": "2024-01-01T00:00:00"}
    return run | fields


@pytest.fixture
def http(tmp_path):
    app = create_app(str(tmp_path / "runs.db"), metrics=Metrics())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def logged():
    """Everything that the server logs, as `smithkit serve --log-format json --access-log` writes it."""
    loggers = [logging.getLogger(name) for name in ("smithkit.server", "uvicorn", "smithkit.server.access")]
    before = [(one, one.handlers, one.level, one.propagate) for one in loggers]
    stream = io.StringIO()
    set_up_logs("json", access=True, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for one, handlers, level, propagate in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


def test_requests_are_counted_by_route_and_status(http):
    run = new_run()
    http.post("/runs", json=run)
    http.post("/api/v1/runs/batch", json={"post": [new_run(), new_run()], "patch": [{"id": run["id"]}]})
    http.get(f"/runs/{run['id']}")
    http.get(f"/runs/{uuid.uuid4()}")
    http.get("/nowhere/at/all")
    http.request("BREW", "/runs")
    http.post(
        "/otel/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": [*SPANS, {"name": "no id"}]}]}]}
    )
    found = figures(http.get("/metrics"))
    assert found["smithkit_requests_total", "POST", "/runs", "202"] == 1
    assert found["smithkit_requests_total", "POST", "/runs/batch", "202"] == 1
    assert found["smithkit_requests_total", "GET", "/runs/{id}", "200"] == 1
    assert found["smithkit_requests_total", "GET", "/runs/{id}", "404"] == 1
    assert found["smithkit_requests_total", "GET", "unknown", "404"] == 1
    assert found["smithkit_requests_total", "OTHER", "/runs", "405"] == 1
    assert found["smithkit_request_seconds_count", "POST", "/runs", None] == 1
    assert found["smithkit_ingested_runs_total", None, None, None] == 3 + len(SPANS)
    assert found["smithkit_database_bytes", None, None, None] > 10_000
    assert found["smithkit_index_backlog_runs", None, None, None] >= 0
    assert found["smithkit_queued_writes", None, None, None] >= 0


def test_labels_hold_no_id_and_no_secret(http):
    http.get(f"/runs/{CANARY}", headers={"x-api-key": CANARY})
    http.get(f"/{CANARY}?token={CANARY}")
    http.get(f"/repos/-/{CANARY}")
    assert CANARY not in http.get("/metrics").text


@pytest.mark.parametrize(("is_open", "status"), [(False, 401), (True, 200)])
def test_figures_need_a_key_where_keys_are_needed_unless_they_are_open(tmp_path, is_open, status):
    app = create_app(str(tmp_path / "x.db"), api_key="sesame", metrics=Metrics(is_open=is_open))
    with TestClient(app) as client:
        assert client.get("/metrics").status_code == status
        assert client.get("/metrics", headers={"x-api-key": "sesame"}).status_code == 200


def test_a_server_without_figures_says_so(tmp_path):
    with TestClient(create_app(str(tmp_path / "x.db"))) as client:
        assert client.get("/metrics").status_code == 404


def test_health_asks_the_store(http, monkeypatch):
    assert http.get("/health").json() == {"status": "ok", "store": "ok"}

    async def fail(_self):
        raise OSError("gone")

    monkeypatch.setattr(SqliteStore, "read_settings", fail)
    answer = http.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"detail": "The database does not answer"})
    assert answer.headers["retry-after"]
    assert http.get("/ok").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "path", ["/", "/info", "/sessions", "/nowhere", "/runs/x", "/metrics", "/openapi.json"]
)
def test_every_answer_tells_browsers_to_run_nothing(http, path):
    headers = http.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "strict-transport-security" not in headers
    assert len(headers.get_list("content-security-policy")) == 1


def test_requests_are_logged_by_route(http, logged):
    http.get(f"/runs/{uuid.uuid4()}?x=1")
    (line,) = logged()
    assert {name: line[name] for name in ("level", "logger", "method", "route", "status")} == {
        "level": "info",
        "logger": "smithkit.server.access",
        "method": "GET",
        "route": "/runs/{id}",
        "status": 404,
    }
    assert line["milliseconds"] >= 0
    assert line["time"].endswith("+00:00")


def test_nothing_of_a_request_is_logged(http, logged, monkeypatch):
    """Keys, tokens, signatures, names and bodies, of requests that go well and of those that fail."""
    http.post("/runs", json=new_run(name=CANARY, inputs={"a": CANARY}), headers={"x-api-key": CANARY})
    http.post("/runs", content=f'{{"{CANARY}'.encode())
    http.post("/runs/query", json={"filter": f'eq(name, "{CANARY}'})
    http.get(f"/public/{CANARY}/run?token={CANARY}")
    http.get(f"/feedback/tokens/{CANARY}?score=1&comment={CANARY}")
    http.get(f"/blobs/{CANARY}?signature={CANARY}")
    http.get("/sessions", headers={"host": CANARY, "origin": CANARY, "user-agent": CANARY})
    for header in ("authorization", "proxy-authorization", "cookie", "x-tenant-id"):
        http.get(f"/sessions?api_key={CANARY}&access_token={CANARY}", headers={header: f"Bearer {CANARY}"})
    http.post("/otel/v1/traces", content=b"{", headers={"x-api-key": CANARY, "langsmith-project": CANARY})
    http.post("/feedback", json={"key": CANARY, "run_id": CANARY})

    async def fail(_self, *_args, **_options):
        try:
            {}[CANARY]
        except KeyError as error:
            raise ValueError(f"cannot handle {CANARY}") from error

    monkeypatch.setattr(SqliteStore, "find_sessions", fail)
    assert http.get(f"/sessions?name={CANARY}").status_code == 500
    lines = logged()
    assert len(lines) == 15
    assert CANARY not in json.dumps(lines)
    (failed,) = [line for line in lines if line["level"] == "error"]
    assert failed["message"] == "GET /sessions failed"
    assert re.search(r"builtins.KeyError\nand then\n.*builtins.ValueError$", failed["error"], re.DOTALL)


def test_errors_of_the_database_do_not_repeat_what_is_stored(tmp_path, logged):
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from smithkit.server.store.engine import create_file, writer_engine

    path = tmp_path / "x.db"
    create_file(path)
    engine = writer_engine(path)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT * FROM missing WHERE a = :a"), {"a": CANARY})
    except SQLAlchemyError:
        logging.getLogger("smithkit.server").exception("failed")
    engine.dispose()
    (line,) = logged()
    assert "no such table: missing" in line["error"]
    assert CANARY not in line["error"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["json", "text"])
def test_a_served_server_logs_no_secret(database, kind):
    import subprocess
    import sys

    import requests

    command = [
        sys.executable,
        "-m",
        "smithkit.server.serve",
        "--port",
        "0",
        "--db",
        database,
        "--api-key",
        CANARY,
    ]
    with subprocess.Popen(
        [*command, "--access-log", "--log-format", kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        url = re.search(r"http://\S+?:\d+", process.stdout.readline())[0]
        with requests.Session() as session:
            session.headers["x-api-key"] = CANARY
            assert session.post(f"{url}/runs", json=new_run(inputs={"a": CANARY})).status_code == 202
            assert session.get(f"{url}/blobs/x?signature={CANARY}").status_code == 403
            assert session.get(f"{url}/metrics").status_code == 200
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert CANARY not in log
    assert "/blobs/{name}" in log
    lines = [line for line in log.splitlines() if line]
    assert len(lines) == 3
    if kind == "json":
        assert [json.loads(line)["status"] for line in lines] == [202, 403, 200]
