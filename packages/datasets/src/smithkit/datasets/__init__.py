"""Datasets and examples of the LangSmith API."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.datasets._methods import AsyncDatasetMethods, DatasetMethods
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(globals(), {"_methods": ("AsyncDatasetMethods", "DatasetMethods")})

__all__ = ["AsyncDatasetMethods", "DatasetMethods"]
