"""The pytest plugin, as its users meet it: real sessions of pytest on the embedded backend."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import pytest

from smithkit import Client

pytestmark = pytest.mark.slow

SUITE = "suite-under-test"


@dataclass
class Outcome:
    """How a session ended."""

    code: int
    out: str

    def counts(self):
        """Outcome → number of tests, of the last line."""
        found = re.findall(r"(\d+) (passed|failed|skipped|error)", self.out.splitlines()[-1])
        return {kind: int(number) for number, kind in found}


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Runs pytest on a file of tests, in a folder and with a store of its own."""
    monkeypatch.setenv("LANGSMITH_TEST_SUITE", SUITE)
    for name in ("LANGSMITH_ENDPOINT", "LANGSMITH_API_KEY", "LANGSMITH_TRACING", "LANGSMITH_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)  # these sessions are nobody's workers
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")

    def run(source, *args):
        (tmp_path / "test_user.py").write_text(textwrap.dedent(source))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    return run


def dataset():
    return Client().read_dataset(dataset_name=SUITE)


def experiments():
    return list(Client().list_projects(reference_dataset_id=dataset().id))


def runs():
    (experiment,) = experiments()
    found = Client().list_runs(project_id=experiment.id, is_root=True)
    return {run.name: run for run in found}


def examples():
    return list(Client().list_examples(dataset_id=dataset().id))


def test_each_marked_test_is_a_run_of_an_experiment_and_an_example(session):
    done = session(
        """
        import pytest
        from smithkit import traceable
        from smithkit.testing import log_outputs, log_reference_outputs

        @traceable
        def double(number):
            return 2 * number

        @pytest.mark.langsmith(metadata={"level": "easy"}, split="small", output_keys=["want"])
        @pytest.mark.parametrize(("number", "want"), [(1, 2), (2, 4)])
        def test_doubles(number, want):
            log_reference_outputs({"want": want})
            got = double(number)
            log_outputs({"got": got})
            assert got == want

        def test_unmarked():
            pass
        """
    )

    assert done.counts() == {"passed": 3}, done.out
    assert f"smithkit: 2 tests of '{SUITE}' in experiment 'TestSuiteResult:" in done.out
    (experiment,) = experiments()
    found = list(Client().list_runs(project_id=experiment.id, is_root=True))
    kept = {example.id: example for example in examples()}
    assert sorted(example.inputs["number"] for example in kept.values()) == [1, 2]
    assert len(found) == 2
    for run in found:
        example = kept[run.reference_example_id]
        assert run.name == "test_doubles"
        assert run.inputs == example.inputs
        assert run.outputs == {"got": 2 * run.inputs["number"]}
        assert example.outputs == {"want": 2 * run.inputs["number"]}
        assert example.metadata == {"level": "easy", "dataset_split": ["small"]}
        assert run.metadata["ls_example_level"] == "easy"
    inner = list(Client().list_runs(project_id=experiment.id, is_root=False))
    assert {run.parent_run_id for run in inner if run.name == "double"} == {run.id for run in found}


def test_another_session_is_another_experiment_on_the_same_examples(session):
    source = """
        import pytest

        @pytest.mark.langsmith
        def test_one():
            pass
        """

    session(source)
    first = examples()
    session(source)

    assert len(experiments()) == 2
    assert [example.id for example in examples()] == [example.id for example in first]


def test_failures_and_skips_are_told(session):
    done = session(
        """
        import pytest

        @pytest.mark.langsmith
        def test_fails():
            assert 1 == 2

        @pytest.mark.langsmith
        def test_skips():
            pytest.skip("no reason")
        """
    )

    assert done.counts() == {"failed": 1, "skipped": 1}, done.out
    found = runs()
    assert found["test_fails"].error.startswith("AssertionError")
    assert found["test_skips"].error is None
    assert found["test_skips"].outputs == {"skipped_reason": "no reason"}


def test_verdicts_and_what_tests_judge_are_feedback(session):
    session(
        """
        import pytest
        from smithkit import expect
        from smithkit.testing import log_feedback, log_outputs, trace_feedback

        @pytest.mark.langsmith
        def test_passes():
            log_outputs({"answer": "yes"})
            log_feedback(key="short", score=0.5)
            with trace_feedback(name="judge"):
                log_feedback(key="polite", score=1)
            expect("yes").to_contain("y")

        @pytest.mark.langsmith
        def test_fails():
            expect(1).to_equal(2)

        @pytest.mark.langsmith
        def test_skips():
            pytest.skip("no reason")
        """
    )

    client = Client()
    given = {
        name: {item.key: item for item in client.list_feedback(run_ids=[run.id])}
        for name, run in runs().items()
    }
    scores = {name: {key: item.score for key, item in items.items()} for name, items in given.items()}
    assert scores == {
        "test_passes": {"pass": 1, "short": 0.5, "polite": 1, "expectation": 1},
        "test_fails": {"pass": 0, "expectation": 0},
        "test_skips": {"pass": None},
    }
    (judge,) = client.list_runs(project_name="evaluators")
    assert (judge.name, judge.inputs) == ("judge", {"answer": "yes"})
    source = given["test_passes"]["polite"].feedback_source.metadata
    assert source["__run"]["run_id"] == str(judge.id)


def test_coroutines_are_tests_with_either_plugin(session):
    done = session(
        """
        import asyncio
        import pytest
        from smithkit.testing import log_outputs

        @pytest.mark.langsmith
        @pytest.mark.asyncio
        async def test_asyncio():
            await asyncio.sleep(0)
            log_outputs({"with": "asyncio"})

        @pytest.mark.langsmith
        @pytest.mark.anyio
        async def test_anyio():
            await asyncio.sleep(0)
            log_outputs({"with": "anyio"})

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
        """
    )

    assert done.counts() == {"passed": 2}, done.out
    assert {run.outputs["with"] for run in runs().values()} == {"asyncio", "anyio"}


def test_repetitions_are_tests_of_their_own_with_one_example(session):
    done = session(
        """
        import pytest

        @pytest.mark.langsmith(repetitions=3)
        @pytest.mark.parametrize("number", [7])
        def test_again(number):
            pass
        """
    )

    assert done.counts() == {"passed": 3}, done.out
    (experiment,) = experiments()
    found = list(Client().list_runs(project_id=experiment.id, is_root=True))
    (example,) = examples()
    assert [run.reference_example_id for run in found] == [example.id] * 3
    assert example.inputs == {"number": 7}


def test_the_workers_of_xdist_share_an_experiment(session):
    done = session(
        """
        import pytest

        @pytest.mark.langsmith
        @pytest.mark.parametrize("number", range(4))
        def test_number(number):
            pass
        """,
        "-n2",
    )

    assert done.counts() == {"passed": 4}, done.out
    (experiment,) = experiments()
    assert len(list(Client().list_runs(project_id=experiment.id, is_root=True))) == 4
    assert len(examples()) == 4


def test_without_tracking_tests_run_and_nothing_is_sent(session, monkeypatch):
    monkeypatch.setenv("LANGSMITH_TEST_TRACKING", "false")

    done = session(
        """
        import pytest
        from smithkit.testing import expect, log_feedback, log_inputs, trace_feedback

        @pytest.mark.langsmith
        def test_logs():
            log_inputs({"a": 1})
            with trace_feedback() as run:
                assert run is None
                log_feedback(key="good", score=1)
            expect(1).to_equal(1)
        """
    )

    assert done.counts() == {"passed": 1}, done.out
    assert not Client().has_dataset(dataset_name=SUITE)


def test_without_the_plugin_tests_run_plainly_and_logging_says_what_is_missing(session):
    done = session(
        """
        import pytest
        from smithkit.testing import log_inputs

        def test_plain():
            with pytest.raises(ValueError, match="smithkit-evaluation"):
                log_inputs({"a": 1})
        """,
        "-p",
        "no:smithkit",
    )

    assert done.counts() == {"passed": 1}, done.out
    assert not Client().has_dataset(dataset_name=SUITE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'suite'", "Name the arguments"),
        ("repetition=2", "Unknown: repetition"),
        ("repetitions=0", "repetitions must be a whole number from 1 on"),
        ("id='no-uuid'", "id must be a UUID"),
        ("output_keys='want'", "output_keys must be a list of texts"),
        ("client=1", "client must be a smithkit.Client"),
    ],
)
def test_a_wrong_mark_is_refused_before_any_test_runs(session, arguments, message):
    done = session(
        f"""
        import pytest

        def test_runs_first():
            print("RAN")

        @pytest.mark.langsmith({arguments})
        def test_marked():
            pass
        """,
        "-s",
    )

    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert re.search(f"test_marked.*{message}", done.out)
    assert "RAN" not in done.out


def test_a_backend_that_refuses_the_suite_fails_the_test_before_it_runs(session, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("LANGSMITH_API_KEY", "key")

    done = session(
        """
        import pytest

        @pytest.mark.langsmith
        def test_marked():
            print("RAN")
        """,
        "-s",
    )

    assert done.counts() == {"failed": 1}, done.out
    assert "LangSmithConnectionError" in done.out
    assert "\nRAN" not in done.out


def test_the_table_shows_what_tests_logged(session):
    done = session(
        """
        import pytest
        from smithkit.testing import log_feedback, log_outputs

        @pytest.mark.langsmith
        @pytest.mark.parametrize("word", ["tea"])
        def test_word(word):
            log_outputs({"shout": "TEA"})
            log_feedback(key="loud", score=0.75)
        """,
        "--langsmith-output",
    )

    assert f"{SUITE}: TestSuiteResult" in done.out
    assert re.search(r'test_word.*"tea".*"TEA".*passed.*loud: 0\.75', done.out)


def test_the_table_shows_what_workers_tell(session):
    done = session(LOGGING, "--langsmith-output", "-n2")

    assert len(re.findall(f"{SUITE}: TestSuiteResult", done.out)) == 1
    for number in range(4):
        assert re.search(rf"test_number\[{number}\].*passed.*loud: {number}", done.out), done.out
    assert f"smithkit: 4 tests of '{SUITE}'" in done.out


LOGGING = """
    import pytest
    from smithkit.testing import log_feedback

    @pytest.mark.langsmith
    @pytest.mark.parametrize("number", range(4))
    def test_number(number):
        print("CAPTURED")
        log_feedback(key="loud", score=number)
    """


def test_on_a_terminal_the_table_grows_while_tests_run(session, tmp_path):
    session(LOGGING)  # writes the file
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "60"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--langsmith-output"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        written = all_of(leader)
    os.close(leader)

    assert process.returncode == 0, written
    assert "CAPTURED" not in written
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", written)
    assert "running test_number[3]" in shown
    tables = shown.split("Reference outputs")
    rows = [len(re.findall(r"loud: \d", table)) for table in tables[1:]]
    assert set(rows) == {1, 2, 3, 4}
    assert rows == sorted(rows)


def all_of(terminal):
    parts = []
    with contextlib.suppress(OSError):  # how Linux says that nobody writes any more
        while part := os.read(terminal, 65536):
            parts.append(part)
    return b"".join(parts).decode()


def test_the_plugin_of_the_reference_steps_aside(session):
    pytest.importorskip("langsmith")

    done = session(
        """
        import sys
        import pytest

        @pytest.mark.langsmith
        def test_one(request):
            assert not request.config.pluginmanager.has_plugin("langsmith_plugin")
        """
    )

    assert done.counts() == {"passed": 1}, done.out
    assert "smithkit: runs the tests marked with langsmith;" in done.out
    assert len(runs()) == 1


def test_sessions_without_the_mark_load_none_of_the_machinery(session, tmp_path):
    loaded = tmp_path / "loaded.json"

    done = session(
        f"""
        import json, pathlib, sys

        def test_one():
            names = [name for name in sys.modules if name.startswith("smithkit")]
            pathlib.Path({str(loaded)!r}).write_text(json.dumps(names))
        """
    )

    assert done.counts() == {"passed": 1}, done.out
    assert set(json.loads(loaded.read_text())) == {
        "smithkit",
        "smithkit._lazy",
        "smithkit._namespace",
        "smithkit.evaluation",
        "smithkit.evaluation.pytest_plugin",
    }


def test_experiments_tell_of_the_commit(session, tmp_path):
    for command in (
        ["git", "init", "-q", "-b", "trunk"],
        [
            "git",
            "-c",
            "user.name=Ada",
            "-c",
            "user.email=ada@example.com",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "x",
        ],
        ["git", "remote", "add", "origin", "https://me:secret@example.com/repo.git"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)

    session(
        """
        import pytest

        @pytest.mark.langsmith
        def test_one():
            pass
        """
    )

    (experiment,) = experiments()
    metadata = experiment.metadata
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert (metadata["commit"], metadata["branch"]) == (commit, "trunk")
    assert metadata["author_name"] == "Ada"
    assert metadata["remote_url"] == "https://example.com/repo.git"
    assert metadata["__ls_runner"] == "pytest"
    tags = {
        tag
        for version in Client().list_dataset_versions(dataset_id=dataset().id)
        for tag in version.tags or ()
    }
    assert {f"git:commit:{commit}", "git:branch:trunk"} <= tags


def test_decorated_functions_record_themselves_outside_of_pytest(session, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from smithkit import test\n"
        f"@test(test_suite_name={SUITE!r}, repetitions=2)\n"
        "def check(number=1):\n"
        "    return {'double': 2 * number}\n"
        "check(number=4)\n"
    )

    subprocess.run([sys.executable, str(program)], check=True, cwd=tmp_path, timeout=120)

    assert runs()["check"].outputs == {"double": 8}
    (example,) = examples()
    assert example.inputs == {"number": 4}
