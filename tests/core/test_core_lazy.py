"""What the packages export, and what importing one costs."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from smithkit._catalogue import PACKAGES

MODULES = [f"smithkit.{package}" for package in PACKAGES]


@pytest.mark.parametrize("name", MODULES)
def test_every_exported_name_is_there(name):
    module = importlib.import_module(name)

    assert sorted(module.__all__) == module.__all__
    for exported in module.__all__:
        assert getattr(module, exported) is not None
        assert exported in dir(module)


@pytest.mark.parametrize("name", MODULES)
def test_type_checkers_see_each_name_where_it_is_loaded_from(name):
    source = ast.parse(Path(importlib.import_module(name).__file__).read_text(encoding="utf-8"))
    checked = next(node for node in source.body if isinstance(node, ast.If))
    imported = {
        (node.module.removeprefix(f"{name}."), alias.name)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = next(node for node in ast.walk(source) if isinstance(node, ast.Dict))
    loaded = {(home, one) for home, names in ast.literal_eval(homes).items() for one in names}

    assert loaded == imported


@pytest.mark.parametrize("name", MODULES)
def test_an_unknown_name_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"'{name}' has no attribute 'no_such_name'"):
        _ = importlib.import_module(name).no_such_name


@pytest.mark.slow
def test_importing_a_package_or_its_plugin_loads_nothing_heavy():
    plugins = [f"{name}._plugin" for name in MODULES]
    program = f"import sys, {', '.join(MODULES + plugins)}; print({{'pydantic', 'requests', 'zstandard'}} & set(sys.modules))"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "set()"
