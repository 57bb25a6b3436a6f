"""What the server accepts at most."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on requests, all in bytes unless it says otherwise.

    Attributes:
        body: A request's body as it is received, so compressed if the client compresses.
        decompressed: The same body after decompression.
        free_decompressed: Decompressed bytes below which the ratio is not looked at. A single long run of
            one character compresses a thousandfold and is legitimate.
        ratio: Decompressed bytes allowed for each compressed byte beyond `free_decompressed`.
        frames: Compressed frames in one body (count).
        json_part: One JSON part of a multipart body.
        parts: Parts of a multipart body (count).
        in_memory: Bytes of all requests that are held in memory until they are stored. Above it the
            server answers 503 with Retry-After.
        spill: Attachments longer than this go to a temporary file while they are received.
        page_payload: Payload bytes after which a page of runs ends early, with a cursor.
        page: Rows of one page (count).
        url_lifetime: Seconds for which a signed URL is valid.
        body_pause: Seconds without a byte after which a body is given up; None waits for ever.
        body_time: Seconds that a whole body may take; None for any.
        answer_pause: Seconds after which a client that takes nothing of its answer is cut off; None waits for ever.
        token_body: A body that comes with a feedback token, from whoever has it.
        token_uses: Uses of one feedback token a minute (count).

    Example:
        >>> Limits(body=1024).body
        1024
    """

    body: int = 256 * _MIB
    decompressed: int = 512 * _MIB
    free_decompressed: int = 64 * _MIB
    ratio: int = 200
    frames: int = 4096
    json_part: int = 256 * _MIB
    parts: int = 100_000
    in_memory: int = 1024 * _MIB
    spill: int = 64 * _KIB
    page_payload: int = 64 * _MIB
    page: int = 100
    url_lifetime: int = 3600
    body_pause: float | None = 30.0
    body_time: float | None = 900.0
    answer_pause: float | None = 60.0
    token_body: int = 64 * _KIB
    token_uses: int = 60
