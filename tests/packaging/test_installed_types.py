"""What mypy and pyright tell a user, by what is installed."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from smithkit._catalogue import PACKAGES

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PLUGIN = HERE.parents[1] / "examples" / "plugin" / "src" / "smithkit_meter"
checkers = SimpleNamespace(**runpy.run_path(str(HERE.parent / "typing" / "checkers.py")))

INSTALLED = {"core": [], "plugin": ["prompts"], "tracing": ["tracing"], "everything": list(PACKAGES)}


@pytest.fixture
def check(environment, workshop):
    """What a file's comments want and what the checkers say, which are started once per environment."""

    def run(name, folder):
        user_code = folder / "user_code"
        shutil.copytree(HERE / "user_code", user_code)
        if name == "plugin":
            shutil.copytree(PLUGIN, user_code / PLUGIN.name)
        else:
            (user_code / "plugin.py").unlink()
        python = environment(name).python
        found = checkers.reported(
            user_code,
            mypy=["--config-file=", f"--python-executable={python}", f"--cache-dir={folder / 'cache'}"],
            pyright=[f"--pythonpath={python}"],
            cwd=folder,
        )
        (folder / "found.txt").write_text("\n".join(found))

    def check(name, wanted):
        folder = workshop.once(f"checked-{name}", lambda folder: run(name, folder))
        expected = checkers.expected(folder / "user_code", installed=INSTALLED[name])
        found = set((folder / "found.txt").read_text().splitlines())
        return [{line for line in lines if wanted(line.partition(":")[0])} for lines in (expected, found)]

    return check


@pytest.mark.parametrize("name", INSTALLED)
def test_checkers_report_wrong_calls_and_missing_methods_and_nothing_else(check, name):
    expected, found = check(name, lambda file: file != "names.py")

    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", INSTALLED)
def test_checkers_report_missing_names_and_nothing_else(check, name):
    expected, found = check(name, lambda file: file == "names.py")

    assert sorted(found) == sorted(expected)
