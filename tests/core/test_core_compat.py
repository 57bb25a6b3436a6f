"""Programs that import the reference client, run on smithkit."""

from __future__ import annotations

import importlib
import sys

import pytest

from smithkit import compat


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


@pytest.fixture(autouse=True)
def no_reference_client(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "langsmith"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("installed")
def test_names_of_the_reference_are_smithkits():
    from langsmith import AsyncClient, Client
    from langsmith.client import Client as FromModule
    from langsmith.schemas import LangSmithInfo
    from langsmith.utils import LangSmithNotFoundError

    import smithkit
    from smithkit import errors, schemas

    assert Client is FromModule is smithkit.Client
    assert AsyncClient is smithkit.AsyncClient
    assert LangSmithInfo is schemas.LangSmithInfo
    assert LangSmithNotFoundError is errors.LangSmithNotFoundError


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("reference", "ours"), compat.MODULES.items())
def test_each_module_of_the_table_stands_for_one_of_ours(reference, ours):
    module, own = importlib.import_module(reference), importlib.import_module(ours)

    assert module.__name__ == reference
    assert set(dir(module)) >= set(dir(own))
    exported = getattr(own, "__all__", [])
    aliased = compat.ALIASES.get(reference, {})
    assert all(getattr(module, name) is getattr(own, name) for name in exported if name not in aliased)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("reference", "name", "own"),
    [(module, name, own) for module, names in compat.ALIASES.items() for name, own in names.items()],
)
def test_each_name_of_the_table_is_one_of_ours(reference, name, own):
    module, _, attribute = own.partition(":")

    assert reference in compat.MODULES
    assert name in dir(importlib.import_module(reference))
    found = getattr(importlib.import_module(reference), name)
    assert found is getattr(importlib.import_module(module), attribute)


@pytest.mark.usefixtures("installed")
def test_modules_are_found_as_attributes_of_their_package():
    import langsmith

    assert langsmith.run_helpers is importlib.import_module("langsmith.run_helpers")
    assert langsmith.evaluation.evaluator.EvaluationResult is langsmith.EvaluationResult


@pytest.mark.usefixtures("installed")
def test_a_module_of_smithkits_is_not_taken_for_one_of_the_references():
    importlib.import_module("smithkit.transport")

    with pytest.raises(ImportError, match="cannot import name 'transport' from 'langsmith'"):
        exec("from langsmith import transport")  # noqa: S102


@pytest.mark.usefixtures("installed")
def test_a_name_that_is_missing_is_said_with_the_file_that_lacks_it():
    with pytest.raises(
        ImportError, match=r"cannot import name 'nonsense' from 'langsmith\.utils' .*errors\.py"
    ):
        exec("from langsmith.utils import nonsense")  # noqa: S102


@pytest.mark.usefixtures("installed")
def test_everything_can_be_imported_with_a_star():
    names = {}
    exec("from langsmith import *\nfrom langsmith.schemas import *", names)  # noqa: S102

    assert {"Client", "traceable", "LangSmithInfo"} <= set(names)


@pytest.mark.usefixtures("installed")
def test_what_smithkit_does_not_have_is_said_with_both_names():
    import langsmith

    with pytest.raises(AttributeError, match=r"'langsmith' stands for 'smithkit', which has no 'nonsense'"):
        _ = langsmith.nonsense
    with pytest.raises(ImportError):
        importlib.import_module("langsmith.no_such_module")


def test_installing_twice_is_installing_once(installed):
    compat.install()

    assert sys.meta_path.count(compat._finder) == 1
    compat.uninstall()
    compat.uninstall()
    assert compat._finder not in sys.meta_path


def test_taken_back_the_modules_are_gone():
    compat.install()
    importlib.import_module("langsmith.client")
    compat.uninstall()

    assert not [name for name in sys.modules if name.partition(".")[0] == "langsmith"]


def test_another_langsmith_that_is_loaded_is_left_alone(monkeypatch):
    other = type(sys)("langsmith")
    monkeypatch.setitem(sys.modules, "langsmith", other)

    with pytest.raises(RuntimeError, match=r"imported already: call smithkit\.compat\.install\(\) before"):
        compat.install()
    compat.uninstall()
    assert sys.modules["langsmith"] is other


def test_importing_the_reference_name_loads_nothing_heavy(site):
    printed = site.python(
        """
        import sys
        from smithkit import compat
        compat.install()
        import langsmith, langsmith.schemas
        print([name for name in ("pydantic", "requests", "httpx2") if name in sys.modules])
        """
    )

    assert printed == "[]\n"
