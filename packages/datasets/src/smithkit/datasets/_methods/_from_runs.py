"""Methods that make examples of prompts, messages and runs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from smithkit.datasets._methods._examples import ExampleMethods
from smithkit.datasets._methods._lookup import Lookup, dataset_from, given
from smithkit.operations import Flow, operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from smithkit.arguments import ID_TYPE
    from smithkit.datasets.schemas import BaseMessageLike, Example
    from smithkit.tracing.schemas import Run

__all__ = ["FromRunMethods"]

_KNOWN_TYPES = 10
_CALLER = 4


class FromRunMethods(ExampleMethods, Lookup):
    """Methods of both clients that make examples of what programs have."""

    @operation
    def create_llm_example(
        self,
        prompt: str,
        generation: str | None = None,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        created_at: datetime | None = None,
    ) -> Flow[Example]:
        """Make an example of a prompt and its completion. Deprecated: `create_example` makes any.

        Args:
            prompt: The prompt; ``inputs["input"]``.
            generation: The completion; ``outputs["output"]``.
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            created_at: When it was made. Default: now.

        Returns:
            The example (``POST /v1/platform/datasets/{id}/examples``).

        Raises:
            ValueError: Not exactly one of dataset id and name is given.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.create_llm_example("Say hi", "hi", dataset_name="texts")  # doctest: +SKIP
        """
        _deprecated("create_llm_example")
        fields = given(inputs={"input": prompt}, outputs={"output": generation}, created_at=created_at)
        return (yield from self._create_example(fields, dataset_id, dataset_name))

    @operation
    def create_chat_example(
        self,
        messages: Sequence[Mapping[str, Any] | BaseMessageLike],
        generations: Mapping[str, Any] | BaseMessageLike | None = None,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        created_at: datetime | None = None,
    ) -> Flow[Example]:
        """Make an example of messages and their answer. Deprecated: `create_example` makes any.

        Args:
            messages: Messages: dictionaries, or objects as LangChain has them; ``inputs["input"]``.
            generations: The answer; ``outputs["output"]``.
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            created_at: When it was made. Default: now.

        Returns:
            The example (``POST /v1/platform/datasets/{id}/examples``).

        Raises:
            ValueError: Not exactly one of dataset id and name is given.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.create_chat_example(
            ...     [{"role": "user", "content": "hi"}], dataset_name="chats"
            ... )  # doctest: +SKIP
        """
        _deprecated("create_chat_example")
        fields = given(
            inputs={"input": [_message(one) for one in messages]},
            outputs=None if generations is None else {"output": _message(generations)},
            created_at=created_at,
        )
        return (yield from self._create_example(fields, dataset_id, dataset_name))

    @operation
    def create_example_from_run(
        self,
        run: Run,
        dataset_id: ID_TYPE | None = None,
        dataset_name: str | None = None,
        created_at: datetime | None = None,
    ) -> Flow[Example]:
        """Make an example of a run, as the dataset's type wants it.

        Asks ``GET /datasets/{id}`` for the type, then ``POST /v1/platform/datasets/{id}/examples``.

        Args:
            run: The run. For a dataset of type ``llm`` it has one prompt and one generation, for ``chat``
                messages and one answer.
            dataset_id: The dataset's id; excludes `dataset_name`.
            dataset_name: Its name; excludes `dataset_id`.
            created_at: When it was made. Default: now.

        Returns:
            The example.

        Raises:
            ValueError: Not exactly one of dataset id and name is given, or the run is not of the dataset's type.
            LangSmithNotFoundError: There is no such dataset.

        Example:
            >>> client.create_example_from_run(run, dataset_name="capitals")  # doctest: +SKIP
        """
        target = yield from self._one_dataset(dataset_id, dataset_name)
        inputs, outputs = _EXAMPLES[(yield from self._data_type(str(target)))](run)
        fields = given(inputs=inputs, outputs=outputs, created_at=created_at)
        return (yield from self._create_example(fields, target, None))

    def _data_type(self, dataset_id: str) -> Flow[str]:
        """A dataset's type, which never changes: the latest ones are kept."""
        known: dict[str, str] = self.state.setdefault("dataset types", {})
        if dataset_id not in known:
            found = dataset_from((yield from self._dataset_row(dataset_id, None)))
            if len(known) >= _KNOWN_TYPES:
                known.pop(next(iter(known)))
            known[dataset_id] = str(found.data_type or "kv")
        return known[dataset_id]


def _kv(run: Run) -> tuple[dict[str, Any], dict[str, Any] | None]:
    return run.inputs, run.outputs


def _llm(run: Run) -> tuple[dict[str, Any], dict[str, Any] | None]:
    if run.run_type != "llm":
        raise ValueError(f"The dataset takes runs of type llm; run {run.id} is of type {run.run_type}.")
    prompts = run.inputs.get("prompts") or ()
    prompt = run.inputs["prompt"] if "prompt" in run.inputs else _only(prompts, "inputs.prompts", run)
    if not isinstance(prompt, str):
        raise ValueError(f"The prompt of run {run.id} is no text.")  # noqa: TRY004 - as for other runs
    generation = _generation(run)
    text = None if generation is None else generation.get("text")
    return {"input": prompt}, {"output": text}


def _chat(run: Run) -> tuple[dict[str, Any], dict[str, Any] | None]:
    if run.run_type != "llm":
        raise ValueError(f"The dataset takes runs of type llm; run {run.id} is of type {run.run_type}.")
    messages = run.inputs.get("messages") or run.inputs.get("message")
    if not messages:
        raise ValueError(f"Run {run.id} has neither inputs.messages nor inputs.message.")
    if isinstance(messages, list) and isinstance(messages[0], list):
        messages = _only(messages, "inputs.messages", run)
    messages = messages if isinstance(messages, list) else [messages]
    generation = _generation(run)
    if generation is None:
        return {"input": messages}, None
    if "message" not in generation:
        raise ValueError(f"The generation of run {run.id} has no message.")
    return {"input": messages}, {"output": generation["message"]}


_EXAMPLES = {"kv": _kv, "llm": _llm, "chat": _chat}


def _generation(run: Run) -> dict[str, Any] | None:
    """The single generation of a run; None if it has no outputs."""
    if not run.outputs:
        return None
    found = _only(run.outputs.get("generations") or (), "outputs.generations", run)
    if isinstance(found, list):
        found = _only(found, "outputs.generations[0]", run)
    if not isinstance(found, dict):
        raise ValueError(f"The generation of run {run.id} is no object.")  # noqa: TRY004 - as for other runs
    return found


def _only(values: Sequence[Any], name: str, run: Run) -> Any:
    if len(values) != 1:
        raise ValueError(f"Run {run.id} has {len(values)} items in {name}, where one was expected.")
    return values[0]


def _message(message: Any) -> dict[str, Any]:
    if isinstance(message, dict):
        return message
    data: dict[str, Any] = {"content": message.content}
    if message.additional_kwargs:
        data["additional_kwargs"] = {**message.additional_kwargs}
    return {"type": message.type, "data": data}


def _deprecated(method: str) -> None:
    warnings.warn(
        f"{method} is deprecated: use create_example(inputs=..., outputs=...).",
        DeprecationWarning,
        stacklevel=_CALLER + 1,
    )
