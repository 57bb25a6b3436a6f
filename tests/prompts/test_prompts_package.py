"""What the package exports, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import smithkit.prompts


def test_every_exported_name_is_there():
    assert sorted(smithkit.prompts.__all__) == smithkit.prompts.__all__
    for name in smithkit.prompts.__all__:
        assert getattr(smithkit.prompts, name).__name__ == name
        assert name in dir(smithkit.prompts)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = smithkit.prompts.no_such_name


@pytest.mark.parametrize("module", ["smithkit.prompts", "smithkit.prompts._plugin"])
def test_importing_it_loads_nothing_heavy(module):
    program = f"import sys, {module}; print(sorted({{'pydantic', 'requests'}} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
