"""Answers of HTTP servers that tests got are given again: the real client of openai against a server that counts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from smithkit import Client

pytestmark = pytest.mark.slow

KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
BACKEND_KEY = "langsmith-key-4711"
COOKIE = "session=4f9c2d0b7a"
TESTS = """
import os
import openai, pytest, requests
from smithkit.testing import log_outputs

URL = os.environ["MODEL_URL"]

@pytest.mark.langsmith({mark})
@pytest.mark.parametrize("word", ["tea", "cake"])
def test_model(word):
    client = openai.OpenAI(base_url=URL + "/v1", api_key={key!r}, default_headers={{"Cookie": {cookie!r}}})
    message = {{"role": "user", "content": word}}
    answer = client.chat.completions.create(model="small", messages=[message])
    log_outputs({{"answer": answer.choices[0].message.content}})
    assert answer.choices[0].message.content == word.upper()

@pytest.mark.langsmith({mark})
def test_stream():
    client = openai.OpenAI(base_url=URL + "/v1", api_key={key!r})
    chunks = client.chat.completions.create(model="small", messages=[], stream=True)
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == "ab"

@pytest.mark.langsmith({mark})
@pytest.mark.asyncio
async def test_async_model():
    client = openai.AsyncOpenAI(base_url=URL + "/v1", api_key={key!r})
    answer = await client.embeddings.create(model="small", input="tea", encoding_format="float")
    assert answer.data[0].embedding == [1.0]

@pytest.mark.langsmith({mark})
def test_requests():
    answer = requests.get(URL + "/search?q=tea&key={key}", auth=("me", "pass-word-9"), timeout=30)
    assert answer.json()["access_token"]
"""


class Answers(BaseHTTPRequestHandler):
    """A model, a search, and what both should not have told."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/embeddings"):
            self.answer({"object": "list", "model": "small", "data": [{"embedding": [1.0], "index": 0}]})
        elif given.get("stream"):
            self.stream()
        else:
            message = {"role": "assistant", "content": given["messages"][0]["content"].upper()}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self.answer(
                {"id": "1", "object": "chat.completion", "created": 1, "model": "small", "choices": [choice]}
            )

    def do_GET(self):
        self.answer({"access_token": KEY})

    def answer(self, value):
        self.give(json.dumps(value).encode(), "application/json")

    def stream(self):
        chunks = [
            {
                "id": "1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": "small",
                "choices": [choice],
            }
            for choice in ({"index": 0, "delta": {"content": letter}} for letter in "ab")
        ]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        self.give("".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream")

    def give(self, body, kind):
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", COOKIE)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def model(monkeypatch):
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MODEL_URL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()


@pytest.fixture
def backend(tmp_path):
    command = [sys.executable, "-m", "smithkit.cli", "serve", "--port", "0", "--db", f"{tmp_path}/served.db"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        said = (re.search(r"http://[\w.]+:\d+", line) for line in server.stdout)
        yield next(found[0] for found in said if found)
        server.terminate()


@pytest.fixture
def session(tmp_path, monkeypatch, model):
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANGSMITH_TEST_SUITE", "kept")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")

    def run(mark="", *arguments):
        source = TESTS.format(mark=mark, key=KEY, cookie=COOKIE)
        (tmp_path / "test_user.py").write_text(textwrap.dedent(source))
        model.asked.clear()
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
        asked = len(model.asked)
        return SimpleNamespace(code=done.returncode, out=done.stdout + done.stderr, asked=asked)

    return run


def written(tmp_path):
    return {file.name: file.read_text() for file in (tmp_path / "answers").rglob("*.yaml")}


def test_the_second_session_asks_nobody_and_is_an_experiment_all_the_same(
    session, tmp_path, monkeypatch, backend, model
):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", backend)
    monkeypatch.setenv("LANGSMITH_API_KEY", BACKEND_KEY)
    monkeypatch.setenv("LANGSMITH_TEST_CACHE", str(tmp_path / "answers"))

    first, second = session("", "-n2"), session()

    assert (first.code, first.asked) == (0, 5), first.out
    assert (second.code, second.asked) == (0, 0), (model.asked, sorted(written(tmp_path)), second.out)
    with Client(backend, api_key=BACKEND_KEY) as client:
        dataset = client.read_dataset(dataset_name="kept")
        answers = [
            sorted(
                run.outputs["answer"]
                for run in client.list_runs(project_id=one.id, is_root=True)
                if run.outputs
            )
            for one in client.list_projects(reference_dataset_id=dataset.id)
        ]
    assert answers == [["CAKE", "TEA"]] * 2
    files = written(tmp_path)
    assert len(files) == 5
    for secret in (KEY, COOKIE, "pass-word-9", "bWU6cGFzcy13b3JkLTk", BACKEND_KEY, backend):
        assert not [name for name, text in files.items() if secret in text], secret
    for header in ("authorization", "cookie", "user-agent", "x-stainless"):
        assert not [name for name, text in files.items() if header in text.lower()], header


def test_only_named_hosts_are_kept(session, tmp_path, model):
    mark = f"cache={str(tmp_path / 'answers')!r}, cached_hosts=['example.com', 'http://127.0.0.1:{model.server_port}/v1']"

    asked = [session(mark).asked for _ in range(2)]

    assert asked == [5, 1]


def test_a_missing_vcrpy_is_said_before_any_test_runs(session, tmp_path):
    (tmp_path / "conftest.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *a: None if name == 'vcr' else find(name, *a)\n"
    )

    done = session("cache='answers'")

    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert "smithkit-evaluation[vcr]" in done.out
    assert done.asked == 0
