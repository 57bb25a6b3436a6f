"""Programs of the official client, oldest and newest, run unchanged on this server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, json, sys, uuid
from langsmith import Client, schemas, traceable

project = sys.argv[1]
client = Client()
out = {}

@traceable(run_type="tool")
def leaf(x):
    return x + 1

@traceable(run_type="llm")
def model(prompt):
    return {"text": "hi", "usage_metadata": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}

@traceable
def failing(x):
    raise ValueError("boom")

@traceable
async def waits(x):
    await asyncio.sleep(0.01)
    return leaf(x)

@traceable
def with_file(doc: schemas.Attachment, q: str):
    return "ok"

@traceable(tags=["t"], metadata={"k": "v", "thread_id": "talk"})
def root(x):
    leaf(x)
    model("p")
    try:
        failing(x)
    except ValueError:
        pass
    asyncio.run(waits(x))
    with_file(schemas.Attachment(mime_type="text/plain", data=b"attached"), q="s")
    return {"answer": x}

root_id = uuid.uuid4()
root(41, langsmith_extra={"run_id": root_id, "project_name": project, "client": client})
client.flush()

run = client.read_run(root_id, load_child_runs=True)
out["root"] = [run.name, run.status, run.tags, run.outputs, run.metadata["k"]]
out["children"] = [child.name for child in run.child_runs]
out["grandchildren"] = [leaf.name for child in run.child_runs for leaf in child.child_runs or []]
runs = {run.name: run for run in client.list_runs(project_name=project)}
out["names"] = sorted(runs)
out["failed"] = [run.name for run in client.list_runs(project_name=project, error=True)]
out["roots"] = [run.name for run in client.list_runs(project_name=project, is_root=True)]
out["limited"] = len(list(client.list_runs(project_name=project, limit=2)))
out["error"] = runs["failing"].error.splitlines()[0]
out["tokens"] = runs["model"].total_tokens
files = client.read_run(runs["with_file"].id).attachments
out["attachments"] = {name: file["reader"].read().decode() for name, file in files.items()}
made = client.create_project("made-" + project, description="d", metadata={"a": 1})
out["made"] = [made.name, made.description, made.metadata["a"]]
try:
    client.create_project("made-" + project)
except Exception as error:
    out["conflict"] = type(error).__name__
out["updated"] = client.update_project(made.id, description="e").description
out["read"] = client.read_project(project_id=made.id).name
out["count"] = client.read_project(project_name=project, include_stats=True).run_count
out["listed"] = sorted(found.name for found in client.list_projects(name_contains=project))
client.delete_project(project_id=made.id)
out["left"] = client.has_project("made-" + project)
try:
    client.read_run(uuid.uuid4())
except Exception as error:
    out["missing"] = type(error).__name__
link = client.share_run(root_id)
token = link.split("/")[-2]
out["shared"] = [client.run_is_shared(root_id), client.read_run_shared_link(root_id) == link]
out["public"] = [client.read_shared_run(token).name, len(list(client.list_shared_runs(token)))]
client.unshare_run(root_id)
try:
    client.read_shared_run(token)
except Exception as error:
    out["unshared"] = type(error).__name__
stats = client.get_run_stats(project_names=[project], is_root=False, error=False)
out["stats"] = [stats["run_count"], stats["total_tokens"], stats["error_rate"]]
out["url"] = client.get_run_url(run=run).endswith(f"{run.app_path}?poll=true")
if sys.argv[2] == "insights":
    chats = [[{"role": "user", "content": text}] for text in ("a parcel", "my parcel", "a password")]
    report = client.generate_insights(chat_histories=chats, openai_api_key="sk-made-up")
    done = client.poll_insights(report=report, rate=1, timeout=100)
    out["insights"] = [report.status, done.status]
if hasattr(client, "list_threads"):
    (thread,) = client.list_threads(project_name=project)
    turns = client.read_thread(thread_id=thread["thread_id"], project_name=project)
    out["thread"] = [thread["thread_id"], thread["count"], [turn.name for turn in turns]]
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def uv():
    beside = shutil.which("uv", path=os.path.dirname(sys.executable))  # noqa: PTH120
    found = beside or shutil.which("uv")
    if found is None:
        pytest.skip("needs uv")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("requirement", ["langsmith==0.7.3", "langsmith"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_traced_program_is_stored_and_read_back(serve, uv, tmp_path, requirement, compressed):
    environment = tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, requirement], check=True)
    (tmp_path / "program.py").write_text(PROGRAM)
    with serve("--api-key", "sesame") as served:
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONWARNINGS": "ignore",
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": served.url,
            "LANGSMITH_API_KEY": "sesame",
            "LANGSMITH_DISABLE_RUN_COMPRESSION": str(not compressed).lower(),
        }
        done = subprocess.run(
            [python, tmp_path / "program.py", "official", "insights" if compressed else "none"],
            env=variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("thread", None) == (None if "==" in requirement else ["talk", 1, ["root"]])
    assert found.pop("insights", None) == (["queued", "success"] if compressed else None)
    assert found == {
        "root": ["root", "success", ["t"], {"answer": 41}, "v"],
        "children": ["leaf", "model", "failing", "waits", "with_file"],
        "grandchildren": ["leaf"],
        "names": ["failing", "leaf", "model", "root", "waits", "with_file"],
        "failed": ["failing"],
        "roots": ["root"],
        "limited": 2,
        "error": "ValueError('boom')",
        "tokens": 7,
        "attachments": {"doc": "attached"},
        "made": ["made-official", "d", 1],
        "conflict": "LangSmithConflictError",
        "updated": "e",
        "read": "made-official",
        "count": 1,
        "listed": ["made-official", "official"],
        "left": False,
        "missing": "LangSmithNotFoundError",
        "shared": [True, True],
        "public": ["root", 7],
        "unshared": "LangSmithNotFoundError",
        "stats": [5, 7, 0.0],
        "url": True,
    }
