"""Older releases of LangChain on smithkit, in environments without the reference client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[3] / "packages"
PROGRAM = """
import json
from smithkit import compat
compat.install()
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import wait_for_all_tracers
from smithkit import Client, traceable
from smithkit.tracing import get_cached_client

@traceable
def leaf(text):
    return text

def step(name):
    return RunnableLambda(lambda text: leaf(text)).with_config(run_name=name)

@traceable
def outer(text):
    return step("step").invoke(text)

outer("a")
assert list((step("first") | step("second")).stream("b")) == ["b"]

def shape(run):
    children = sorted(run.child_runs or [], key=lambda child: child.name)
    return [run.name, run.inputs, run.outputs, [shape(child) for child in children]]

wait_for_all_tracers()
get_cached_client().flush()
client = Client()
roots = client.list_runs(project_name="older", is_root=True)
print(json.dumps(sorted(shape(client.read_run(run.id, load_child_runs=True)) for run in roots)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("release", ["0.3.0", "0.3.30", "0.3.80"])
def test_an_older_release_is_one_tree_with_traced_functions(tmp_path, release):
    def uv(*arguments):
        subprocess.run([sys.executable, "-m", "uv", *arguments], check=True, capture_output=True)

    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    (tmp_path / "overrides.txt").write_text("langsmith; sys_platform == 'never'\n")
    uv("venv", "--python", sys.executable, str(tmp_path / "venv"))
    ours = [part for path in sorted(PACKAGES.iterdir()) for part in ("--editable", str(path))]
    install = ("pip", "install", "--python", str(python), "--override", str(tmp_path / "overrides.txt"))
    uv(*install, f"langchain-core=={release}", *ours)

    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", PROGRAM],
        env={**os.environ, "LANGSMITH_TRACING": "true", "LANGSMITH_PROJECT": "older"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Error in" not in done.stderr
    leaf = ["leaf", {"text": "b"}, {"output": "b"}, []]
    steps = [[name, {"input": "b"}, {"output": "b"}, [leaf]] for name in ("first", "second")]
    step = ["step", {"input": "a"}, {"output": "a"}, [["leaf", {"text": "a"}, {"output": "a"}, []]]]
    assert json.loads(done.stdout) == [
        ["RunnableSequence", {"input": "b"}, {"output": "b"}, steps],
        ["outer", {"text": "a"}, {"output": "a"}, [step]],
    ]
