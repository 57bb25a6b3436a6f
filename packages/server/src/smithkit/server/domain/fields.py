"""Types of the fields of requests: what is checked is what the API's description says."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, field_validator

from smithkit.server.domain.jsons import contains, is_unicode, load
from smithkit.server.domain.times import parse_time

__all__ = ["Body", "Json", "JsonText", "Moment", "storable"]

_T = TypeVar("_T")


def storable(value: _T) -> _T:
    """Refuse texts that no database keeps: half of a surrogate pair, and NUL.

    Raises:
        ValueError: It is such a text, or a list with one.
    """
    for text in value if isinstance(value, list) else (value,):
        if not isinstance(text, str):
            continue
        if "\0" in text:
            raise ValueError("must not contain the character NUL")
        if not is_unicode(text):
            raise ValueError("must be valid Unicode: it has half of a surrogate pair")
    return value


def _as_time(value: Any) -> Any:
    return None if value is None else parse_time(value)


def _as_object(text: str) -> dict[str, Any]:
    try:
        value = load(text.encode())
        contains(value, value)  # what is nested too deeply to be compared with others
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - pydantic reports ValueError alone
    return value


Json = dict[str, Any]
Moment = Annotated[
    int | None,
    BeforeValidator(_as_time),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
JsonText = Annotated[
    dict[str, Any],
    BeforeValidator(_as_object),
    WithJsonSchema({"type": "string", "contentMediaType": "application/json"}),
]


class Body(BaseModel):
    """Fields that this server does not know are ignored."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    @field_validator("*")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        return storable(value)
