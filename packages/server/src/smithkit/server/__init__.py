"""An embedded backend that speaks the LangSmith API.

One ASGI application, reached in two ways: in-process through `embedded` (no socket at all), or over
HTTP through ``smithkit serve``.

Example:
    >>> from smithkit.server import create_app
    >>> app = create_app("sqlite:///smithkit.db")
"""

from __future__ import annotations

from smithkit._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.server._embedded import EmbeddedServer, embedded
    from smithkit.server.app import create_app
    from smithkit.server.errors import ApiError
    from smithkit.server.limits import Limits
    from smithkit.server.store import Store, open_store
else:
    from smithkit._lazy import lazy_names

    # Every process that makes a client looks for plugins, and so imports this package.
    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_embedded": ("EmbeddedServer", "embedded"),
            "app": ("create_app",),
            "errors": ("ApiError",),
            "limits": ("Limits",),
            "store": ("Store", "open_store"),
        },
    )

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
