"""The client methods of this package."""

from __future__ import annotations

from smithkit.operations import Methods

__all__ = ["AsyncEvaluationMethods", "EvaluationMethods"]


class EvaluationMethods(Methods):
    """Evaluation of datasets: the methods of `Client`."""


class AsyncEvaluationMethods(EvaluationMethods):
    """Evaluation of datasets: the methods of `AsyncClient`."""
