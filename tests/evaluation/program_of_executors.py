"""A target and evaluators that other processes can import."""

from __future__ import annotations

import os

from smithkit import traceable
from smithkit.evaluation import RunEvaluator


@traceable
def shout(word: str) -> str:
    return word.upper()


def upper(inputs: dict) -> dict:
    return {"answer": shout(inputs["name"]), "pid": os.getpid()}


def exact(outputs: dict, reference_outputs: dict) -> dict:
    if outputs["answer"] == "CYD":
        raise ValueError("no cyd")
    return {"key": "exact", "score": outputs["answer"] == reference_outputs["answer"]}


class Length(RunEvaluator):
    def evaluate_run(self, run, example=None, evaluator_run_id=None):
        return {"key": "length", "score": len(run.outputs["answer"])}


def share(outputs: list) -> dict:
    return {"key": "share", "score": len(outputs) / 4}
