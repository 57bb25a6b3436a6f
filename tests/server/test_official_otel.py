"""Programs of the official client in its OpenTelemetry mode, run unchanged on this server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from smithkit import Client

PROGRAM = """
from langsmith import Client, traceable
from opentelemetry import trace

client = Client()

@traceable(run_type="llm", tags=["a", "b"], metadata={"ls_model_name": "gpt-4o", "ls_provider": "openai"})
def model(messages):
    return {
        "messages": [{"role": "assistant", "content": "hi"}],
        "usage_metadata": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
    }

@traceable(run_type="tool")
def boom(x):
    raise ValueError("boom")

@traceable
def root(x):
    model([{"role": "user", "content": "q"}])
    try:
        boom(x)
    except ValueError:
        pass
    return x

root(1, langsmith_extra={"client": client})
client.flush()
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    uv = shutil.which("uv", path=os.path.dirname(sys.executable)) or shutil.which("uv")  # noqa: PTH120
    if uv is None:
        pytest.skip("needs uv")
    folder = tmp_path_factory.mktemp("official") / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    made = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", "langsmith[otel]==0.7.3"],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"the official client cannot be installed: {made.stderr[-200:]}")
    return folder / "bin" / "python"


@pytest.mark.slow
@pytest.mark.parametrize("only", [True, False])
def test_runs_of_the_official_client_arrive_once(serve, python, tmp_path, only):
    (tmp_path / "program.py").write_text(PROGRAM)
    with serve("--api-key", "sesame") as served:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": served.url,
            "LANGSMITH_API_KEY": "sesame",
            "LANGSMITH_PROJECT": "official",
            "LANGSMITH_OTEL_ENABLED": "true",
            "LANGSMITH_OTEL_ONLY": str(only).lower(),
        }
        done = subprocess.run(
            [python, tmp_path / "program.py"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with Client(served.url, api_key="sesame") as client:
            runs = list(client.list_runs(project_name="official"))

    assert sorted(run.name for run in runs) == ["boom", "model", "root"], done.stderr
    found = {run.name: run for run in runs}
    assert found["root"].parent_run_id is None
    assert {found[name].parent_run_id for name in ("model", "boom")} == {found["root"].id}
    model = found["model"]
    assert (model.run_type, model.tags, model.total_tokens) == ("llm", ["a", "b"], 7)
    assert model.inputs == {"messages": [{"role": "user", "content": "q"}]}
    assert model.outputs["messages"] == [{"role": "assistant", "content": "hi"}]
    assert model.metadata["ls_model_name"] == "gpt-4o"
    assert (found["boom"].status, found["boom"].error[:18]) == ("error", "ValueError('boom')")
