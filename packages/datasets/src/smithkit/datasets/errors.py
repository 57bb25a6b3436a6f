"""What can be wrong with examples, and what an upload that failed in part has brought in.

Both are `smithkit.errors.LangSmithError`::

    LangSmithError
    ├── LangSmithUserError
    │   └── InvalidExampleError    a row cannot be an example: it names row and field
    └── ExamplesUploadError        some of the examples are in, others are not: it says which
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithError, LangSmithUserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

__all__ = ["ExamplesUploadError", "InvalidExampleError", "RefusedExample"]

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class RefusedExample:
    """An example that the server does not take, while it may take those beside it.

    Attributes:
        row: Its number: the first example is 1; None for one that was sent alone.
        id: Its id.
        field: What is meant, such as ``"inputs.question"`` or ``"attachments.photo"``; None if the server does not
            say.
        reason: What is wrong, in the server's words.

    Example:
        >>> from uuid import UUID
        >>> print(RefusedExample(3, UUID(int=1), "inputs.n", "'x' is not of type 'integer'"))
        row 3, field 'inputs.n': 'x' is not of type 'integer'
    """

    row: int | None
    id: UUID
    field: str | None
    reason: str

    def __str__(self) -> str:
        return f"{_place(self.row, self.field) or self.id}: {self.reason}"


class InvalidExampleError(LangSmithUserError, ValueError):
    """A row cannot be an example.

    Attributes:
        row: Its number: the first example, or the first line below a header, is 1.
        field: The field or column that is meant, such as ``"inputs"`` or ``"attachments.photo"``; None for
            the row as a whole.
        problem: What is wrong, without its place.

    Example:
        >>> str(InvalidExampleError("there is no such column", row=3, field="answer"))
        "Row 3, field 'answer': there is no such column"
    """

    def __init__(self, problem: str, *, row: int | None = None, field: str | None = None) -> None:
        place = _place(row, field)
        super().__init__(f"{place[:1].upper()}{place[1:]}: {problem}" if place else problem)
        self.problem = problem
        self.row = row
        self.field = field


class ExamplesUploadError(LangSmithError):
    """Some examples of an upload are in the dataset, others are not.

    Sending the same examples with the same ids again completes the upload: what is in stays as it is.

    Attributes:
        uploaded: Ids of the examples that are in, as the server has acknowledged them.
        failed: Ids of those that are not known to be in.
        rows: The rows of the failed ones, counted from 1.
        refused: Those of the failed ones that the server refused for what they are: which field, and why.
        errors: What each request that failed ran into; or the row at which the upload ended.

    Example:
        >>> error = ExamplesUploadError([], [], [4, 5, 6, 9], [LangSmithError("POST answered 500")])
        >>> str(error)
        '4 examples are not in (rows 4-6, 9), 0 are: POST answered 500'
    """

    def __init__(
        self,
        uploaded: Sequence[UUID],
        failed: Sequence[UUID],
        rows: Sequence[int],
        errors: Sequence[LangSmithError],
        refused: Sequence[RefusedExample] = (),
    ) -> None:
        told = list(dict.fromkeys(map(str, refused or errors)))
        reasons = "; ".join(told[:_MOST_REASONS]) + ("; ..." if len(told) > _MOST_REASONS else "")
        places = f" (rows {_ranges(rows)})" if rows else ""
        super().__init__(f"{len(rows)} examples are not in{places}, {len(uploaded)} are: {reasons}")
        self.uploaded = list(uploaded)
        self.failed = list(failed)
        self.rows = list(rows)
        self.refused = list(refused)
        self.errors = list(errors)
        self.status_code = errors[0].status_code if errors else None


def _place(row: int | None, field: str | None) -> str:
    where = [f"row {row}"] if row is not None else []
    return ", ".join(where + ([f"field {field!r}"] if field is not None else []))


def _ranges(numbers: Iterable[int]) -> str:
    """``1-3, 7`` of 1, 2, 3 and 7."""
    spans: list[Any] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
