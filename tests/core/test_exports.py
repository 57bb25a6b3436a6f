"""What each module of each package exports is what it names in `__all__`, and each name is documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import types
from pathlib import Path

import pytest

import smithkit

ROOT = Path(__file__).parents[2] / "packages"
NAMES = [
    "smithkit",
    *sorted(
        module.name
        for module in pkgutil.walk_packages(smithkit.__path__, "smithkit.")
        if not module.name.endswith(".__main__") and ".migrations." not in module.name
    ),
]


def defined(module):
    """Public names that a module defines, by its source."""
    names = set()
    source = Path(module.__file__).read_text()
    for node in _statements(ast.parse(source).body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def _statements(body):
    for node in body:
        if isinstance(node, ast.If):
            if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
                yield from _statements(node.body)
            yield from _statements(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _statements(node.body)
        else:
            yield node


def type_variables(module, names):
    """Names that stand for types alone."""
    return {
        name
        for name in names
        if type(getattr(module, name, None)).__module__ == "typing" or name == "TYPE_CHECKING"
    }


def test_all_packages_are_looked_at():
    packages = {name.split(".")[1] for name in NAMES if name != "smithkit"}

    assert {"datasets", "evaluation", "feedback", "prompts", "server", "tracing"} <= packages


@pytest.mark.parametrize("name", NAMES)
def test_what_a_module_names_is_there_and_documented(name):
    module = importlib.import_module(name)

    assert module.__doc__, "a module says what it is for"
    exported = list(getattr(module, "__all__", ()))
    assert len(exported) == len(set(exported))
    for exported_name in exported:
        value = getattr(module, exported_name)
        if isinstance(value, type | types.FunctionType):
            assert inspect.getdoc(value), exported_name


@pytest.mark.parametrize("name", [name for name in NAMES if "._" not in name])
def test_each_name_that_a_public_module_defines_is_exported(name):
    module = importlib.import_module(name)
    names = defined(module)

    assert names - set(getattr(module, "__all__", ())) - type_variables(module, names) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_star_imports_what_a_module_exports_and_nothing_else(name):
    module = importlib.import_module(name)
    if not hasattr(module, "__all__"):
        assert defined(module) == set(), "a module that defines something says what it exports"
        return
    found = {}
    exec(f"from {name} import *", found)  # noqa: S102

    assert {name for name in found if name != "__builtins__"} == set(module.__all__)


def test_the_everyday_names_are_those_of_the_catalogue():
    from smithkit._catalogue import NAMES as EVERYDAY

    assert set(smithkit.__all__) == set(EVERYDAY)
    mirrored = set()
    for node in ast.walk(ast.parse(Path(smithkit.__file__).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("smithkit.") and node.col_offset == 4:
            names = {alias.name for alias in node.names}
            mirrored |= set(importlib.import_module(node.module).__all__) if names == {"*"} else names
    assert set(smithkit.__all__) <= mirrored, "type checkers see what the module gives"


def test_the_catalogue_knows_the_package_of_each_method():
    from smithkit._catalogue import METHODS
    from smithkit.plugins import manager

    manager().load()
    for record in manager().records:
        if record.source.startswith("smithkit-"):
            unknown = [method for method in record.methods if METHODS.get(method) != record.name]
            assert unknown == [], f"methods of {record.name} that smithkit._catalogue does not list"
