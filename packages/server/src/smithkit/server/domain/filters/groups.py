"""Which conditions speak of one and the same pair of metadata, or one and the same feedback."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from smithkit.server.domain.filters.nodes import And, Comparison, Group, Node, Not, Operator, Or, Some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from smithkit.server.domain.filters.fields import Field

__all__ = ["bind_groups"]

_Bundle = tuple[int, list[Node]]  # where it begins among the operands, and the conditions of it


def bind_groups(node: Node, fields: Mapping[str, Field]) -> Node:
    """Put every condition on pairs or feedback below a `Some`.

    Those that stand side by side in one `and` share it, with an `or` or a `not` over values that stands
    beside them. Two keys that cannot be the same one begin two.

    Args:
        node: A tree without `Some`.
        fields: The fields of its comparisons.

    Returns:
        The tree with them.
    """
    match node:
        case And(operands):
            return _bind_and(operands, fields)
        case Or(operands):
            return Or(tuple(bind_groups(one, fields) for one in operands))
        case Not(operand):
            return Not(bind_groups(operand, fields))
        case Comparison(_, name) if group := _group(name, fields):
            return Some(group, node)
        case _:
            return node


def _bind_and(operands: Sequence[Node], fields: Mapping[str, Field]) -> Node:
    bundles: defaultdict[Group, list[_Bundle]] = defaultdict(list)
    for place, one in enumerate(operands):
        if not isinstance(one, Comparison) or (group := _group(one.field, fields)) is None:
            continue
        if not bundles[group] or _contradicts(one, bundles[group][-1][1], fields):
            bundles[group].append((place, []))
        bundles[group][-1][1].append(one)
    rest = []
    for place, one in enumerate(operands):
        if isinstance(one, Comparison) and _group(one.field, fields):
            continue
        of_values = _group_of_values(one, fields)
        own = bundles.get(of_values) if of_values else None
        if own:
            next((bundle for bundle in reversed(own) if bundle[0] < place), own[0])[1].append(one)
        else:
            rest.append(bind_groups(one, fields))
    bound = [
        Some(group, conditions[0] if len(conditions) == 1 else And(tuple(conditions)))
        for group, own in bundles.items()
        for _, conditions in own
    ]
    whole = (*bound, *rest)
    return whole[0] if len(whole) == 1 else And(whole)


def _group(name: str, fields: Mapping[str, Field]) -> Group | None:
    return fields[name].group if name in fields else None


def _contradicts(one: Comparison, others: Sequence[Node], fields: Mapping[str, Field]) -> bool:
    def key(node: Node) -> object:
        is_key = isinstance(node, Comparison) and node.operator is Operator.EQ and _is_key(node, fields)
        return node.value if is_key and isinstance(node, Comparison) else None

    own = key(one)
    return own is not None and any(key(other) not in {None, own} for other in others)


def _is_key(node: Comparison, fields: Mapping[str, Field]) -> bool:
    return node.field in fields and fields[node.field].part == "key"


def _group_of_values(node: Node, fields: Mapping[str, Field]) -> Group | None:
    """The group of an `or` or `not` whose every comparison is of its values, not of its keys."""
    if not isinstance(node, Or | Not):
        return None
    groups = {
        None if not isinstance(leaf, Comparison) or _is_key(leaf, fields) else _group(leaf.field, fields)
        for leaf in _leaves(node)
    }
    return groups.pop() if len(groups) == 1 else None


def _leaves(node: Node) -> Iterator[Node]:
    match node:
        case Or(operands):
            for one in operands:
                yield from _leaves(one)
        case Not(operand):
            yield from _leaves(operand)
        case _:
            yield node  # an inner `and` is a leaf that has no group: it speaks of its own
