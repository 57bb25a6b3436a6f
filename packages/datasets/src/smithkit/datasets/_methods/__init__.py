"""The client methods for datasets and examples."""

from __future__ import annotations

from smithkit.datasets._methods._create_example import AsyncCreateExampleMethods, CreateExampleMethods
from smithkit.datasets._methods._datasets import AsyncDatasetsMethods, DatasetsMethods
from smithkit.datasets._methods._from_runs import FromRunMethods
from smithkit.datasets._methods._search import SearchMethods
from smithkit.datasets._methods._sharing import SharingMethods
from smithkit.datasets._methods._splits import SplitMethods
from smithkit.datasets._methods._tables import TableMethods
from smithkit.datasets._methods._versions import VersionMethods

__all__ = ["AsyncDatasetMethods", "DatasetMethods"]


class _SharedMethods(
    FromRunMethods, SharingMethods, TableMethods, VersionMethods, SplitMethods, SearchMethods
):
    """What is the same on both clients."""


class DatasetMethods(CreateExampleMethods, DatasetsMethods, _SharedMethods):
    """What this package adds to `Client`."""


class AsyncDatasetMethods(AsyncCreateExampleMethods, AsyncDatasetsMethods, _SharedMethods):
    """What this package adds to `AsyncClient`: the same, in fewer words."""

    _terse = True
