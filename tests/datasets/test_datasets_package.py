"""What the package exports, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import smithkit.datasets


def test_every_exported_name_is_there():
    assert sorted(smithkit.datasets.__all__) == smithkit.datasets.__all__
    for name in smithkit.datasets.__all__:
        assert getattr(smithkit.datasets, name).__name__ == name
        assert name in dir(smithkit.datasets)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = smithkit.datasets.no_such_name


@pytest.mark.parametrize("module", ["smithkit.datasets", "smithkit.datasets._plugin"])
def test_importing_it_loads_nothing_heavy(module):
    program = f"import sys, {module}; print(sorted({{'pydantic', 'requests'}} & set(sys.modules)))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
