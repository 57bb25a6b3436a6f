"""What the methods of both clients share: finding datasets, and making objects of answers.

The two clients speak slightly different dialects of the API, as they always did: the synchronous one
says more when it creates something, asks for one row when it looks one up by name, and makes links.
What differs is asked of `_terse`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid, exactly_one
from smithkit.attachments import fetch_attachments
from smithkit.config import host_url
from smithkit.errors import LangSmithNotFoundError, LangSmithUserError
from smithkit.operations import Flow, Methods, Request
from smithkit.workspace import server_info, tenant_id

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.arguments import ID_TYPE
    from smithkit.datasets.schemas import Dataset, Example

__all__ = ["Lookup", "dataset_from", "example_from", "given", "ids"]


class Lookup(Methods):
    """Base of the classes of methods."""

    _terse = False
    """Whether nothing is sent that the caller did not give, and no links are made: as `AsyncClient` does it."""

    def _dataset_row(self, dataset_id: ID_TYPE | None, dataset_name: str | None) -> Flow[Any]:
        """A dataset's row by its id or name."""
        exactly_one(dataset_id=dataset_id, dataset_name=dataset_name)
        params: dict[str, Any] = {} if self._terse else {"limit": 1}
        if dataset_name is None:
            path = f"/datasets/{as_uuid(dataset_id, 'dataset_id')}"
            response = yield Request("GET", path, params=params)
            return response.json()
        if not dataset_name.strip():
            raise LangSmithUserError("dataset_name is blank: every dataset would match.")
        response = yield Request("GET", "/datasets", params={**params, "name": dataset_name})
        found = rows(response)
        if not found:
            raise LangSmithNotFoundError(f"No dataset is named {dataset_name!r}.")
        return found[0]

    def _one_dataset(self, dataset_id: ID_TYPE | None, dataset_name: str | None) -> Flow[UUID]:
        """The id of the dataset that exactly one of two arguments names."""
        exactly_one(dataset_id=dataset_id, dataset_name=dataset_name)
        if dataset_id is not None:
            return as_uuid(dataset_id, "dataset_id")
        return dataset_from((yield from self._dataset_row(None, dataset_name))).id

    def _link(self) -> Flow[dict[str, Any]]:
        """What an object's `url` is made of."""
        if self._terse:
            return {}
        return {"_host_url": host_url(self.config), "_tenant_id": (yield from tenant_id(self))}

    def _example(self, row: Any, *, attachments: bool = False) -> Flow[Example]:
        """The example of a row, with its attachments fetched if they are wanted."""
        fields = (yield from self._attachments(row)) if attachments else {}
        return example_from(row, **fields, **(yield from self._link()))

    def _attachments(self, row: Any) -> Flow[dict[str, Any]]:
        """The field of an example that holds its attachments, which are fetched; terse clients leave out none."""
        urls = row.get("attachment_urls") if isinstance(row, dict) else None
        return {} if self._terse and not urls else {"attachments": (yield from fetch_attachments(urls))}

    def _takes(self, flag: str) -> Flow[bool]:
        """Whether the server says that it can do something."""
        info = yield from server_info(self)
        return bool((info.instance_flags or {}).get(flag))

    def _platform(self, path: str) -> str:
        """Where the API keeps what it calls its platform."""
        return (
            f"/platform{path}" if self.config.api_url.rstrip("/").endswith("/v1") else f"/v1/platform{path}"
        )


def dataset_from(row: Any, **link: Any) -> Dataset:
    """The dataset that a row of the server is.

    Args:
        row: The row.
        link: What its `url` is made of.
    """
    from smithkit.datasets.schemas import Dataset

    return parse(Dataset, row, **link)


def example_from(row: Any, **fields: Any) -> Example:
    """The example that a row of the server is.

    Args:
        row: The row.
        fields: What is not in the row: its attachments, and what its `url` is made of.
    """
    from smithkit.datasets.schemas import Example

    return parse(Example, row, **fields)


def given(**fields: Any) -> dict[str, Any]:
    """Those of the fields that are not None.

    Args:
        fields: Name → value.
    """
    return {name: value for name, value in fields.items() if value is not None}


def ids(values: Any, name: str) -> list[str] | None:
    """The texts of ids, each of them checked.

    Args:
        values: The ids, or None.
        name: The argument's name, for messages.
    """
    return None if values is None else [str(as_uuid(value, name)) for value in values]
