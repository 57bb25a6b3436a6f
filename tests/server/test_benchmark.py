"""What the backend's comparison promises: nothing is timed that does not find what is there, and the table says who was left out."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "server"


@pytest.fixture
def runner(monkeypatch):
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    spec = importlib.util.spec_from_file_location("server_benchmark", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def figures(**changed):
    reads = {"point read": {"p50": 10.0, "p95": 20.0, "found": 1}}
    return {"spans a second": 1000, "peak RSS, MB": 100, "bytes a span": 9000, "reads": reads} | changed


def cells(section):
    return {row[0]: row[1:] for row in section.rows}


def test_a_ratio_says_how_many_times_better_smithkit_is(runner):
    results = {
        "smithkit": figures(**{"text index, bytes a span": 4000}),
        "Arize Phoenix": figures(**{"spans a second": 100, "peak RSS, MB": 50}),
        "bare SQLite": {"spans a second": 5000, "bytes a span": 4300},
    }
    one, other = runner.CONTESTANTS[:2]
    stored = cells(runner._section("stored", runner._INGEST, results, [one, other]))
    assert stored["spans/s, until a read finds them"] == ("1,000", "100", "10.0x", "5,000")
    assert stored["peak RSS, all processes"] == ("100 MB", "50 MB", "0.5x", "")
    assert stored["without the full-text index"][:3] == ("5,000", "9,000", "1.8x")


def test_who_was_left_out_has_empty_cells_and_no_notes(runner):
    results = {"smithkit": figures(), "MLflow": {}, "bare SQLite": {}}
    one, _, other = runner.CONTESTANTS
    read = runner._section("read", runner._READS, results, [one, other])
    assert read.columns == ("", "smithkit", "MLflow", "ratio")
    assert cells(read)["point read"] == ("10.0 ms", "", "")


@pytest.mark.slow
def test_spans_are_stored_found_and_asked_for():
    command = [sys.executable, str(FOLDER / "contestant.py"), "smithkit", "500", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spans"] == 500
    assert found["reads"]["figures of a project"]["found"] == 500
    assert found["reads"]["text: in each tenth run"]["found"] == 50
    assert 0 < found["text index, bytes a span"] < found["bytes a span"]


def test_the_connection_is_closed_when_everything_was_asked(runner):
    import asking

    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"7")

        def finish(self):
            super().finish()
            ended.set()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            found = asking.timed(f"127.0.0.1:{server.server_port}", {"number": lambda ask: ask("GET", "/")})
            assert ended.wait(30)
        finally:
            server.shutdown()
    assert found["number"]["found"] == 7
