"""Examples as callers give them, checked one by one: what is wrong names its row and field."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from smithkit import jsons
from smithkit.datasets.errors import InvalidExampleError
from smithkit.errors import LangSmithUserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from pydantic import BaseModel

    from smithkit.datasets.schemas import ExampleCreate, ExampleUpdate

    M = TypeVar("M", bound=BaseModel)

__all__ = ["content_key", "creations", "from_lists", "json_of", "model_of", "updates"]


def creations(
    examples: Iterable[ExampleCreate | Mapping[str, Any]],
    dataset_id: UUID,
    *,
    deduplicate: bool = False,
    strict: bool = True,
) -> Iterator[tuple[int, ExampleCreate]]:
    """Examples to be made, each with its number and its id.

    Args:
        examples: Models or dictionaries.
        dataset_id: The dataset that they are for.
        deduplicate: Leave out those whose inputs and outputs stood there before, and make ids of both.
        strict: Insist on inputs.

    Yields:
        (row, example).

    Raises:
        InvalidExampleError: A row is no example, is of another dataset, or has the id of an earlier one.
    """
    from smithkit.datasets.schemas import ExampleCreate

    seen: set[UUID] = set()
    contents: set[bytes] = set()
    for row, given in enumerate(examples, 1):
        _check_dataset(given, dataset_id, row)
        example = model_of(ExampleCreate, given, row)
        if strict and example.inputs is None and not example.use_source_run_io:
            raise InvalidExampleError("there are no inputs", row=row, field="inputs")
        key = content_key(example.inputs, example.outputs, row) if deduplicate else b""
        if deduplicate and key in contents:
            continue
        contents.add(key)
        made = uuid.uuid5(dataset_id, key.hex()) if deduplicate else uuid.uuid4()
        example = example if example.id else example.model_copy(update={"id": made})
        _check_new(example.id, seen, row)
        yield row, example


def updates(
    changes: Iterable[ExampleUpdate | Mapping[str, Any]], dataset_id: UUID
) -> Iterator[tuple[int, ExampleUpdate]]:
    """Changes, each with its number.

    Args:
        changes: Models or dictionaries.
        dataset_id: The dataset that their examples are of.

    Yields:
        (row, change).

    Raises:
        InvalidExampleError: A row is no change, is of another dataset, or changes an example again.
    """
    from smithkit.datasets.schemas import ExampleUpdate

    seen: set[UUID] = set()
    for row, given in enumerate(changes, 1):
        _check_dataset(given, dataset_id, row)
        change = model_of(ExampleUpdate, given, row)
        _check_new(change.id, seen, row)
        yield row, change


def model_of(model: type[M], given: Any, row: int | None) -> M:
    """The model that a row is.

    Args:
        model: Its class.
        given: A model or a dictionary.
        row: Its number.

    Raises:
        InvalidExampleError: A field is missing or of another type.
    """
    from pydantic import BaseModel, ValidationError

    if isinstance(given, model):
        return given
    fields = dict(given) if isinstance(given, BaseModel) else given
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = str(problem["loc"][0]) if problem["loc"] else None
        raise InvalidExampleError(problem["msg"], row=row, field=field) from None


def from_lists(lists: Mapping[str, Sequence[Any] | None], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of parallel lists.

    Args:
        lists: Argument → list; None for what was not given.
        names: Argument → the field that it is.

    Returns:
        A dictionary of fields for each place.

    Raises:
        ValueError: The lists are not of one length.
    """
    there = {name: list(values) for name, values in lists.items() if values is not None}
    lengths = {name: len(values) for name, values in there.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"Lists that belong together have one length; {told}.")
    count = next(iter(lengths.values()), 0)
    rows = [{names[name]: values[place] for name, values in there.items()} for place in range(count)]
    return [{field: value for field, value in row.items() if value is not None} for row in rows]


def json_of(value: Any, row: int | None, field: str) -> bytes:
    """The JSON of a field.

    Args:
        value: The field's value.
        row: The example's number.
        field: The field's name.

    Raises:
        InvalidExampleError: It cannot be sent as JSON.
    """
    try:
        return jsons.dumps(value, strict=True)
    except LangSmithUserError as error:
        raise InvalidExampleError(str(error), row=row, field=field) from None


def content_key(inputs: Any, outputs: Any, row: int) -> bytes:
    """What equal examples have in common.

    Args:
        inputs: The example's inputs.
        outputs: Its outputs.
        row: Its number.

    Raises:
        InvalidExampleError: They cannot be sent as JSON.
    """
    try:
        content = jsons.dumps([inputs, outputs], strict=True, ordered=True)
    except LangSmithUserError as error:
        raise InvalidExampleError(str(error), row=row) from None
    return hashlib.sha256(content).digest()[:16]


def _check_dataset(given: Any, dataset_id: UUID, row: int) -> None:
    own = given.get("dataset_id") if isinstance(given, dict) else getattr(given, "dataset_id", None)
    if own is not None and str(own) != str(dataset_id):
        raise InvalidExampleError(
            f"it is of dataset {own}, not of {dataset_id}. Leave dataset_id out, or send it there.",
            row=row,
            field="dataset_id",
        )


def _check_new(key: UUID | None, seen: set[UUID], row: int) -> None:
    if key in seen:
        raise InvalidExampleError(f"{key} is the id of an earlier row", row=row, field="id")
    if key is not None:
        seen.add(key)
