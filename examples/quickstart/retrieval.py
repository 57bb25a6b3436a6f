"""Question answering over documents: retrieve, rank, answer. Every step is traced."""

from __future__ import annotations

import math
import os
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from smithkit import set_run_metadata, traceable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from corpus import Document

CANDIDATES = 40
_WORD = re.compile(r"[a-z]+")
_COMMON_WORDS = set(
    "a an and are as at be by do does for from how i in is it of on or that the this to what which with".split()
)


def words(text: str) -> list[str]:
    """The words of a text, without common ones, plural endings and case."""
    return [word.rstrip("s") or word for word in _WORD.findall(text.lower()) if word not in _COMMON_WORDS]


class Index:
    """An inverted index with BM25 scores.

    Args:
        documents: What is searched.
    """

    saturation = 1.4
    length_weight = 0.6

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self._counts = [Counter(words(f"{d.name} {d.name} {d.summary} {d.text}")) for d in documents]
        self._lengths = [sum(counts.values()) for counts in self._counts]
        self._mean_length = sum(self._lengths) / len(self._lengths)
        self._holders: dict[str, list[int]] = defaultdict(list)
        for position, counts in enumerate(self._counts):
            for word in counts:
                self._holders[word].append(position)

    def holders(self, query: Iterable[str]) -> Counter[int]:
        """Positions of the documents that hold words of the query, with how many they hold."""
        return Counter(position for word in set(query) for position in self._holders.get(word, ()))

    def score(self, query: Sequence[str], position: int) -> float:
        """BM25 of a document for a query."""
        norm = 1 - self.length_weight + self.length_weight * self._lengths[position] / self._mean_length
        total = 0.0
        for word in query:
            count = self._counts[position][word]
            rarity = math.log(1 + len(self.documents) / (1 + len(self._holders.get(word, ()))))
            total += rarity * count * (self.saturation + 1) / (count + self.saturation * norm)
        return total

    def overlap(self, query: Sequence[str], position: int) -> float:
        """How many different words of a query a document holds."""
        return sum(word in self._counts[position] for word in set(query))


class Assistant:
    """Answers questions from an index.

    Args:
        index: Where it looks.
        score: How good a document is for a query, by its position; BM25 by default.
    """

    def __init__(self, index: Index, score: Callable[[Sequence[str], int], float] | None = None) -> None:
        self.index = index
        self.score = score or index.score

    @traceable(run_type="chain", name="answer question")
    def ask(self, question: str) -> dict[str, Any]:
        """Answer a question, naming the documents that the answer rests on."""
        ranked = self.rank(question, self.retrieve(question))
        set_run_metadata(best=ranked[0]["name"] if ranked else None)
        return {"answer": self.write_answer(question, ranked[:3]), "sources": [hit["name"] for hit in ranked]}

    @traceable(run_type="retriever")
    def retrieve(self, question: str) -> list[int]:
        """Positions of the documents that share most words with the question."""
        return [position for position, _ in self.index.holders(words(question)).most_common(CANDIDATES)]

    @traceable(run_type="tool")
    def rank(self, question: str, positions: list[int]) -> list[dict[str, Any]]:
        """The five best of the candidates."""
        query = words(question)
        scored = sorted(((self.score(query, position), position) for position in positions), reverse=True)
        documents = self.index.documents
        return [
            {
                "name": documents[position].name,
                "score": round(score, 3),
                "text": documents[position].text[:800],
            }
            for score, position in scored[:5]
        ]

    def write_answer(self, question: str, hits: list[dict[str, Any]]) -> str:
        """The answer: a model's where there is a key for one, else the best document's first paragraph."""
        if os.environ.get("OPENAI_API_KEY"):
            return write_with_model(question, hits)
        return quote(question, hits)


@traceable(run_type="parser", name="quote")
def quote(question: str, hits: list[dict[str, Any]]) -> str:
    """Answer in the words of the best document."""
    if not hits:
        return f"Nothing in the standard library's documentation matches {question!r}."
    best = hits[0]
    first_paragraph = best["text"].split("\n\n")[0]
    return f"{best['name']}: {first_paragraph}"


@traceable(run_type="llm", name="openai", metadata={"ls_provider": "openai"})
def write_with_model(question: str, hits: list[dict[str, Any]]) -> str:
    """Let a model answer from the documents."""
    from openai import OpenAI

    sources = "\n\n".join(f"# {hit['name']}\n{hit['text']}" for hit in hits)
    reply = OpenAI().chat.completions.create(
        model=os.environ.get("OPENAI_MODEL", "gpt-4o-mini"),
        messages=[
            {"role": "system", "content": "Answer in two sentences, from these documents alone:\n" + sources},
            {"role": "user", "content": question},
        ],
    )
    return reply.choices[0].message.content or ""
