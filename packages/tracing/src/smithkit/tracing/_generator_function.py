"""Generator functions that know where they were called."""

from __future__ import annotations

import functools

from smithkit.tracing._context import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import MethodType
    from typing import Any

__all__ = ["GeneratorFunction"]

_current = current.get


class GeneratorFunction(functools.partial[object]):
    """A generator function whose body also gets what was current where it was called.

    The body of a generator function runs when somebody asks for the first item. That may be long after
    and far away: a web framework reads the body of a streaming response when the handler has returned.
    A partial is what `inspect` looks through: it is still told for the (async) generator function that
    it is.
    """

    __slots__ = ()

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Make the generator."""
        return self.func(_current(), *args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> GeneratorFunction | MethodType:
        """Become a method, as functions do."""
        if instance is None:
            return self
        from types import MethodType

        return MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<traced {getattr(self, '__wrapped__', self.func)!r}>"

    def __reduce__(self) -> Any:
        return getattr(self, "__qualname__", "")  # by its name, as functions are pickled and copied
