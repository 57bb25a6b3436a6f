"""`phoenix serve`: spans as OpenTelemetry with OpenInference's attributes, questions to its REST and GraphQL interfaces."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving import Server, Way, free_port

from . import otlp

if TYPE_CHECKING:
    from asking import Asker, Reading

__all__ = ["Phoenix"]

_PROJECT = "project-0"
_PROJECTS = "{projects {edges {node {id name recordCount}}}}"
_FIGURES = "query ($id: ID!) {node(id: $id) {... on Project {recordCount spanLatencyMsQuantile(probability: 0.5) tokenCountTotal}}}"
_SPANS = (
    "query ($id: ID!, $filter: String) {node(id: $id) {... on Project {spans(first: 100, filterCondition: $filter,"
    " sort: {col: startTime, dir: desc}) {edges {node {spanId name}}}}}}"
)  # fmt: skip
_WORD = "{0!r} in input.value or {0!r} in output.value"


class Phoenix(Server):
    """Arize Phoenix on SQLite in its working folder, as it comes."""

    ready = "/healthz"
    way: Way

    def command(self, port: int) -> list[str]:  # noqa: ARG002 - told by the environment
        return [str(Path(sys.executable).with_name("phoenix")), "serve"]

    def environment(self, port: int) -> dict[str, str]:
        return {
            "PHOENIX_WORKING_DIR": str(self.database.parent),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(free_port()),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }

    def count(self) -> int:
        return sum(project["recordCount"] for project in self._projects() if project["name"] == _PROJECT)

    def questions(self, size: int) -> dict[str, Reading]:
        (project,) = (one["id"] for one in self._projects() if one["name"] == _PROJECT)
        chance = random.Random(3)
        rest = f"/v1/projects/{_PROJECT}/spans"

        def listed(condition: str | None) -> Reading:
            return lambda ask: len(
                _graphql(ask, _SPANS, id=project, filter=condition)["node"]["spans"]["edges"]
            )

        def point(ask: Asker) -> int:
            return len(ask("GET", f"{rest}?span_id={otlp.span_id(chance.randrange(size)).hex()}")["data"])

        def figures(ask: Asker) -> int:
            found = _graphql(ask, _FIGURES, id=project)["node"]
            assert found["spanLatencyMsQuantile"] and found["tokenCountTotal"], found  # noqa: PT018 - one answer
            return int(found["recordCount"])

        return {
            "point read": point,
            "list, newest 100": listed(None),
            "list, newest 100 with payloads": lambda ask: len(
                ask("GET", f"{rest}?limit=100&sort=start_time")["data"]
            ),
            "list, run type and latency": listed("span_kind == 'LLM' and latency_ms > 29000"),
            "text: in each tenth run": listed(_WORD.format("common ")),
            "text: in one of 10,000": listed(_WORD.format(" rare ")),
            "figures of a project": figures,
        }

    def _projects(self) -> list[dict[str, Any]]:
        _, found = self.ask("POST", "/graphql", {"query": _PROJECTS})
        return [edge["node"] for edge in found["data"]["projects"]["edges"]]


def _graphql(ask: Asker, query: str, **variables: Any) -> dict[str, Any]:
    found = ask("POST", "/graphql", {"query": query, "variables": variables})
    assert not found.get("errors"), found["errors"]
    data: dict[str, Any] = found["data"]
    return data


def _body(batch: list[dict[str, Any]], project: str) -> bytes:
    return otlp.body(batch, {"openinference.project.name": project}, _attributes)


def _attributes(one: dict[str, Any]) -> otlp.Attributes:
    inputs, outputs = one["tokens"]
    return {
        "openinference.span.kind": one["kind"].upper(),
        "input.value": json.dumps({"messages": [{"role": "user", "content": one["question"]}]}),
        "input.mime_type": "application/json",
        "output.value": json.dumps({"messages": [{"role": "assistant", "content": one["answer"]}]}),
        "output.mime_type": "application/json",
        "llm.token_count.prompt": inputs,
        "llm.token_count.completion": outputs,
        "llm.token_count.total": inputs + outputs,
        "metadata": json.dumps({"user": one["user"], "revision_id": "v1.4.2"}),
        "tag.tags": [one["tag"]],
    }


Phoenix.way = Way(otlp.PATH, otlp.HEADERS, _body)
