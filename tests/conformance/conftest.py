"""Programs run with either client against `smithkit serve`, each in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def official_python(tmp_path_factory):
    """The Python of an environment with the official client."""
    return install(tmp_path_factory.mktemp("official") / "venv", "langsmith==0.7.3")


@pytest.fixture(scope="session")
def newest_python(tmp_path_factory):
    """The same with the newest release that the tests know."""
    return install(tmp_path_factory.mktemp("newest") / "venv", "langsmith>=0.15,<0.16")


def install(environment, client):
    """Make an environment with a release of the official client; gives its Python."""
    beside = shutil.which("uv", path=os.path.dirname(sys.executable))  # noqa: PTH120
    uv = beside or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv")
    python = environment / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    wanted = (client, "langchain-core>=1,<2", "pandas>=2,<4")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    return python


@pytest.fixture
def run_program(tmp_path):
    """Run a program with a package's name and the server's URL as arguments; gives the JSON of its last line."""

    def run(python, package, program):
        (tmp_path / "program.py").write_text(program)
        command = [sys.executable, "-m", "smithkit.server.serve", "--port", "0", "--db", tmp_path / "data.db"]
        with subprocess.Popen(
            [*command, "--api-key", "sesame"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                url = re.search(r"http://\S+?:\d+", server.stdout.readline())[0]
                variables = {
                    "PATH": os.environ["PATH"],
                    "HOME": str(tmp_path),
                    "PYTHONWARNINGS": "ignore",
                    "LANGSMITH_ENDPOINT": url,
                    "LANGSMITH_API_KEY": "sesame",
                }
                done = subprocess.run(
                    [python, tmp_path / "program.py", package, url],
                    env=variables,
                    capture_output=True,
                    text=True,
                    timeout=240,
                    check=False,
                )
            finally:
                server.kill()
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
