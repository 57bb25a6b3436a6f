"""Datasets and examples of the LangSmith API."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.datasets._methods import AsyncDatasetMethods, DatasetMethods
    from smithkit.datasets.errors import ExamplesUploadError, InvalidExampleError, RefusedExample
    from smithkit.datasets.files import read_examples, write_examples
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_methods": ("AsyncDatasetMethods", "DatasetMethods"),
            "errors": ("ExamplesUploadError", "InvalidExampleError", "RefusedExample"),
            "files": ("read_examples", "write_examples"),
        },
    )

__all__ = [
    "AsyncDatasetMethods",
    "DatasetMethods",
    "ExamplesUploadError",
    "InvalidExampleError",
    "RefusedExample",
    "read_examples",
    "write_examples",
]
