"""Clients whose resources are traced from their first use on.

The SDKs load a resource when it is first asked for; `client.beta` alone may take seconds. So a wrapped
client gets a class of its own, below its class, that prepares a resource at that moment. Copies of the
client (`client.with_options(…)`) are of this class too, and so are traced as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Prepare = Callable[[Any], None]

__all__ = ["is_wrapped", "prepare_resources"]

_MARK = "__smithkit_traced__"


def is_wrapped(client: Any) -> bool:
    """Whether a client is traced already."""
    return getattr(client, _MARK, False) is True


def prepare_resources(client: Any, resources: Mapping[str, Prepare]) -> None:
    """Prepare a client's resources when they are first used, or now where they are in use.

    Args:
        client: The client.
        resources: Attribute of the client → what to do with the resource.
    """
    kind = type(client)

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        super(traced, self).__init__(*args, **kwargs)
        _prepare_loaded(self, resources)

    namespace: dict[str, Any] = {
        name: _Resource(name, prepare) for name, prepare in resources.items() if hasattr(kind, name)
    }
    described = {name: getattr(kind, name) for name in ("__module__", "__qualname__", "__doc__")}
    traced: Any = type(kind.__name__, (kind,), {**namespace, **described, "__init__": init, _MARK: True})
    for resource in namespace.values():
        resource.owner = traced
    client.__class__ = traced
    _prepare_loaded(client, resources)


class _Resource:
    """Gives a resource at its first use; from then on it stands in the client's own dictionary."""

    def __init__(self, name: str, prepare: Prepare) -> None:
        self._name = name
        self._prepare = prepare
        self.owner: type = object

    def __get__(self, client: Any, owner: type | None = None) -> Any:
        if client is None:
            return self
        resource = getattr(super(self.owner, client), self._name)
        self._prepare(resource)
        return resource


def _prepare_loaded(client: Any, resources: Mapping[str, Prepare]) -> None:
    for name, prepare in resources.items():
        if name in vars(client):
            prepare(vars(client)[name])
