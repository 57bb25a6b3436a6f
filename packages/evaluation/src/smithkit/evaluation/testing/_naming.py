"""Names of test suites and experiments, and ids of examples: the same in every session that should share them."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit import environment
from smithkit.evaluation._git import repository

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.datasets.schemas import Dataset

__all__ = ["example_id", "experiment_name", "suite_name"]

_OLD_IDS_BEFORE = (0, 4, 33)
"""Version of the reference client that began to derive ids from dataset, inputs and outputs."""


def suite_name(module: str) -> str:
    """The test suite of a module's tests: ``LANGSMITH_TEST_SUITE``, else ``<repository>.<module>``.

    Args:
        module: The module's name.
    """
    named = environment.get("TEST_SUITE")
    if named:
        return named
    return f"{(repository() or Path.cwd()).name}.{module}"


def experiment_name(suite: str) -> str:
    """A name for this session's experiment; the workers of one pytest-xdist run get the same.

    Args:
        suite: The test suite.
    """
    prefix = (
        os.environ.get("LANGSMITH_EXPERIMENT")
        or environment.get("PROJECT")
        or environment.get("SESSION")
        or "TestSuiteResult"
    )
    shared = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    suffix = uuid.uuid5(uuid.NAMESPACE_DNS, f"{suite}{shared}") if shared else uuid.uuid4()
    return f"{prefix}:{suffix.hex[:8]}"


def example_id(
    dataset: Dataset,
    suite: str,
    function: Callable[..., Any],
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
) -> uuid.UUID:
    """The id of a test's example: equal tests have equal ids.

    Args:
        dataset: The test suite's dataset.
        suite: The test suite.
        function: The test.
        inputs: What the test worked on, as JSON has it.
        outputs: What it returned; empty for nothing.
    """
    if _has_old_ids(dataset):
        return uuid.uuid5(
            uuid.NAMESPACE_DNS, f"{suite}{_place(function)}" + (_json(inputs) if inputs else "")
        )
    return uuid.uuid5(uuid.NAMESPACE_DNS, _json([str(dataset.id), _digest(inputs), _digest(outputs)]))


def _has_old_ids(dataset: Dataset) -> bool:
    runtime = (dataset.metadata or {}).get("runtime") or {}
    if runtime.get("sdk") == "smithkit-py":
        return False
    version = re.match(r"(\d+)\.(\d+)\.(\d+)", str(runtime.get("sdk_version", "")))
    return version is None or tuple(map(int, version.groups())) < _OLD_IDS_BEFORE


def _place(function: Callable[..., Any]) -> str:
    file = Path(inspect.getfile(inspect.unwrap(function)))
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{shown}::{function.__name__}"


def _digest(value: Any) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
