from __future__ import annotations

import subprocess
import sys

import pytest
import zstandard

import smithkit.server
from smithkit.errors import PluginWarning
from smithkit.server import ApiError, Limits
from smithkit.server.body import Budget, ZstdStream


def test_public_names_are_there():
    for name in smithkit.server.__all__:
        assert getattr(smithkit.server, name) is not None
    assert callable(smithkit.server.embedded)
    assert set(smithkit.server.__all__) <= set(dir(smithkit.server))
    with pytest.raises(AttributeError, match="nothing"):
        _ = smithkit.server.nothing


def test_the_plugin_costs_nothing_until_it_is_used():
    program = "import sys, smithkit.server._plugin; print([m for m in ('starlette', 'sqlalchemy', 'uvicorn', 'alembic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_starting_an_up_to_date_database_does_not_load_alembic(tmp_path):
    program = f"import sys; from smithkit.server import embedded; embedded({str(tmp_path / 'x.db')!r}).start(); print('alembic' in sys.modules)"
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert outputs == ["True", "False"]


def test_plugins_add_routes(tmp_path):
    from starlette.responses import PlainTextResponse

    from smithkit.hooks import hookimpl, register, unregister

    class Plugin:
        @hookimpl
        def register_routes(self, app):
            app.add_route("/mine", lambda request: PlainTextResponse("hello"))

    class Broken:
        @hookimpl
        def register_routes(self, app):
            raise ValueError("broken")

    plugins = [register(Plugin()), register(Broken())]
    server = smithkit.server.EmbeddedServer(str(tmp_path / "x.db"))
    try:
        with pytest.warns(PluginWarning, match="broken"):
            server.start()
        assert server.request("GET", "/mine", [], b"", 30)[2] == b"hello"
    finally:
        server.close()
        for plugin in plugins:
            unregister(plugin)


LIMITS = Limits(decompressed=5_000_000, free_decompressed=2_000_000, ratio=100, frames=20)


def expand(body, limits=LIMITS):
    stream = ZstdStream(limits)
    total = 0
    for at in range(0, len(body), 64_000):
        for piece in stream.feed(body[at : at + 64_000]):
            total += len(piece)
            assert total <= limits.decompressed
    stream.finish()
    return total


def lying_frame():
    """A frame that declares to hold five bytes and holds three million."""
    frame = bytearray(zstandard.compress(b"\0" * 3_000_000))
    descriptor = frame[4]
    size_bytes = {0: 1, 1: 2, 2: 4, 3: 8}[descriptor >> 6]
    start = 5 if descriptor & 0x20 else 6
    frame[start : start + size_bytes] = (5).to_bytes(size_bytes, "little")
    return bytes(frame)


BOMBS = {
    "one long run": zstandard.compress(b"\0" * 500_000_000),
    "above the total cap": zstandard.compress(bytes(range(256)) * 40_000),
    "many frames": zstandard.compress(b"\0" * 400_000) * 15,
    "empty frames": zstandard.compress(b"") * 5000,
    "lying size": lying_frame(),
    "huge window": b"\x28\xb5\x2f\xfd\x00\xf8" + b"\x01\x00\x00" * 50,
    "no zstd": b"PK\x03\x04" * 100,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_while_they_expand(bomb):
    with pytest.raises(ApiError) as caught:
        expand(BOMBS[bomb])
    assert caught.value.status in {400, 413}


def test_what_is_merely_repetitive_passes():
    assert expand(zstandard.compress(b"\0" * 1_900_000)) == 1_900_000
    assert expand(zstandard.compress(b"abc") * 20) == 60


def test_one_call_gives_a_bounded_amount():
    stream = ZstdStream(Limits())
    longest = max(len(piece) for piece in stream.feed(zstandard.compress(b"\0" * 60_000_000)))
    assert longest < 40_000_000


def test_a_body_above_the_cap_is_refused(tmp_path, make_api):
    server = smithkit.server.EmbeddedServer(str(tmp_path / "x.db"))
    api = make_api(server)
    try:
        services = server.app.state.workspaces.default
        object.__setattr__(services, "limits", Limits(body=1000, in_memory=1000))
        assert api.post("/runs", {"x": "y" * 2000}).status == 413
        assert api.call("POST", "/runs", (b"x" * 300 for _ in range(10))).status == 413
        object.__setattr__(services, "limits", Limits())
        object.__setattr__(services, "budget", Budget(1000))
        answer = api.post("/runs", {"x": "y" * 2000})
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert services.budget._free == 1000
    finally:
        server.close()
