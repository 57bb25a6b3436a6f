"""Texts grouped by the words that they share: TF-IDF and k-means.

It needs no model and no network. It finds what people talk about, and cannot answer questions about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cluster", "cluster", "is_available"]

_MOST_CLUSTERS = 8
_MOST_WORDS = 5000
_TERMS = 8
_NAMED_BY = 3
_SETTINGS: dict[str, Any] = {"n_init": 4, "random_state": 7}
_APART = 0.02  # silhouette below which a division says nothing


@dataclass(frozen=True, slots=True)
class Cluster:
    """Texts that belong together.

    Attributes:
        terms: The words that tell them from the others, the most telling first.
        members: Places of the texts, the most typical first.
    """

    terms: list[str]
    members: list[int]

    @property
    def name(self) -> str:
        """A few of its words."""
        return ", ".join(self.terms[:_NAMED_BY]) or "everything else"


def is_available() -> bool:
    """Tell whether scikit-learn is installed."""
    return find_spec("sklearn") is not None


def cluster(texts: Sequence[str]) -> list[Cluster]:
    """Group texts; the same texts always give the same groups.

    Args:
        texts: Some texts; the time grows with the square of their number.

    Returns:
        The groups, the largest first. Texts without any telling word are in one of their own.

    Example:
        >>> groups = cluster(["refund my order", "refund an order", "reset the password", "password reset"])
        >>> sorted(sorted(group.members) for group in groups)
        [[0, 1], [2, 3]]
    """
    vectors, words = _vectors(texts)
    lengths = vectors.getnnz(axis=1)
    telling = [place for place in range(len(texts)) if lengths[place]]
    silent = [place for place in range(len(texts)) if not lengths[place]]
    groups = _divide(vectors[telling], words, telling) if telling else []
    groups.sort(key=lambda group: -len(group.members))
    return groups + ([Cluster([], silent)] if silent else [])


def _vectors(texts: Sequence[str]) -> tuple[Any, Any]:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(stop_words="english", sublinear_tf=True, max_features=_MOST_WORDS)
    try:
        vectors = vectorizer.fit_transform(texts)
    except ValueError:  # no words but stop words
        return csr_matrix((len(texts), 1)), []
    return vectors, vectorizer.get_feature_names_out()


def _divide(vectors: Any, words: Any, places: list[int]) -> list[Cluster]:
    """Divide texts into the number of groups that are furthest apart."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score
    from sklearn.metrics.pairwise import cosine_distances
    from threadpoolctl import threadpool_limits

    labels, best = [0] * len(places), _APART
    distinct = len({(row.indices.tobytes(), row.data.tobytes()) for row in vectors})
    with threadpool_limits(1):  # faster at this size, and the program around keeps its cores
        distances = cosine_distances(vectors)
        for count in range(2, min(_MOST_CLUSTERS, distinct, len(places) - 1) + 1):
            found = KMeans(count, **_SETTINGS).fit_predict(vectors)
            score = silhouette_score(distances, found, metric="precomputed")
            if score > best:
                labels, best = list(found), score
    return [_describe(vectors, words, places, labels, label) for label in sorted(set(labels))]


def _describe(vectors: Any, words: Any, places: list[int], labels: list[int], label: int) -> Cluster:
    inside = [at for at, own in enumerate(labels) if own == label]
    centre = vectors[inside].mean(axis=0).A1
    likeness = vectors[inside] @ centre
    strongest = [index for index in centre.argsort()[::-1][:_TERMS] if centre[index] > 0]
    return Cluster(
        terms=[str(words[index]) for index in strongest],
        members=[places[inside[at]] for at in (-likeness).argsort(kind="stable")],
    )
