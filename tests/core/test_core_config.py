"""Settings: arguments before environment before defaults, and which backend they mean."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from smithkit import Client, config, environment
from smithkit.config import CLOUD_URL, choose_backend, home, host_url, resolve
from smithkit.errors import LangSmithUserError


@pytest.fixture
def no_server_package(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        config.importlib.util, "find_spec", lambda name: None if name == "smithkit.server" else found(name)
    )


@pytest.fixture
def server_package(monkeypatch):
    monkeypatch.setattr(config.importlib.util, "find_spec", lambda name: object())


SETTINGS = [
    ("api_url", "ENDPOINT", "http://{}.example"),
    ("api_key", "API_KEY", "key-{}"),
    ("workspace_id", "WORKSPACE_ID", "workspace-{}"),
]


@pytest.mark.parametrize(("setting", "variable", "form"), SETTINGS)
def test_an_argument_counts_before_the_environment(monkeypatch, setting, variable, form):
    monkeypatch.setenv(f"LANGSMITH_{variable}", form.format("env"))

    assert getattr(resolve(**{setting: form.format("arg")}), setting) == form.format("arg")


@pytest.mark.parametrize(("setting", "variable", "form"), SETTINGS)
def test_langsmith_variables_count_before_langchain_variables(monkeypatch, setting, variable, form):
    monkeypatch.setenv(f"LANGCHAIN_{variable}", form.format("second"))
    assert getattr(resolve(), setting) == form.format("second")

    monkeypatch.setenv(f"LANGSMITH_{variable}", form.format("first"))
    assert getattr(resolve(), setting) == form.format("first")


@pytest.mark.parametrize(("setting", "variable", "form"), SETTINGS)
def test_a_blank_variable_counts_as_unset(monkeypatch, setting, variable, form):
    monkeypatch.setenv(f"LANGSMITH_{variable}", "  ")
    monkeypatch.setenv(f"LANGCHAIN_{variable}", form.format("second"))

    assert getattr(resolve(), setting) == form.format("second")


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize(("setting", "variable", "form"), SETTINGS)
def test_blanks_and_quotes_around_values_are_taken_off(monkeypatch, setting, variable, form, quote):
    value = form.format("x")
    quoted = f" {quote}{value}{quote} "
    assert getattr(resolve(**{setting: quoted}), setting) == value

    monkeypatch.setenv(f"LANGSMITH_{variable}", quoted)
    assert getattr(resolve(), setting) == value


def test_an_empty_key_means_no_key_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("LANGSMITH_API_KEY", "env")

    assert resolve(api_url="http://a.example", api_key="").api_key is None


def test_a_slash_at_the_end_of_the_url_is_taken_off():
    assert resolve(api_url="http://a.example/api/").api_url == "http://a.example/api"


def test_nothing_is_kept_between_clients(monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://one.example")
    first = Client()
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://two.example")

    assert (first.api_url, Client().api_url) == ("http://one.example", "http://two.example")


def test_several_endpoints_are_all_written_to_and_the_first_is_read_from():
    resolved = resolve(api_urls={"http://a.example/": " ka ", "http://b.example": ""})

    assert (resolved.api_url, resolved.api_key) == ("http://a.example", "ka")
    assert resolved.write_endpoints == {"http://a.example": "ka", "http://b.example": None}


def test_one_endpoint_is_also_the_one_that_is_written_to():
    assert resolve(api_url="http://a.example", api_key="k").write_endpoints == {"http://a.example": "k"}


@pytest.mark.parametrize(
    "settings",
    [
        {"api_url": "http://a.example", "api_urls": {"http://b.example": "k"}},
        {"api_urls": {}},
        {"api_urls": {" ": "k"}},
        {"api_url": " "},
        {"api_url": "''"},
        {"api_url": "http://a.example:port"},
        {"api_url": "http://[a.example"},
        {"api_url": "http://a.example", "timeout_ms": (1, 2, 3)},
        {"api_url": "http://a.example", "timeout_ms": "soon"},
    ],
)
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(LangSmithUserError):
        resolve(**settings)


@pytest.mark.parametrize("second", ["LANGSMITH_RUNS_ENDPOINTS", "LANGCHAIN_RUNS_ENDPOINTS"])
@pytest.mark.parametrize("first", ["LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"])
def test_two_variables_that_name_endpoints_contradict_each_other(monkeypatch, first, second):
    monkeypatch.setenv(first, "http://a.example")
    monkeypatch.setenv(second, '{"http://b.example": "k"}')

    with pytest.raises(LangSmithUserError, match="LANGSMITH_RUNS_ENDPOINTS"):
        resolve()


def test_a_refused_url_is_named_without_its_password():
    with pytest.raises(LangSmithUserError) as caught:
        resolve(api_url="http://me:secret@a.example:port")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "milliseconds"),
    [(None, (10_000, 90_001)), (500, (500, 500)), ((1, 2), (1, 2)), (1500.0, (1500, 1500))],
)
def test_time_limits_are_one_number_or_two(given, milliseconds):
    resolved = resolve(api_url="http://a.example", timeout_ms=given)

    assert resolved.timeout_ms == milliseconds
    assert resolved.timeout == (milliseconds[0] / 1000, milliseconds[1] / 1000)


def test_with_a_key_the_backend_is_the_cloud(server_package):
    assert resolve(api_key="k").api_url == CLOUD_URL


def test_without_a_key_the_backend_is_the_file_in_smithkits_home(server_package, tmp_path):
    resolved = resolve()

    assert resolved.api_url == f"sqlite:///{(tmp_path / 'smithkit.db').as_posix()}"
    assert resolved.embedded


def test_without_key_and_server_package_the_backend_is_the_cloud(no_server_package):
    assert resolve().api_url == CLOUD_URL


def test_an_option_of_a_remote_server_means_the_cloud(server_package):
    assert resolve(info={"version": "1"}).api_url == CLOUD_URL
    assert choose_backend(has_key=False, names_remote=True) == CLOUD_URL


def test_an_endpoint_of_the_environment_counts_before_the_backend_on_this_machine(
    server_package, monkeypatch
):
    monkeypatch.setenv("LANGCHAIN_ENDPOINT", "http://a.example")

    assert resolve().api_url == "http://a.example"


def test_home_is_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("SMITHKIT_HOME", " ~/smith ")

    assert home() == Path.home() / "smith"


def test_home_is_the_platforms_folder_otherwise(monkeypatch):
    monkeypatch.delenv("SMITHKIT_HOME")

    assert home().name == "smithkit"
    assert home().is_absolute()


@pytest.mark.parametrize(
    ("api_url", "host"),
    [
        ("http://127.0.0.1:1984", "http://localhost"),
        ("http://0.0.0.0:80/api", "http://localhost"),
        ("http://localhost:1984", "http://localhost"),
        ("http://[::1]:1984", "http://localhost"),
        ("sqlite:///runs.db", "http://localhost"),
        ("https://smith.example/api", "https://smith.example"),
        ("https://smith.example:8443/team/api/v1", "https://smith.example:8443/team"),
        ("https://me:secret@smith.example/api", "https://smith.example"),
        ("https://eu.api.smith.langchain.com", "https://eu.smith.langchain.com"),
        ("https://dev.api.smith.langchain.com", "https://dev.smith.langchain.com"),
        ("https://beta.api.smith.langchain.com", "https://beta.smith.langchain.com"),
        (CLOUD_URL, "https://smith.langchain.com"),
    ],
)
def test_links_point_to_the_host_that_belongs_to_the_api(api_url, host):
    assert host_url(resolve(api_url=api_url)) == host


def test_links_point_to_the_given_host():
    assert host_url(resolve(api_url=CLOUD_URL, web_url="http://web.example")) == "http://web.example"


def test_settings_do_not_show_secrets():
    shown = repr(resolve(api_url="http://a.example", api_key="secret", headers={"X": "secret"}))

    assert "secret" not in shown


def test_settings_do_not_change_with_what_they_were_made_of():
    headers = {"X": "1"}
    resolved = resolve(api_url="http://a.example", headers=headers)
    headers["X"] = "2"

    assert resolved.headers == {"X": "1"}


def test_variables_are_looked_up_in_their_order():
    assert environment.names("X") == ("LANGSMITH_X", "LANGCHAIN_X")


def test_a_variable_is_read_anew_each_time(monkeypatch):
    assert environment.get("SOME", "default") == "default"
    monkeypatch.setitem(os.environ, "LANGCHAIN_SOME", "a")
    assert environment.get("SOME") == "a"
    monkeypatch.setitem(os.environ, "LANGSMITH_SOME", " ")
    assert environment.get("SOME") == "a"


@pytest.mark.parametrize(
    ("value", "true", "truish"),
    [
        ("true", True, True),
        ("True", False, True),
        ("TRUE ", False, True),
        ("1", False, True),
        ("yes", False, False),
        ("", False, False),
        ("0", False, False),
    ],
)
def test_switches_are_true_or_truish(monkeypatch, value, true, truish):
    monkeypatch.setenv("LANGSMITH_SWITCH", value)

    assert (environment.is_true("SWITCH"), environment.is_truish("SWITCH")) == (true, truish)
