"""Evaluation of datasets of the LangSmith API.

Names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.evaluation._comparative import (
        ComparativeExperimentResults,
        ComparativeRow,
        DynamicComparisonRunEvaluator,
        comparison_evaluator,
    )
    from smithkit.evaluation._compare import ExperimentComparison, PairedDifference
    from smithkit.evaluation._evaluators import DynamicRunEvaluator, RunEvaluator, run_evaluator
    from smithkit.evaluation._functions import (
        aevaluate,
        aevaluate_existing,
        compare,
        evaluate,
        evaluate_comparative,
        evaluate_existing,
    )
    from smithkit.evaluation._judges import LLMJudge
    from smithkit.evaluation._methods import AsyncEvaluationMethods, EvaluationMethods
    from smithkit.evaluation._progress import ExperimentProgress
    from smithkit.evaluation._results import AsyncExperimentResults, ExperimentResultRow, ExperimentResults
    from smithkit.evaluation._strings import StringEvaluator
    from smithkit.evaluation.schemas import ComparisonEvaluationResult, EvaluationResult, EvaluationResults
    from smithkit.evaluation.testing import expect, test, unit
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_comparative": (
                "ComparativeExperimentResults",
                "ComparativeRow",
                "DynamicComparisonRunEvaluator",
                "comparison_evaluator",
            ),
            "_compare": ("ExperimentComparison", "PairedDifference"),
            "_evaluators": ("DynamicRunEvaluator", "RunEvaluator", "run_evaluator"),
            "_functions": (
                "aevaluate",
                "aevaluate_existing",
                "compare",
                "evaluate",
                "evaluate_comparative",
                "evaluate_existing",
            ),
            "_judges": ("LLMJudge",),
            "_methods": ("AsyncEvaluationMethods", "EvaluationMethods"),
            "_progress": ("ExperimentProgress",),
            "_results": ("AsyncExperimentResults", "ExperimentResultRow", "ExperimentResults"),
            "_strings": ("StringEvaluator",),
            "schemas": ("ComparisonEvaluationResult", "EvaluationResult", "EvaluationResults"),
            "testing": ("expect", "test", "unit"),
        },
    )

__all__ = [
    "AsyncEvaluationMethods",
    "AsyncExperimentResults",
    "ComparativeExperimentResults",
    "ComparativeRow",
    "ComparisonEvaluationResult",
    "DynamicComparisonRunEvaluator",
    "DynamicRunEvaluator",
    "EvaluationMethods",
    "EvaluationResult",
    "EvaluationResults",
    "ExperimentComparison",
    "ExperimentProgress",
    "ExperimentResultRow",
    "ExperimentResults",
    "LLMJudge",
    "PairedDifference",
    "RunEvaluator",
    "StringEvaluator",
    "aevaluate",
    "aevaluate_existing",
    "compare",
    "comparison_evaluator",
    "evaluate",
    "evaluate_comparative",
    "evaluate_existing",
    "expect",
    "run_evaluator",
    "test",
    "unit",
]
