from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import uuid

import pytest

from smithkit.server import EmbeddedServer, embedded


def run_body():
    return json.dumps({"id": str(uuid.uuid4()), "name": "n", "run_type": "tool"}).encode()


def test_one_server_for_each_file(tmp_path):
    first = embedded(f"sqlite:///{tmp_path}/a.db")
    assert embedded(f"{tmp_path}/x/../a.db") is first
    assert embedded(f"{tmp_path}/b.db") is not first
    assert not (tmp_path / "a.db").exists()


def test_bodies_may_come_in_pieces(api):
    run_id = str(uuid.uuid4())
    body = json.dumps(
        {"id": run_id, "name": "n", "run_type": "tool", "inputs": {"t": "x" * 3_000_000}}
    ).encode()
    pieces = (body[at : at + 7_000] for at in range(0, len(body), 7_000))
    assert api.call("POST", "/runs", pieces).status == 202
    assert len(api.run(run_id)["inputs"]["t"]) == 3_000_000
    assert api.call("POST", "/runs", []).status == 400


def test_a_body_that_is_refused_early_is_not_read_to_its_end(api):
    consumed = []

    def endless():
        for _ in range(5_000):
            consumed.append(1)
            yield b"x" * 100_000

    answer = api.call("POST", "/runs/multipart", endless(), {"content-type": "text/plain"})
    assert answer.status == 400
    assert len(consumed) < 5_000


def test_an_error_in_the_callers_body_reaches_the_caller(api):
    def broken():
        yield b"x" * 1_000_000
        yield b"x" * 1_000_000
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        api.call("POST", "/runs", broken())
    assert api.get("/info").status == 200


def test_a_timeout_is_kept(api, monkeypatch):
    async def slow(_batch):
        await asyncio.sleep(30)

    monkeypatch.setattr(api.server.app.state.workspaces.default.store, "write", slow)
    with pytest.raises(TimeoutError):
        api.call("POST", "/runs", run_body(), timeout=0.2)

    async def main():
        with pytest.raises(TimeoutError):
            await api.server.arequest("POST", "/runs", [], run_body(), 0.2)

    asyncio.run(main())


def test_any_event_loop_may_call(server):
    async def main():
        bodies = [run_body() for _ in range(20)]
        answers = await asyncio.gather(*(server.arequest("POST", "/runs", [], body, 30) for body in bodies))
        assert {status for status, _, _ in answers} == {202}
        large = [b'{"id": "%s", "name": "' % str(uuid.uuid4()).encode(), *[b"x" * 300_000] * 5, b'"}']
        status, _, _ = await server.arequest("POST", "/runs", [], large, 30)
        assert status == 202
        status, _, body = await server.arequest("POST", "/runs/query", [], b"{}", 30)
        assert (status, len(json.loads(body)["runs"])) == (200, 21)

    asyncio.run(main())
    asyncio.run(main_again(server))


async def main_again(server):
    assert (await server.arequest("GET", "/info", [], b"", 30))[0] == 200


def test_a_closed_server_starts_again(api):
    others = set(threading.enumerate())
    run_id = api.new_run()
    assert "smithkit-embedded" in {thread.name for thread in set(threading.enumerate()) - others}
    api.server.close()
    api.server.close()
    left = {thread.name for thread in set(threading.enumerate()) - others}
    assert not {"smithkit-embedded", "smithkit-writer"} & left
    assert api.run(run_id)["id"] == run_id


def test_closing_waits_for_requests_under_way(api):
    answers = []
    runs = [{"id": str(uuid.uuid4()), "name": "n", "run_type": "tool"} for _ in range(500)]
    api.get("/info")
    sender = threading.Thread(target=lambda: answers.append(api.post("/runs/batch", {"post": runs}).status))
    sender.start()
    while not api.server._running._tasks:
        pass
    api.server.close()
    sender.join()
    assert answers == [202]
    assert len(api.query()["runs"]) == 100


def test_a_start_that_fails_tells_why(tmp_path):
    (tmp_path / "file").write_text("x")
    server = EmbeddedServer(str(tmp_path / "file" / "runs.db"))
    with pytest.raises(OSError, match="file"):
        server.start()
    with pytest.raises(ValueError, match="sqlite:///"):
        embedded("mysql://x").start()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_a_server_of_its_own_and_the_parents_goes_on(tmp_path):
    program = f"""
import json, os, uuid, sys
from smithkit.server import embedded
server = embedded({str(tmp_path / "runs.db")!r})
def send():
    run = {{"id": str(uuid.uuid4()), "name": "n", "run_type": "tool"}}
    status, _, body = server.request("POST", "/runs", [], json.dumps(run).encode(), 30)
    assert status == 202, body
send()
child = os.fork()
if not child:
    for _ in range(20):
        send()
    assert embedded({str(tmp_path / "runs.db")!r}) is server
    sys.exit(0)
for _ in range(20):
    send()
assert os.waitpid(child, 0)[1] == 0
status, _, body = server.request("POST", "/runs/query", [], b"{{}}", 30)
assert len(json.loads(body)["runs"]) == 41, body
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_no_socket_is_opened_towards_anything(tmp_path):
    program = f"""
import socket, asyncio, sys
pair = socket.socketpair
def refuse(*args, **kwargs):
    raise AssertionError("a socket")
socket.socket.connect = socket.socket.bind = socket.socket.listen = refuse
socket.create_connection = socket.getaddrinfo = refuse
from smithkit.server import embedded
server = embedded({str(tmp_path / "runs.db")!r})
print(server.request("GET", "/sessions", [], b"", 30)[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "200", done.stderr


@pytest.mark.slow
def test_a_process_ends_promptly_without_closing_its_server(tmp_path):
    program = f"""
import atexit, json, uuid
from smithkit.server import embedded
server = embedded({str(tmp_path / "runs.db")!r})
server.start()
run = {{"id": str(uuid.uuid4()), "name": "n", "run_type": "tool"}}
atexit.register(lambda: print(server.request("POST", "/runs", [], json.dumps(run).encode(), 30)[0], flush=True))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "202"), done.stderr
