"""The filter language: from text to a checked syntax tree, and what that means.

`parse_filter` reads, `check_filter` checks against the fields that there are, `evaluate` says what the tree
means. Stores compile checked trees to queries that mean the same.
"""

from __future__ import annotations

from smithkit.server.domain.filters.evaluate import Record, evaluate
from smithkit.server.domain.filters.fields import EXAMPLE_FIELDS, RUN_FIELDS, check_filter
from smithkit.server.domain.filters.grammar import parse_filter
from smithkit.server.domain.filters.nodes import (
    And,
    Comparison,
    FilterError,
    Group,
    Node,
    Not,
    Operator,
    Or,
    Some,
    write_filter,
)

__all__ = [
    "EXAMPLE_FIELDS",
    "RUN_FIELDS",
    "And",
    "Comparison",
    "FilterError",
    "Group",
    "Node",
    "Not",
    "Operator",
    "Or",
    "Record",
    "Some",
    "check_filter",
    "evaluate",
    "parse_filter",
    "write_filter",
]
