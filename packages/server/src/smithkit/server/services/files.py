"""Attachments on their way out: signed URLs that expire."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from smithkit.server.errors import ApiError, not_found

if TYPE_CHECKING:
    from smithkit.server.limits import Limits
    from smithkit.server.store import Store
    from smithkit.server.store.blobs import Blob

__all__ = ["FileService", "clean_mime_type"]

_MIME = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:; ?[A-Za-z0-9-]{1,40}=[A-Za-z0-9_.+-]{1,80})*"
)
_LENGTH = re.compile(r";\s*length=\d+\s*$")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def clean_mime_type(text: str) -> str:
    """Make a received content type safe to send again, without the length that some clients add.

    Example:
        >>> clean_mime_type("image/png; length=5")
        'image/png'
    """
    mime = _LENGTH.sub("", text.strip())
    return mime if _MIME.fullmatch(mime) else "application/octet-stream"


class FileService:
    """Signs and checks URLs of attachments.

    Args:
        store: Where they lie; its workspace's secret signs.
        limits: Says how long a URL is valid.
    """

    def __init__(self, store: Store, limits: Limits) -> None:
        self._store = store
        self._lifetime = limits.url_lifetime

    def url(self, digest: bytes, mime_type: str) -> str:
        """Give a URL, relative to the API's, that can be fetched without a key for a while.

        Args:
            digest: The file's SHA-256.
            mime_type: Its content type.

        Returns:
            Path and query.
        """
        expires = int(time.time()) + self._lifetime
        name = digest.hex()
        query = {
            "expires": expires,
            "type": mime_type,
            "signature": self._sign(name, str(expires), mime_type),
        }
        return f"/blobs/{name}?{urlencode(query, quote_via=quote)}"

    def find(self, name: str, expires: str, mime_type: str, signature: str) -> Blob:
        """Check a URL and find its file.

        Args:
            name: Digest in hexadecimal.
            expires: Second of expiry.
            mime_type: Content type.
            signature: What `url` signed it with.

        Returns:
            The file.

        Raises:
            ApiError: 403, forged or expired; 404, the file is gone.
        """
        expected = self._sign(name, expires, mime_type)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise ApiError(403, "The URL's signature is not valid")
        if int(expires) < time.time():
            raise ApiError(403, "The URL has expired; read the run again for a new one")
        blob = self._store.find_blob(bytes.fromhex(name)) if _DIGEST.fullmatch(name) else None
        if blob is None:
            raise not_found("File")
        return blob

    def _sign(self, name: str, expires: str, mime_type: str) -> str:
        message = f"{name}\n{expires}\n{mime_type}".encode()
        return hmac.new(self._store.workspace.secret, message, hashlib.sha256).hexdigest()
