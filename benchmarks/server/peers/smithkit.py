"""`smithkit serve`: spans as the LangSmith client sends them, questions to the LangSmith API."""

from __future__ import annotations

import sqlite3
import sys
import time
from typing import TYPE_CHECKING, Any

from questions import questions
from serving import Server, Way
from wire import HEADERS, body

if TYPE_CHECKING:
    from collections.abc import Callable

    from asking import Reading
    from questions import Question

__all__ = ["Smithkit"]

_INDEX = ("run_words%", "run_texts", "sqlite_autoindex_run_texts%", "text_queue")


class Smithkit(Server):
    """The embedded backend in a process of its own."""

    ready = "/info"
    way = Way("/runs/multipart", HEADERS, body)

    def command(self, port: int) -> list[str]:
        serve = [sys.executable, "-m", "smithkit.server.serve"]
        return [*serve, "--port", str(port), "--db", str(self.database)]

    def count(self) -> int:
        _, found = self.ask("POST", "/runs/stats", {})
        return int(found["run_count"])

    def settle(self) -> None:
        while self.unindexed():
            time.sleep(0.2)

    def unindexed(self) -> int:
        """How many runs the full-text index does not have yet, as far as the server counts them."""
        none = {"select": ["id"], "filter": 'eq(name, "none")', "limit": 1}
        headers, _ = self.ask("POST", "/runs/query", none)
        return int(headers["x-smithkit-unindexed-runs"])

    def index(self) -> int:
        connection = sqlite3.connect(self.database)
        try:
            names = " OR ".join(["name LIKE ?"] * len(_INDEX))
            of_index = f"SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE {names}"
            return int(connection.execute(of_index, _INDEX).fetchone()[0])
        finally:
            connection.close()

    def questions(self, size: int) -> dict[str, Reading]:
        _, projects = self.ask("GET", "/sessions?limit=1")
        asked = questions(size, projects[0]["id"])
        return {name: _reading(make) for name, make in asked.items()}


def _reading(make: Callable[[], Question]) -> Reading:
    return lambda ask: _found(ask(*make()))


def _found(answer: Any) -> int:
    """How many runs or projects an answer lists or counts: a run is one."""
    match answer:
        case list(found) | {"runs": list(found)}:
            return len(found)
        case {"run_count": count}:
            return int(count)
        case _:
            return int("outputs" in answer)
