"""Bodies made to exhaust the server: each is refused with a reason, and none takes memory beyond the caps."""

from __future__ import annotations

import gzip
import io
import json
import logging
import select
import socket
import threading
import tracemalloc
import uuid
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest
import uvicorn
import zstandard
from starlette.testclient import TestClient

from smithkit.server import create_app
from smithkit.server.body import Budget, GzipStream, ZstdStream
from smithkit.server.errors import ApiError
from smithkit.server.limits import Limits

MIB = 1024 * 1024
CAPS = Limits(decompressed=8 * MIB, free_decompressed=MIB, ratio=100, frames=64, body=4 * MIB)


def zstd(data, **options):
    return zstandard.ZstdCompressor(**options).compress(data)


def zeros_zstd(size):
    out = io.BytesIO()
    with zstandard.ZstdCompressor(level=3).stream_writer(out, closefd=False) as writer:
        for _ in range(size // MIB):
            writer.write(bytes(MIB))
    return out.getvalue()


def lying_frame():
    """A frame that says it holds 2 EiB."""
    return b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + (2**61).to_bytes(8, "little") + b"\x01\x00\x00"


def far_window():
    """A frame that wants a window of 3.75 TiB."""
    return b"\x28\xb5\x2f\xfd" + bytes([0b00000000, 0b11111111]) + b"\x01\x00\x00"


def wide_window():
    """A sound frame, but of a window of 16 MiB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=24)
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(b"x" * 2**18)


CORPUS = {
    "zstd, high ratio": ("zstd", zeros_zstd(96 * MIB), 413),
    "zstd, nested": ("zstd", zstd(zeros_zstd(96 * MIB)), 400),
    "zstd, many frames": ("zstd", zstd(b"x") * 1000, 413),
    "zstd, many high frames": ("zstd", zeros_zstd(2 * MIB) * 60, 413),
    "zstd, many empty frames": ("zstd", zstd(b"") * 1000, 413),
    "zstd, lying length": ("zstd", lying_frame(), 400),
    "zstd, far window": ("zstd", far_window(), 400),
    "zstd, wide window": ("zstd", wide_window(), 400),
    "zstd, truncated": ("zstd", zstd(b"x" * 5000)[:-3], 400),
    "zstd, skippable alone": ("zstd", b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" * 500, 413),
    "zstd, garbage": ("zstd", b"\xff" * 1000, 400),
    "zstd, garbage after a frame": ("zstd", zstd(b"[]") + b"garbage", 400),
    "gzip, high ratio": ("gzip", gzip.compress(bytes(64 * MIB)), 413),
    "gzip, nested": ("gzip", gzip.compress(gzip.compress(bytes(64 * MIB))), 400),
    "gzip, many members": ("gzip", gzip.compress(b"x") * 1000, 413),
    "gzip, lying length": ("gzip", gzip.compress(b"[]")[:-4] + b"\xff\xff\xff\x7f", 400),
    "gzip, wrong checksum": ("gzip", gzip.compress(b"[]")[:-8] + bytes(8), 400),
    "gzip, truncated": ("gzip", gzip.compress(b"[]" * 1000)[:-9], 400),
    "gzip, is zlib": ("gzip", zlib.compress(b"[]"), 400),
    "unknown": ("br", b"[]", 415),
    "two encodings": ("gzip, zstd", b"[]", 415),
    "plain, deep": ("identity", b"[" * 2_000_000, 400),
    "plain, deep objects": ("identity", b'{"a":' * 400_000, 400),
    "plain, too long": ("identity", b" " * (5 * MIB), 413),
    "plain, long integer": ("identity", b"9" * 1_000_000, 400),
    "plain, empty": ("identity", b"", 400),
}


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    app = create_app(str(tmp_path_factory.mktemp("bombs") / "runs.db"), limits=CAPS)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/runs/batch", "/examples/bulk"])
@pytest.mark.parametrize("name", CORPUS)
def test_a_bomb_is_refused_with_a_reason(http, name, path):
    encoding, body, status = CORPUS[name]
    answer = http.post(path, content=body, headers={"content-encoding": encoding})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


@pytest.mark.parametrize("name", [name for name in CORPUS if name.startswith(("zstd", "gzip"))])
def test_decompressing_a_bomb_takes_little_memory(name):
    encoding, body, _ = CORPUS[name]
    stream = {"zstd": ZstdStream, "gzip": GzipStream}[encoding](replace(CAPS, decompressed=4 * MIB))
    given = 0
    tracemalloc.start()
    try:
        for piece in stream.feed(body):
            given += len(piece)
        stream.finish()
    except ApiError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert given <= 4 * MIB
    assert peak < 70 * MIB, "1 KiB of zstd, which is taken at a time, gives 32 MiB at most, held twice"


def test_the_highest_ordinary_level_of_zstd_is_taken(http):
    packer = zstandard.ZstdCompressor(level=19).compressobj()
    body = packer.compress(json.dumps({"name": "ultra"}).encode()) + packer.flush()
    assert http.post("/sessions", content=body, headers={"content-encoding": "zstd"}).status_code == 200


def test_the_last_of_two_equal_keys_counts(http):
    body = b'{"name": "first", "name": "second"}'
    assert http.post("/sessions", content=body).json()["name"] == "second"


def test_a_budget_is_whole_again_after_every_refusal():
    budget = Budget(100)
    for _ in range(3):
        with budget.reserve() as held:
            held.take(100)
            with pytest.raises(ApiError) as refusal:
                held.take(1)
            assert refusal.value.status == 503
            assert refusal.value.headers["retry-after"]


def run(**inputs):
    return {
        "id": str(uuid.uuid4()),
        "name": "r",
        "run_type": "chain",
        "start_time": "2024-01-01T00:00:00",
        "inputs": inputs,
    }


HURRIED = Limits(body_pause=0.2, body_time=1.0, answer_pause=0.2)


@contextmanager
def served(database, limits):
    """An application behind a socket of its own; gives the address."""
    app = create_app(str(database), limits=limits)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    ready, startup = threading.Event(), server.startup

    async def start(sockets=None):
        await startup(sockets)
        ready.set()

    server.startup = start
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert ready.wait(30)
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """The address of a server that waits for nobody."""
    with served(tmp_path_factory.mktemp("hurried") / "runs.db", HURRIED) as address:
        yield address


def head_of(body):
    return f"POST /runs/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()


def test_what_is_beyond_the_budget_is_told_to_come_back(tmp_path):
    body = json.dumps({"post": [run(x="y" * 100_000)]}).encode()
    with served(tmp_path / "x.db", Limits(in_memory=350_000)) as address, ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address, timeout=30)) for _ in range(8)]
        for client in clients:  # all at once hold what they have sent so far
            client.sendall(head_of(body) + body[:90_000])
        waiting, refused = set(clients), []
        while len(refused) < 5:  # room is for three of them, whichever these are
            ready, _, _ = select.select(waiting, [], [], 30)
            assert ready
            waiting -= set(ready)
            refused += ready
        for client in refused:
            head = client.recv(1000)
            assert head.startswith(b"HTTP/1.1 503 ")
            assert b"retry-after: 1" in head
        for client in waiting:
            client.sendall(body[90_000:])
            assert client.recv(12) == b"HTTP/1.1 202"
        refused[0].close()
        with socket.create_connection(address, timeout=30) as again:
            again.sendall(head_of(body) + body)
            assert again.recv(12) == b"HTTP/1.1 202"


def test_a_body_that_stops_arriving_is_given_up(hurried):
    with socket.create_connection(hurried, timeout=30) as client:
        client.sendall(b"POST /runs/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive in time" in answer


def test_a_body_that_trickles_is_given_up(hurried):
    stop = threading.Event()
    with socket.create_connection(hurried, timeout=30) as client:
        client.sendall(b"POST /runs/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{")

        def trickle():
            while not stop.wait(0.05):
                try:
                    client.sendall(b" ")
                except OSError:
                    return

        feeder = threading.Thread(target=trickle)
        feeder.start()
        answer = read_all(client)
        stop.set()
        feeder.join()
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_whoever_does_not_read_the_answer_is_cut_off(hurried, caplog):
    cut = threading.Event()
    log = logging.getLogger("smithkit.server")
    caplog.set_level(logging.INFO, log.name)
    noticed = lambda record: cut.set() or True  # noqa: E731
    log.addFilter(noticed)
    try:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(30)
            client.connect(hurried)
            make_large_project(client)
            client.sendall(b"POST /runs/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
            assert cut.wait(30)
            assert len(read_all(client)) < 4 * MIB
    finally:
        log.removeFilter(noticed)


def make_large_project(client):
    body = json.dumps({"post": [run(x="y" * MIB) for _ in range(4)]}).encode()
    client.sendall(head_of(body) + body)
    assert b" 202 " in client.recv(1000)


def read_all(client):
    received = b""
    while True:
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece
