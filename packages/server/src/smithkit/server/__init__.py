"""An embedded backend that speaks the LangSmith API.

One ASGI application, reached in two ways: in-process through `embedded` (no socket at all), or over
HTTP through ``smithkit serve``.

Example:
    >>> from smithkit.server import create_app
    >>> app = create_app("sqlite:///smithkit.db")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithkit.server._embedded import EmbeddedServer, embedded
    from smithkit.server.app import create_app
    from smithkit.server.errors import ApiError
    from smithkit.server.limits import Limits
    from smithkit.server.store import Store, open_store

__all__ = [
    "ApiError",
    "EmbeddedServer",
    "Limits",
    "Store",
    "__version__",
    "create_app",
    "embedded",
    "open_store",
]

__version__ = "0.1.0"

_HOMES = {
    "ApiError": "errors",
    "EmbeddedServer": "_embedded",
    "Limits": "limits",
    "Store": "store",
    "create_app": "app",
    "embedded": "_embedded",
    "open_store": "store",
}


def __getattr__(name: str) -> Any:
    # Every client process scans plugins and so imports this package: it must cost nothing until used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
