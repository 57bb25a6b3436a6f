"""Sending many examples: cut into requests by bytes, several in flight, and an exact account of what is in.

=====================  ================================================================================
the server answers      then
=====================  ================================================================================
accepted                its examples are in
409                     those that stand there already with the same content are in: an earlier attempt had
                        arrived. The others are sent again; those with other content are failures
413                     the request is sent in halves; one example that is too large alone is a failure
401, 403, 404           a failure, and the end: it would be the same for the others
anything else           a failure of the examples in this request alone
=====================  ================================================================================

Connection errors, 429 and 5xx are retried by the transport before they are seen here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from smithkit import jsons
from smithkit.answers import rows
from smithkit.datasets._encoding import EncodedExample, request_of
from smithkit.datasets.errors import ExamplesUploadError, InvalidExampleError
from smithkit.errors import LangSmithConflictError, LangSmithError, LangSmithResponseError
from smithkit.operations import Flow, Request, Response, Together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smithkit.datasets._progress import Progress
    from smithkit.datasets.schemas import UpsertExamplesResponse

__all__ = ["MOST_BYTES", "MOST_EXAMPLES", "Upload"]

MOST_BYTES = 20_000_000
"""Bytes of the examples in one request; one that is larger alone has a request of its own."""
MOST_EXAMPLES = 1000
"""Examples in one request."""
_LOOKED_UP = 100
_END_ALL = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


@dataclass(slots=True)
class _Accepted:
    row: int
    ids: list[str]
    count: int
    as_of: str | None


@dataclass
class Upload:
    """One upload: where it goes, and what became of it so far.

    Attributes:
        method: HTTP method.
        path: Where the examples are sent.
        multipart: Whether they are parts, or items of a list.
        absorb: The dataset in which examples that are there already are no failures; None for none.
        progress: Told how many examples are settled.
    """

    method: str
    path: str
    multipart: bool
    absorb: UUID | None = None
    progress: Progress | None = None
    _accepted: list[_Accepted] = field(default_factory=list)
    _failed: list[EncodedExample] = field(default_factory=list)
    _errors: list[LangSmithError] = field(default_factory=list)
    _ended: bool = False

    def send(self, examples: Iterable[EncodedExample], most: int = 1) -> Flow[UpsertExamplesResponse]:
        """Send examples, as they come.

        Args:
            examples: The encoded examples; an iterator is read no further than it is sent.
            most: Requests in flight at once.

        Returns:
            What is in.

        Raises:
            ExamplesUploadError: Some are in, others are not.
            LangSmithError: What the server refused, or an example that is invalid: nothing is in.
        """
        settled = self.progress.advance if self.progress else _ignore
        try:
            yield Together(self._parts(examples), most, settled)
        except InvalidExampleError as error:
            self._errors.append(error)
            if not self._accepted:
                raise
            raise self._error(error.row) from error
        except Exception as error:
            error.add_note(f"{sum(one.count for one in self._accepted)} examples are in the dataset.")
            raise
        finally:
            if self.progress:
                self.progress.close()
        if self._failed:
            raise self._error()
        return self._result()

    def _parts(self, examples: Iterable[EncodedExample]) -> Iterator[Flow[int]]:
        for batch in _batches(examples):
            if self._ended:
                return
            yield self._part(batch)

    def _part(self, batch: list[EncodedExample]) -> Flow[int]:
        try:
            yield from self._deliver(batch)
        except LangSmithError as error:
            self._fail(batch, error)
        return len(batch)

    def _deliver(self, batch: list[EncodedExample]) -> Flow[None]:
        request = request_of(self.method, self.path, batch, multipart=self.multipart)
        try:
            response = yield request
        except LangSmithConflictError as error:
            if self.absorb is None:
                raise
            yield from self._settle_conflict(self.absorb, batch, error)
        except LangSmithError as error:
            if error.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise
            if len(batch) == 1:
                raise _too_large(batch[0], error) from error
            middle = len(batch) // 2
            yield from self._part(batch[:middle])
            yield from self._part(batch[middle:])
        else:
            self._accept(batch, response)

    def _accept(self, batch: Sequence[EncodedExample], response: Response) -> None:
        answer: Any = response.json()
        if isinstance(answer, list):
            ids: Any = [row.get("id") for row in answer if isinstance(row, dict)]
            answer = {"example_ids": ids}
        if not isinstance(answer, dict):
            raise LangSmithResponseError(f"{self.method} {self.path} did not answer with what it took.")
        taken = [str(key) for key in answer.get("example_ids") or (one.id for one in batch)]
        accepted = _Accepted(batch[0].row or 0, taken, answer.get("count", len(taken)), answer.get("as_of"))
        self._accepted.append(accepted)

    def _fail(self, batch: Sequence[EncodedExample], error: LangSmithError) -> None:
        self._failed.extend(batch)
        self._errors.append(error)
        self._ended = self._ended or error.status_code in _END_ALL

    def _settle_conflict(
        self, dataset_id: UUID, batch: list[EncodedExample], error: LangSmithError
    ) -> Flow[None]:
        """Find out which examples are there already; send the others again."""
        stored = yield from _stored(dataset_id, [one.id for one in batch])
        if not stored:
            raise error
        there = [one for one in batch if one.id in stored and _same(one.example, stored[one.id])]
        other = [one for one in batch if one.id in stored and not _same(one.example, stored[one.id])]
        missing = [one for one in batch if one.id not in stored]
        if there:
            taken = [str(one.id) for one in there]
            self._accepted.append(_Accepted(there[0].row or 0, taken, len(taken), None))
        if other:
            problem = f"examples of these ids stand in dataset {dataset_id} with other inputs or outputs"
            self._fail(other, LangSmithConflictError(problem, status_code=error.status_code))
        if missing:
            yield from self._part(missing)

    def _result(self) -> UpsertExamplesResponse:
        parts = sorted(self._accepted, key=lambda one: one.row)
        return {
            "example_ids": [key for one in parts for key in one.ids],
            "count": sum(one.count for one in parts),
            "as_of": max((one.as_of for one in parts if one.as_of), default=None),
        }

    def _error(self, row: int | None = None) -> LangSmithError:
        failed = sorted(self._failed, key=lambda one: one.row or 0)
        if not self._accepted and len(self._errors) == 1:
            self._errors[0].add_note("None of the examples is in.")
            return self._errors[0]
        numbers = [one.row or 0 for one in failed] + ([] if row is None else [row])
        error = ExamplesUploadError(
            [UUID(key) for key in self._result()["example_ids"]],
            [one.id for one in failed],
            numbers,
            self._errors,
        )
        if self._ended or row is not None:
            error.add_note("What came after these rows was not sent.")
        return error


def _batches(examples: Iterable[EncodedExample]) -> Iterator[list[EncodedExample]]:
    batch: list[EncodedExample] = []
    size = 0
    for one in examples:
        if batch and (size + one.size > MOST_BYTES or len(batch) == MOST_EXAMPLES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    if batch:
        yield batch


def _stored(dataset_id: UUID, keys: Sequence[UUID]) -> Flow[dict[UUID, Any]]:
    """The rows of those examples that a dataset has."""
    found: dict[UUID, Any] = {}
    for start in range(0, len(keys), _LOOKED_UP):
        some = [str(key) for key in keys[start : start + _LOOKED_UP]]
        params = {"dataset": dataset_id, "id": some, "limit": _LOOKED_UP, "offset": 0}
        for row in rows((yield Request("GET", "/examples", params=params))):
            found[UUID(str(row["id"]))] = row
    return found


def _same(example: Any, row: dict[str, Any]) -> bool:
    """Whether what is stored is what was sent; inputs and outputs of a source run are the server's to know."""
    return all(
        getattr(example, name) is None
        or jsons.dumps(getattr(example, name), ordered=True) == jsons.dumps(row.get(name), ordered=True)
        for name in ("inputs", "outputs")
    )


def _too_large(one: EncodedExample, error: LangSmithError) -> InvalidExampleError:
    sizes = one.attachment_sizes()
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    what = f"attachments.{largest}" if largest is not None and sizes[largest] * 2 > one.size else None
    size = one.size if what is None or largest is None else sizes[largest]
    problem = f"its {size} bytes are more than the server takes in one request"
    refused = InvalidExampleError(problem, row=one.row, field=what)
    refused.status_code = error.status_code
    return refused


def _ignore(count: int) -> None:
    """Nobody looks."""
