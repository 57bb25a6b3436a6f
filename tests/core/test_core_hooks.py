"""Every hook that core calls, and that the documentation of all hooks is right."""

from __future__ import annotations

import inspect
import re
import sys
import types
from pathlib import Path

import pytest

from smithkit import AsyncClient, Client, hooks
from smithkit.errors import LangSmithError, LangSmithUserError, PluginWarning
from smithkit.hooks import HookSpecs
from smithkit.operations import Request
from smithkit.plugins import manager

URL = "http://a.example"
PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text()
SPECS = {
    name: [argument for argument in inspect.signature(spec).parameters if argument != "self"]
    for name, spec in vars(HookSpecs).items()
    if not name.startswith("_")
}
SECTIONS = re.split(r"^#{1,2} ", PAGE, flags=re.MULTILINE)[1:]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


class Records:
    """Implements what sees requests."""

    def __init__(self) -> None:
        self.calls = []

    @hooks.hookimpl
    def before_request(self, request):
        self.calls.append(("before", request.path))

    @hooks.hookimpl
    def after_response(self, request, response):
        self.calls.append(("after", request.path, response.status_code))

    @hooks.hookimpl
    def on_request_error(self, request, error):
        self.calls.append(("error", request.path, type(error).__name__))


# ---------------------------------------------------------------- documentation


def test_each_hook_has_a_section_with_its_arguments():
    headings = re.findall(r"^## `(\w+\(.*\))`$", PAGE, flags=re.MULTILINE)

    assert headings == [f"{name}({', '.join(arguments)})" for name, arguments in SPECS.items()]


@pytest.mark.parametrize("name", SPECS)
def test_each_section_says_when_what_a_failure_does_and_shows_it(name):
    section = next(section for section in SECTIONS if section.startswith(f"`{name}("))

    assert "**When:**" in section
    assert "**If it" in section
    assert f"def {name}(self" in section


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_each_example_of_the_documentation_runs(number, monkeypatch):
    registered = len(manager().records)
    module = types.ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)

    exec(compile(BLOCKS[number], f"docs/hooks.md block {number}", "exec"), vars(module))  # noqa: S102

    assert len(manager().records) == registered, "the example takes its plugins back"


def test_each_hook_is_one_sentence():
    for name in SPECS:
        text = inspect.getdoc(getattr(HookSpecs, name))
        assert text.count("\n") == 0
        assert text.endswith(".")


# ---------------------------------------------------------------- requests


def test_requests_are_seen_before_and_after(server, make_client):
    seen = Records()
    make_client(server.url, plugins=[seen]).send(Request("GET", "/x"))

    assert seen.calls == [("before", "/x"), ("after", "/x", 200)]


def test_a_failed_request_is_seen_once_after_its_last_attempt(server, make_client, quick):
    seen = Records()
    server.script(503)

    with pytest.raises(LangSmithError):
        make_client(server.url, plugins=[seen], retry_config=quick).send(Request("GET", "/x"))

    assert len(server.asked) == 4
    assert seen.calls == [("before", "/x"), ("error", "/x", "LangSmithError")]


def test_a_request_that_could_not_be_reached_or_made_is_seen(make_client, quick, free_port):
    seen = Records()
    client = make_client(f"http://127.0.0.1:{free_port}", plugins=[seen], retry_config=quick)
    for request in (Request("GET", "/x"), Request("POST", "/y", json=object())):
        with pytest.raises(LangSmithError):
            client.send(request)

    assert [call for call in seen.calls if call[0] == "error"] == [
        ("error", "/x", "LangSmithConnectionError"),
        ("error", "/y", "LangSmithUserError"),
    ]


def test_a_request_may_be_changed(server, make_client):
    class Changes:
        @hooks.hookimpl
        def before_request(self, request):
            request.headers["X-Added"] = "yes"
            request.params["added"] = 1

    make_client(server.url, plugins=[Changes()]).send(Request("GET", "/x", params={"own": 2}))

    assert server.asked[0].headers["x-added"] == "yes"
    assert server.asked[0].query == {"own": ["2"], "added": ["1"]}


def test_the_callers_own_request_stays_as_it_was(server, make_client):
    class Changes:
        @hooks.hookimpl
        def before_request(self, request):
            request.headers["X-Added"] = "yes"
            request.path = "/elsewhere"

    headers = {"X-Own": "1"}
    request = Request("GET", "/x", headers=headers)
    make_client(server.url, plugins=[Changes()]).send(request)

    assert (headers, request.path) == ({"X-Own": "1"}, "/x")
    assert server.asked[0].path == "/elsewhere"


@pytest.mark.parametrize("hook", ["before_request", "after_response"])
def test_a_failing_hook_does_not_fail_the_request(server, make_client, hook):
    def fail(self):
        raise ZeroDivisionError

    plugin = type("Bad", (), {hook: hooks.hookimpl(fail)})()
    with pytest.warns(PluginWarning, match=f"{hook} hook of plugin 'Bad.*ZeroDivisionError"):
        response = make_client(server.url, plugins=[plugin]).send(Request("GET", "/x"))

    assert response.status_code == 200


def test_a_failing_error_hook_does_not_hide_the_error(server, make_client):
    class Bad:
        @hooks.hookimpl
        def on_request_error(self):
            raise ZeroDivisionError

    server.script(500)
    with (
        pytest.warns(PluginWarning, match="on_request_error"),
        pytest.raises(LangSmithError, match="answered 500"),
    ):
        make_client(server.url, plugins=[Bad()]).send(Request("GET", "/x"))


# ---------------------------------------------------------------- clients


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_client_is_set_up_after_its_construction(make):
    seen = []

    class Sets:
        @hooks.hookimpl
        def configure_client(self, client, config):
            seen.append((client.api_url, config is client.config, client.session is not None))

    make(URL, plugins=[Sets()])

    assert seen == [(URL, True, True)]


@pytest.mark.parametrize("error", [ValueError("two options"), LangSmithUserError("out of range")])
def test_wrong_options_are_refused_by_the_constructor(error):
    class Refuses:
        @hooks.hookimpl
        def configure_client(self):
            raise error

    with pytest.raises(type(error), match=str(error)):
        Client(URL, plugins=[Refuses()])


def test_another_failure_leaves_the_client_working(server):
    class Bad:
        @hooks.hookimpl
        def configure_client(self):
            raise ZeroDivisionError

    with pytest.warns(
        PluginWarning, match=r"configure_client hook of plugin .*Bad.* failed: ZeroDivisionError"
    ):
        client = Client(server.url, plugins=[Bad()])

    assert client.send(Request("GET", "/x")).status_code == 200
