"""The requests and results of the reference client, recorded, and what smithkit makes of the same calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Recordings whose methods are here; each package adds its own when it arrives.
RECORDED = (
    "__init__",
    "AsyncClient.create_project",
    "AsyncClient.create_run",
    "AsyncClient.delete_project",
    "AsyncClient.list_runs",
    "AsyncClient.read_project",
    "AsyncClient.read_run",
    "AsyncClient.update_run",
    "batch_ingest_runs",
    "cleanup",
    "create_project",
    "create_run",
    "delete_project",
    "flush",
    "flush_compressed_traces",
    "get._host_url",
    "get.info",
    "has_project",
    "list_projects",
    "list_runs",
    "multipart_ingest",
    "read_project",
    "read_run",
    "request_with_retries",
    "update_project",
    "update_run",
)


@pytest.mark.slow
def test_calls_send_and_return_what_the_recordings_say():
    recordings = [str(HERE / "wire" / "public" / f"{name}.json") for name in RECORDED]

    replay = subprocess.run(
        [sys.executable, str(HERE / "replay.py"), "smithkit:Client", *recordings],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert replay.returncode == 0, replay.stdout + replay.stderr
