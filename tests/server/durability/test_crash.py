"""What is acknowledged stays; `benchmarks/server` does the same for longer."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
_BENCHMARKS = Path(__file__).parents[3] / "benchmarks" / "server"


def load(name):
    spec = importlib.util.spec_from_file_location(f"server_benchmark_{name}", _BENCHMARKS / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_acknowledged_run_survives_killed_servers_once(tmp_path):
    outcome = load("crash").crash(tmp_path / "crash.db", rounds=5, longest=0.8)
    assert len(outcome.acknowledged) > 50
    assert (outcome.missing, outcome.twice, outcome.damaged) == (set(), set(), [])


def test_processes_on_one_file_never_find_it_locked(tmp_path):
    outcome = load("many_processes").write_at_once(tmp_path / "many.db", processes=4, seconds=3)
    assert outcome.failed == []
    assert outcome.locked == 0
    assert outcome.written == outcome.stored > 0
