"""Vectors of texts, made by the embedder of a plugin (hook `create_embedder`)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy import float32
    from numpy.typing import NDArray

__all__ = ["Embedder", "TextVectors", "cosines"]

_MISSING = "An embedder needs numpy on the server: pip install 'smithkit-server[embeddings]'"


class Embedder(Protocol):
    """What a plugin gives; LangChain's embeddings are such. `model`, or else its type's name, tells one from another."""

    def embed_documents(self, texts: list[str]) -> Sequence[Sequence[float]]:
        """Give the vectors of texts that are searched in."""
        ...

    def embed_query(self, text: str) -> Sequence[float]:
        """Give the vector of a text that is searched for."""
        ...


class TextVectors:
    """Packs what an embedder gives: 32-bit floats, each vector of length 1; an empty text has an empty vector.

    Args:
        embedder: The embedder.

    Raises:
        ImportError: There is no numpy.

    Example:
        >>> class Lengths:
        ...     def embed_documents(self, texts):
        ...         return [[len(text), 0.0] for text in texts]
        >>> [len(vector) for vector in TextVectors(Lengths()).of_documents(["abc", ""])]
        [8, 0]
    """

    def __init__(self, embedder: Embedder) -> None:
        if find_spec("numpy") is None:
            raise ImportError(_MISSING)
        self._embedder = embedder
        self.model = str(getattr(embedder, "model", None) or type(embedder).__name__)

    def of_documents(self, texts: Sequence[str]) -> list[bytes]:
        """Give the packed vectors of texts that are searched in.

        Raises:
            ValueError: The embedder gave something else than a vector for each text.
        """
        there = [text for text in texts if text.strip()]
        found = iter(_packed(self._embedder.embed_documents(there), len(there)) if there else [])
        return [next(found) if text.strip() else b"" for text in texts]

    def of_query(self, text: str) -> bytes:
        """Give the packed vector of a text that is searched for."""
        return _packed([self._embedder.embed_query(text)], 1)[0] if text.strip() else b""


def cosines(query: bytes, vectors: Sequence[bytes]) -> NDArray[float32]:
    """Give the cosine of the angle between one packed vector and each of others of the same length."""
    import numpy as np

    one = np.frombuffer(query, dtype=np.float32)
    scores: NDArray[float32] = np.frombuffer(b"".join(vectors), dtype=np.float32).reshape(-1, len(one)) @ one
    return scores


def _packed(vectors: Any, count: int) -> list[bytes]:
    import numpy as np

    table = np.asarray(vectors, dtype=np.float64)  # squares of small numbers are nothing in 32 bits
    if table.ndim != 2 or len(table) != count or not table.shape[1] or not np.isfinite(table).all():  # noqa: PLR2004 - rows of numbers
        raise ValueError(
            f"The embedder gave no {count} vectors of numbers, but an array of shape {table.shape}."
        )
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    unit = (table / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return [row.tobytes() for row in unit]
