"""One program of feedback, by our client and by the official one, against a server in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import json, sys, uuid
from datetime import datetime, timedelta, timezone
module = __import__(sys.argv[1])
client = module.Client()
out = {}
now = datetime.now(timezone.utc)
project = "feedback-" + sys.argv[1]

def run(name, **fields):
    run_id = uuid.uuid4()
    stamp = now.strftime("%Y%m%dT%H%M%S%fZ")
    client.create_run(name, {"q": name}, "chain", id=run_id, trace_id=run_id, dotted_order=f"{stamp}{run_id}",
                      start_time=now, end_time=now, outputs={"a": 1}, project_name=project, **fields)
    return run_id

def failure(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__

first, second = run("first"), run("second")
client.flush()
direct = client.create_feedback(first, "quality", score=0.123456, comment="c", value="v", correction={"a": 2},
                                source_info={"by": "me"}, source_run_id=second)
batched = client.create_feedback(trace_id=second, key="quality", score=True, feedback_source_type="model")
client.flush()
read = client.read_feedback(direct.id)
out["read"] = [read.score, read.comment, read.value, read.correction, read.feedback_source.type,
               read.feedback_source.metadata["by"], read.feedback_source.metadata["__run"]["run_id"] == str(second)]
out["batched"] = [client.read_feedback(batched.id).score, client.read_feedback(batched.id).feedback_source.type]
client.update_feedback(direct.id, score=0.5, comment="d")
out["listed"] = sorted([one.key, float(one.score), one.comment] for one in client.list_feedback(run_ids=[first, second]))
out["models"] = [one.score for one in client.list_feedback(run_ids=[first, second], feedback_source_type=["model"])]
out["stats"] = client.read_run(first).feedback_stats
read_project = client.read_project(project_name=project, include_stats=True)
client.create_feedback(project_id=read_project.id, key="summary", score=0.75)
read_project = client.read_project(project_name=project, include_stats=True)
out["project"] = [read_project.feedback_stats, read_project.session_feedback_stats]

scale = {"type": "continuous", "min": 0, "max": 1}
made = client.create_feedback_config("quality", feedback_config=scale)
out["config"] = [made.feedback_config, made.is_lower_score_better]
out["again"] = client.create_feedback_config("quality", feedback_config=scale).modified_at == made.modified_at
out["other"] = failure(lambda: client.create_feedback_config("quality", feedback_config={"type": "freeform"}))
out["outside"] = failure(lambda: client.create_feedback(first, "quality", score=2))
out["updated"] = client.update_feedback_config("quality", is_lower_score_better=True).is_lower_score_better
out["configs"] = [one.feedback_key for one in client.list_feedback_configs(feedback_key=["quality"])]
client.delete_feedback_config("quality")
out["no configs"] = list(client.list_feedback_configs())
out["no config"] = failure(lambda: client.delete_feedback_config("quality"))

parts = [{"part_type": "weighted_key", "weight": 2, "key": "quality"}]
formula = client.create_feedback_formula(feedback_key="twice", aggregation_type="sum", formula_parts=parts)
out["formula"] = client.read_run(first).feedback_stats["twice"]["avg"]
client.update_feedback_formula(formula.id, feedback_key="same", aggregation_type="avg", formula_parts=parts)
out["formulas"] = [[one.feedback_key, one.aggregation_type] for one in client.list_feedback_formulas()]
out["same"] = client.read_run(first).feedback_stats["same"]["avg"]
out["by id"] = client.get_feedback_formula_by_id(formula.id).formula_parts[0].weight
client.delete_feedback_formula(formula.id)
out["keys"] = sorted(client.read_run(first).feedback_stats)

token = client.create_presigned_feedback_token(first, "thumbs", expiration=timedelta(minutes=5))
client.create_feedback_from_token(token.url, 1, comment="by url")
client.create_feedback_from_token(token.id, 0, comment="by id")
out["thumbs"] = [[one.score, one.comment] for one in client.list_feedback(run_ids=[first], feedback_key=["thumbs"])]
many = client.create_presigned_feedback_tokens(first, ["x", "y"])
out["tokens"] = [len(many), len(list(client.list_presigned_feedback_tokens(first)))]
out["forged"] = failure(lambda: client.create_feedback_from_token(str(uuid.uuid4()), 1))

queue = client.create_annotation_queue(name="queue", description="d", rubric_instructions="fair",
                                       rubric_items=[{"feedback_key": "quality"}])
client.add_runs_to_annotation_queue(queue.id, run_ids=[first, second])
out["queue"] = [client.get_run_from_annotation_queue(queue.id, index=place).name for place in (0, 1)]
out["past"] = failure(lambda: client.get_run_from_annotation_queue(queue.id, index=2))
client.delete_run_from_annotation_queue(queue.id, run_id=first)
out["next"] = client.get_run_from_annotation_queue(queue.id, index=0).name
client.update_annotation_queue(queue.id, name="renamed")
out["details"] = [client.read_annotation_queue(queue.id).name, client.read_annotation_queue(queue.id).rubric_instructions]
out["queues"] = [one.name for one in client.list_annotation_queues(name_contains="renam", limit=5)]
client.delete_annotation_queue(queue.id)
out["gone"] = [failure(lambda: client.read_annotation_queue(queue.id)), list(client.list_annotation_queues())]
client.delete_feedback(direct.id)
out["deleted"] = failure(lambda: client.read_feedback(direct.id))
print(json.dumps(out))
"""

EXPECTED = {
    "read": [0.1235, "c", "v", {"a": 2}, "api", "me", True],
    "batched": [True, "model"],
    "listed": [["quality", 0.5, "d"], ["quality", 1.0, None]],
    "models": [True],
    "stats": {"quality": {"n": 1, "avg": 0.5, "values": {"v": 1}}},
    "project": [
        {"quality": {"n": 2, "avg": 0.75, "values": {"v": 1}}},
        {"summary": {"n": 1, "avg": 0.75, "values": {}}},
    ],
    "config": [{"type": "continuous", "min": 0.0, "max": 1.0, "categories": None}, False],
    "again": True,
    "other": "LangSmithConflictError",
    "updated": True,
    "configs": ["quality"],
    "no configs": [],
    "no config": "LangSmithNotFoundError",
    "formula": 1.0,
    "formulas": [["same", "avg"]],
    "same": 0.5,
    "by id": 2.0,
    "keys": ["quality"],
    "thumbs": [[0, "by id"]],
    "tokens": [2, 3],
    "queue": ["first", "second"],
    "past": "LangSmithNotFoundError",
    "next": "second",
    "details": ["renamed", "fair"],
    "queues": ["renamed"],
    "gone": ["LangSmithNotFoundError", []],
    "deleted": "LangSmithNotFoundError",
}


def official_python(tmp_path):
    beside = os.path.dirname(sys.executable)  # noqa: PTH120
    uv = shutil.which("uv", path=beside) or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv")
    environment = tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "langsmith==0.7.3"], check=True)
    return python


@pytest.mark.slow
@pytest.mark.parametrize("module", ["smithkit", "langsmith"])
def test_feedback_is_the_same_for_both_clients(module, tmp_path):
    python = sys.executable if module == "smithkit" else official_python(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", str(tmp_path / "f.db")]
    with subprocess.Popen(
        [*command, "--api-key", "sesame"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            url = re.search(r"http://\S+?:\d+", server.stdout.readline())[0]
            done = subprocess.run(
                [python, tmp_path / "program.py", module],
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(tmp_path),
                    "PYTHONWARNINGS": "ignore",
                    "LANGSMITH_ENDPOINT": url,
                    "LANGSMITH_API_KEY": "sesame",
                },
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        finally:
            server.kill()
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # What the status table of the API leaves to the base class.
    assert {found.pop("outside"), found.pop("forged")} <= {
        "LangSmithError",
        "LangSmithUnprocessableEntityError",
        "LangSmithForbiddenError",
        "LangSmithPermissionDeniedError",
    }
    assert found == EXPECTED
