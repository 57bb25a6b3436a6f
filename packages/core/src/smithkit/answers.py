"""Answers of the server made into models; one that is not what the API promises is a typed error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from smithkit.errors import LangSmithResponseError
from smithkit.operations import without_secrets

if TYPE_CHECKING:
    from pydantic import BaseModel

    from smithkit.operations import Response

    M = TypeVar("M", bound=BaseModel)

__all__ = ["parse", "rows"]


def parse(model: type[M], data: Any, **private: Any) -> M:
    """Make a model of JSON that a server sent.

    Args:
        model: The model's class.
        data: The JSON: an object with at least the model's required fields.
        private: Constructor keywords of the model that are no fields, such as ``_host_url``.

    Returns:
        The model.

    Raises:
        LangSmithResponseError: The JSON is no object, or a field is missing or of another type. The
            message names the fields and never holds their values.

    Example:
        >>> from smithkit.schemas import LangSmithInfo
        >>> parse(LangSmithInfo, {"version": "0.13.5"}).version
        '0.13.5'
    """
    from pydantic import ValidationError

    if not isinstance(data, Mapping):
        raise LangSmithResponseError(
            f"The server answered with a JSON {_kind(data)} where a {model.__name__} was expected."
        )
    try:
        return model(**{**data, **private})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise LangSmithResponseError(
            f"The server's answer is not a {model.__name__} as this version of smithkit knows it. {problems}."
        ) from None


def rows(response: Response) -> list[Any]:
    """The items of an answer that is a JSON array.

    Args:
        response: The answer.

    Returns:
        Its items.

    Raises:
        LangSmithResponseError: It is not a JSON array.
    """
    data = response.json()
    if not isinstance(data, list):
        raise LangSmithResponseError(
            f"{without_secrets(response.url)} answered with a JSON {_kind(data)} where a list was expected.",
            status_code=response.status_code,
        )
    return data


def _kind(data: Any) -> str:
    return {dict: "object", list: "list", str: "text", type(None): "null"}.get(type(data), "scalar")
