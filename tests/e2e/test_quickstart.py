"""The example program: on real text, on this machine alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smithkit import Client

ROOT = Path(__file__).parents[2]

# Runs the program in a process where connecting to anything is an error.
WITHOUT_NETWORK = """
import runpy, socket, sys
def refuse(self, address):
    if self.family != getattr(socket, "AF_UNIX", None):
        raise AssertionError(f"a connection to {address} was attempted")
socket.socket.connect = socket.socket.connect_ex = refuse
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def quickstart(home):
    """What the program prints, with a home of its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LANGSMITH_", "LANGCHAIN_", "OPENAI_"))
    }
    environment["SMITHKIT_HOME"] = str(home)

    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_NETWORK, str(ROOT / "examples" / "quickstart")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@pytest.mark.slow
def test_the_quickstart_traces_fifty_questions_without_account_or_network(tmp_path):
    output = quickstart(tmp_path)

    assert re.search(
        r"answer question chain [\d.]+ ms +success\s+├── retrieve retriever .*├── rank tool .*└── quote parser",
        output,
        re.DOTALL,
    )
    assert re.search(r"questions +50\b", output)
    assert int(re.search(r"expected source first +(\d+)%", output)[1]) >= 75
    assert re.search(r"errors +0\b", output)
    assert str(tmp_path / "smithkit.db") in output.replace("\n", "")


@pytest.mark.slow
def test_the_quickstart_compares_two_rankers_again_and_again(tmp_path):
    pytest.importorskip("scipy")
    first, second = quickstart(tmp_path), quickstart(tmp_path)

    for output in (first, second):
        assert re.search(r"overlap-[0-9a-f]{8} +first_source +\d+%", output)
        assert re.search(r"bm25-[0-9a-f]{8} against overlap-[0-9a-f]{8}", output)
        for key in ("first_source", "recall_at_5"):
            row = re.search(
                rf"{key} +([+-][\d.]+) +([+-][\d.]+) to ([+-][\d.]+) +(\d+)/(\d+)/(\d+) +(.+)", output
            )
            difference, low, high = map(float, row.groups()[:3])
            assert low <= difference <= high
            assert sum(map(int, row.groups()[3:6])) == 50
            assert row[7].strip() in {"better", "no difference shown"}
    with Client(f"sqlite:///{tmp_path}/smithkit.db") as client:
        dataset = client.read_dataset(dataset_name="quickstart questions")
        assert dataset.example_count == 50
        assert len(list(client.list_projects(reference_dataset_id=dataset.id))) == 4
