"""Compiling filters to ClickHouse's SQL; values are bound, never spliced. Means what `domain.filters.evaluate` says.

Conditions on inputs, outputs and the text of errors are no SQL: the runs for which they hold are looked for
in this process (`store.clickhouse.picks`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.server.domain.filters import And, Comparison, Group, Node, Not, Operator, Or, Some
from smithkit.server.domain.filters.evaluate import SEARCHED, scalar_text
from smithkit.server.domain.filters.words import search_terms
from smithkit.server.domain.jsons import load
from smithkit.server.domain.runs import Status
from smithkit.server.store.clickhouse.patterns import regex_of
from smithkit.server.store.filter_sql import is_of_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smithkit.server.domain.filters.words import Phrase
    from smithkit.server.store.clickhouse.client import Bound

__all__ = ["FilterCompiler", "names_projects"]

_ORDERS = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}
_EXACT = 2**53  # integers from here on are not all doubles
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("id", "trace_id", "parent_run_id", "session_id", "reference_example_id"), "UUID"),
    **dict.fromkeys(("name", "run_type", "thread_id", "metadata_key", "feedback_key"), "String"),
    **dict.fromkeys(("feedback_value", "feedback_source", "error"), "String"),
    **dict.fromkeys(("is_root", "in_dataset", "status"), "UInt8"),
}
_DERIVED: Mapping[str, str] = {
    "latency": "(end_time - start_time)",
    "first_token_latency": "(first_token_time - start_time)",
    "is_root": "(parent_run_id IS NULL)",
    "in_dataset": "(reference_example_id IS NOT NULL)",
    "execution_order": "if(parent_run_id IS NULL, 1, 2)",
    "error": "if(has_error, 'error', NULL)",
    "feedback_key": "key",
    "feedback_score": "score",
    "feedback_value": "category",
    "feedback_source": "source",
}
_OF_RUN = {"name": "name_words", "tags": "tags_words"}
_FALSE = "0"
_MOST_TOKENS = 64  # that the index is asked for at once


class FilterCompiler:
    """Compiles filters of one statement.

    Args:
        workspace: What stands for the workspace in the statement.
        bound: The statement's values.
        projects: Name → ids of the projects that a condition on names is about.
        pick: Gives a condition on ids for a condition on documents that is no SQL.
    """

    def __init__(
        self,
        workspace: str,
        bound: Bound,
        projects: Mapping[Any, str],
        pick: Callable[[Node], str],
    ) -> None:
        self._workspace = workspace
        self._bound = bound
        self._projects = projects
        self._pick = pick

    def compile(self, node: Node) -> str:  # noqa: PLR0911 - one a kind of node
        """Compile a filter.

        Args:
            node: As `check_filter` gives it.

        Returns:
            A condition on `runs` that is true or false, never null.
        """
        metadata = _metadata_condition(node, self._bound)
        if metadata is not None:
            return metadata
        if is_of_documents(node):
            return self._pick(node)
        match node:
            case And(operands):
                return _joined(" AND ", map(self.compile, operands))
            case Or(operands):
                return _joined(" OR ", map(self.compile, operands))
            case Not(operand):
                return f"NOT {self.compile(operand)}"
            case Some(_, condition):
                return (
                    "(id, session_id) IN (SELECT assumeNotNull(run_id), assumeNotNull(session_id) FROM feedback FINAL"
                    f" WHERE workspace_id = {self._workspace} AND run_id IS NOT NULL AND session_id IS NOT NULL"
                    f" AND {self._plain(condition)})"
                )
            case Comparison(Operator.SEARCH):
                return self._search(node)
            case Comparison():
                return self._plain(node)
        raise AssertionError(node)

    def of_root(self, node: Node) -> str:
        """Compile a filter on the root of a run's trace."""
        return f"trace_id IN ({self._those('id', node)} AND parent_run_id IS NULL)"

    def of_tree(self, node: Node) -> str:
        """Compile a filter on any run of a run's trace."""
        return f"trace_id IN ({self._those('trace_id', node)})"

    def _those(self, column: str, node: Node) -> str:
        return (
            f"SELECT {column} FROM runs FINAL WHERE workspace_id = {self._workspace} AND {self.compile(node)}"
        )

    def _plain(self, node: Node) -> str:
        """A condition on columns of runs, or of feedback."""
        match node:
            case And(operands):
                return _joined(" AND ", map(self._plain, operands))
            case Or(operands):
                return _joined(" OR ", map(self._plain, operands))
            case Not(operand):
                return f"NOT {self._plain(operand)}"
            case Comparison(_, "tags"):
                return self._tagged(node)
            case Comparison(_, "session_name"):
                return self._named(node)
            case Comparison(_, name):
                return _compared(_DERIVED.get(name, name), node, self._bound)
        raise AssertionError(node)

    def _tagged(self, node: Comparison) -> str:
        wanted = node.value if isinstance(node.value, tuple) else (node.value,)
        if node.operator is Operator.EXISTS or node.value is None:
            some = "ifNull(tags, '[]') != '[]'"
            return some if node.operator in {Operator.EXISTS, Operator.NEQ} else f"NOT {some}"
        tags = self._bound([str(tag) for tag in wanted if tag is not None], "Array(String)")
        found = f"hasAny(tag_list, {tags})"
        return f"NOT {found}" if node.operator is Operator.NEQ else found

    def _named(self, node: Comparison) -> str:
        """The projects are few, and elsewhere: their names are compared here."""
        found = [str(project) for project, name in self._projects.items() if _name_holds(node, name)]
        return f"session_id IN {self._bound(found, 'Array(UUID)')}"

    def _search(self, node: Comparison) -> str:
        fields = (node.field,) if node.field else SEARCHED
        terms = search_terms(str(node.value))
        return _joined(" AND ", (self._holds(fields, phrase) for phrase in terms))

    def _holds(self, fields: Iterable[str], phrase: Phrase) -> str:
        """One of some fields has a phrase."""
        found = [_has_phrase(_OF_RUN[name], phrase, self._bound) for name in fields if name in _OF_RUN]
        stored = [name for name in fields if name not in _OF_RUN]
        if stored:
            found.append(
                f"id IN (SELECT run_id FROM run_documents FINAL WHERE workspace_id = {self._workspace}"
                f" AND field IN {self._bound(stored, 'Array(String)')}"
                f" AND {_is_indexed(phrase, self._bound)})"
            )
        return _joined(" OR ", found)


def names_projects(node: Node | None) -> bool:
    """Tell whether a filter asks for names of projects."""
    match node:
        case And(operands) | Or(operands):
            return any(map(names_projects, operands))
        case Not(operand):
            return names_projects(operand)
        case Comparison(_, "session_name"):
            return True
    return False


def _joined(word: str, conditions: Iterable[str]) -> str:
    return f"({word.join(conditions)})"


def _is_indexed(phrase: Phrase, bound: Bound) -> str:
    """A document has a phrase. A single word is known from the index alone, without reading any text."""
    whole = phrase.words[:-1] if phrase.prefix else phrase.words
    tokens = sorted(set(whole))[:_MOST_TOKENS]
    found = [f"hasAllTokens(words, {bound(tokens, 'Array(String)')})"] if tokens else []
    if phrase.prefix or len(phrase.words) > 1:
        found.append(_has_phrase("words", phrase, bound))
    return _joined(" AND ", found)


def _has_phrase(column: str, phrase: Phrase, bound: Bound) -> str:
    """Words stand between spaces."""
    text = f" {' '.join(phrase.words)}{'' if phrase.prefix else ' '}"
    return f"position({column}, {bound(text, 'String')}) > 0"


def _name_holds(node: Comparison, name: str) -> bool:
    from smithkit.server.domain.filters.evaluate import evaluate

    return evaluate(node, _ProjectName(name))


class _ProjectName:
    """A project's name, as a record."""

    def __init__(self, name: str) -> None:
        self._name = name

    def value(self, _field: str) -> str:
        return self._name

    def document(self, field: str) -> Any:
        raise LookupError(field)

    def elements(self, group: Group) -> Any:
        raise LookupError(group)

    def words(self, field: str) -> Any:
        raise LookupError(field)


def _compared(column: str, node: Comparison, bound: Bound) -> str:
    value = node.value
    kind = _TYPES.get(node.field)
    match node.operator:
        case Operator.EXISTS:
            return f"{column} IS NOT NULL"
        case Operator.LIKE:
            regex = regex_of(str(value))
            return _FALSE if regex is None else f"ifNull(match({column}, {bound(regex, 'String')}), 0)"
        case Operator.IN:
            values = value if isinstance(value, tuple) else ()
            return _among(column, kind, node.field, values, bound)
        case Operator.EQ:
            return _equal(column, kind, node.field, value, bound)
        case Operator.NEQ:
            return f"NOT {_equal(column, kind, node.field, value, bound)}"
    return f"ifNull({column} {_ORDERS[node.operator]} {_bind(kind, node.field, value, bound)}, 0)"


def _among(column: str, kind: str | None, name: str, values: tuple[Any, ...], bound: Bound) -> str:
    """One of some values; there may be thousands."""
    known = [_stored(name, value) for value in values if value is not None]
    kind = kind or _number_type(known)
    found = f"ifNull({column} IN {bound(known, f'Array({kind})')}, 0)" if known else _FALSE
    return f"({found} OR {column} IS NULL)" if None in values else found


def _equal(column: str, kind: str | None, name: str, value: Any, bound: Bound) -> str:
    if value is None:
        return f"({column} IS NULL)"
    return f"ifNull({column} = {_bind(kind, name, value, bound)}, 0)"


def _bind(kind: str | None, name: str, value: Any, bound: Bound) -> str:
    stored = _stored(name, value)
    return bound(stored, kind or _number_type([stored]))


def _stored(name: str, value: Any) -> Any:
    """Write a value as its column has it."""
    if name == "status":
        return int(Status[value])
    return int(value) if isinstance(value, bool) else value


def _number_type(values: list[Any]) -> str:
    whole = all(isinstance(value, int) and -(2**63) <= value < 2**63 for value in values)
    return "Int64" if whole else "Float64"


def _metadata_condition(node: Node, bound: Bound) -> str | None:
    """A condition on pairs of metadata as SQL; None for what is none, or not only of that."""
    match node:
        case Some(Group.METADATA, condition) if (pair := _pair(condition, bound)) is not None:
            return f"arrayExists((k, v) -> {pair}, mapKeys(metadata), mapValues(metadata))"
        case Comparison(Operator.HAS, "metadata", value):
            return _contains(load(str(value).encode()), bound)
        case Comparison(Operator.EXISTS, "metadata", str(key)):
            return f"mapContains(metadata, {bound(key, 'String')})"
        case Comparison(_, name) if name.startswith("metadata."):
            key = bound(name.removeprefix("metadata."), "String")
            # A key that is not there gives an empty text, which is no value's.
            return _scalar(f"metadata[{key}]", node, bound)
    return None


def _contains(part: Any, bound: Bound) -> str | None:
    pairs = part.items() if isinstance(part, dict) else ()
    simple = all(isinstance(value, str | bool) or _is_whole(value) for _, value in pairs)
    if not isinstance(part, dict) or not part or not simple:
        return None
    conditions = []
    for key, value in pairs:
        kind = "s" if isinstance(value, str) else "l" if isinstance(value, bool) else "n"
        text = bound(kind + str(scalar_text(value)), "String")
        conditions.append(f"metadata[{bound(key, 'String')}] = {text}")
    return _joined(" AND ", conditions)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _pair(node: Node, bound: Bound) -> str | None:
    """A condition on the key `k` and the value `v` of a pair."""
    match node:
        case And(operands) | Or(operands):
            parts = [_pair(one, bound) for one in operands]
            word = " AND " if isinstance(node, And) else " OR "
            return None if None in parts else _joined(word, filter(None, parts))
        case Not(operand):
            part = _pair(operand, bound)
            return None if part is None else f"NOT {part}"
        case Comparison(_, "metadata_key"):
            return _compared("k", node, bound)
        case Comparison(_, "metadata_value"):
            return _scalar("v", node, bound)
    return None


def _scalar(value: str, node: Comparison, bound: Bound) -> str | None:  # noqa: PLR0911 - one an operator
    """A condition on a value as `run_rows.pairs_of` writes it; None if SQL would be inexact."""
    wanted = node.value
    match node.operator:
        case Operator.EXISTS:
            return f"(NOT {_is_null(value)})"
        case Operator.EQ:
            return _same(value, wanted, bound)
        case Operator.NEQ:
            same = _same(value, wanted, bound)
            return None if same is None else f"NOT {same}"
        case Operator.IN:
            each = [_same(value, one, bound) for one in (wanted if isinstance(wanted, tuple) else ())]
            return None if None in each else _joined(" OR ", filter(None, each)) if each else _FALSE
        case Operator.LIKE:
            regex = regex_of(str(wanted))
            if regex is None:
                return _FALSE
            text = bound(regex, "String")
            return f"(left({value}, 1) IN ('s', 'n', 'l') AND match(substring({value}, 2), {text}))"
    if isinstance(wanted, str):
        text = bound(wanted, "String")
        return f"(startsWith({value}, 's') AND substring({value}, 2) {_ORDERS[node.operator]} {text})"
    if isinstance(wanted, bool):
        return _FALSE
    return _number(value, _ORDERS[node.operator], wanted, bound)


def _is_null(value: str) -> str:
    return f"({value} IN ('', '-'))"


def _same(value: str, wanted: Any, bound: Bound) -> str | None:
    if wanted is None:
        return _is_null(value)
    text = scalar_text(wanted)
    if isinstance(wanted, str | bool):
        forms = [f"{kind}{text}" for kind in "snl"]
        return f"({value} IN {bound(forms, 'Array(String)')})"
    number = _number(value, "=", wanted, bound)
    return None if number is None else f"({value} = {bound(f's{text}', 'String')} OR {number})"


def _number(value: str, operator: str, wanted: Any, bound: Bound) -> str | None:
    if abs(wanted) >= _EXACT:
        return None
    number = f"toFloat64OrNull(substring({value}, 2))"
    compared = f"ifNull({number} {operator} {bound(float(wanted), 'Float64')}, 0)"
    return f"(startsWith({value}, 'n') AND {compared})"
