"""What is put to the test: functions and Runnables, called once for each example."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

from smithkit.evaluation._arguments import Binding, name_of, positional_names
from smithkit.evaluation._attachments import fresh
from smithkit.tracing import is_async, is_traceable_function, traceable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.datasets.schemas import Example

__all__ = ["Target"]

_OFFERED = ("inputs", "attachments", "metadata")


class Target:
    """A function, or a Runnable, under test.

    Args:
        target: What was given.
        asynchronous: Whether it is awaited.

    Raises:
        ValueError: An asynchronous function where none is awaited, or one with arguments
            that nothing can be given for.
        TypeError: It cannot be called, or not awaited where it has to be.
    """

    def __init__(self, target: Any, *, asynchronous: bool) -> None:
        self.asynchronous = asynchronous
        self.name = "AsyncTarget" if asynchronous else "Target"
        runnable = callable(getattr(target, "invoke", None)) and callable(getattr(target, "ainvoke", None))
        if runnable:
            self.name = _name_of_runnable(target)
            target = target.ainvoke if asynchronous else target.invoke
        elif not callable(target):
            raise TypeError(f"The target must be a function or a Runnable, not {target!r:.80}.")
        elif is_async(target) != asynchronous:
            raise _wrong_kind(target, asynchronous=asynchronous)
        self._traced = is_traceable_function(target)
        self._function = target
        self._binding = None if runnable else _binding(target)

    def wants(self, name: str) -> bool:
        """Whether the target is given something."""
        return self._binding is not None and self._binding.wants(name)

    def on(self, example: Example, extra: Mapping[str, Any]) -> Any:
        """Answer an example; the call is traced.

        Args:
            example: The example; the target gets a copy of its inputs.
            extra: What is said about the run, as `langsmith_extra`.

        Returns:
            What the target returned, or an awaitable of it.
        """
        values = {
            "inputs": copy.deepcopy(example.inputs or {}),
            "attachments": fresh(example),
            "metadata": copy.deepcopy(example.metadata or {}),
        }
        if self._traced:
            return self._answer(functools.partial(self._function, langsmith_extra=extra), values)
        return self._wrapped(values["inputs"], values, langsmith_extra=extra)

    @functools.cached_property
    def _wrapped(self) -> Callable[..., Any]:
        """A traced function whose run has the example's inputs as its own."""
        decorate = traceable(name=self.name, process_inputs=_unwrapped)
        if self.asynchronous:

            async def answer_later(inputs: dict[str, Any], values: dict[str, Any]) -> Any:
                return await self._answer(self._function, {**values, "inputs": inputs})

            return decorate(answer_later)

        def answer(inputs: dict[str, Any], values: dict[str, Any]) -> Any:
            return self._answer(self._function, {**values, "inputs": inputs})

        return decorate(answer)

    def _answer(self, function: Callable[..., Any], values: dict[str, Any]) -> Any:
        return function(values["inputs"]) if self._binding is None else self._binding.call(function, values)


def _binding(target: Callable[..., Any]) -> Binding:
    names = positional_names(target)
    if len(names) == 1 and names[0] not in _OFFERED:
        return Binding(target, (), ("inputs",), "target")
    return Binding(target, _OFFERED, ("inputs",), "target")


def _unwrapped(inputs: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = inputs["inputs"]
    return given


def _name_of_runnable(runnable: Any) -> str:
    get_name = getattr(runnable, "get_name", None)
    return str(get_name()) if callable(get_name) else type(runnable).__name__


def _wrong_kind(target: Any, *, asynchronous: bool) -> Exception:
    name = name_of(target)
    if asynchronous:
        return TypeError(
            f"aevaluate awaits its target, and {name} is not asynchronous: use evaluate, or `async def`."
        )
    return ValueError(f"evaluate does not await, and {name} is asynchronous: use aevaluate.")
