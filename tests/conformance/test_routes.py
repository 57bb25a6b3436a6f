"""Every endpoint that the reference client calls is there: its recorded requests find a route."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from smithkit.server import EmbeddedServer

RECORDINGS = Path(__file__).parent / "wire" / "public"
# Where the recordings' further servers lie, and where their signed links lead.
_PREFIX = re.compile(r"^/(?:api/v1|other|replica-[ab])(?=/)")
_SIGNED = re.compile(r"^/attachments/")


def recorded_requests():
    """The methods and paths of all recordings, each once."""
    found = set()
    for file in sorted(RECORDINGS.glob("*.json")):
        for recording in json.loads(file.read_text()):
            for request in recording.get("requests", ()):
                found.add((request["verb"], _PREFIX.sub("", request["path"].partition("?")[0])))
    return sorted(one for one in found if not _SIGNED.match(one[1]))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = EmbeddedServer(str(tmp_path_factory.mktemp("routes") / "runs.db"))
    yield server
    server.close()


def test_the_recordings_have_requests():
    assert len(recorded_requests()) > 50


@pytest.mark.parametrize(("method", "path"), recorded_requests())
def test_the_server_has_the_route(server, method, path):
    status, _, body = server.request(method, path, [(b"content-type", b"application/json")], b"", 30)
    assert status != 405
    assert (status, body) != (404, b'{"detail":"Not Found"}'), "no such route"
