"""A short way through multipart bodies of traces: many small parts, each with the same two headers.

Such parts are cut out in one step each. The first that is anything else, the end of the body too, is left to a
parser, with all that follows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PartCutter"]

_HEAD = re.compile(
    rb'\r\nContent-Disposition: form-data; name="([^"\\%\x00-\x1f\x7f-\xff]+)"'
    rb"\r\nContent-Type: ([^\x00-\x1f\x7f-\xff]+)\r\n\r\n"
)
_MOST_HEAD = 4096


class PartCutter:
    r"""Cuts parts out of pieces of a body.

    Attributes:
        waiting: What was given and is in no part yet; it begins with a boundary, unless the body does not.
        is_over: Whether the parser is to go on from there.

    Args:
        boundary: From the Content-Type.
        most_waiting: Bytes of a part whose end is not there yet; a longer one is the parser's.

    Example:
        >>> cutter = PartCutter("b", 1000)
        >>> head = b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain\r\n\r\n'
        >>> list(cutter.cut(b"--b\r\n" + head + b"1\r\n--b--\r\n"))
        [('a', 'text/plain', b'1')]
        >>> cutter.is_over, cutter.waiting
        (True, b'--b--\r\n')
    """

    def __init__(self, boundary: str, most_waiting: int) -> None:
        self._boundary = b"--" + boundary.encode()
        self._between = b"\r\n" + self._boundary
        self._most_waiting = most_waiting
        self.waiting = b""
        self.is_over = False

    def cut(self, data: bytes) -> Iterator[tuple[str, str, bytes]]:
        """Take the next piece of the body.

        Args:
            data: Bytes, cut anywhere.

        Yields:
            Name, type and bytes of the parts that are complete.
        """
        data = self.waiting + data
        at = 0
        while (head := self._head(data, at)) is not None:
            end = data.find(self._between, head.end())
            after = end + len(self._between)
            if end < 0 or len(data) < after + 2:
                self.is_over = len(data) - at > self._most_waiting
                break
            if data[after : after + 2] not in {b"\r\n", b"--"}:
                self.is_over = True
                break
            yield head[1].decode(), head[2].decode(), data[head.end() : end]
            at = end + 2
        self.waiting = data[at:]

    def _head(self, data: bytes, at: int) -> re.Match[bytes] | None:
        """Match boundary and head of a part; decides whether it will ever match."""
        after = at + len(self._boundary)
        if not data.startswith(self._boundary, at):
            self.is_over = len(data) >= after
            return None
        head = _HEAD.match(data, after)
        if head is None:
            known = data.startswith(b"--", after) or data.find(b"\r\n\r\n", after) >= 0
            self.is_over = known or len(data) - after > _MOST_HEAD
        elif head.end() - after > _MOST_HEAD:
            self.is_over = True
            return None
        return head
