"""JSON schemas that a dataset's examples must fulfil."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from smithkit.server.domain.jsons import load

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

__all__ = ["Problem", "check_schema", "problems"]

_PROBLEMS = 5
_LONGEST = 300


class Problem(NamedTuple):
    """What is wrong with a value: where in it, and what."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def check_schema(schema: dict[str, Any]) -> None:
    """Check that a JSON schema is one.

    Raises:
        ValueError: It is not; the text says where.

    Example:
        >>> check_schema({"type": "object"})
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema, default=Draft202012Validator).check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"{_place(error)}: {_short(error.message)}") from error
    except Exception as error:  # a pattern that is no pattern, a $schema that is no text, ...
        raise ValueError(f"it is not a JSON schema: {_short(str(error))}") from error


def problems(schema: str, value: Any) -> list[Problem]:
    """Tell what is wrong with a value.

    Args:
        schema: The schema's JSON.
        value: The value.

    Returns:
        The first few problems, each with its place; empty if there are none.

    Raises:
        ValueError: The schema cannot be applied: it points at what is not there, or at itself for ever.

    Example:
        >>> print(*problems('{"properties": {"n": {"type": "integer"}}}', {"n": "x"}))
        n: 'x' is not of type 'integer'
    """
    try:
        errors = list(islice(_validator(schema).iter_errors(value), _PROBLEMS))
    except RecursionError:
        raise ValueError("it never comes to an end on this example") from None
    except Exception as error:
        raise ValueError(f"it cannot be applied: {_short(str(error))}") from error
    return [Problem(_place(error), _short(error.message)) for error in errors]


@lru_cache(maxsize=128)
def _validator(schema: str) -> Validator:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    definition = load(schema.encode())
    # An empty registry: a schema that points to another address must not make this server fetch it.
    registry: Registry[Any] = Registry()
    return validator_for(definition, default=Draft202012Validator)(definition, registry=registry)


def _place(error: Any) -> str:
    return ".".join(str(step) for step in error.absolute_path) or "value"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
