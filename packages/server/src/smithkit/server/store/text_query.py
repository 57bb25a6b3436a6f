"""What filters ask of the full-text index: words, and tokens that stand for metadata.

Words come from `domain.filters.words`, letters and digits alone, and stand in quotes: nothing that a user
writes is read as a database's own language.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

from smithkit.server.domain.filters import And, Comparison, Group, Node, Operator, Or, Some
from smithkit.server.domain.filters.evaluate import SEARCHED, scalar_text
from smithkit.server.domain.filters.words import search_terms
from smithkit.server.domain.jsons import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from smithkit.server.domain.filters.words import Phrase
    from smithkit.server.store.protocol import RunSelection

__all__ = [
    "FTS5",
    "ROOT",
    "TSQUERY",
    "Language",
    "index_query",
    "left_to_check",
    "metadata_tokens",
    "scoped",
    "search_query",
    "session_token",
]

ROOT = "root"
"""The token of root runs, in the column `scope`."""

_MOST_SESSIONS = 50
_NULL = scalar_text(None)  # null has the token of this text, and is not equal to it


def metadata_tokens(metadata: Any) -> Iterator[str]:
    """Give the tokens of an object: one a key, and one a key with its value."""
    if isinstance(metadata, dict):
        for key, value in metadata.items():
            yield _key_token(key)
            if (text := scalar_text(value)) is not None:
                yield _pair_token(key, text)


def session_token(session_id: UUID) -> str:
    """Give the token of a project, in the column `scope`."""
    return f"s{session_id.hex}"


class Language(Protocol):
    """How a query is written: for SQLite's FTS5, or as PostgreSQL's `tsquery`."""

    both: str
    either: str

    def words(self, field: str, phrases: Sequence[Phrase]) -> str:
        """Ask for phrases, in a field or in any."""
        ...

    def token(self, token: str) -> str:
        """Ask for a token of metadata."""
        ...


class _Fts5:
    both, either = " AND ", " OR "

    def words(self, field: str, phrases: Sequence[Phrase]) -> str:
        return f"({{{field or ' '.join(SEARCHED)}}} : ({self.both.join(map(_phrase, phrases))}))"

    def token(self, token: str) -> str:
        return f"(pairs : {token})"


class _TsQuery:
    both, either = " & ", " | "

    def words(self, field: str, phrases: Sequence[Phrase]) -> str:  # noqa: ARG002 - it does not tell fields apart
        exact = {f"'w{word}'" for phrase in phrases for word in phrase.words[: -1 if phrase.prefix else None]}
        begun = {f"'w{phrase.words[-1]}':*" for phrase in phrases if phrase.prefix}
        return f"({self.both.join(sorted(exact | begun))})"

    def token(self, token: str) -> str:
        return f"'{token}'"


FTS5: Language = _Fts5()
TSQUERY: Language = _TsQuery()


def search_query(node: Comparison, language: Language = FTS5) -> str:
    """Write a search."""
    return language.words(node.field, search_terms(str(node.value)))


def index_query(node: Node, language: Language = FTS5) -> str | None:  # noqa: PLR0911 - one a kind of node
    """Write what the index knows of a filter.

    Returns:
        A query that finds at least all indexed runs for which the filter holds; None if the index cannot help.
    """
    match node:
        case Comparison(Operator.SEARCH):
            return search_query(node, language)
        case Comparison(Operator.HAS, "metadata", value):
            return _all(_contained(load(str(value).encode()), language), language)
        case Comparison(Operator.EXISTS, "metadata", str(key)):
            return language.token(_key_token(key))
        case Comparison(Operator.EQ, name, str(value)) if name.startswith("metadata."):
            return language.token(_pair_token(name.removeprefix("metadata."), value))
        case Some(Group.METADATA, condition):
            return _pair(condition.operands if isinstance(condition, And) else (condition,), language)
        case And(operands):
            return _all((index_query(one, language) for one in operands), language)
        case Or(operands):
            queries = [index_query(one, language) for one in operands]
            return None if None in queries else f"({language.either.join(filter(None, queries))})"
    return None


def left_to_check(node: Node | None) -> Node | None:
    """Give what `index_query` does not say of a filter, and has to be checked on the runs found; None for nothing."""
    match node:
        case Comparison(Operator.SEARCH) | Comparison(Operator.EXISTS, "metadata", str()):
            return None
        case Comparison(Operator.EQ, name, str(value)) if name.startswith("metadata.") and value != _NULL:
            return None
        case Some(Group.METADATA, And(operands)) if _is_pair(operands):
            return None
        case And(operands):
            left = tuple(one for one in map(left_to_check, operands) if one is not None)
            return And(left) if len(left) > 1 else next(iter(left), None)
    return node


def _is_pair(conditions: Sequence[Node]) -> bool:
    """Whether conditions say one key and one text, and nothing else."""
    equal = {
        one.field: one.value
        for one in conditions
        if isinstance(one, Comparison) and one.operator is Operator.EQ and isinstance(one.value, str)
    }
    return (
        len(conditions) == 2  # noqa: PLR2004
        and equal.keys() == {"metadata_key", "metadata_value"}
        and equal["metadata_value"] != _NULL
    )


def scoped(query: str, selection: RunSelection) -> str:
    """Narrow a query to the projects, and the roots, that a selection names."""
    sessions = selection.sessions
    if sessions is not None and 0 < len(sessions) <= _MOST_SESSIONS:
        query += f" AND scope : ({' OR '.join(map(session_token, sessions))})"
    return f"{query} AND scope : {ROOT}" if selection.is_root else query


def _phrase(phrase: Phrase) -> str:
    return f'"{" ".join(phrase.words)}"{" *" if phrase.prefix else ""}'


def _all(queries: Iterator[str | None], language: Language) -> str | None:
    given = [query for query in queries if query is not None]
    return f"({language.both.join(given)})" if given else None


def _contained(part: Any, language: Language) -> Iterator[str | None]:
    if isinstance(part, dict):
        for key, value in part.items():
            text = scalar_text(value)
            yield language.token(_key_token(key) if text is None else _pair_token(key, text))


def _pair(conditions: Sequence[Node], language: Language) -> str | None:
    """The tokens of one pair, from what must be equal of its key and its value."""
    equal: Mapping[str, Any] = {
        one.field: one.value
        for one in conditions
        if isinstance(one, Comparison) and one.operator is Operator.EQ
    }
    key, value = equal.get("metadata_key"), equal.get("metadata_value")
    if isinstance(key, str):
        # Numbers are equal however they are written, so their text does not tell.
        return language.token(_pair_token(key, value) if isinstance(value, str) else _key_token(key))
    for one in conditions:
        if isinstance(one, Comparison) and one.operator is Operator.IN and one.field == "metadata_key":
            keys = [key for key in one.value if isinstance(key, str)] if isinstance(one.value, tuple) else []
            return (
                f"({language.either.join(language.token(_key_token(key)) for key in keys)})" if keys else None
            )
    return None


def _key_token(key: str) -> str:
    return f"k{_digest(key)}"


def _pair_token(key: str, text: str) -> str:
    return f"p{_digest(f'{len(key)} {key} {text}')}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
