"""Tracing that is off: seen at once, and next to nothing is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import timeit

import pytest

from smithkit import configure, trace, traceable, tracing_context
from smithkit.tracing import get_current_run_tree, tracing_enabled


class Counting:
    def __init__(self) -> None:
        self.posts = 0

    def submit_post(self, run):
        self.posts += 1

    def submit_patch(self, run):
        pass


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        ({"LANGSMITH_TRACING": "true"}, True),
        ({"LANGCHAIN_TRACING": "true"}, True),
        ({"LANGSMITH_TRACING_V2": "true"}, True),
        ({"LANGCHAIN_TRACING_V2": "true"}, True),
        ({"LANGSMITH_TRACING": "1"}, False),
        ({"LANGSMITH_TRACING": "True"}, False),
        ({"LANGSMITH_TRACING": " true"}, False),
        ({"LANGSMITH_TRACING_V2": "false", "LANGSMITH_TRACING": "true"}, False),
        ({"LANGCHAIN_TRACING_V2": "false", "LANGSMITH_TRACING": "true"}, False),
        ({"LANGSMITH_TRACING_V2": " ", "LANGCHAIN_TRACING_V2": "true"}, True),
        ({"LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING": "true"}, False),
    ],
)
def test_the_environment_decides(monkeypatch, variables, on):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracing_enabled() is on


@pytest.mark.parametrize("replaced", [False, True])
def test_a_changed_environment_is_seen_by_the_next_call(monkeypatch, replaced):
    if replaced:
        monkeypatch.setattr(os, "environ", dict(os.environ))
    client = Counting()

    @traceable(client=client)
    def f():
        return 1

    f()
    monkeypatch.setitem(os.environ, "LANGSMITH_TRACING", "true")
    f()
    monkeypatch.setitem(os.environ, "LANGSMITH_PROJECT", "p")
    with trace("t", client=client) as run:
        assert run.session_name == "p"
    monkeypatch.delitem(os.environ, "LANGSMITH_TRACING")
    f()
    assert client.posts == 2


def test_the_innermost_that_says_something_wins(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    assert tracing_enabled() is True
    try:
        configure(enabled=False)
        assert tracing_enabled() is False
        with tracing_context(enabled=True):
            assert tracing_enabled() is True
            with tracing_context(tags=["t"]):
                assert tracing_enabled() is True
            with tracing_context(enabled=False):
                assert tracing_enabled() is False
        with tracing_context():
            assert tracing_enabled() is False
    finally:
        configure(enabled=None)
    assert tracing_enabled() is True


def test_a_decorator_may_insist_on_either(monkeypatch):
    client = Counting()

    def f():
        return None

    always, never = traceable(client=client, enabled=True)(f), traceable(client=client, enabled=False)(f)
    with tracing_context(enabled=False):
        always()
        assert client.posts == 1
    with tracing_context(enabled=True):
        never()
    assert client.posts == 1


def test_a_block_that_is_off_is_off_inside_of_a_run_too():
    client = Counting()

    @traceable(client=client)
    def secret():
        return None

    with tracing_context(enabled=True), trace("outer", client=client), tracing_context(enabled=False):
        secret()
        with trace("inner") as run:
            assert run.name == "inner"
    assert client.posts == 1


def test_local_runs_are_made_and_not_sent():
    client = Counting()
    seen = []

    @traceable(client=client)
    def inner():
        seen.append(get_current_run_tree().parent_run.name)

    @traceable(client=client)
    def outer():
        inner()

    with tracing_context(enabled="local"):
        assert tracing_enabled() == "local"
        outer()
        with trace("block"):
            assert tracing_enabled() == "local"
            inner()
    assert seen == ["outer", "block"]
    assert client.posts == 0


_COLD = """
import json, sys, threading
before = set(sys.modules)
from smithkit import traceable
loaded = set(sys.modules) - before
@traceable
def f(x):
    return x
@traceable
async def g(x):
    return x
@traceable
def h(x):
    yield x
assert f(1) == 1 and list(h(1)) == [1]
after = set(sys.modules) - before - loaded
print(json.dumps([sorted(loaded), sorted(after), threading.active_count()]))
"""


def test_neither_import_nor_an_untraced_call_loads_what_tracing_needs():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LANG")}
    answer = subprocess.run(
        [sys.executable, "-c", _COLD], env=environment, capture_output=True, text=True, check=True
    )
    loaded, after, threads = json.loads(answer.stdout)
    mine = {name for name in loaded if name.startswith("smithkit.tracing")}
    assert mine == {
        "smithkit.tracing",
        "smithkit.tracing._context",
        "smithkit.tracing._decoration",
        "smithkit.tracing._generator_function",
        "smithkit.tracing._switch",
        "smithkit.tracing._traceable",
    }
    heavy = {
        "asyncio",
        "dataclasses",
        "inspect",
        "logging",
        "pluggy",
        "pydantic",
        "requests",
        "uuid",
        "zstandard",
    }
    assert not heavy & {*loaded, *after}
    assert not after
    assert threads == 1


def test_an_untraced_call_costs_less_than_a_few_microseconds():
    def bare(a, b):
        return a

    traced = traceable(bare)

    def best(function):
        return min(timeit.repeat(lambda: function(1, 2), number=2000, repeat=20)) / 2000

    # Half a microsecond where nothing else runs; the bound leaves room for a busy machine.
    assert best(traced) - best(bare) < 5e-6
