"""A test suite of one session: its dataset, its experiment, and what is sent for each test.

Tests wait for the first test of a suite to create both. All else is sent in the background, and awaited
when the session ends.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithConflictError, LangSmithNotFoundError
from smithkit.evaluation._git import git_info
from smithkit.evaluation.testing import _naming

if TYPE_CHECKING:
    import datetime as dt

    from smithkit.datasets.schemas import Dataset, Example
    from smithkit.evaluation.testing._case import Case
    from smithkit.tracing.schemas import TracerSession

__all__ = ["Suite", "finish_suites", "suite_of"]

_log = logging.getLogger("smithkit.evaluation")
_RUNNER = {"__ls_runner": "pytest"}
_SENDERS = 4
_lock = threading.Lock()
_suites: dict[tuple[int, str], Suite] = {}


class Suite:
    """The dataset and the experiment of the tests of one suite.

    Args:
        name: The dataset's name; it is created if it is missing.
        client: Client to send with.

    Attributes:
        name: See above.
        dataset: The dataset.
        experiment: The experiment.
        cases: The tests so far.
        failures: What could not be sent, a text each.

    Raises:
        LangSmithError: The server refused dataset or experiment, or could not be asked.
    """

    def __init__(self, name: str, client: Any) -> None:
        self.name = name
        self.dataset = _dataset(client, name)
        self.experiment = _experiment(client, name, self.dataset)
        self.cases: list[Case] = []
        self.failures: list[str] = []
        self._client = client
        self._version: dt.datetime | None = None
        self._lock = threading.Lock()
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="smithkit-tests")

    def send(self, case: Case) -> None:
        """Send what a test that has ended tells, in the background."""
        if case.example_id is None:
            case.example_id = _naming.example_id(
                self.dataset, self.name, case.function, case.inputs, case.returned
            )
        self.cases.append(case)
        self._senders.submit(self._guarded, self._example, case)
        self._senders.submit(self._guarded, self._passed, case)

    def feedback(self, case: Case, fields: dict[str, Any]) -> None:
        """Give feedback on a test's run, in the background."""
        self._senders.submit(self._guarded, self._give, case, fields)

    def finish(self) -> None:
        """Wait until all is sent, then tell the experiment of commit and dataset version."""
        self._senders.shutdown(wait=True)
        self._guarded(self._close)

    def told(self) -> dict[str, Any]:
        """What there is to say of it at the end, as plain values."""
        return {
            "name": self.name,
            "experiment": self.experiment.name,
            "tests": len(self.cases),
            "failures": self.failures,
        }

    def _guarded(self, step: Any, *arguments: Any) -> None:
        """A backend that fails must not fail the user's tests."""
        try:
            step(*arguments)
        except Exception as error:  # noqa: BLE001 - see above
            self.failures.append(f"{type(error).__name__}: {error}")
            _log.warning("Test suite %r is not recorded completely: %s", self.name, error)

    def _passed(self, case: Case) -> None:
        score = {"passed": 1, "failed": 0, "skipped": None}[case.status]
        self._give(case, {"key": "pass", "score": score})

    def _give(self, case: Case, fields: dict[str, Any]) -> None:
        run = case.run
        if run is not None:
            self._client.create_feedback(run.id, trace_id=run.trace_id, **fields)

    def _example(self, case: Case) -> None:
        try:
            with self._lock:  # repetitions share an example
                example = self._synchronized(case)
            moment = example.modified_at or example.created_at
            if moment is not None:
                self._version = max(self._version or moment, moment)
        finally:
            if case.run is not None:
                case.run.reference_example_id = case.example_id
                case.run.add_metadata({"reference_example_id": str(case.example_id)})
                case.run.patch()

    def _synchronized(self, case: Case) -> Example:
        key = case.example_id
        fields = _example_fields(case)
        try:
            example: Example = self._client.read_example(key)
        except LangSmithNotFoundError:
            try:
                created: Example = self._client.create_example(
                    example_id=key,
                    dataset_id=self.dataset.id,
                    created_at=self.experiment.start_time,
                    **fields,
                )
            except LangSmithConflictError:  # another worker of pytest-xdist was first
                created = self._client.read_example(key)
            return created
        if _differs(example, fields, self.dataset):
            self._client.update_example(key, dataset_id=self.dataset.id, **fields)
            example = self._client.read_example(key)
        return example

    def _close(self) -> None:
        git = git_info()
        version = self._version.isoformat() if self._version else None
        metadata = {**git, "dataset_version": version, "revision_id": _revision(), **_RUNNER}
        self._client.update_project(self.experiment.id, metadata=metadata)
        if version is None:
            return
        for kind in ("commit", "branch"):
            if git.get(kind):
                self._client.update_dataset_tag(
                    dataset_id=self.dataset.id, as_of=version, tag=f"git:{kind}:{git[kind]}"
                )


def suite_of(case: Case) -> Suite:
    """The suite that a test belongs to, created at its first test.

    Raises:
        LangSmithError: The server refused dataset or experiment, or could not be asked.
    """
    client = case.client()
    name = case.options.test_suite_name or _naming.suite_name(case.function.__module__)
    with _lock:
        suite = _suites.get((id(client), name))
        if suite is None:
            suite = _suites[id(client), name] = Suite(name, client)
        return suite


def finish_suites() -> list[Suite]:
    """Finish the suites of the session; the next tests begin new experiments.

    Returns:
        The suites.
    """
    with _lock:
        suites = list(_suites.values())
        _suites.clear()
    for suite in suites:
        suite.finish()
    return suites


atexit.register(finish_suites)  # for tests that no pytest session ends


def _dataset(client: Any, name: str) -> Dataset:
    try:
        found: Dataset = client.read_dataset(dataset_name=name)
    except LangSmithNotFoundError:
        try:
            found = client.create_dataset(
                name, description="Made by the tests of this suite.", metadata=_RUNNER
            )
        except LangSmithConflictError:  # another worker was first
            found = client.read_dataset(dataset_name=name)
    return found


def _experiment(client: Any, suite: str, dataset: Dataset) -> TracerSession:
    name = _naming.experiment_name(suite)
    try:
        made: TracerSession = client.create_project(
            name,
            description="Results of a test session.",
            metadata={"revision_id": _revision(), **_RUNNER},
            reference_dataset_id=dataset.id,
        )
    except LangSmithConflictError:  # the workers of one pytest-xdist run share it
        made = client.read_project(project_name=name)
    return made


def _revision() -> str | None:
    return os.environ.get("LANGCHAIN_REVISION_ID")


def _example_fields(case: Case) -> dict[str, Any]:
    return {
        "inputs": case.inputs,
        "outputs": case.reference_outputs or None,
        "metadata": case.options.metadata,
        "split": case.options.split,
    }


def _differs(example: Example, fields: dict[str, Any], dataset: Dataset) -> bool:
    """Whether an example has to change; what the test does not say stays as it is."""
    metadata = dict(example.metadata or {})
    split = metadata.pop("dataset_split", None)
    wanted = [fields["split"]] if isinstance(fields["split"], str) else fields["split"]
    return (
        example.dataset_id != dataset.id
        or example.inputs != fields["inputs"]
        or (fields["outputs"] is not None and example.outputs != fields["outputs"])
        or (fields["metadata"] is not None and metadata != fields["metadata"])
        or (wanted is not None and split != wanted)
    )
