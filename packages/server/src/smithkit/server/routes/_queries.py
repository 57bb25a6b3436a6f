"""What queries have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from smithkit.server.domain.fields import Body
from smithkit.server.errors import unprocessable

__all__ = ["LARGEST_OFFSET", "Page", "Piece", "Query"]

LARGEST_OFFSET = 2**31

Piece = Annotated[str, Field(max_length=1000)]
"""What a name is to contain; SQLite looks for no more than 50,000 bytes."""


class Query(Body):
    """Parameters in the URL; a field that is a list may be given more than once."""


class Page(Query):
    """Which rows of a listing."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_OFFSET)] | None = None
    offset: Annotated[int, Field(ge=0, le=LARGEST_OFFSET)] = 0

    def size(self, most: int) -> int:
        """Give the rows that are wanted at most.

        Raises:
            ApiError: 422, it is more than a page has.
        """
        if self.limit is not None and self.limit > most:
            raise unprocessable(f"limit: must be from 1 to {most}")
        return self.limit or most
