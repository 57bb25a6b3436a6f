"""A user's imports; see `tests/typing/checkers.py` for what the comments mean."""

from __future__ import annotations

from smithkit import (
    AsyncClient,
    Client,
    RunTree,  # needs: tracing
    __version__,
    nonsense,  # wrong: attr-defined reportAttributeAccessIssue
    traceable,  # needs: tracing
)
from smithkit.schemas import (
    Dataset,  # needs: datasets
    LangSmithInfo,
    Prompt,  # needs: prompts
    Run,  # needs: tracing
)

__all__ = [
    "AsyncClient",
    "Client",
    "Dataset",
    "LangSmithInfo",
    "Prompt",
    "Run",
    "RunTree",
    "__version__",
    "nonsense",
    "traceable",
]
