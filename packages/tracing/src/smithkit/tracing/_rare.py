"""Fields that few runs have."""

# ruff: noqa: SLF001 - the field lives in a slot of the run

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.tracing._run_fields import RunFields

__all__ = ["Rare"]

T = TypeVar("T")


class Rare(Generic[T]):
    """A field that few runs have: made on first access, in the run's `_rare` dictionary."""

    def __init__(self, default: Callable[[], T]) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, run: None, owner: type) -> Rare[T]: ...
    @overload
    def __get__(self, run: RunFields, owner: type) -> T: ...
    def __get__(self, run: RunFields | None, owner: type) -> Rare[T] | T:
        if run is None:
            return self
        rare = run._rare
        if rare is not None and self._name in rare:
            value: T = rare[self._name]
            return value
        made = self._default()
        if isinstance(made, (dict, list)):  # what it holds must be found again
            self.__set__(run, made)
        return made

    def __set__(self, run: RunFields, value: T) -> None:
        if run._rare is None:
            run._rare = {}
        run._rare[self._name] = value
