"""Programs that know nothing of smithkit but `install`: what the environment says, and what is imported first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import json, os, sys
{first}
import langsmith
from langsmith import Client, traceable
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import wait_for_all_tracers

@traceable
def leaf(text):
    return text

def traces(project):
    wait_for_all_tracers()
    client = Client()
    if not client.has_project(project):
        return []
    return sorted(run.name for run in client.list_runs(project_name=project))

step = RunnableLambda(lambda text: leaf(text), name="step")
{then}
"""


def run_program(tmp_path, then, *, first="from smithkit import compat; compat.install()", **variables):
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH_", "LANGCHAIN_"))
    }
    program = PROGRAM.format(first=first, then=textwrap.dedent(then))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, "SMITHKIT_HOME": str(tmp_path), **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_environment_switches_tracing_while_the_program_runs(tmp_path):
    shown = run_program(
        tmp_path,
        """
        step.invoke("unset")
        before = traces("shop")
        os.environ["LANGSMITH_TRACING"] = "true"
        step.invoke("on")
        on = traces("shop")
        os.environ["LANGSMITH_TRACING"] = "false"
        step.invoke("off")
        print(json.dumps([before, on, traces("shop")]))
        """,
        LANGSMITH_PROJECT="shop",
    )

    assert shown == [[], ["leaf", "step"], ["leaf", "step"]]


@pytest.mark.parametrize("prefix", ["LANGSMITH", "LANGCHAIN"])
def test_both_prefixes_name_switch_and_project(tmp_path, prefix):
    shown = run_program(
        tmp_path,
        'step.invoke("on"); print(json.dumps(traces("tea")))',
        **{f"{prefix}_TRACING_V2": "true", f"{prefix}_PROJECT": "tea"},
    )

    assert shown == ["leaf", "step"]


def test_nothing_of_the_reference_client_is_loaded(tmp_path):
    shown = run_program(
        tmp_path,
        """
        step.invoke("on")
        files = {getattr(module, "__file__", None) for name, module in sys.modules.items()
                 if name.partition(".")[0] == "langsmith"}
        print(json.dumps(sorted(file for file in files if file and "smithkit" not in file)))
        """,
        LANGSMITH_TRACING="true",
    )

    assert shown == []


def test_installed_it_wins_over_a_reference_client_that_is_installed_too(tmp_path):
    (tmp_path / "langsmith").mkdir()
    (tmp_path / "langsmith" / "__init__.py").write_text(
        "raise RuntimeError('the reference client was imported')"
    )

    shown = run_program(tmp_path, "print(json.dumps(Client.__module__))", PYTHONPATH=str(tmp_path))

    assert shown == "smithkit.client"


def test_too_late_it_says_so(tmp_path):
    (tmp_path / "langsmith.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import langsmith; from smithkit import compat; compat.install()"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "langsmith is imported already: call smithkit.compat.install() before" in done.stderr


def test_without_langchain_nothing_of_it_is_imported(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys; from smithkit import traceable, trace, tracing_context\n"
                "with tracing_context(enabled='local'), trace('block'): traceable(lambda: 1)()\n"
                "print([name for name in sys.modules if name.startswith(('langchain', 'langgraph'))])"
            ),
        ],
        env={**os.environ, "SMITHKIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"
