"""What the documentation shows works: the examples of docstrings, of the README and of the guides."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import smithkit
from smithkit import hooks
from smithkit.plugins import manager

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/configuration.md",
    "docs/datasets.md",
    "docs/delivery.md",
    "docs/distributed-tracing.md",
    "docs/feedback.md",
    "docs/filters.md",
    "docs/evaluation.md",
    "docs/langchain.md",
    "docs/operations.md",
    "docs/prompts.md",
    "docs/pytest.md",
    "docs/redaction.md",
    "docs/testing.md",
    "docs/wrappers.md",
    "docs/opentelemetry.md",
)
NAMES = sorted(
    module.name
    for module in pkgutil.walk_packages(smithkit.__path__, "smithkit.")
    if not module.name.endswith("__main__") and ".migrations" not in module.name
)
# What examples show beside smithkit; it may be absent, as from users' environments.
SHOWN = {
    "smithkit.tracing.wrappers._anthropic": "anthropic",
    "smithkit.tracing.wrappers._gemini": "google.genai",
    "smithkit.tracing.wrappers._openai": "openai",
    "smithkit.evaluation.testing._expect": "rapidfuzz",
    "docs/evaluation.md": "scipy",
    "docs/pytest.md": "rapidfuzz",
    "docs/wrappers.md": "openai anthropic google.genai",
}


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _plugins_of_its_own():
    """What an example registers ends with it."""
    plugins = manager()
    plugins.load()
    before = plugins._hooks.pm.get_plugins()
    yield
    for plugin in plugins._hooks.pm.get_plugins() - before:
        hooks.unregister(plugin)


def need_what_is_shown(name):
    for module in SHOWN.get(name, "").split():
        pytest.importorskip(module)


@pytest.mark.parametrize("name", NAMES)
def test_examples_of_docstrings_work(name):
    need_what_is_shown(name)
    tests = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name), name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)

    for test in tests:
        runner.run(test)

    assert runner.summarize().failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_programs_of_a_page_run_from_top_to_bottom(page):
    need_what_is_shown(page)
    text = (ROOT / page).read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "page"}

    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - the page is ours

    for name, test in list(names.items()):
        if name.startswith("test_") and callable(test):
            test()


@pytest.mark.parametrize(
    "page", [path.relative_to(ROOT).as_posix() for path in ROOT.glob("**/*.md") if ".venv" not in path.parts]
)
def test_links_within_the_repository_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")

    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target
