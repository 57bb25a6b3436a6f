"""Evaluation of datasets of the LangSmith API."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.evaluation._methods import AsyncEvaluationMethods, EvaluationMethods
    from smithkit.evaluation.testing import expect, test, unit
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_methods": ("AsyncEvaluationMethods", "EvaluationMethods"),
            "testing": ("expect", "test", "unit"),
        },
    )

__all__ = ["AsyncEvaluationMethods", "EvaluationMethods", "expect", "test", "unit"]
