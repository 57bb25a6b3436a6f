"""All wheels, built once, and virtual environments made of them."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (".gitignore", "CHANGELOG.md", "LICENSE", "README.md", "examples", "packages", "pyproject.toml")
FIRST_PARTY = ("core", "tracing", "datasets", "prompts", "feedback", "evaluation", "server")
FOLDERS = {"smithkit": ".", **{f"smithkit-{name}": f"packages/{name}" for name in FIRST_PARTY}}
EXAMPLE_PLUGIN = ("smithkit-example-meter", "examples/plugin")
ENVIRONMENTS = {
    "core": ["smithkit-core"],
    "prompts": ["smithkit-core[prompts]"],
    "tracing": ["smithkit-core[tracing]"],
    "everything": ["smithkit"],
    "plugin": ["smithkit-core[prompts,async]", EXAMPLE_PLUGIN[0], "pytest"],
}
"""Environment → what a user asks pip for."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the folder that its programs run in."""

    name: str
    folder: Path

    @property
    def python(self) -> Path:
        scripts = "Scripts" if os.name == "nt" else "bin"
        return self.folder / scripts / "python"

    def run(self, *arguments, **variables):
        """Run its Python; the variables of smithkit that the test run has are left out."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LANGSMITH_", "LANGCHAIN_", "SMITHKIT_", "PYTHON", "COV_", "PYTEST_"))
        }
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env={**inherited, "SMITHKIT_HOME": str(self.folder / "home"), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def evaluate(self, code, **variables):
        """What a program prints as JSON."""
        done = self.run("-W", "error", "-c", code, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class Workshop:
    """Makes things once, in a folder that the workers of a parallel run share."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def once(self, name, make):
        """The folder `name`, filled by `make` in the first worker that asks for it."""
        folder, failed = self.folder / name, self.folder / f"{name}.failed"
        claim, done = self.folder / f"{name}.claim", self.folder / f"{name}.done"
        try:
            claim.touch(exist_ok=False)
        except FileExistsError:
            while not done.exists():
                if failed.exists():
                    pytest.fail(f"{name} could not be made:\n{failed.read_text()}")
                time.sleep(0.1)
            return folder
        try:
            make(folder)
        except BaseException as error:
            failed.write_text(f"{error}\n{getattr(error, 'stderr', '')}")
            raise
        done.touch()
        return folder


def _uv(*arguments):
    command = [_uv_program(), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {' '.join(command[1:])}\n{done.stderr}"


@functools.cache
def _uv_program():
    import uv

    return uv.find_uv_bin()


def _build(project, target, *, kind):
    _uv(
        "build",
        "--quiet",
        f"--{kind}",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "-o",
        target,
        project,
    )


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """Where wheels and environments are made."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "packaging"
    folder.mkdir(exist_ok=True)
    _uv_program()  # not first in several threads: the standard library's sysconfig does not bear that
    return Workshop(folder)


@pytest.fixture(scope="session")
def source(workshop):
    """A copy of what is built: nobody changes it while the tests run."""

    def make(folder):
        folder.mkdir()
        for name in SOURCES:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "dist", ".venv", ".*_cache")
                shutil.copytree(ROOT / name, folder / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, folder / name)

    return workshop.once("source", make)


@pytest.fixture(scope="session")
def distributions(source):
    """First-party distribution → the folder of its `pyproject.toml`."""
    return {name: source / folder for name, folder in FOLDERS.items()}


@pytest.fixture(scope="session")
def build():
    """Builds a distribution: ``build(source, target, kind="wheel" or "sdist")``."""
    return _build


@pytest.fixture(scope="session")
def wheels(workshop, source, distributions):
    """The folder of all wheels, the example plugin's among them."""

    def make(folder):
        projects = [*distributions.values(), source / EXAMPLE_PLUGIN[1]]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda project: _build(project, folder, kind="wheel"), projects))

    return workshop.once("wheels", make)


@pytest.fixture(scope="session")
def environment(workshop, wheels):
    """Makes the environments of `ENVIRONMENTS`, each when it is first asked for."""

    def make(folder, requirements):
        _uv("venv", "--quiet", "--python", sys.executable, folder)
        # What is built here must not be confused with an earlier build of the same version.
        names = [*FOLDERS, EXAMPLE_PLUGIN[0]]
        refresh = [argument for name in names for argument in ("--refresh-package", name)]
        _uv(
            *("pip", "install", "--quiet", "--find-links", wheels, *refresh),
            *("--python", Environment("", folder).python, *requirements),
        )

    def get(name):
        folder = workshop.once(f"environment-{name}", lambda folder: make(folder, ENVIRONMENTS[name]))
        return Environment(name, folder)

    return get
