"""Compiling filters to SQL; values are bound, never spliced. Means what `domain.filters.evaluate` says.

What databases do differently stands behind `Dialect`.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import and_, case, exists, false, func, literal, not_, or_, select

from smithkit.server.domain.filters import And, Comparison, Group, Node, Not, Operator, Or, Some
from smithkit.server.domain.filters.evaluate import DOCUMENTS
from smithkit.server.domain.runs import Status
from smithkit.server.store.tables import feedback, runs, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import ColumnElement, FromClause

__all__ = ["Dialect", "compile_filter", "is_of_documents", "latency", "of_root", "of_tree"]

_ORDERS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}
_IDS = frozenset({"id", "trace_id", "parent_run_id", "session_id", "reference_example_id"})
_FEEDBACK = {
    "feedback_key": feedback.c.key,
    "feedback_score": feedback.c.score,
    "feedback_value": feedback.c.category,
    "feedback_source": feedback.c.source,
}


class Dialect(Protocol):
    """What is said differently by each database."""

    def like(self, value: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
        """Say that a text is like a pattern."""
        ...

    def tagged(self, run: FromClause, tags: tuple[str, ...]) -> ColumnElement[bool]:
        """Say that a run has one of these tags."""
        ...

    def document(self, run: FromClause, node: Node) -> ColumnElement[bool]:
        """Say a condition on metadata, inputs, outputs or the text of the error."""
        ...

    def search(self, run: FromClause, node: Comparison) -> ColumnElement[bool]:
        """Say that a run's texts hold what is searched for."""
        ...


def compile_filter(node: Node, run: FromClause, dialect: Dialect) -> ColumnElement[bool]:  # noqa: PLR0911 - one a kind of node
    """Compile a filter.

    Args:
        node: As `check_filter` gives it.
        run: The runs, or an alias of them, of which it speaks.
        dialect: Of the database.

    Returns:
        A condition on `run`.
    """
    if is_of_documents(node):
        return dialect.document(run, node)  # whole, so that payloads are read once
    match node:
        case And(operands):
            return and_(*(compile_filter(one, run, dialect) for one in operands))
        case Or(operands):
            return or_(*(compile_filter(one, run, dialect) for one in operands))
        case Not(operand):
            return _negated(compile_filter(operand, run, dialect))
        case Some(Group.FEEDBACK, condition):
            holds = _on_feedback(condition, dialect)
            # What another workspace says of a run counts in no project.
            counted = (feedback.c.run_id == run.c.id) & (feedback.c.session_id == run.c.session_id)
            return exists(select(1).where(counted, holds).correlate(run))
        case Comparison(Operator.SEARCH):
            return dialect.search(run, node)
        case Comparison(_, "tags"):
            return _tagged(node, run, dialect)
        case Comparison(_, name):
            return _compared(_column(name, run), node, dialect)
    raise AssertionError(node)


def is_of_documents(node: Node) -> bool:
    """Tell whether a condition asks for nothing but metadata, inputs, outputs and the text of the error."""
    match node:
        case And(operands) | Or(operands):
            return all(is_of_documents(one) for one in operands)
        case Not(operand):
            return is_of_documents(operand)
        case Some(group, _):
            return group is not Group.FEEDBACK
        case Comparison(Operator.SEARCH):
            return False
        case Comparison(operator, "error", value):
            return not (value is None or operator is Operator.EXISTS)
        case Comparison(_, name):
            return name.partition(".")[0] in DOCUMENTS


def of_root(node: Node, dialect: Dialect) -> ColumnElement[bool]:
    """Compile a filter on the root of a run's trace."""
    root = runs.alias("root_run")
    is_root = (root.c.id == runs.c.trace_id) & root.c.parent_run_id.is_(None)
    return _among(root, is_root, compile_filter(node, root, dialect))


def of_tree(node: Node, dialect: Dialect) -> ColumnElement[bool]:
    """Compile a filter on any run of a run's trace."""
    other = runs.alias("tree_run")
    inside = other.c.trace_id == runs.c.trace_id
    return _among(other, inside, compile_filter(node, other, dialect))


def _among(others: FromClause, *which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that there is such a run in the run's own workspace; anybody may claim to be of a trace."""
    home, own = sessions.alias("other_session"), sessions.alias("own_session")
    shared = exists(
        select(1)
        .select_from(home.join(own, own.c.workspace_id == home.c.workspace_id))
        .where(home.c.id == others.c.session_id, own.c.id == runs.c.session_id)
        .correlate(others, runs)
    )
    near = or_(others.c.session_id == runs.c.session_id, shared)
    return exists(select(1).select_from(others).where(near, *which).correlate(runs))


def latency(run: FromClause) -> ColumnElement[int]:
    """Say how long a run took, in microseconds; null while it has not ended."""
    return run.c.end_time - run.c.start_time


def _negated(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    # A comparison with null is null, which counts as false: so its negation is true.
    return not_(func.coalesce(condition, false()))


def _on_feedback(node: Node, dialect: Dialect) -> ColumnElement[bool]:
    match node:
        case And(operands):
            return and_(*(_on_feedback(one, dialect) for one in operands))
        case Or(operands):
            return or_(*(_on_feedback(one, dialect) for one in operands))
        case Not(operand):
            return _negated(_on_feedback(operand, dialect))
        case Comparison(_, name):
            return _compared(_FEEDBACK[name], node, dialect)
        case Some():
            raise AssertionError("a group within a group")


def _tagged(node: Comparison, run: FromClause, dialect: Dialect) -> ColumnElement[bool]:
    wanted = node.value if isinstance(node.value, tuple) else (node.value,)
    if node.operator is Operator.EXISTS or node.value is None:
        some = func.coalesce(run.c.tags, "[]") != "[]"
        return some if node.operator in {Operator.EXISTS, Operator.NEQ} else ~some
    found = dialect.tagged(run, tuple(str(tag) for tag in wanted if tag is not None))
    return _negated(found) if node.operator is Operator.NEQ else found


def _column(name: str, run: FromClause) -> ColumnElement[Any]:
    derived = _DERIVED.get(name)
    column: ColumnElement[Any] = run.c[name] if derived is None else derived(run)
    return column


def _session_name(run: FromClause) -> ColumnElement[Any]:
    own = select(sessions.c.name).where(sessions.c.id == run.c.session_id)
    return own.correlate(run).scalar_subquery()


_DERIVED: Mapping[str, Callable[[FromClause], ColumnElement[Any]]] = {
    "latency": latency,
    "first_token_latency": lambda run: run.c.first_token_time - run.c.start_time,
    "is_root": lambda run: run.c.parent_run_id.is_(None),
    "in_dataset": lambda run: run.c.reference_example_id.is_not(None),
    # All that is known of it.
    "execution_order": lambda run: case((run.c.parent_run_id.is_(None), 1), else_=2),
    "error": lambda run: case((run.c.has_error, 1)),
    "session_name": _session_name,
}


def _compared(column: ColumnElement[Any], node: Comparison, dialect: Dialect) -> ColumnElement[bool]:
    value = node.value
    condition: ColumnElement[bool]
    if node.operator is Operator.EXISTS:
        condition = column.is_not(None)
    elif node.operator is Operator.LIKE:
        condition = dialect.like(column, str(value))
    elif node.operator is Operator.IN:
        values = value if isinstance(value, tuple) else ()
        condition = column.in_([_stored(node.field, one) for one in values if one is not None])
        if None in values:
            condition |= column.is_(None)
    elif node.operator is Operator.EQ:
        condition = column.is_(None) if value is None else column == _stored(node.field, value)
    elif node.operator is Operator.NEQ:
        condition = column.is_not(None)
        if value is not None:
            condition = or_(~condition, column != _stored(node.field, value))
    else:
        condition = _ORDERS[node.operator](column, _stored(node.field, value))
    return condition


def _stored(name: str, value: Any) -> Any:
    """Write a value as its column has it."""
    if name in _IDS:
        return UUID(value)
    if name == "status":
        return int(Status[value])
    # A driver that is told the type of the column would cut the fraction off.
    return literal(value) if isinstance(value, bool | float) else value
