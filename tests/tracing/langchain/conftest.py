"""LangChain on smithkit, and what of it arrives in the embedded backend."""

from __future__ import annotations

from smithkit import compat

compat.install()  # before the test modules import LangChain

import pytest  # noqa: E402

from smithkit import Client, tracing_context  # noqa: E402


class Backend:
    """An embedded backend, and the trees of runs that a project of it holds."""

    def __init__(self, client, project) -> None:
        self.client = client
        self.project = project

    def roots(self, project=None):
        """The traces of a project, by default the test's own, with all their runs, oldest first."""
        from langchain_core.tracers.langchain import wait_for_all_tracers

        wait_for_all_tracers()
        self.client.flush()
        project = project or self.project
        if not self.client.has_project(project):
            return []
        found = self.client.list_runs(project_name=project, is_root=True)
        return [
            self.client.read_run(run.id, load_child_runs=True)
            for run in sorted(found, key=lambda run: run.start_time)
        ]

    def root(self, project=None):
        (run,) = self.roots(project)
        return run

    def shape(self, project=None):
        """The one trace of a project as nested (name, type, children)."""
        return shape(self.root(project))


def shape(run):
    children = sorted(run.child_runs or [], key=lambda child: child.dotted_order)
    return (run.name, run.run_type, [shape(child) for child in children])


@pytest.fixture(autouse=True)
def _langsmith_is_smithkit():
    compat.install()


@pytest.fixture(scope="session")
def _client(tmp_path_factory):
    client = Client(f"sqlite:///{tmp_path_factory.mktemp('langchain')}/runs.db")
    yield client
    client.close()


@pytest.fixture
def backend(_client, request):
    return Backend(_client, request.node.name)


@pytest.fixture
def traced(backend):
    """Everything in the test is traced into a project of its own."""
    with tracing_context(enabled=True, client=backend.client, project_name=backend.project):
        yield backend
