"""What evaluators return, in any of its shapes, made into results; and results made of their failures."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from smithkit.evaluation.schemas import EvaluationResult, EvaluationResults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

__all__ = ["failures_of", "results_of"]

_SHAPES = (
    "an EvaluationResult, a dict with a score or value, a list of them, {'results': [...]}, "
    "a number, a truth or a text"
)


def results_of(returned: Any, key: str, source_run_id: UUID | str | None = None) -> EvaluationResults:
    """The results that an evaluator gave.

    Args:
        returned: What it returned.
        key: Key of what does not say its own.
        source_run_id: The evaluator's run.

    Raises:
        ValueError: It returned nothing, or something that is no result.
    """
    many = returned
    if isinstance(returned, dict) and "results" in returned:
        many = returned["results"]
    several = many if isinstance(many, (list, tuple)) else [many]
    results = [_result(one, key) for one in several]
    for result in results:
        if result.source_run_id is None:
            result.source_run_id = source_run_id
    return {"results": results}


def failures_of(
    evaluator: Any, name: str, error: Exception, source_run_id: UUID | str | None
) -> EvaluationResults:
    """The results of an evaluator that raised: one for each key that its source mentions.

    Args:
        evaluator: The evaluator's function.
        name: The key, if the source tells none.
        error: What it raised.
        source_run_id: The evaluator's run.
    """
    return {
        "results": [
            EvaluationResult(key=key, comment=repr(error), source_run_id=source_run_id, extra={"error": True})
            for key in _keys_in_source(evaluator) or [name]
        ]
    }


def _result(one: Any, key: str) -> EvaluationResult:
    if isinstance(one, EvaluationResult):
        return one.model_copy()
    one = _plain(one)
    if isinstance(one, (bool, int, float)):
        one = {"score": one}
    elif isinstance(one, str):
        one = {"value": one}
    if not isinstance(one, dict) or not one:
        raise ValueError(f"The evaluator {key} returned {_shown(one)}; expected {_SHAPES}.")
    return _from_fields(one, key)


def _from_fields(fields: Mapping[str, Any], key: str) -> EvaluationResult:
    values = {"key": key, **fields}
    reasoning = values.pop("reasoning", None)
    values.setdefault("comment", reasoning)
    if isinstance(values["comment"], (list, dict)):
        values["comment"] = str(values["comment"])
    values["score"] = _plain(values.get("score"))
    try:
        return EvaluationResult.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{problem['loc'][0] if problem['loc'] else 'result'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise ValueError(f"The evaluator {key} returned what is no result. {problems}.") from None


def _plain(value: Any) -> Any:
    """A number of another library as Python's own."""
    item = getattr(value, "item", None)
    return item() if callable(item) and not isinstance(value, (dict, str)) else value


def _shown(value: Any) -> str:
    return f"{value!r:.80}" if value is None or value == {} else f"a {type(value).__name__}"


def _keys_in_source(evaluator: Any) -> list[str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(evaluator))))
    except (OSError, TypeError, ValueError, SyntaxError):
        return []
    found = [key for node in ast.walk(tree) for key in _keys_of(node)]
    return list(dict.fromkeys(found))


def _keys_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Dict):
        pairs = [
            (key.value, value)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        ]
    elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == "EvaluationResult":
        pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
    else:
        return []
    return [
        value.value
        for name, value in pairs
        if name == "key" and isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]
