"""Runs type checkers over a folder of user code, and reads from its comments what they must find.

A line without a comment must be right. ``# wrong: arg-type reportArgumentType`` gives the code by which
mypy, and the rule by which pyright must report the line. ``# needs: prompts`` says that it is right only
where smithkit-prompts is installed; elsewhere the name must be reported as missing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

MISSING = ("attr-defined", "reportAttributeAccessIssue")
_NEEDS = re.compile(r"# needs: (\w+)")
_WRONG = re.compile(r"wrong: ([\w-]+) (\w+)")
_MYPY_LINE = re.compile(r"(?P<path>.+?):(?P<line>\d+): error: (?P<text>.+?)  \[(?P<code>[\w-]+)\]")


def expected(folder, *, installed):
    """What the comments of a folder's files want, as ``"file:line checker code"``."""
    found = set()
    for path in Path(folder).rglob("*.py"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            needs, wrong = _NEEDS.search(line), _WRONG.search(line)
            if needs and needs.group(1) not in installed:
                codes = MISSING
            elif wrong:
                codes = wrong.groups()
            else:
                continue
            found |= {f"{path.name}:{number} mypy {codes[0]}", f"{path.name}:{number} pyright {codes[1]}"}
    return found


def reported(folder, *, mypy, pyright, cwd):
    """What mypy and pyright report, in the same form; both run at once."""
    commands = [
        [*("mypy", "--strict", "--no-error-summary", "--no-pretty", "--hide-error-context"), *mypy, folder],
        ["pyright", "--outputjson", *pyright, folder],
    ]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *map(str, command)],
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]
    outputs = [process.communicate(timeout=240) for process in running]
    assert {process.returncode for process in running} <= {0, 1}, outputs
    return _mypy_errors(outputs[0][0]) | _pyright_errors(outputs[1][0])


def _mypy_errors(output):
    found = set()
    for line in output.splitlines():
        match = _MYPY_LINE.match(line)
        assert match or ": note: " in line, output
        if match:
            found.add(f"{Path(match['path']).name}:{match['line']} mypy {match['code']}")
    return found


def _pyright_errors(output):
    return {
        f"{Path(one['file']).name}:{one['range']['start']['line'] + 1} pyright {one.get('rule', one['message'])}"
        for one in json.loads(output)["generalDiagnostics"]
        if one["severity"] == "error"
    }
