"""Where pages of long listings begin, so that page 1,500 is found as fast as page 2."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Anchors"]

_LISTINGS = 256
_ANCHORS = 16_384


class Anchors:
    """Remembers, for listings that never change, which position comes before an offset.

    Clients ask for offsets, one page after the other. Whoever has read up to an offset knows the position
    there, and the next page starts from it. A listing that can change must change its key.

    Example:
        >>> anchors = Anchors()
        >>> anchors.add("listing", 100, 1234)
        >>> anchors.before("listing", 150)
        (100, 1234)
        >>> anchors.before("listing", 99)
        (0, 0)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listings: OrderedDict[Hashable, dict[int, int]] = OrderedDict()
        self._sorted: dict[Hashable, list[int]] = {}

    def before(self, listing: Hashable, offset: int) -> tuple[int, int]:
        """Give the largest known offset up to this one, and the position before it."""
        with self._lock:
            known = self._listings.get(listing)
            if known is None:
                return 0, 0
            if offset in known:
                return offset, known[offset]
            offsets = self._sorted[listing]
            at = bisect_right(offsets, offset)
            return (offsets[at - 1], known[offsets[at - 1]]) if at else (0, 0)

    def add(self, listing: Hashable, offset: int, position: int) -> None:
        """Remember the position of the last item before an offset."""
        with self._lock:
            known = self._listings.setdefault(listing, {})
            self._listings.move_to_end(listing)
            offsets = self._sorted.setdefault(listing, [])
            if offset not in known and len(known) < _ANCHORS:
                known[offset] = position
                offsets.insert(bisect_right(offsets, offset), offset)
            while len(self._listings) > _LISTINGS:
                gone, _ = self._listings.popitem(last=False)
                del self._sorted[gone]
