"""How far two texts are apart: by their letters, or by what an embedding makes of them."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any, TypedDict

from smithkit.errors import LangSmithUserError, MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["EditDistanceConfig", "EmbeddingConfig", "edit_distance", "embedding_distance"]

_EDIT_METRICS = {
    "damerau_levenshtein": "DamerauLevenshtein",
    "levenshtein": "Levenshtein",
    "jaro": "Jaro",
    "jaro_winkler": "JaroWinkler",
    "hamming": "Hamming",
    "indel": "Indel",
}


class EditDistanceConfig(TypedDict, total=False):
    """How `expect.edit_distance` measures.

    Attributes:
        metric: ``damerau_levenshtein`` (the default), ``levenshtein``, ``jaro``, ``jaro_winkler``, ``hamming``
            or ``indel``.
        normalize_score: Whether the distance is from 0 to 1 (the default), else it is a number of edits.
    """

    metric: str
    normalize_score: bool


class EmbeddingConfig(TypedDict, total=False):
    """How `expect.embedding_distance` measures.

    Attributes:
        encoder: Function from texts to a vector each.
        metric: ``cosine`` (the default), ``euclidean``, ``manhattan``, ``chebyshev`` or ``hamming``.
    """

    encoder: Callable[[Sequence[str]], Sequence[Sequence[float]]]
    metric: str


def edit_distance(prediction: str, reference: str, config: Mapping[str, Any]) -> tuple[float, dict[str, Any]]:
    """The distance of two texts, and how it was measured.

    Raises:
        LangSmithUserError: The metric is unknown.
        MissingPackageError: rapidfuzz is not installed.
    """
    metric = _one_of(_EDIT_METRICS, config.get("metric", "damerau_levenshtein"))
    normalize = bool(config.get("normalize_score", True))
    try:
        measure = importlib.import_module(f"rapidfuzz.distance.{_EDIT_METRICS[metric]}")
    except ImportError as error:
        raise MissingPackageError(
            "`expect.edit_distance` needs rapidfuzz: pip install 'smithkit-evaluation[distance]'"
        ) from error
    distance = measure.normalized_distance if normalize else measure.distance
    return float(distance(prediction, reference)), {"metric": metric, "normalize": normalize}


def embedding_distance(
    prediction: str, reference: str, config: Mapping[str, Any]
) -> tuple[float, dict[str, Any]]:
    """The distance of two texts' embeddings, and how it was measured.

    Raises:
        LangSmithUserError: There is no encoder, it gives no two vectors of one length, or the metric is unknown.
    """
    metric = _one_of(_VECTOR_METRICS, config.get("metric", "cosine"))
    encoder: Callable[[Sequence[str]], Sequence[Sequence[float]]] | None = config.get("encoder")
    if not callable(encoder):
        raise LangSmithUserError(
            "embedding_distance needs an encoder, a function from texts to vectors: "
            "config={'encoder': embeddings.embed_documents}, or expect.encoder = … for all tests."
        )
    vectors = [[float(number) for number in vector] for vector in encoder([prediction, reference])]
    if len(vectors) != 2 or len(vectors[0]) != len(vectors[1]):  # noqa: PLR2004 - two texts
        raise LangSmithUserError("The encoder must give one vector a text, all of the same length.")
    return _VECTOR_METRICS[metric](*vectors), {"encoder": _name_of(encoder), "metric": metric}


def _one_of(known: Mapping[str, Any], metric: Any) -> str:
    if metric not in known:
        raise LangSmithUserError(f"metric must be one of {', '.join(known)}, not {metric!r:.80}.")
    return str(metric)


def _name_of(encoder: Any) -> str:
    return str(getattr(encoder, "__qualname__", type(encoder).__name__))


def _cosine(one: list[float], other: list[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    return 1.0 - math.fsum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 1.0


def _manhattan(one: list[float], other: list[float]) -> float:
    return math.fsum(abs(a - b) for a, b in zip(one, other, strict=True))


def _chebyshev(one: list[float], other: list[float]) -> float:
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0.0)


def _hamming(one: list[float], other: list[float]) -> float:
    return sum(a != b for a, b in zip(one, other, strict=True)) / max(1, len(one))


_VECTOR_METRICS: dict[str, Callable[[list[float], list[float]], float]] = {
    "cosine": _cosine,
    "euclidean": math.dist,
    "manhattan": _manhattan,
    "chebyshev": _chebyshev,
    "hamming": _hamming,
}
