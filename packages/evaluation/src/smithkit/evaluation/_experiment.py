"""An experiment: the examples that it is about and the project that its runs are in."""

from __future__ import annotations

import functools
import itertools
import random
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smithkit import environment
from smithkit.errors import LangSmithConflictError
from smithkit.evaluation._git import git_info
from smithkit.evaluation._steps import everything

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.datasets.schemas import Example
    from smithkit.operations import Flow
    from smithkit.tracing.schemas import TracerSession

__all__ = [
    "Experiment",
    "examples_of",
    "existing",
    "metadata_of",
    "new_name",
    "project_of",
    "required_dataset",
    "runs_of",
    "started",
]

_ATTEMPTS = 10
_git_info = functools.cache(git_info)  # an experiment is about the code as it was loaded
_WORDS = (
    "amber brisk calm clear crisp deft eager fair fleet fresh gentle keen light lucid mellow neat plain prime "
    "quick quiet ready sharp smooth solid spry steady sunny terse vivid warm"
).split()
_THINGS = (
    "acorn anchor arch aspen badger birch brook canyon cedar comet delta ember falcon fjord gull harbor heron "
    "lark lichen maple marten meadow otter pebble pine raven reef spruce summit wren"
).split()


@dataclass(slots=True)
class Experiment:
    """An experiment that runs, or that is judged again.

    Attributes:
        name: Its name.
        project: Its project; None if nothing is uploaded.
        examples: Its examples, each once.
        metadata: What is said about it.
        repetitions: How often each example is answered.
    """

    name: str
    project: TracerSession | None
    examples: Sequence[Example]
    metadata: dict[str, Any] = field(default_factory=dict)
    repetitions: int = 1

    def facts(self) -> dict[str, Any]:
        """Metadata of the project once all examples are answered."""
        assert self.project is not None  # noqa: S101 - who uploads has a project
        return {
            **self.project.metadata,
            **self.metadata,
            "num_repetitions": self.repetitions,
            "git": _git_info(),
            "dataset_version": _version(self.examples),
            "dataset_splits": _splits(self.examples),
        }


def examples_of(client: Any, data: Any, *, attachments: bool) -> Flow[list[Example]]:
    """The examples that `data` means.

    Args:
        client: The client.
        data: A dataset's name, id or object, or examples.
        attachments: Whether attachments are wanted.

    Raises:
        ValueError: There are none.
        TypeError: Something in it is no example.
        LangSmithNotFoundError: There is no such dataset.
    """
    if (
        isinstance(data, Iterable)
        and not isinstance(data, (str, Mapping))
        and not hasattr(data, "example_count")
    ):
        examples = list(data)
    else:
        query = {**_dataset(data), **({"include_attachments": True} if attachments else {})}
        examples = yield from everything(type(client).list_examples(client, **query))
    if not examples:
        raise ValueError("There are no examples: data is empty.")
    for example in examples:
        if not hasattr(example, "inputs") or not hasattr(example, "dataset_id"):
            raise TypeError(f"data must hold examples, not {type(example).__name__}.")
    return examples


def started(client: Any, experiment: Experiment, prefix: str | None, description: str | None) -> Flow[None]:
    """Create the project of a new experiment, under another name if its name is taken.

    Args:
        client: The client.
        experiment: The experiment, which gets the project.
        prefix: What its name begins with.
        description: A text for people.
    """
    name = first = new_name(prefix)
    fields = {
        "metadata": {**experiment.metadata, "git": _git_info()},
        "reference_dataset_id": experiment.examples[0].dataset_id,
        "description": description,
    }
    for attempt in itertools.count(1):
        try:
            project = yield from type(client).create_project(client, name, **fields)
        except LangSmithConflictError:
            if attempt == _ATTEMPTS:
                raise
            name = f"{first}-{uuid.uuid4().hex[:6]}"
        else:
            experiment.project, experiment.name = project, str(project.name)
            return


def new_name(prefix: str | None) -> str:
    """A name for an experiment.

    Args:
        prefix: What it begins with; None for words by chance.
    """
    if prefix:
        return f"{prefix}-{uuid.uuid4().hex[:8]}"
    chance = random.SystemRandom()
    return f"{chance.choice(_WORDS)}-{chance.choice(_THINGS)}-{chance.randrange(10, 10_000)}"


def metadata_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is said about a new experiment and about each of its runs."""
    return {"revision_id": environment.get("REVISION_ID"), **(given or {}), "__ls_runner": "py_sdk_evaluate"}


def project_of(client: Any, experiment: Any) -> Flow[TracerSession]:
    """The project of an experiment.

    Args:
        client: The client.
        experiment: Its name, its id or the project itself.

    Raises:
        LangSmithNotFoundError: There is none.
    """
    if hasattr(experiment, "reference_dataset_id"):
        project: TracerSession = experiment
        return project
    known = _as_uuid(experiment)
    by = {"project_id": known} if known is not None else {"project_name": str(experiment)}
    found: TracerSession = yield from type(client).read_project(client, **by)
    return found


def existing(
    client: Any, experiment: Any, *, load_nested: bool = False, attachments: bool = False
) -> Flow[tuple[Experiment, list[tuple[Any, Example]]]]:
    """An experiment that is there, with its runs and the examples that they answer.

    Args:
        client: The client.
        experiment: Its name, its id or its project.
        load_nested: Whether to load whole traces.
        attachments: Whether attachments are wanted.

    Raises:
        ValueError: It has no dataset, or no runs.
        LangSmithNotFoundError: There is none.
    """
    project = yield from project_of(client, experiment)
    dataset_id = required_dataset(project)
    named = isinstance(experiment, str) and _as_uuid(experiment) is None
    runs = yield from runs_of(client, project, by_name=named, load_nested=load_nested)
    query = {"dataset_id": dataset_id, "as_of": project.metadata.get("dataset_version")}
    if attachments:
        query["include_attachments"] = True
    found = yield from everything(type(client).list_examples(client, **query))
    examples = {example.id: example for example in found}
    pairs = [
        (run, examples[run.reference_example_id]) for run in runs if run.reference_example_id in examples
    ]
    if not pairs:
        raise ValueError(f"The experiment {project.name!r} has no runs on examples of its dataset.")
    return Experiment(str(project.name), project, [example for _, example in pairs]), pairs


def required_dataset(project: TracerSession) -> uuid.UUID:
    """The dataset of an experiment's project.

    Raises:
        ValueError: It has none.
    """
    if project.reference_dataset_id is None:
        raise ValueError(f"The project {project.name!r} has no dataset, so it is no experiment.")
    return project.reference_dataset_id


def runs_of(
    client: Any, project: TracerSession, *, by_name: bool = False, load_nested: bool = False
) -> Flow[list[Any]]:
    """The root runs of an experiment, in the order of their start.

    Args:
        client: The client.
        project: Its project.
        by_name: Whether to ask by its name.
        load_nested: Whether the children are wanted.
    """
    query: dict[str, Any] = {"project_name": project.name} if by_name else {"project_id": project.id}
    if not load_nested:
        query["is_root"] = True
    runs = yield from everything(type(client).list_runs(client, **query))
    if load_nested:
        runs = _trees(runs)
    return sorted(runs, key=lambda run: run.dotted_order or "")


def _trees(runs: list[Any]) -> list[Any]:
    """Root runs with their children in place, all in order."""
    by_id = {run.id: run for run in runs}
    roots = []
    for run in sorted(runs, key=lambda run: run.dotted_order or ""):
        parent = by_id.get(run.parent_run_id)
        if run.parent_run_id is None:
            roots.append(run)
        elif parent is not None:
            parent.child_runs = [*(parent.child_runs or []), run]
    return roots


def _dataset(data: Any) -> dict[str, Any]:
    identifier = getattr(data, "id", data)
    known = _as_uuid(identifier)
    if known is not None:
        return {"dataset_id": known}
    if not isinstance(data, str):
        raise TypeError(
            f"data must be a dataset's name, id or object, or examples, not {type(data).__name__}."
        )
    return {"dataset_name": data}


def _as_uuid(value: Any) -> uuid.UUID | None:
    try:
        return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
    except (AttributeError, TypeError, ValueError):
        return None


def _version(examples: Sequence[Example]) -> str | None:
    changes = [example.modified_at for example in examples if example.modified_at is not None]
    return max(changes).isoformat() if changes else None


def _splits(examples: Sequence[Example]) -> list[str]:
    splits: set[str] = set()
    for example in examples:
        given = (example.metadata or {}).get("dataset_split")
        splits.update(given if isinstance(given, list) else ["base"])
    return sorted(splits)
