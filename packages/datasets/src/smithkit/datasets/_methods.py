"""The client methods of this package."""

from __future__ import annotations

from smithkit.operations import Methods

__all__ = ["AsyncDatasetMethods", "DatasetMethods"]


class DatasetMethods(Methods):
    """Datasets and examples: the methods of `Client`."""


class AsyncDatasetMethods(DatasetMethods):
    """Datasets and examples: the methods of `AsyncClient`."""
