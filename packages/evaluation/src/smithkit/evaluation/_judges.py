"""A language model as evaluator, through its provider's own client."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from smithkit.evaluation._evaluators import EVALUATORS_PROJECT, RunEvaluator, offered
from smithkit.evaluation._outcomes import results_of
from smithkit.evaluation._verdicts import Provider, provider_of
from smithkit.tracing import traceable, uuid7

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.datasets.schemas import Example
    from smithkit.evaluation.schemas import EvaluationResults

__all__ = ["LLMJudge"]

_OFFERED = ("inputs", "outputs", "reference_outputs", "metadata")
_PLACE = re.compile(r"\{\{|\}\}|\{(\w+(?:\.\w+)*)\}")
_ROLES = ("system", "user", "assistant")
_RANGE = 2


class LLMJudge(RunEvaluator):
    """Has a language model judge each run, and takes its verdict as structured output.

    Args:
        client: A client of `openai` or `anthropic`, synchronous or asynchronous; or a function that makes one,
            which is called once in each process.
        model: The model's name.
        prompt: What to ask: a text, or messages with `role` and `content`. ``{inputs}``, ``{outputs}``,
            ``{reference_outputs}`` and ``{metadata}`` stand for those, ``{outputs.answer}`` for a part;
            ``{{`` is a brace.
        key: Key of the feedback.
        scale: What a verdict is: ``"boolean"``; ``"continuous"`` (from 0 to 1); a pair of numbers (from, to);
            choices, as a list of texts, or as text → score.
        reasoning: Whether the model says why, before its verdict; it becomes the comment.
        options: Further arguments of the request, such as `temperature` or `max_tokens`.

    Raises:
        TypeError: The client is another one, or prompt or scale are of a wrong kind.
        ValueError: The prompt names what there is not, or a scale has nothing to choose.

    Example:
        >>> from smithkit.evaluation import LLMJudge
        >>> judge = LLMJudge(openai.OpenAI(), "gpt-5-mini", "Is this polite? {outputs.answer}", key="polite")  # doctest: +SKIP
        >>> client.evaluate(target, data="letters", evaluators=[judge])  # doctest: +SKIP

    A verdict that is none (a refusal, a cut answer, a choice that there is not) is an error of the row. The
    judge's run is in the project ``evaluators``; wrap the client (`wrap_openai`, `wrap_anthropic`) to have the
    model's below it.
    """

    def __init__(
        self,
        client: Any,
        model: str,
        prompt: str | Sequence[Mapping[str, str]],
        *,
        key: str = "judge",
        scale: Literal["boolean", "continuous"]
        | tuple[float, float]
        | Sequence[str]
        | Mapping[str, float] = "boolean",
        reasoning: bool = True,
        **options: Any,
    ) -> None:
        self.name = key
        self._client = client
        self._made: Any = None
        if not inspect.isroutine(client) and not inspect.isclass(client):
            provider_of(client)
        self._messages = _checked_messages(prompt)
        self._scale = _scale_of(scale)
        self._schema = _schema(self._scale, reasoning=reasoning)
        self._options = {"model": model, **options}

    def __repr__(self) -> str:
        return f"<LLMJudge {self.name} ({self._options['model']})>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": None}

    def evaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResults:
        """Judge a run.

        Args:
            run: The run.
            example: The example that it answers.
            evaluator_run_id: Id for the judge's own run.

        Raises:
            ValueError: The model gave no verdict.
        """
        if _is_async(self._asked):
            waiting = self.aevaluate_run(run, example, evaluator_run_id)
            return asyncio.run_coroutine_threadsafe(waiting, _loop()).result()
        source = evaluator_run_id or uuid7()
        returned = self._traced(self._judge, source)(**self._given(run, example))
        return results_of(returned, self.name, source)

    async def aevaluate_run(
        self, run: Any, example: Example | None = None, evaluator_run_id: UUID | None = None
    ) -> EvaluationResults:
        """Judge a run; a client that is not asynchronous is asked in a thread."""
        if not _is_async(self._asked):
            return await asyncio.to_thread(self.evaluate_run, run, example, evaluator_run_id)
        source = evaluator_run_id or uuid7()
        returned = await self._traced(self._ajudge, source)(**self._given(run, example))
        return results_of(returned, self.name, source)

    @property
    def _asked(self) -> Any:
        if self._made is None:
            given = self._client
            self._made = given() if inspect.isroutine(given) or inspect.isclass(given) else given
        return self._made

    @property
    def _provider(self) -> Provider:
        return provider_of(self._asked)

    @staticmethod
    def _given(run: Any, example: Example | None) -> dict[str, Any]:
        values = offered(run, example)
        return {name: values[name] for name in _OFFERED}

    def _traced(self, judge: Any, source: UUID) -> Any:
        extra = {"run_id": source, "project_name": EVALUATORS_PROJECT}
        return functools.partial(traceable(name=self.name)(judge), langsmith_extra=extra)

    def _judge(self, **values: Any) -> dict[str, Any]:
        create = self._provider.create(self._asked)
        return self._result(create(**self._request(values)))

    async def _ajudge(self, **values: Any) -> dict[str, Any]:
        create = self._provider.create(self._asked)
        return self._result(await create(**self._request(values)))

    def _request(self, values: Mapping[str, Any]) -> dict[str, Any]:
        messages = [{**one, "content": _filled(one["content"], values)} for one in self._messages]
        return {**self._provider.request(messages, self._schema), **self._options}

    def _result(self, answer: Any) -> dict[str, Any]:
        try:
            given = self._provider.verdict(answer)
            verdict = given if isinstance(given, dict) else {}
            judged = self._scale.judged(verdict.get("score"))
        except ValueError as error:
            raise ValueError(f"The judge {self.name} gave no verdict: {error}.") from error
        return {"key": self.name, **judged, "comment": verdict.get("reasoning")}


class _Scale:
    """What a verdict may be.

    Args:
        schema: Its JSON schema.
        low: Least number.
        high: Greatest number.
        choices: Score of each text; None for no score.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        low: float | None = None,
        high: float | None = None,
        choices: Mapping[str, float | None] | None = None,
    ) -> None:
        self.schema = schema
        self._low, self._high, self._choices = low, high, choices

    def judged(self, verdict: Any) -> dict[str, Any]:
        """Score and value of a verdict.

        Raises:
            ValueError: It is none.
        """
        if self._choices is not None:
            if not isinstance(verdict, str) or verdict not in self._choices:
                raise ValueError(f"{verdict!r:.80} is none of {', '.join(self._choices)}")
            return {"value": verdict, "score": self._choices[verdict]}
        if self._low is None or self._high is None:
            if not isinstance(verdict, bool):
                raise ValueError(f"{verdict!r:.80} is neither true nor false")
            return {"score": verdict}
        number = isinstance(verdict, int | float) and not isinstance(verdict, bool)
        if not number or not self._low <= verdict <= self._high:
            raise ValueError(f"{verdict!r:.80} is no number from {self._low:g} to {self._high:g}")
        return {"score": verdict}


def _scale_of(given: Any) -> _Scale:
    if given == "boolean":
        return _Scale({"type": "boolean"})
    if given == "continuous":
        given = (0, 1)
    if _is_range(given):
        low, high = given
        if not low < high:
            raise ValueError(f"scale goes from {low} to {high}: the second number must be the greater one.")
        return _Scale({"type": "number", "description": f"From {low:g} to {high:g}."}, low=low, high=high)
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence):
        raise TypeError(
            f"scale must be 'boolean', 'continuous', a pair of numbers or choices, not {given!r:.80}."
        )
    choices = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given)
    if len(choices) < 2 or not all(isinstance(choice, str) and choice for choice in choices):  # noqa: PLR2004 - or there is no choice
        raise ValueError("scale needs two choices at least, each of them a text.")
    return _Scale({"type": "string", "enum": list(choices)}, choices=choices)


def _is_range(given: Any) -> bool:
    return (
        isinstance(given, Sequence)
        and len(given) == _RANGE
        and all(isinstance(one, int | float) for one in given)
    )


def _schema(scale: _Scale, *, reasoning: bool) -> dict[str, Any]:
    why = {"reasoning": {"type": "string", "description": "Why, step by step."}} if reasoning else {}
    properties = {**why, "score": scale.schema}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _checked_messages(prompt: Any) -> list[dict[str, str]]:
    """Messages of a prompt, whose places name what there is."""
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    if not isinstance(messages, Sequence) or not all(map(_is_message, messages)):
        raise TypeError(f"prompt must be a text, or messages with role ({', '.join(_ROLES)}) and content.")
    for message in messages:
        for place in _PLACE.finditer(message["content"]):
            if place[1] and place[1].partition(".")[0] not in _OFFERED:
                raise ValueError(
                    f"The prompt names {place[0]}; there are {', '.join(_OFFERED)}. Write {{{{ for a brace."
                )
    return [dict(message) for message in messages]


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, Mapping)
        and message.get("role") in _ROLES
        and isinstance(message.get("content"), str)
    )


def _filled(text: str, values: Mapping[str, Any]) -> str:
    """A template with its places filled; what is filled in is not looked at again."""

    def replaced(place: re.Match[str]) -> str:
        if place[1] is None:
            return place[0][0]
        value: Any = values
        for name in place[1].split("."):
            if not isinstance(value, Mapping) or name not in value:
                raise ValueError(f"The prompt names {place[0]}, and this row has no {name!r}.")
            value = value[name]
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

    return _PLACE.sub(replaced, text)


def _is_async(client: Any) -> bool:
    return type(client).__name__.startswith("Async")


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """The event loop that asynchronous clients are asked in by threads: their connections belong to one."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="smithkit-judges", daemon=True).start()
    return loop
