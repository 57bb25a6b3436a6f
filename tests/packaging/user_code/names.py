"""A user's imports; see `tests/typing/checkers.py` for what the comments mean."""
# ruff: noqa: I001 - mypy reports a name at the first line of its statement, so each has its own

from __future__ import annotations

from smithkit import AsyncClient, Client, __version__
from smithkit import RunTree  # needs: tracing
from smithkit import traceable  # needs: tracing
from smithkit import nonsense  # wrong: attr-defined reportAttributeAccessIssue
from smithkit.schemas import LangSmithInfo
from smithkit.schemas import Dataset  # needs: datasets
from smithkit.schemas import Prompt  # needs: prompts
from smithkit.schemas import Run  # needs: tracing
from smithkit.schemas import Rnu  # wrong: attr-defined reportAttributeAccessIssue

__all__ = [
    "AsyncClient",
    "Client",
    "Dataset",
    "LangSmithInfo",
    "Prompt",
    "Rnu",
    "Run",
    "RunTree",
    "__version__",
    "nonsense",
    "traceable",
]
