"""The same programs of experiments, run with both clients against `smithkit serve`."""

from __future__ import annotations

import json
import sys

import pytest

BEGINNING = """
import asyncio, json, sys, warnings
from importlib import import_module

warnings.simplefilter("ignore")
package = sys.argv[1]
Client = import_module(package).Client
evaluation = import_module(package + ".evaluation")
client = Client()
out = {}


def ordered(items):
    return sorted(items, key=str)


def first_line(text):
    return text and text.splitlines()[0]


def said(results):
    return ordered([one.key, one.score, one.value, first_line(one.comment)] for one in results)


def shown(rows):
    return ordered(
        [row["example"].inputs["n"], row["run"].outputs, first_line(row["run"].error), said(row["evaluation_results"]["results"])]
        for row in rows
    )


def stored(name):
    client.flush()
    project = client.read_project(project_name=name, include_stats=True)
    runs = list(client.list_runs(project_name=name, is_root=True))
    feedback = list(client.list_feedback(run_ids=[run.id for run in runs]))
    named = {run.id: run.inputs["n"] for run in runs}
    read = client.get_experiment_results(name=name)
    return {
        "runs": ordered([run.inputs, run.outputs, first_line(run.error), run.name, run.run_type] for run in runs),
        "of examples": sum(run.reference_example_id is not None for run in runs),
        "repetitions": ordered(run.extra["metadata"]["num_repetitions"] for run in runs),
        "feedback": ordered(
            [named[one.run_id], one.key, one.score, one.value, first_line(one.comment), one.feedback_source.type]
            for one in feedback
        ),
        "project": [project.run_count, project.error_rate, project.feedback_stats, project.session_feedback_stats],
        "metadata": [project.metadata.get("variant"), project.metadata.get("num_repetitions"), ordered(project.metadata.get("dataset_splits", ()))],
        "read": [read["feedback_stats"], read["run_stats"]["run_count"], read["run_stats"]["error_rate"]],
        "rows": [
            [row.inputs, row.outputs, ordered([first_line(run.error), run.outputs, run.feedback_stats] for run in row.runs)]
            for row in read["examples_with_runs"]
        ],
        "table": table(project),
    }


def table(project):
    found = client.get_test_results(project_id=project.id)
    lines = found.drop(columns=["id", "execution_time"]).to_dict("records")
    known = [{name: first_line(value) if name == "error" else value for name, value in line.items() if value == value and value is not None} for line in lines]
    return ordered(sorted(line.items()) for line in known)
"""

PROGRAM = (
    BEGINNING
    + """
dataset = client.create_dataset("numbers of " + package)
client.create_examples(
    dataset_id=dataset.id,
    examples=[
        {"inputs": {"n": n}, "outputs": {"double": 2 * n}, "split": "even" if n % 2 == 0 else "odd"} for n in range(1, 6)
    ],
)


def double(inputs: dict) -> dict:
    if inputs["n"] == 4:
        raise ValueError("no four")
    return {"double": inputs["n"] * 2 if inputs["n"] != 3 else 7}


async def adouble(inputs: dict) -> dict:
    return double(inputs)


def exact(outputs: dict, reference_outputs: dict) -> bool:
    return outputs == reference_outputs


def wordy(run, example):
    return {"key": "words", "value": "odd" if example.inputs["n"] % 2 else "even", "comment": "by place"}


def several(inputs, outputs):
    return [{"key": "size", "score": inputs["n"] / 10}, {"key": "sign", "score": 1}]


def breaks(run, example) -> dict:
    if example.inputs["n"] == 2:
        raise KeyError("two")
    return {"key": "unbroken", "score": 1}


async def asize(outputs):
    return {"key": "asize", "score": len(outputs or {})}


class Judge(evaluation.RunEvaluator):
    def evaluate_run(self, run, example=None, evaluator_run_id=None):
        return evaluation.EvaluationResult(key="judge", score=0.5, comment="always")


def share(outputs: list, reference_outputs: list) -> dict:
    right = sum(one == other for one, other in zip(outputs, reference_outputs))
    return {"key": "share", "score": right / len(outputs)}


def fails_to_sum(runs, examples):
    raise RuntimeError("no sum")


name = dataset.name
row_evaluators = [exact, wordy, several, breaks, Judge()]

# new experiments, in threads and tasks
results = client.evaluate(
    double, data=name, evaluators=row_evaluators, summary_evaluators=[share, fails_to_sum],
    experiment_prefix="sync", metadata={"variant": "a"}, num_repetitions=2, max_concurrency=4,
)
out["sync"] = [shown(results), stored(results.experiment_name)]
first = results.experiment_name


async def in_tasks():
    results = await client.aevaluate(
        adouble, data=name, evaluators=[exact, several, asize], summary_evaluators=[share],
        experiment_prefix="async", metadata={"variant": "b"}, max_concurrency=3,
    )
    return results.experiment_name, [row async for row in results]

second, rows = asyncio.run(in_tasks())
out["async"] = [shown(rows), stored(second)]

# parts of a dataset, failed runs apart
results = client.evaluate(
    double, data=client.list_examples(dataset_name=name, splits=["even"]), evaluators=[exact], error_handling="ignore",
)
out["split"] = [shown(results), stored(results.experiment_name)]

# an experiment that is there: judged again, and added to
again = evaluation.evaluate_existing(first, [Judge()], [share], client=client)
out["existing"] = shown(again)
project = client.read_project(project_name=second)
out["existing object"] = shown(client.evaluate(project, evaluators=[exact]))
for known in (second, project):
    results = client.evaluate(double, data=list(client.list_examples(dataset_name=name, limit=1)), evaluators=[exact], experiment=known)
    out.setdefault("added", []).append([results.experiment_name == second, shown(results)])
out["added to"] = stored(second)


# side by side
def prefer_first(inputs: dict, outputs: list, reference_outputs: dict) -> list:
    return [1, 0] if inputs["n"] != 3 else [0.5, 0.5]


third = client.evaluate(double, data=name, experiment_prefix="third").experiment_name
fourth = client.evaluate(double, data=name, experiment_prefix="fourth").experiment_name
client.flush()
compared = evaluation.evaluate_comparative((third, fourth), evaluators=[prefer_first], client=client)
out["comparative"] = ordered(
    [row["example"].inputs["n"], sorted(row["evaluation_results"]["feedback.prefer_first"].scores.values())] for row in compared
)
out["compared"] = [stored(one)["feedback"] for one in (third, fourth)]

# nothing is sent
local = client.evaluate(double, data=name, evaluators=[exact], upload_results=False)
out["local"] = [shown(local), client.has_project(local.experiment_name)]

# attachments
with_files = client.create_dataset("files of " + package)
client.create_examples(
    dataset_id=with_files.id,
    examples=[{"inputs": {"n": 1}, "outputs": {"size": 3}, "attachments": {"a": ("text/plain", b"abc")}}],
)


def size(inputs: dict, attachments: dict) -> dict:
    return {"size": len(attachments["a"]["reader"].read()), "type": attachments["a"]["mime_type"]}


def same_text(attachments: dict, outputs: dict) -> bool:
    return attachments["a"]["reader"].read() == b"abc"


results = client.evaluate(size, data=with_files.name, evaluators=[same_text])
out["attachments"] = shown(results)


def refusal(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__


out["refused"] = [
    refusal(lambda: client.evaluate(adouble, data=name)),
    refusal(lambda: client.evaluate(double, data="absent")),
    refusal(lambda: client.evaluate(double, data=name, experiment="absent")),
    refusal(lambda: client.evaluate(first, data=name)),
    refusal(lambda: client.evaluate((first, second), evaluators=[])),
]
client.flush()
out["names"] = [first, second]
print(json.dumps(out, default=str))
"""
)

READING = (
    BEGINNING
    + """
print(json.dumps([stored(name) for name in json.loads('NAMES')], default=str))
"""
)


@pytest.mark.slow
def test_both_clients_make_the_same_experiments_and_read_each_others(run_program, official_python):
    made = {}
    pythons = {"smithkit": sys.executable, "langsmith": official_python}
    for package, python in pythons.items():
        made[package] = run_program(python, package, PROGRAM)
    names = [made[package].pop("names") for package in pythons]
    for part, ours in made["smithkit"].items():
        assert ours == made["langsmith"][part], part
    program = READING.replace("NAMES", json.dumps([*names[0], *names[1]]))
    ours, theirs = (run_program(python, package, program) for package, python in pythons.items())
    assert ours == theirs
    assert theirs[1] == ours[3] == made["langsmith"]["added to"]
