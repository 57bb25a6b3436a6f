from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from argparse import ArgumentParser, Namespace

import pytest
import requests

from smithkit.server import serve as command
from smithkit.server._plugin import register_commands

pytestmark = pytest.mark.slow  # each test starts a server's process


def run_body():
    return {"id": str(uuid.uuid4()), "name": "n", "run_type": "tool"}


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_it_tells_its_address_and_serves(serve, http):
    with serve() as served:
        assert "LANGSMITH_ENDPOINT=" + served.url in served.process.stdout.readline()
        assert http.get(f"{served.url}/health").json() == {"status": "ok", "store": "ok"}
        info = http.get(f"{served.url}/info").json()
        assert info["server"]["name"] == "smithkit"
        assert info["batch_ingest_config"]["use_multipart_endpoint"] is True
        body = run_body()
        assert http.post(f"{served.url}/runs", json=body).status_code == 202
        assert http.get(f"{served.url}/api/v1/runs/{body['id']}").json()["name"] == "n"


def test_a_large_chunked_body_is_taken(serve, http):
    with serve() as served:
        body = (
            b'{"post": ['
            + b",".join(
                b'{"id": "%s", "name": "n", "run_type": "tool", "inputs": {"x": "%s"}}'
                % (str(uuid.uuid4()).encode(), b"y" * 50_000)
                for _ in range(100)
            )
            + b"]}"
        )
        chunks = (body[at : at + 100_000] for at in range(0, len(body), 100_000))
        assert http.post(f"{served.url}/runs/batch", data=chunks).status_code == 202
        assert len(http.post(f"{served.url}/runs/query", json={}).json()["runs"]) == 100


def test_it_ends_in_order_when_told_to(serve, http):
    with serve() as served:
        assert http.post(f"{served.url}/runs", json=run_body()).status_code == 202
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) in {0, -signal.SIGTERM}


def test_with_a_key_it_answers_those_alone_who_have_it(serve, http):
    with serve("--api-key", "sésame") as served:
        assert http.get(f"{served.url}/info").status_code == 200
        assert http.get(f"{served.url}/health").status_code == 200
        for headers in ({}, {"x-api-key": "sesame"}, {"x-api-key": ""}):
            for path in (
                "/sessions",
                "/",
                "/api/v1/sessions",
                "/runs/x",
                "/nope",
                "/api/v1/info/../sessions",
            ):
                answer = http.get(f"{served.url}{path}", headers=headers)
                assert answer.status_code == 401, path
                assert "x-api-key" in answer.json()["detail"]
        headers = {"x-api-key": "sésame".encode()}
        run_id = str(uuid.uuid4())
        body = run_body() | {"id": run_id, "attachments": {"f": ["text/plain", "aGVsbG8="]}}
        assert http.post(f"{served.url}/runs", json=body, headers=headers).status_code == 202
        url = http.get(f"{served.url}/runs/{run_id}", headers=headers).json()["s3_urls"]["attachment.f"][
            "presigned_url"
        ]
        assert http.get(f"{served.url}{url}").content == b"hello"
        assert http.get(f"{served.url}{url}0").status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost@evil",
        "",
        "[::1]x",
        "localhost:port",
    ],
)
def test_foreign_hosts_are_refused(serve_once, http, host):
    answer = http.get(f"{serve_once}/sessions", headers={"Host": host})
    assert answer.status_code in {400, 403}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1984", "127.0.0.1", "LOCALHOST:1", "[::1]", "[::1]:1984"]
)
def test_own_hosts_are_served_with_and_without_port(serve_once, http, host):
    assert http.get(f"{serve_once}/sessions", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"])
def test_pages_of_other_origins_change_nothing(serve_once, http, origin):
    headers = {"Origin": origin, "Content-Type": "text/plain"}
    answer = http.post(f"{serve_once}/sessions", data=b'{"name": "x"}', headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (403, "Requests of other origins are refused")
    assert (
        http.post(
            f"{serve_once}/sessions?upsert=true", json={"name": "own"}, headers={"Origin": serve_once}
        ).status_code
        == 200
    )


@pytest.fixture(scope="module")
def serve_once(tmp_path_factory):
    path = tmp_path_factory.mktemp("serve") / "runs.db"
    program = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", str(path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        yield process.stdout.readline().split(",")[0].split()[-1]
        process.kill()


def test_the_page_shows_projects_as_text(serve_once, http):
    name = "<script>alert(1)</script>"
    http.post(f"{serve_once}/sessions?upsert=true", json={"name": name})
    answer = http.get(f"{serve_once}/")
    assert "&lt;script&gt;" in answer.text
    assert name not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["0.0.0." + "0", "192.0.2.1", "example.org", "::"])
def test_it_is_not_opened_to_other_machines_without_a_key(monkeypatch, capsys, tmp_path, host):
    monkeypatch.delenv("SMITHKIT_SERVER_API_KEY", raising=False)
    assert command.main(["--host", host, "--db", str(tmp_path / "x.db"), "--port", "0"]) == 2
    message = capsys.readouterr().err
    assert "SMITHKIT_SERVER_API_KEY" in message
    assert not (tmp_path / "x.db").exists()


def test_a_port_in_use_is_told_in_one_line(serve, capsys, tmp_path):
    with serve() as served:
        port = served.url.rpartition(":")[2]
        assert command.main(["--port", port, "--db", str(tmp_path / "x.db")]) == 1
    assert port in capsys.readouterr().err


def test_answers_on_a_kept_connection_do_not_wait_for_acknowledgements(serve, http):
    import time

    with serve() as served:
        http.get(f"{served.url}/health")
        times = []
        for _ in range(20):
            start = time.perf_counter()
            http.get(f"{served.url}/health")
            times.append(time.perf_counter() - start)
    assert sorted(times)[5] < 0.035


def test_the_database_is_in_the_home_of_smithkit_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("SMITHKIT_HOME", str(tmp_path))
    assert command.database_url(Namespace(db=None)) == str(tmp_path / "smithkit.db")


def test_the_plugin_adds_the_command():
    added = {}

    class Cli:
        def add(self, name, **options):
            added[name] = options

    register_commands(Cli())
    parser = ArgumentParser()
    added["serve"]["configure"](parser)
    args = parser.parse_args(["--host", "192.0.2.1", "--api-key", ""])
    assert (args.port, args.api_key) == (1984, "")
    assert added["serve"]["run"](args) == 2
