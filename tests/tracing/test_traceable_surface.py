"""The public names of `smithkit.tracing`: exported, documented, and their examples right."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest

from smithkit import tracing

SOURCE = ast.parse(Path(tracing.__file__).read_text())


def test_all_is_sorted_and_what_is_exported():
    assert list(tracing.__all__) == sorted(tracing.__all__)
    assert set(tracing.__all__) == set(tracing._HOMES)
    assert set(tracing.__all__) <= set(dir(tracing))
    for name in tracing.__all__:
        assert getattr(tracing, name).__doc__ or name == "RunType"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = tracing.nothing


def test_type_checkers_see_the_same_names():
    imported = {
        (alias.name, node.module.rpartition(".")[2])
        for block in SOURCE.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module.startswith("smithkit")
        for alias in node.names
    }
    assert imported == set(tracing._HOMES.items())


@pytest.mark.parametrize(
    "module", ["_context", "_executor", "_identity", "_run_fields", "_trace", "_traceable", "run_trees"]
)
def test_examples_are_right(module, monkeypatch):
    monkeypatch.delenv("LANGSMITH_TRACING", raising=False)
    result = doctest.testmod(importlib.import_module(f"smithkit.tracing.{module}"))
    assert result.attempted
    assert not result.failed
