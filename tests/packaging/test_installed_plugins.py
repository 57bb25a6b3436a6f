"""Plugins of third parties, beside an installed smithkit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smithkit._catalogue import METHODS

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"

RAISES = "raise RuntimeError('no licence')\n"
WRONG_ARGUMENT = """
from smithkit.hooks import hookimpl

@hookimpl
def before_request(request, colour): ...
"""
UNKNOWN_HOOK = """
from smithkit.hooks import hookimpl

@hookimpl
def before_requests(request): ...
"""
TAKES_A_NAME = """
from smithkit.hooks import hookimpl

class Methods:
    def list_prompts(self):
        return "mine"

@hookimpl
def register_methods(registry):
    registry.add(Methods)
"""
GOOD = """
from smithkit.hooks import hookimpl

class Methods:
    def greet(self):
        return "hello"

@hookimpl
def register_methods(registry):
    registry.add(Methods)
"""

CLIENT = """
import json, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from smithkit import AsyncClient, Client
    client = Client("http://127.0.0.1:9", api_key="key")
from smithkit.errors import PluginWarning
print(json.dumps({
    "warnings": [str(one.message) for one in caught if one.category is PluginWarning],
    "methods": [n for n in ("greet", "list_prompts", "project_cost") if hasattr(client, n)],
    "owner": Client.list_prompts.__module__ if hasattr(Client, "list_prompts") else None,
    "url": client.api_url,
}))
"""


@pytest.fixture
def installed(tmp_path):
    """Puts plugins where a path finds them, as pip would; gives the path."""

    def install(**plugins):
        for name, code in plugins.items():
            (tmp_path / f"{name}_plugin.py").write_text(code)
            info = tmp_path / f"{name}_plugin-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text(f"[smithkit]\n{name} = {name}_plugin\n")
        return str(tmp_path)

    return install


def records(environment, path, **variables):
    """What ``smithkit plugins --json`` shows, by name, and its exit status."""
    done = environment.run("-m", "smithkit.cli", "plugins", "--json", PYTHONPATH=path, **variables)
    return {record["name"]: record for record in json.loads(done.stdout)}, done.returncode


def test_bad_plugins_are_left_out_and_named_and_the_client_works(environment, installed):
    path = installed(
        raising=RAISES, wrong=WRONG_ARGUMENT, taking=TAKES_A_NAME, unknown=UNKNOWN_HOOK, good=GOOD
    )

    found = environment("prompts").evaluate(CLIENT, PYTHONPATH=path)

    assert found["methods"] == ["greet", "list_prompts"]
    assert found["owner"] == "smithkit.prompts._methods._repositories"
    assert found["url"] == "http://127.0.0.1:9"
    assert len(found["warnings"]) == 4
    for name, why in {
        "raising": "RuntimeError: no licence",
        "taking": "adds the client method 'list_prompts', which 'prompts' has already",
        "unknown": "unknown hook 'before_requests'",
        "wrong": "colour",
    }.items():
        (warning,) = [text for text in found["warnings"] if f"plugin {name!r} ({name}-plugin 1.0)" in text]
        assert why in warning
        assert f"SMITHKIT_DISABLE_PLUGINS={name}" in warning


def test_program_lists_bad_plugins_with_the_reason(environment, installed):
    path = installed(raising=RAISES, wrong=WRONG_ARGUMENT, taking=TAKES_A_NAME, good=GOOD)

    shown, status = records(environment("prompts"), path)

    assert status == 1
    assert {name: record["status"] for name, record in shown.items()} == {
        "good": "loaded",
        "prompts": "loaded",
        "raising": "failed",
        "taking": "failed",
        "wrong": "failed",
    }
    assert shown["raising"]["reason"] == "RuntimeError: no licence"
    assert shown["raising"]["source"] == "raising-plugin 1.0"
    assert "which 'prompts' has already" in shown["taking"]["reason"]
    assert "colour" in shown["wrong"]["reason"]
    assert shown["good"]["methods"] == ["greet"]
    assert shown["good"]["hooks"] == ["register_methods"]
    assert {name for name in shown["prompts"]["methods"] if METHODS.get(name) == "prompts"}


def test_first_party_methods_do_not_depend_on_the_names_of_other_plugins(environment, installed):
    path = installed(aaa=TAKES_A_NAME)

    shown, _ = records(environment("prompts"), path)

    assert (shown["aaa"]["status"], shown["prompts"]["status"]) == ("failed", "loaded")


def test_disabled_plugin_is_neither_loaded_nor_warned_about(environment, installed):
    path = installed(raising=RAISES, good=GOOD)

    shown, status = records(environment("prompts"), path, SMITHKIT_DISABLE_PLUGINS="raising, good")

    assert status == 0
    assert {name: (record["status"], record["reason"]) for name, record in shown.items()} == {
        "good": ("skipped", "in SMITHKIT_DISABLE_PLUGINS"),
        "prompts": ("loaded", ""),
        "raising": ("skipped", "in SMITHKIT_DISABLE_PLUGINS"),
    }


def test_listed_plugins_alone_are_loaded(environment, installed):
    path = installed(raising=RAISES, good=GOOD)

    found = environment("prompts").evaluate(CLIENT, PYTHONPATH=path, SMITHKIT_PLUGINS="good")
    shown, _ = records(environment("prompts"), path, SMITHKIT_PLUGINS="good")

    assert (found["methods"], found["warnings"]) == (["greet"], [])
    assert shown["prompts"]["reason"] == "not in SMITHKIT_PLUGINS"


def test_empty_list_loads_no_plugin_and_missing_methods_say_why(environment):
    code = """
import json
from smithkit import Client
try:
    Client("http://127.0.0.1:9").list_prompts
except AttributeError as error:
    print(json.dumps(str(error)))
"""

    message = environment("prompts").evaluate(code, SMITHKIT_PLUGINS="")

    assert (
        message
        == "Client has no `list_prompts`: smithkit-prompts is installed but skipped: not in SMITHKIT_PLUGINS"
    )


def test_client_works_after_a_plugin_warning_that_was_made_an_error(environment, installed):
    code = """
import json, warnings
from smithkit import Client
from smithkit.errors import PluginWarning
warnings.simplefilter("error", PluginWarning)
try:
    Client("http://127.0.0.1:9")
except PluginWarning:
    pass
print(json.dumps(Client("http://127.0.0.1:9").api_url))
"""

    assert environment("core").evaluate(code, PYTHONPATH=installed(raising=RAISES)) == "http://127.0.0.1:9"


def test_example_plugin_adds_methods_and_hooks_without_a_change_to_core(environment):
    shown, status = records(environment("plugin"), "")

    assert status == 0
    assert shown["meter"]["source"] == "smithkit-example-meter 1.0.0"
    assert shown["meter"]["methods"] == ["project_cost", "request_stats"]
    assert {"before_request", "after_response", "on_request_error", "serialize"} <= set(
        shown["meter"]["hooks"]
    )


def test_example_plugin_passes_its_own_tests(environment):
    done = environment("plugin").run(
        *("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-c", "/dev/null", EXAMPLE / "tests")
    )

    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
