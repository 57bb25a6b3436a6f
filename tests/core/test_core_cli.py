"""The `smithkit` program: plugins, doctor and what plugins add."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from smithkit import __version__, cli, hooks
from smithkit.cli import CommandRegistry, main
from smithkit.errors import LangSmithUserError, PluginWarning


@pytest.fixture
def run(capsys):
    """Runs the program; gives (exit status, output, errors)."""

    def run(*arguments):
        status = main(arguments)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def doctor(capsys):
    """Runs the doctor; gives (exit status, findings by name)."""

    def run(*arguments):
        status = main(["doctor", "--json", *arguments])
        findings = {}
        for finding in json.loads(capsys.readouterr().out):
            findings.setdefault(finding["name"], finding)
        return status, findings

    return run


@pytest.fixture
def healthy(server, answer):
    server.at("/info", answer(body={"version": "1.2.3"}))
    server.at("/sessions", answer(body=[]))
    return server


def test_without_a_command_it_shows_its_help(run):
    status, out, _ = run()

    assert status == 2
    assert all(command in out for command in ("plugins", "doctor", "demo"))


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"smithkit {__version__}\n"


def test_a_command_that_nobody_has_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["nonsense"])

    assert caught.value.code == 2
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("start", [["-m", "smithkit.cli"], [str(Path(sys.executable).parent / "smithkit")]])
def test_it_is_a_program(site, start):
    if start[0].startswith("-"):
        done = site.run(*start, "--version")
    else:
        done = site.run("-c", f"import os; os.execv({start[0]!r}, ['smithkit', '--version'])")

    assert (done.returncode, done.stdout) == (0, f"smithkit {__version__}\n")


# ---------------------------------------------------------------- commands of plugins


class Greets:
    def __init__(self, run, name="greet") -> None:
        self.run, self.name = run, name

    @hooks.hookimpl
    def register_commands(self, cli):
        cli.add(
            self.name, help="say hello", run=self.run, configure=lambda parser: parser.add_argument("name")
        )


def test_a_plugin_adds_a_command(run, register):
    register(Greets(lambda arguments: print(f"hello {arguments.name}") or 0))  # noqa: T201 - a command speaks

    assert run("greet", "Ada") == (0, "hello Ada\n", "")
    assert "say hello" in run()[1]


def test_an_error_of_a_command_is_one_line(run, register):
    def fail(arguments):
        raise LangSmithUserError("not like this")

    register(Greets(fail))

    assert run("greet", "Ada") == (1, "", "smithkit: not like this\n")


def test_an_interrupted_command_ends_as_programs_do(run, register):
    def interrupt(arguments):
        raise KeyboardInterrupt

    register(Greets(interrupt))

    assert run("greet", "Ada")[0] == 130


def test_a_command_that_is_there_already_is_refused_and_the_others_stay(run, register):
    register(Greets(lambda arguments: 0, name="doctor"), "rude")

    with pytest.warns(PluginWarning, match="'rude' failed.*a command 'doctor' already"):
        assert run("plugins")[0] == 0


def test_the_registry_takes_commands():
    registry = CommandRegistry()
    registry.add("x", help="do x", run=lambda arguments: 0)

    assert registry.commands["x"] == cli.Command("x", "do x", registry.commands["x"].run)


# ---------------------------------------------------------------- plugins


def test_plugins_are_listed_with_what_they_add(run, register):
    register(Greets(lambda arguments: 0), "greeter")
    status, out, _ = run("plugins", "--json")

    records = {record["name"]: record for record in json.loads(out)}
    assert status == 0
    assert records["greeter"] == {
        "name": "greeter",
        "source": "registered",
        "status": "loaded",
        "reason": "",
        "methods": [],
        "hooks": ["register_commands"],
    }
    assert records["datasets"]["source"] == f"smithkit-datasets {__version__}"
    assert "read_dataset" in records["datasets"]["methods"]


def test_plugins_are_shown_as_a_table(run, register):
    register(Greets(lambda arguments: 0), "greeter")
    _, out, _ = run("plugins")

    rows = {line.split()[0]: line for line in out.splitlines()}
    assert "hook register_commands" in rows["greeter"]
    assert "methods" in rows["datasets"]


def test_tables_are_plain_without_rich(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    _, out, _ = run("plugins")

    assert out.splitlines()[0].split() == ["plugin", "from", "status", "adds"]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_broken_and_a_skipped_plugin_are_shown_with_the_reason(site, form):
    site.add("broken", "raise RuntimeError('out of order')")
    site.add("unwanted", "raise RuntimeError")
    done = site.run("-m", "smithkit.cli", "plugins", *form, SMITHKIT_DISABLE_PLUGINS="unwanted")

    assert done.returncode == 1
    assert "RuntimeError: out of order" in done.stdout
    assert "in SMITHKIT_DISABLE_PLUGINS" in done.stdout
    assert "smithkit: plugin 'broken' is left out: RuntimeError: out of order" in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- doctor


def test_a_healthy_set_up_passes(doctor, healthy, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", healthy.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", "top-secret-key")
    status, found = doctor()

    assert status == 0
    assert {name: finding["status"] for name, finding in found.items()} == dict.fromkeys(
        ("plugins", "proxy", "endpoint", "key", "server", "access"), "ok"
    )
    assert found["endpoint"]["found"] == f"{healthy.url} (LANGSMITH_ENDPOINT)"
    assert found["key"]["found"] == "set, 14 characters (LANGSMITH_API_KEY)"
    assert found["server"]["found"] == "API version 1.2.3"


def test_no_output_holds_a_secret(run, make_server, answer, monkeypatch):
    server = make_server(answer(401, body={"detail": "wrong key: s3cret-s3cret"}))
    monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url.replace("://", "://me:s3cret@"))
    monkeypatch.setenv("LANGSMITH_API_KEY", "s3cret-s3cret")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, value in {
        "HTTPS_PROXY": "http://me:s3cret@proxy.example:3128",
        "http_proxy": "me:s3cret@proxy.example:3128",
    }.items():
        monkeypatch.setenv(name, value)
    for form in ([], ["--json"]):
        status, out, err = run("doctor", *form)

        assert status == 1
        assert "s3cret" not in out + err
        assert "proxy.example:3128" in out


def test_a_table_is_followed_by_the_cures(run, server, monkeypatch):
    server.script(401)
    status, out, _ = run("doctor", "--api-url", server.url)

    assert status == 1
    assert "server: " in out
    assert "(--api-url)" in out


def test_a_wrong_key_is_told(doctor, healthy, answer):
    healthy.at("/sessions", answer(401, body={"detail": "Invalid token"}))
    status, found = doctor("--api-url", healthy.url)

    assert status == 1
    assert found["access"]["status"] == "failed"
    assert "LANGSMITH_API_KEY" in found["access"]["cure"]
    assert "region" in found["access"]["cure"]


@pytest.mark.parametrize("body", [{"detail": "Forbidden"}, {"error": "org_scoped_key_requires_workspace"}])
def test_a_missing_workspace_is_told(doctor, healthy, answer, body):
    healthy.at("/sessions", answer(403, body=body))
    status, found = doctor("--api-url", healthy.url)

    assert status == 1
    assert "LANGSMITH_WORKSPACE_ID" in found["access"]["cure"]


@pytest.mark.parametrize(("refusal", "cure"), [(404, "/api"), (429, "limit")])
def test_a_wrong_path_and_a_used_up_quota_are_told_apart(doctor, healthy, answer, refusal, cure):
    healthy.at("/sessions", answer(refusal))
    status, found = doctor("--api-url", healthy.url)

    assert status == 1
    assert cure in found["access"]["cure"]


def test_a_missing_key_is_a_warning(doctor, healthy):
    status, found = doctor("--api-url", healthy.url)

    assert (status, found["key"]["status"]) == (0, "warning")


def test_an_unreachable_endpoint_is_told(doctor, free_port):
    status, found = doctor("--api-url", f"http://127.0.0.1:{free_port}")

    assert status == 1
    assert "cannot be reached" in found["server"]["found"]
    assert "network" in found["server"]["cure"]


def test_an_endpoint_that_is_no_api_is_told(doctor, make_server, answer):
    page = make_server(answer(body=b"<html>Log in</html>", headers={"Content-Type": "text/html"}))
    status, found = doctor("--api-url", page.url)

    assert status == 1
    assert "text/html where JSON was expected" in found["server"]["found"]


def test_a_proxy_that_refuses_is_told(doctor, make_server, monkeypatch):
    proxy = make_server(407)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    status, found = doctor("--api-url", "http://a.example")

    assert status == 1
    assert found["proxy"]["found"] == f"HTTP_PROXY={proxy.url}, NO_PROXY=127.0.0.1" or proxy.url in str(found)
    assert "407" in found["server"]["found"]


def test_settings_that_contradict_each_other_are_told(doctor, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://a.example")
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", "{}")
    status, found = doctor()

    assert status == 1
    assert "LANGSMITH_RUNS_ENDPOINTS" in found["settings"]["found"]


def test_variables_that_differ_are_told(doctor, healthy, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", healthy.url)
    monkeypatch.setenv("LANGCHAIN_ENDPOINT", "http://b.example")
    status, found = doctor()

    assert (status, found["environment"]["status"]) == (0, "warning")
    assert found["environment"]["cure"] == "Unset LANGCHAIN_ENDPOINT."


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_ca_file_that_is_not_there_is_told(doctor, healthy, monkeypatch, tmp_path, variable):
    monkeypatch.setenv(variable, str(tmp_path / "gone.pem"))
    status, found = doctor("--api-url", healthy.url)
    assert status == 1
    assert (found["CA"]["status"], "does not exist" in found["CA"]["found"]) == ("failed", True)

    there = tmp_path / "ca.pem"
    there.touch()
    monkeypatch.setenv(variable, str(there))
    assert doctor("--api-url", healthy.url)[1]["CA"]["status"] == "ok"


def test_a_plugin_that_failed_is_told_with_the_cure(site, healthy):
    site.add("broken", "raise RuntimeError('out of order')")
    done = site.run("-m", "smithkit.cli", "doctor", "--json", "--api-url", healthy.url)

    finding = next(f for f in json.loads(done.stdout) if f["name"] == "plugins")
    assert done.returncode == 1
    assert finding["found"] == "broken (broken 1.0): RuntimeError: out of order"
    assert "SMITHKIT_DISABLE_PLUGINS=broken" in finding["cure"]
    assert "Traceback" not in done.stderr


def test_the_embedded_backend_is_healthy_without_key_and_network(doctor, tmp_path):
    status, found = doctor()

    assert status == 0, found
    assert found["endpoint"]["found"].startswith("sqlite:///")
    assert found["key"]["found"] == "none needed"
    assert found["server"]["found"].startswith("smithkit ")
    assert found["access"]["status"] == "ok"


def test_the_demo_without_the_whole_of_smithkit_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr("smithkit.cli._demo.importlib.util.find_spec", lambda name: None)
    status, _, err = run("demo")

    assert status == 1
    assert "pip install smithkit" in err
