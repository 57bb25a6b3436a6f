"""Sending many examples: cut into requests by bytes, several in flight, and an exact account of what is in.

=====================  ================================================================================
the server answers      then
=====================  ================================================================================
accepted                its examples are in
409                     those that stand there already with the same content are in: an earlier attempt had
                        arrived. Those with other content are failures; the others are sent again
400, 409, 413, 422      the examples that the answer names are failures, and the others are sent again. Where it
                        names none the request is sent in halves, until what is refused stands alone
401, 403, 404           a failure, and the end: it would be the same for the others. But a 404 that names
                        examples is their failure alone
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
from smithkit.datasets.errors import ExamplesUploadError, InvalidExampleError, RefusedExample
from smithkit.errors import LangSmithConflictError, LangSmithError, LangSmithResponseError
from smithkit.operations import Flow, Request, Response, Together

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from smithkit.datasets._progress import Progress
    from smithkit.datasets.schemas import UpsertExamplesResponse

__all__ = ["MOST_BYTES", "MOST_EXAMPLES", "Upload"]

MOST_BYTES = 20_000_000
"""Bytes of the examples in one request; one that is larger alone has a request of its own."""
MOST_EXAMPLES = 1000
"""Examples in one request."""
_LOOKED_UP = 100
_MOST_FOUND = 500
_REFUSED = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
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
    _refused: list[RefusedExample] = field(default_factory=list)
    _errors: list[LangSmithError] = field(default_factory=list)
    _found: int = 0
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
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            try:
                waiting += yield from self._deliver(part)
            except LangSmithError as error:
                self._fail(part, error)
        return len(batch)

    def _deliver(self, batch: list[EncodedExample]) -> Flow[list[list[EncodedExample]]]:
        """Send examples in one request; gives the parts of it that are to be sent again."""
        try:
            response = yield request_of(self.method, self.path, batch, multipart=self.multipart)
        except LangSmithConflictError as error:
            if self.absorb is None:
                return self._without_refused(batch, error)
            return (yield from self._settle_conflict(self.absorb, batch, error))
        except LangSmithError as error:
            return self._without_refused(batch, error)
        self._accept(batch, response)
        return []

    def _without_refused(
        self, batch: list[EncodedExample], error: LangSmithError
    ) -> list[list[EncodedExample]]:
        """Settle what an answer refuses; gives what may be taken without that."""
        named = _named(batch, error)
        if named:
            self._refuse([one for one in batch if one.id in named], error, named)
            rest = [one for one in batch if one.id not in named]
            return [rest] if rest else []
        if error.status_code not in _REFUSED:
            raise error
        if len(batch) > 1 and self._found < _MOST_FOUND:
            middle = len(batch) // 2
            return [batch[middle:], batch[:middle]]
        self._found += 1
        self._refuse(batch, _too_large(batch[0], error) if _is_too_large(batch, error) else error, {})
        return []

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

    def _refuse(
        self, batch: Sequence[EncodedExample], error: LangSmithError, said: Mapping[UUID, dict[str, Any]]
    ) -> None:
        """Note examples as failures of their own, with what the server says of each."""
        self._failed.extend(batch)
        self._errors.append(error)
        field_of_error, reason = (
            (error.field, error.problem) if isinstance(error, InvalidExampleError) else (None, str(error))
        )
        for one in batch:
            own = said.get(one.id, {})
            refused = RefusedExample(
                one.row, one.id, own.get("field", field_of_error), own.get("message", reason)
            )
            self._refused.append(refused)

    def _settle_conflict(
        self, dataset_id: UUID, batch: list[EncodedExample], error: LangSmithError
    ) -> Flow[list[list[EncodedExample]]]:
        """Find out which examples are there already; gives the others, to be sent again."""
        named = _named(batch, error)
        suspects = [one for one in batch if one.id in named] or batch
        stored = yield from _stored(dataset_id, [one.id for one in suspects])
        if not stored:
            return self._without_refused(batch, error)
        there = [one for one in suspects if one.id in stored and _same(one.example, stored[one.id])]
        other = [one for one in suspects if one.id in stored and not _same(one.example, stored[one.id])]
        if there:
            taken = [str(one.id) for one in there]
            self._accepted.append(_Accepted(there[0].row or 0, taken, len(taken), None))
        if other:
            problem = f"examples of these ids stand in dataset {dataset_id} with other inputs or outputs"
            conflict = LangSmithConflictError(problem, status_code=error.status_code)
            said = {"field": "id", "message": "it stands there with other inputs or outputs"}
            self._refuse(other, conflict, {one.id: said for one in other})
        missing = [one for one in batch if one.id not in stored]
        return [missing] if missing else []

    def _result(self) -> UpsertExamplesResponse:
        parts = sorted(self._accepted, key=lambda one: one.row)
        return {
            "example_ids": [key for one in parts for key in one.ids],
            "count": sum(one.count for one in parts),
            "as_of": max((one.as_of for one in parts if one.as_of), default=None),
        }

    def _error(self, row: int | None = None) -> LangSmithError:
        failed = sorted(self._failed, key=lambda one: one.row or 0)
        if not self._accepted and len(self._errors) == 1 and len(self._refused) <= 1:
            self._errors[0].add_note("None of the examples is in.")
            return self._errors[0]
        numbers = [one.row or 0 for one in failed] + ([] if row is None else [row])
        error = ExamplesUploadError(
            [UUID(key) for key in self._result()["example_ids"]],
            [one.id for one in failed],
            numbers,
            self._errors,
            sorted(self._refused, key=lambda one: one.row or 0),
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


def _named(batch: Sequence[EncodedExample], error: LangSmithError) -> dict[UUID, dict[str, Any]]:
    """What an answer says of single examples, as smithkit's server does: the `errors` beside its `detail`."""
    answer = _body(error)
    told = answer.get("errors") if isinstance(answer, dict) else None
    if not isinstance(told, list):
        return {}
    by_id = {str(item.get("example_id")): item for item in told if isinstance(item, dict)}
    return {one.id: by_id[str(one.id)] for one in batch if str(one.id) in by_id}


def _body(error: LangSmithError) -> Any:
    try:
        return None if error.response is None else error.response.json()
    except LangSmithResponseError:
        return None


def _is_too_large(batch: Sequence[EncodedExample], error: LangSmithError) -> bool:
    return len(batch) == 1 and error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


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
