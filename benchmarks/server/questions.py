"""What a backend full of `spans.py` is asked: points, traces, lists, filters, full text, figures."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from spans import START, span, words

__all__ = ["PROJECTS", "Question", "questions"]

PROJECTS = 5
"""Projects that spans are spread over, a thousand after the other."""

Question = tuple[str, str, dict[str, Any] | None]
"""Method, path and body of a request."""
Ask = Callable[[], Question]


def questions(size: int, project: str) -> dict[str, Ask]:
    """Name what is asked of a database of some size.

    Args:
        size: How many spans it has.
        project: Id of one of its projects.

    Returns:
        By name: what makes a request. Each asks for something else, where there is something else.
    """
    chance = random.Random(3)
    return {
        **_points(size, chance),
        **_lists(project),
        **_searches(project, chance),
        **_figures(size, project),
    }


def _points(size: int, chance: random.Random) -> dict[str, Ask]:
    def some() -> dict[str, Any]:
        return span(chance.randrange(size))

    return {
        "point read": lambda: ("GET", f"/runs/{some()['id']}", None),
        "trace read": lambda: _query(trace=str(span(some()["trace"])["id"]), limit=100),
    }


def _lists(project: str) -> dict[str, Ask]:
    own = partial(_query, session=[project], select=["id", "name"])
    return {
        "list, newest 100": own,
        "list, newest 100 with payloads": partial(_query, session=[project]),
        "list, of all projects": partial(_query, select=["id", "name"]),
        "list, roots that failed": partial(own, is_root=True, error=True),
        "list, run type and latency": partial(own, filter='and(eq(run_type, "llm"), gt(latency, 29))'),
        "list, name and status": partial(own, filter='and(eq(name, "step-3"), eq(status, "error"))'),
        "list, tag": partial(own, filter='has(tags, "test")'),
        "list, metadata": partial(own, filter='and(eq(metadata_key, "user"), eq(metadata_value, "u-7"))'),
    }


def _searches(project: str, chance: random.Random) -> dict[str, Ask]:
    find = partial(_query, select=["id"])

    def text(*ranks: tuple[int, int], quoted: bool = False, **more: Any) -> Question:
        found = " ".join(words()[chance.randrange(*bounds)] for bounds in ranks)
        return find(query=f'"{found}"' if quoted else found, **more)

    common, usual, rare = (0, 20), (300, 1000), (15_000, 20_000)
    llm = 'and(eq(run_type, "llm"), gt(latency, 29))'
    return {
        "text: in each tenth run": partial(find, query="common"),
        "text: in one of 10,000": partial(find, query="rare"),
        "text: common word": lambda: text(common),
        "text: usual word": lambda: text(usual),
        "text: rare word": lambda: text(rare),
        "text: no such word": partial(find, query="nosuchword"),
        "text: two usual words": lambda: text(usual, usual),
        "text: two rare words": lambda: text(rare, rare),
        "text: common and rare": lambda: text(common, rare),
        "text: phrase of common words": lambda: text(common, common, quoted=True),
        "text: phrase of usual words": lambda: text(usual, usual, quoted=True),
        "text: usual word, project": lambda: text(usual, session=[project]),
        "text: rare word, project": lambda: text(rare, session=[project]),
        "text: usual word, project, filter": lambda: text(usual, session=[project], filter=llm),
        "text: rare word, project, filter": lambda: text(rare, session=[project], filter=llm),
        "text: common word, failed roots": lambda: text(common, session=[project], is_root=True, error=True),
        "text: usual word, metadata": lambda: text(usual, filter='eq(metadata.user, "u-7")'),
    }


def _figures(size: int, project: str) -> dict[str, Ask]:
    own = partial(_sum, session=[project])
    middle = {"start_time": _time(size // 2), "end_time": _time(size * 3 // 4)}
    filters = {
        "run type": 'eq(run_type, "llm")',
        "name": 'eq(name, "step-3")',
        "status": 'eq(status, "success")',
        "error": "eq(error, null)",
        "is_root": "eq(is_root, true)",
        "latency": "gt(latency, 5)",
        "tag": 'has(tags, "production")',
        "metadata, one of 1,000": 'and(eq(metadata_key, "user"), eq(metadata_value, "u-7"))',
        "metadata, all": 'and(eq(metadata_key, "revision_id"), eq(metadata_value, "v1.4.2"))',
        "text in each tenth": 'search("common")',
    }
    return {
        "figures of all": _sum,
        "figures of a project": own,
        "figures of a time": partial(own, **middle),
        "projects with figures": lambda: ("GET", "/sessions?include_stats=true", None),
        **{f"figures of a project, {name}": partial(own, filter=text) for name, text in filters.items()},
        "figures of a time, run type": partial(own, run_type="llm", **middle),
        "figures of failed roots": partial(own, is_root=True, error=True),
        "figures of a text and a type": partial(own, filter='and(search("common"), eq(run_type, "llm"))'),
    }


def _query(**body: Any) -> Question:
    return "POST", "/runs/query", body


def _sum(**body: Any) -> Question:
    return "POST", "/runs/stats", body


def _time(number: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + number))
