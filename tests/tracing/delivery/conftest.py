"""Real processes against a real backend, with a proxy between them that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from backend import Backend, Proxy  # noqa: E402


@pytest.fixture
def backend():
    backend = Backend()
    yield backend
    backend.stop()


@pytest.fixture
def proxy(backend):
    proxy = Proxy(backend.port)
    yield proxy
    proxy.down()


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


class Program:
    """A process of program.py, which says what it has done in lines of JSON."""

    def __init__(self, name, url, *args, environment=None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "program.py"), name, *map(str, args)],
            env={
                **os.environ,
                "LANGSMITH_ENDPOINT": url,
                "LANGSMITH_API_KEY": "key",
                "LANGSMITH_TRACING": "true",
                **(environment or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def says(self):
        line = self.process.stdout.readline()
        assert line, f"the program has ended with {self.process.wait(10)}"
        return json.loads(line)

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self, timeout=100):
        """Its exit code, and what it has said last."""
        said = self.process.communicate(timeout=timeout)[0].splitlines()
        return self.process.returncode, json.loads(said[-1]) if said else None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def start():
    programs = []

    def start(name, url, *args, **environment):
        programs.append(Program(name, url, *args, environment=environment))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
