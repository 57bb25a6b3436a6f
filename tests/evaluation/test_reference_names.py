"""Programs that import evaluation under the reference's names find smithkit's."""

from __future__ import annotations

import importlib
import sys

import pytest

import smithkit
from smithkit import compat, evaluation
from smithkit.evaluation import schemas, testing

EVALUATORS = (
    "DynamicRunEvaluator",
    "EvaluationResult",
    "EvaluationResults",
    "RunEvaluator",
    "run_evaluator",
)
NAMES = {
    "langsmith": ("Client", "aevaluate", "evaluate", "expect", "test", "unit", "RunEvaluator"),
    "langsmith.evaluation": (
        *EVALUATORS,
        "StringEvaluator",
        "aevaluate",
        "aevaluate_existing",
        "evaluate",
        "evaluate_comparative",
        "evaluate_existing",
    ),
    "langsmith.evaluation.evaluator": (
        *EVALUATORS,
        "ComparisonEvaluationResult",
        "DynamicComparisonRunEvaluator",
        "comparison_evaluator",
    ),
    "langsmith.evaluation.string_evaluator": ("StringEvaluator",),
    "langsmith.testing": (
        "log_feedback",
        "log_inputs",
        "log_outputs",
        "log_reference_outputs",
        "trace_feedback",
    ),
}


@pytest.fixture
def installed(monkeypatch):
    """The names of the reference stand for smithkit, also where another test has loaded the reference."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "langsmith"]:
        monkeypatch.delitem(sys.modules, name)
    compat.install()
    yield
    compat.uninstall()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("module", "name"), [(module, name) for module in NAMES for name in NAMES[module]])
def test_names_of_the_reference_are_smithkits_own(module, name):
    found = getattr(importlib.import_module(module), name)

    ours = next(place for place in (evaluation, schemas, testing, smithkit) if hasattr(place, name))
    assert found is getattr(ours, name)
