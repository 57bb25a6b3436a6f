"""What all wrappers have in common."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smithkit import compat

LOADS = """
import sys
from smithkit.tracing.wrappers import wrap_anthropic, wrap_gemini, wrap_openai
print([name for name in ("openai", "anthropic", "google.genai", "pydantic", "httpx2") if name in sys.modules])
"""


@pytest.mark.slow
def test_the_wrappers_load_no_sdk():
    printed = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True)

    assert printed.stdout == "[]\n"


def test_programs_for_the_reference_find_them(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "langsmith"]:
        monkeypatch.delitem(sys.modules, name)
    compat.install()
    try:
        from langsmith.wrappers import wrap_anthropic, wrap_gemini, wrap_openai
    finally:
        compat.uninstall()

    from smithkit.tracing import wrappers

    assert wrap_openai is wrappers.wrap_openai
    assert wrap_anthropic is wrappers.wrap_anthropic
    assert wrap_gemini is wrappers.wrap_gemini
