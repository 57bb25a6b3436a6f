"""What `@pytest.mark.langsmith(...)` and `@test(...)` say, checked before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID  # noqa: TC003 - a dataclass of slots

from smithkit import environment
from smithkit.arguments import as_uuid
from smithkit.errors import LangSmithUserError

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a test is recorded.

    Attributes:
        id: The example's id. Default: one that follows from the test's inputs.
        output_keys: Arguments of the test that are no inputs.
        client: Client for dataset, experiment, examples and feedback. Default: the one that runs are sent with.
        test_suite_name: The dataset. Default: ``LANGSMITH_TEST_SUITE``, else repository and module.
        metadata: Metadata of the example, and of the run with ``ls_example_`` before each key.
        repetitions: How often the test runs.
        split: Split, or splits, of the dataset that the example is in.
        cached_hosts: Hosts, or beginnings of URLs, whose answers are kept. Default: all but LangSmith's.
        cache: Folder in which answers are kept, to be given again. Default: ``LANGSMITH_TEST_CACHE``, else none.
    """

    id: UUID | None = None
    output_keys: tuple[str, ...] = ()
    client: Any = None
    test_suite_name: str | None = None
    metadata: dict[str, Any] | None = None
    repetitions: int = 1
    split: str | list[str] | None = None
    cached_hosts: tuple[str, ...] | None = None
    cache: str | None = None

    @property
    def folder(self) -> str | None:
        """Where the answers of HTTP servers are kept; None for nowhere."""
        return self.cache or environment.get("TEST_CACHE")

    @classmethod
    def of(cls, *arguments: Any, **given: Any) -> Options:
        """Check arguments.

        Args:
            arguments: None are taken.
            given: Name → value; None counts as left out.

        Raises:
            LangSmithUserError: An argument is unknown, or of a wrong kind.
        """
        if arguments:
            raise LangSmithUserError(f"Name the arguments: {', '.join(_NAMES)}. Got {arguments!r:.80}.")
        unknown = sorted(set(given) - set(_NAMES))
        if unknown:
            raise LangSmithUserError(f"Unknown: {', '.join(unknown)}. Known are {', '.join(_NAMES)}.")
        return cls(**{name: _CHECKS[name](value, name) for name, value in given.items() if value is not None})


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise LangSmithUserError(f"{name} must be a text, not {value!r:.80}.")
    return value


def _texts(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise LangSmithUserError(f"{name} must be a list of texts, not {value!r:.80}.")
    return tuple(_text(item, name) for item in value)


def _split(value: Any, name: str) -> str | list[str]:
    return value if isinstance(value, str) else list(_texts(value, name))


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise LangSmithUserError(f"{name} must be a dictionary, not {value!r:.80}.")
    return dict(value)


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise LangSmithUserError(f"{name} must be a whole number from 1 on, not {value!r:.80}.")
    return value


def _client(value: Any, name: str) -> Any:
    if not hasattr(value, "create_dataset"):
        raise LangSmithUserError(f"{name} must be a smithkit.Client, not {value!r:.80}.")
    return value


def _folder(value: Any, name: str) -> str:
    return _text(str(value), name)


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "id": as_uuid,
    "output_keys": _texts,
    "client": _client,
    "test_suite_name": _text,
    "metadata": _mapping,
    "repetitions": _count,
    "split": _split,
    "cached_hosts": _texts,
    "cache": _folder,
}
_NAMES = tuple(field.name for field in dataclasses.fields(Options))
