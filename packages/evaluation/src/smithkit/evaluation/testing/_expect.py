"""Expectations: assertions that are feedback too."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from smithkit.evaluation.testing import _distances
from smithkit.evaluation.testing._case import current_case
from smithkit.tracing import ContextThreadPoolExecutor, get_cached_client, get_current_run_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from smithkit.evaluation.testing._distances import EditDistanceConfig, EmbeddingConfig

__all__ = ["Expect", "Matcher", "expect"]

_SENDERS = 3
_NOT_GIVEN: Final[Any] = object()


class Matcher:
    """A value that is expected to be something; what it is not raises an AssertionError.

    Each expectation is feedback on the current trace, too: key ``expectation``, score 1 or 0.

    Args:
        expect: What sends the feedback.
        name: What the value is called in messages.
        value: The value.
    """

    def __init__(self, expect: Expect, name: str, value: Any) -> None:
        self._expect = expect
        self._name = name
        self._value = value

    def to_be_less_than(self, value: float) -> None:
        """Expect a smaller number.

        Raises:
            AssertionError: It is not.

        Example:
            >>> from smithkit import expect
            >>> expect(1).to_be_less_than(2)
        """
        self._check(self._value < value, "to_be_less_than", f"to be less than {value!r}")

    def to_be_greater_than(self, value: float) -> None:
        """Expect a greater number.

        Raises:
            AssertionError: It is not.
        """
        self._check(self._value > value, "to_be_greater_than", f"to be greater than {value!r}")

    def to_be_between(self, min_value: float, max_value: float) -> None:
        """Expect a number between two others, which are out of bounds themselves.

        Raises:
            AssertionError: It is not.
        """
        passed = min_value < self._value < max_value
        self._check(passed, "to_be_between", f"to be between {min_value!r} and {max_value!r}")

    def to_be_approximately(self, value: float, precision: int = 2) -> None:
        """Expect a number that is the same when both are rounded.

        Args:
            value: The other number.
            precision: Digits after the point that are kept.

        Raises:
            AssertionError: It is not.
        """
        passed = round(self._value, precision) == round(value, precision)
        self._check(passed, "to_be_approximately", f"to be approximately {value!r} ({precision} digits)")

    def to_equal(self, value: Any) -> None:
        """Expect an equal value.

        Raises:
            AssertionError: It is not.
        """
        self._check(self._value == value, "to_equal", f"to equal {value!r}")

    def to_be_none(self) -> None:
        """Expect None.

        Raises:
            AssertionError: It is something.
        """
        self._check(self._value is None, "to_be_none", "to be None")

    def to_contain(self, value: Any) -> None:
        """Expect a text, list or dictionary that has something in it.

        Raises:
            AssertionError: It is not in it.
        """
        self._check(value in self._value, "to_contain", f"to contain {value!r}")

    def against(self, func: Callable[[Any], Any], /) -> None:
        """Expect that a function says yes of the value.

        Args:
            func: Function of the value.

        Raises:
            AssertionError: It does not.

        Example:
            >>> from smithkit import expect
            >>> expect("42").against(str.isdigit)
        """
        self._check(func(self._value), "against", f"to pass {getattr(func, '__name__', func)!s}")

    def _check(self, passed: Any, method: str, wanted: str) -> None:
        if passed:
            self._expect.send("expectation", score=1, comment=f"Success: {self._name}.{method}", _timed=True)
            return
        message = f"Expected {self._name} {wanted}, but it is {self._value!r:.1000}"
        self._expect.send("expectation", score=0, comment=message, _timed=True)
        raise AssertionError(message)


class Expect:
    """Makes matchers: `expect(value)`, and what is measured first. It is called, not constructed.

    Feedback goes to the current trace in the background; outside of a trace there is none, and expectations
    are plain assertions.

    Args:
        client: Client for the feedback. Default: the test's, else the one that runs are sent with.
        encoder: Function from texts to a vector each, for `embedding_distance`.

    Attributes:
        encoder: See above; may be set.

    Example:
        >>> from smithkit import expect
        >>> expect("hello").to_contain("ell")
        >>> expect.score(0.8, key="confidence").to_be_greater_than(0.5)
        >>> expect.value(3).to_equal(4)
        Traceback (most recent call last):
        AssertionError: Expected value to equal 4, but it is 3

    ``POST /feedback``
    """

    def __init__(
        self,
        *,
        client: Any = None,
        encoder: Callable[[Sequence[str]], Sequence[Sequence[float]]] | None = None,
    ) -> None:
        self.encoder = encoder
        self._client = client
        self._lock = threading.Lock()
        self._executor: ContextThreadPoolExecutor | None = None

    def __call__(self, value: Any = _NOT_GIVEN, /, *, client: Any = None) -> Any:
        """A matcher of a value, or without one, expectations that send with another client."""
        if value is _NOT_GIVEN:
            return Expect(client=client, encoder=self.encoder)
        return (Expect(client=client) if client is not None else self).value(value)

    @property
    def executor(self) -> ContextThreadPoolExecutor:
        """The threads that send the feedback."""
        with self._lock:
            if self._executor is None:
                self._executor = ContextThreadPoolExecutor(_SENDERS, thread_name_prefix="smithkit-expect")
            return self._executor

    def value(self, value: Any) -> Matcher:
        """A matcher of any value.

        Args:
            value: The value.
        """
        return Matcher(self, "value", value)

    def score(
        self,
        score: float,
        *,
        key: str = "score",
        source_run_id: UUID | str | None = None,
        comment: str | None = None,
    ) -> Matcher:
        """Give a score as feedback, and a matcher of it.

        Args:
            score: The score.
            key: What is judged.
            source_run_id: The run that judged.
            comment: A text for people.
        """
        info = {"method": "expect.score"}
        self.send(key, score=score, source_info=info, source_run_id=source_run_id, comment=comment)
        return Matcher(self, key, score)

    def edit_distance(
        self, prediction: str, reference: str, *, config: EditDistanceConfig | None = None
    ) -> Matcher:
        """Measure how many edits make one text of the other; feedback ``edit_distance``.

        Args:
            prediction: What was got.
            reference: What it should be.
            config: The metric, and whether distances are from 0 to 1.

        Raises:
            LangSmithUserError: The metric is unknown.
            MissingPackageError: rapidfuzz is not installed (``smithkit-evaluation[distance]``).

        Example:
            >>> from smithkit import expect
            >>> expect.edit_distance("hallo", "hello").to_be_less_than(0.3)
        """
        distance, info = _distances.edit_distance(prediction, reference, config or {})
        return self._measured("edit_distance", distance, info, f"Normalize: {info['normalize']}")

    def embedding_distance(
        self, prediction: str, reference: str, *, config: EmbeddingConfig | None = None
    ) -> Matcher:
        """Measure how far two texts' embeddings are apart; feedback ``embedding_distance``.

        Args:
            prediction: What was got.
            reference: What it should be.
            config: The encoder, by default `Expect.encoder`, and the metric. There is no encoder that is
                there by itself: tests ask no network that they do not name.

        Raises:
            LangSmithUserError: There is no encoder, or the metric is unknown.

        Example:
            >>> from smithkit import expect
            >>> def letters(texts):
            ...     return [[text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
            >>> expect.embedding_distance("ab", "ba", config={"encoder": letters}).to_be_approximately(0)
        """
        settings: Mapping[str, Any] = {"encoder": self.encoder, **(config or {})}
        distance, info = _distances.embedding_distance(prediction, reference, settings)
        return self._measured("embedding_distance", distance, info, f"Encoder: {info['encoder']}")

    def send(self, key: str, *, _timed: bool = False, **fields: Any) -> None:
        """Give feedback on the current trace, in the background; without one, nothing happens.

        Args:
            key: What is judged.
            fields: Further arguments of `Client.create_feedback`.
        """
        case = current_case()
        if case is not None and key != "expectation":
            case.scores[key] = fields.get("score")
        run = get_current_run_tree()
        if run is None or (case is not None and case.suite is None):
            return
        client = self._client or (case.client() if case is not None else get_cached_client())
        if _timed:
            fields["start_time"] = run.start_time
        self.executor.submit(client.create_feedback, run.trace_id, key, **fields)

    def drain(self) -> None:
        """Wait until all feedback so far is sent."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)

    def _measured(self, key: str, distance: float, info: dict[str, Any], how: str) -> Matcher:
        comment = f"Using {info['metric']}, {how}"
        self.send(key, score=distance, source_info=info, comment=comment)
        return Matcher(self, key, distance)


expect = Expect()
"""The expectations of a process."""
