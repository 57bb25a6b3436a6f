"""What `import smithkit` gives, by what is installed."""

from __future__ import annotations

import pytest

from smithkit._catalogue import METHODS, NAMES, PACKAGES

pytestmark = pytest.mark.slow

INSTALLED = {
    "core": [],
    "prompts": ["prompts"],
    "tracing": ["tracing"],
    "everything": [name for name in PACKAGES if name != "server"],
}
ONE_METHOD = {
    "tracing": "read_run",
    "datasets": "read_dataset",
    "prompts": "pull_prompt_commit",
    "feedback": "create_feedback",
    "evaluation": "create_comparative_experiment",
}

LOOK = """
import json
from smithkit import AsyncClient, Client
from smithkit._catalogue import METHODS
from smithkit.plugins import manager, public_methods
manager().load()
print(json.dumps({
    "sync": [name for name in METHODS if hasattr(Client, name)],
    "async": [name for name in METHODS if hasattr(AsyncClient, name)],
    "given": {
        entry.plugin: [sorted(public_methods(entry.synchronous)), sorted(public_methods(entry.asynchronous))]
        for entry in manager().registry._classes
    },
    "plugins": {record.name: record.status for record in manager().records},
    "listed": dir(Client),
}))
"""

TRY = """
import json, sys
from smithkit import AsyncClient, Client
client = Client("http://127.0.0.1:9", api_key="key")
messages = {}
for name in sys.argv[1:]:
    for owner in (client, Client, AsyncClient):
        try:
            getattr(owner, name)
        except AttributeError as error:
            messages.setdefault(name, []).append(str(error))
print(json.dumps(messages))
"""


@pytest.mark.parametrize("name", INSTALLED)
def test_client_has_exactly_the_methods_of_the_installed_packages(environment, name):
    found = environment(name).evaluate(LOOK)
    of_packages = {method for method, package in METHODS.items() if package in INSTALLED[name]}

    assert set(found["given"]) == set(INSTALLED[name])
    assert {plugin for plugin, status in found["plugins"].items() if status == "loaded"} >= set(
        INSTALLED[name]
    )
    assert "failed" not in found["plugins"].values()
    for client, which in (("sync", 0), ("async", 1)):
        given = {method for classes in found["given"].values() for method in classes[which]}
        assert set(found[client]) == given & set(METHODS)
        assert set(found[client]) <= of_packages
    assert set(found["sync"]) <= set(found["listed"])
    for package in INSTALLED[name]:
        assert ONE_METHOD[package] in found["sync"], package


@pytest.mark.parametrize("name", INSTALLED)
def test_missing_method_says_what_to_install(environment, name):
    missing = {package: method for package, method in ONE_METHOD.items() if package not in INSTALLED[name]}
    env = environment(name)
    done = env.run("-W", "error", "-c", TRY, *missing.values(), "pull_promt")
    assert done.returncode == 0, done.stderr

    import json

    expected = {
        method: [
            f"{owner} has no `{method}`: pip install 'smithkit-core[{package}]'"
            for owner in ("Client", "Client", "AsyncClient")
        ]
        for package, method in missing.items()
    }
    expected["pull_promt"] = [
        "Client has no `pull_promt`",
        "Client has no `pull_promt`",
        "AsyncClient has no `pull_promt`",
    ]
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize("name_of_environment", ["core", "prompts"])
def test_name_of_a_missing_package_says_what_to_install(environment, name_of_environment):
    code = """
import json
messages = {}
from smithkit._catalogue import NAMES
for name, module in NAMES.items():
    try:
        exec(f"from smithkit import {name}")
    except ImportError as error:
        messages[name] = str(error)
print(json.dumps(messages))
"""
    assert environment(name_of_environment).evaluate(code) == {
        name: f"`{name}` needs smithkit-{module.split('.')[1]}: pip install 'smithkit-core[{module.split('.')[1]}]'"
        for name, module in NAMES.items()
        if module.split(".")[1] in {*PACKAGES} - {name_of_environment}
    }


def test_unknown_name_is_an_import_error_like_any_other(environment):
    done = environment("core").run("-c", "from smithkit import nonsense")

    assert "ImportError: cannot import name 'nonsense' from 'smithkit'" in done.stderr


@pytest.mark.parametrize("package", ["tracing", "prompts", "everything"])
def test_every_name_of_the_root_is_there_with_its_package(environment, package):
    code = """
import json, smithkit
from smithkit._catalogue import NAMES
found = []
for name in smithkit.__all__:
    try:
        assert getattr(smithkit, name) is not None
    except ImportError:
        continue
    found.append(name)
print(json.dumps(sorted(found)))
"""
    found = set(environment(package).evaluate(code))
    named = {name for name, module in NAMES.items() if package in (module.split(".")[1], "everything")}

    assert named <= found


def test_schemas_of_a_missing_package_are_missing_and_the_others_there(environment):
    code = """
import json
from smithkit import schemas
print(json.dumps([hasattr(schemas, name) for name in ("LangSmithInfo", "Prompt", "Dataset")]))
"""
    assert environment("core").evaluate(code) == [True, False, False]
    assert environment("prompts").evaluate(code) == [True, True, False]
    assert environment("everything").evaluate(code) == [True, True, True]


def test_stub_of_a_missing_package_is_no_module(environment):
    code = """
import json
from importlib.util import find_spec
print(json.dumps([find_spec(f"smithkit.{name}") is not None for name in ("prompts", "tracing", "datasets")]))
"""
    assert environment("core").evaluate(code) == [False, False, False]
    assert environment("prompts").evaluate(code) == [True, False, False]


def test_foreign_module_in_the_namespace_is_found_and_masks_nothing(environment, tmp_path):
    namespace = tmp_path / "smithkit"
    namespace.mkdir()
    (namespace / "othermod.py").write_text("answer = 42\n")
    code = """
import json
import smithkit.othermod, smithkit.prompts
from smithkit import Client
print(json.dumps([smithkit.othermod.answer, smithkit.prompts.__name__, hasattr(Client, "list_prompts")]))
"""

    found = environment("prompts").evaluate(code, PYTHONPATH=str(tmp_path))

    assert found == [42, "smithkit.prompts", True]


def test_version_is_one_for_module_program_and_metadata(environment):
    import smithkit

    env = environment("everything")
    code = """
import json, smithkit
from importlib.metadata import version
print(json.dumps([smithkit.__version__, version("smithkit"), version("smithkit-core")]))
"""

    assert set(env.evaluate(code)) == {smithkit.__version__}
    assert env.run("-m", "smithkit.cli", "--version").stdout.strip() == f"smithkit {smithkit.__version__}"


@pytest.mark.parametrize("name", ["tracing", "everything"])
def test_everyday_import_loads_no_heavy_library(environment, name):
    code = """
import json, sys
from smithkit import Client, traceable
heavy = ("pydantic", "requests", "zstandard", "httpx2", "sqlalchemy", "starlette", "urllib3", "rich", "asyncio")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""

    assert environment(name).evaluate(code) == []


def test_import_of_the_root_does_not_look_for_plugins(environment):
    code = """
import json, sys
import smithkit
from smithkit import Client
print(json.dumps([name for name in ("importlib.metadata", "pluggy", "smithkit.plugins") if name in sys.modules]))
"""

    assert environment("everything").evaluate(code) == []


def test_program_is_installed(environment):
    env = environment("core")
    done = env.run(
        "-c",
        "import subprocess, sys; sys.exit(subprocess.call([sys.argv[1], 'plugins', '--json']))",
        str(env.python.with_name("smithkit")),
    )

    assert (done.returncode, done.stdout.strip()) == (0, "[]")


def test_the_demo_runs_from_wheels_and_says_what_intervals_need(environment):
    done = environment("everything").run("-W", "error", "-m", "smithkit.cli", "demo")

    assert done.returncode == 0, done.stderr
    assert "recall_at_5" in done.stdout
    assert "smithkit-evaluation[compare]" in done.stdout.replace("\n", "")
