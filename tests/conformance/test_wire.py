"""The requests and results of the reference client, recorded, and what smithkit makes of the same calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# Recordings whose methods are here; each package adds its own when it arrives.
RECORDED = (
    "AsyncClient.create_dataset",
    "AsyncClient.create_feedback",
    "AsyncClient.create_project",
    "AsyncClient.create_prompt",
    "AsyncClient.create_run",
    "AsyncClient.delete_dataset",
    "AsyncClient.delete_feedback",
    "AsyncClient.delete_project",
    "AsyncClient.delete_prompt",
    "AsyncClient.get_prompt",
    "AsyncClient.like_prompt",
    "AsyncClient.list_datasets",
    "AsyncClient.list_feedback",
    "AsyncClient.list_prompt_commits",
    "AsyncClient.list_prompts",
    "AsyncClient.list_runs",
    "AsyncClient.pull_prompt_commit",
    "AsyncClient.read_dataset",
    "AsyncClient.read_feedback",
    "AsyncClient.read_project",
    "AsyncClient.read_run",
    "AsyncClient.read_run_shared_link",
    "AsyncClient.run_is_shared",
    "AsyncClient.share_run",
    "AsyncClient.unlike_prompt",
    "AsyncClient.update_prompt",
    "AsyncClient.update_run",
    "__init__",
    "batch_ingest_runs",
    "cleanup",
    "create_comparative_experiment",
    "create_dataset",
    "create_project",
    "create_prompt",
    "create_run",
    "delete_dataset",
    "delete_feedback",
    "delete_project",
    "delete_prompt",
    "flush",
    "flush_compressed_traces",
    "generate_insights",
    "get._host_url",
    "get.info",
    "get_prompt",
    "get_run_stats",
    "get_run_url",
    "has_dataset",
    "has_project",
    "like_prompt",
    "list_datasets",
    "list_feedback",
    "list_projects",
    "list_prompt_commits",
    "list_prompts",
    "list_runs",
    "list_shared_runs",
    "multipart_ingest",
    "poll_insights",
    "read_dataset",
    "read_feedback",
    "read_project",
    "read_run",
    "read_run_shared_link",
    "read_shared_run",
    "request_with_retries",
    "run_is_shared",
    "share_run",
    "unlike_prompt",
    "unshare_run",
    "update_feedback",
    "update_project",
    "update_prompt",
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
