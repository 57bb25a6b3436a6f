"""The example program: on real text, on this machine alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_the_quickstart_traces_fifty_questions_without_account_or_network(tmp_path):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("LANGSMITH_", "LANGCHAIN_", "OPENAI_"))
    }
    environment["SMITHKIT_HOME"] = str(tmp_path)

    shown = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_NETWORK, str(ROOT / "examples" / "quickstart")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert shown.returncode == 0, shown.stderr
    output = shown.stdout
    assert re.search(
        r"answer question chain [\d.]+ ms +success\s+├── retrieve retriever .*├── rank tool .*└── quote parser",
        output,
        re.DOTALL,
    )
    assert re.search(r"questions +50\b", output)
    assert int(re.search(r"expected source first +(\d+)%", output)[1]) >= 75
    assert re.search(r"errors +0\b", output)
    assert str(tmp_path / "smithkit.db") in output.replace("\n", "")
