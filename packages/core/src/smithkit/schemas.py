"""Every public schema of the installed packages, in one place.

``from smithkit.schemas import Run, Example`` finds each name in the package that holds it; nothing is
imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithkit._schemas import *  # noqa: F403
    from smithkit.datasets.schemas import *  # noqa: F403
    from smithkit.evaluation.schemas import *  # noqa: F403
    from smithkit.feedback.schemas import *  # noqa: F403
    from smithkit.prompts.schemas import *  # noqa: F403
    from smithkit.tracing.schemas import *  # noqa: F403

_HOLDERS = (
    "smithkit._schemas",
    "smithkit.tracing.schemas",
    "smithkit.datasets.schemas",
    "smithkit.prompts.schemas",
    "smithkit.feedback.schemas",
    "smithkit.evaluation.schemas",
)


if not TYPE_CHECKING:  # to a checker, every name would be there

    def __getattr__(name: str) -> Any:
        if name == "__all__":  # asked for by `from smithkit.schemas import *`
            return __dir__()
        if not name.startswith("_"):
            for module in _modules():
                if name in module.__all__:
                    value = getattr(module, name)
                    globals()[name] = value
                    return value
        raise AttributeError(
            f"No installed package has a schema {name!r}: pip install 'smithkit-core[all]' has them all."
        )


def __dir__() -> list[str]:
    return sorted({name for module in _modules() for name in module.__all__})


def _modules() -> Any:
    for holder in _HOLDERS:
        package = holder.rpartition(".")[0]
        if find_spec(package) is not None and find_spec(holder) is not None:
            yield import_module(holder)
