"""What mypy and pyright find in user code, in a checkout whose packages are installed editable."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from smithkit._catalogue import PACKAGES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
USER_CODE = HERE / "user_code"
checkers = SimpleNamespace(**runpy.run_path(str(HERE / "checkers.py")))


@pytest.mark.slow
def test_checkers_report_each_marked_line_and_no_other():
    reported = checkers.reported(
        USER_CODE,
        mypy=[
            f"--config-file={ROOT / 'pyproject.toml'}",
            f"--cache-dir={ROOT / '.mypy_cache' / 'user-code'}",
        ],
        pyright=[f"--pythonpath={sys.executable}"],
        cwd=ROOT,
    )

    assert sorted(reported) == sorted(checkers.expected(USER_CODE, installed=PACKAGES))


def test_each_file_has_right_lines_and_wrong_ones():
    files = {path.name for path in USER_CODE.glob("*.py")}
    wrong = {line.partition(":")[0] for line in checkers.expected(USER_CODE, installed=PACKAGES)}

    assert files == wrong
    assert all("assert_type(" in path.read_text() for path in USER_CODE.glob("*.py"))
