"""Orders of examples other than that in which they were made, worked out once for a listing."""

from __future__ import annotations

import hashlib
import threading
from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from smithkit.server.store.dataset_protocol import ExampleSelection

__all__ = ["Orders", "in_order"]

_LISTINGS = 16


class Orders:
    """Remembers the orders of listings that never change, so that a page costs the same at any depth.

    A listing that can change must change its key.

    Example:
        >>> orders = Orders()
        >>> list(orders.of("listing", lambda: [3, 1, 2]))
        [3, 1, 2]
        >>> list(orders.of("listing", lambda: []))
        [3, 1, 2]
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listings: OrderedDict[Hashable, Sequence[int]] = OrderedDict()

    def of(self, listing: Hashable, work_out: Callable[[], Iterable[int]]) -> Sequence[int]:
        """Give the numbers of a listing's records in order; works them out if nobody has done so."""
        with self._lock:
            known = self._listings.get(listing)
            if known is not None:
                self._listings.move_to_end(listing)
                return known
        found = array("q", work_out())
        with self._lock:
            self._listings[listing] = found
            while len(self._listings) > _LISTINGS:
                self._listings.popitem(last=False)
        return found


def in_order(rows: Iterable[Mapping[str, Any]], selection: ExampleSelection) -> list[int]:
    """Give the numbers of records in the order that a selection asks for."""
    if selection.order == "random":
        key = _shuffled(selection.seed)
    elif selection.order == "id":
        key = _by_id
    else:
        key = _latest_first("valid_from" if selection.order == "recent" else "created_at")
    return [row for _, row in sorted((key(row), row["row"]) for row in rows)]


def _by_id(row: Mapping[str, Any]) -> Any:
    return row["example_id"].bytes


def _latest_first(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda row: (-row[name], -row["position"])


def _shuffled(seed: str) -> Callable[[Mapping[str, Any]], Any]:
    """A place that the seed and the example alone decide, so that it holds over pages and processes."""
    start = hashlib.blake2b(seed.encode(), digest_size=8)

    def place(row: Mapping[str, Any]) -> bytes:
        own = start.copy()
        own.update(row["example_id"].bytes)
        return own.digest()

    return place
