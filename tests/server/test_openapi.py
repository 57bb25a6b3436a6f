"""The API's description, and the server held to it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import Route

from smithkit.server import create_app
from smithkit.server.routes import all_routes
from smithkit.server.routes._operation import Operation
from smithkit.server.routes.openapi import describe

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
OPERATIONS = [route for route in all_routes() if not route.hidden]


@pytest.fixture(scope="module")
def description(shared_api):
    return shared_api.get("/openapi.json").json


def test_every_route_is_described(tmp_path):
    routes = [route for route in create_app(str(tmp_path / "x.db")).routes if isinstance(route, Route)]
    undescribed = [route.path for route in routes if not isinstance(route, Operation)]
    assert undescribed == []


def test_the_description_has_every_operation_once(description):
    told = {(method.upper(), path) for path, methods in description["paths"].items() for method in methods}
    assert told == {(one.method, one.path_format) for one in OPERATIONS}
    assert len(told) == len(OPERATIONS)
    assert description["openapi"] == "3.1.0"


def test_the_description_is_there_below_the_prefix_too_and_needs_no_key(tmp_path, make_api):
    from starlette.testclient import TestClient

    with TestClient(create_app(str(tmp_path / "x.db"), api_key="sesame")) as http:
        answers = [http.get(path) for path in ("/openapi.json", "/api/v1/openapi.json")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_every_reference_in_the_description_leads_somewhere(description):
    known = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    used = {piece.split('"')[0] for piece in json.dumps(description).split('"$ref": "')[1:]}
    assert used <= known


def test_parameters_say_what_they_take(description):
    parameters = {one["name"]: one for one in description["paths"]["/sessions"]["get"]["parameters"]}
    assert parameters["limit"]["schema"]["minimum"] == 1
    assert parameters["id"]["schema"]["items"]["format"] == "uuid"
    assert not parameters["name"]["required"]
    diff = description["paths"]["/datasets/{id}/versions/diff"]["get"]["parameters"]
    assert {one["name"] for one in diff if one["required"]} == {"id", "from_version", "to_version"}


def seed(api):
    """Make one of each thing; path template → what stands for its parameters."""
    name = f"seeded-{uuid.uuid4().hex}"
    dataset = api.new_dataset()
    example = api.new_example(dataset)
    project = api.post("/sessions", {"name": name, "reference_dataset_id": dataset}).json["id"]
    run = api.new_run(session_id=project, reference_example_id=example, inputs={"a": 1}, outputs={"b": 2})
    feedback = api.post("/feedback", {"run_id": run, "key": "k", "score": 1}).json["id"]
    queue = api.post("/annotation-queues", {"name": name}).json["id"]
    api.post(f"/annotation-queues/{queue}/runs", [run])
    api.post("/repos", {"repo_handle": name})
    manifest = {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "prompt", "PromptTemplate"]}
    commit = api.post(f"/commits/-/{name}", {"manifest": manifest | {"kwargs": {}}}).json["commit"]
    api.post(f"/repos/-/{name}/tags", {"tag_name": "prod", "commit_id": commit["id"]})
    config = {"type": "continuous"}
    api.post("/feedback-configs", {"feedback_key": name, "feedback_config": config})
    parts = [{"part_type": "weighted_key", "key": "k", "weight": 1}]
    formula = {"feedback_key": "f", "aggregation_type": "sum", "formula_parts": parts, "dataset_id": dataset}
    api.put(f"/runs/{run}/share", {})
    api.post(f"/datasets/{dataset}/index", {})
    hub = "/v1/platform/hub/repos/"
    api.post("/repos", {"repo_handle": f"{name}-agent", "repo_type": "agent"})
    api.post(f"{hub}-/{name}-agent/directories/commits", {"files": {"a": {"type": "file", "content": "x"}}})
    return {
        hub: {"owner": "-", "name": f"{name}-agent"},
        "/sessions/": {"id": project},
        "/datasets/": {"id": dataset},
        "/v1/platform/datasets/": {"id": dataset},
        "/examples/": {"id": example},
        "/runs/": {"id": run},
        "/feedback/formulas/": {"id": api.post("/feedback/formulas", formula).json["id"]},
        "/feedback/": {"id": feedback},
        "/annotation-queues/": {"id": queue, "run_id": run, "index": "0"},
        "/repos/": {"owner": "-", "name": name, "tag": "prod"},
        "/commits/": {"owner": "-", "name": name, "commit": "latest"},
        "/api/v2/runs/": {"id": run, "session_id": project},
        "/api/v2/traces/": {"trace_id": run},
        "/api/v2/datasets/": {"id": dataset},
        "/api/v2/public/": {"token": api.put(f"/runs/{run}/share", {}).json["share_token"], "id": run},
        "/public/": {"token": api.put(f"/datasets/{dataset}/share", {}).json["share_token"]},
    }


DELETIONS = [one.path_format for one in OPERATIONS if one.method == "DELETE"]
QUERIES = {"/feedback-configs": "?feedback_key={name}", "/examples": "?example_ids={id}"}
AGAIN = {
    "/examples",
    "/datasets/{id}/share",
    "/runs/{id}/share",
    "/api/v2/runs/{id}/share",
    "/datasets/{id}/index",
}
"""What may be asked for again: it says how things shall be, and they are."""


@pytest.mark.parametrize("path", DELETIONS)
def test_what_is_deleted_is_gone(shared_api, path):
    places = seed(shared_api)
    places["/feedback-configs"], places["/examples"] = places["/repos/"], places["/examples/"]
    known = next(own for start, own in places.items() if path.startswith(start))
    url = (path + QUERIES.get(path, "")).format(**known)
    body = json.dumps({"session_id": known.get("session_id")}).encode()
    statuses = [shared_api.call("DELETE", url, body).status for _ in range(2)]
    assert statuses == [200, 200 if path in AGAIN else 404]


@dataclass
class Held:
    """A server with one of each thing, and the places of those things."""

    url: str
    api: object
    places: dict

    def put_in_place(self, case):
        """Let a request be about what is there."""
        known = next((own for path, own in self.places.items() if case.path.startswith(path)), {})
        given = case.path_parameters or {}
        case.path_parameters = given | {name: value for name, value in known.items() if name in given}


@pytest.fixture(scope="module")
def held(tmp_path_factory, start_server, make_remote_api):
    with start_server(tmp_path_factory.mktemp("schema") / "runs.db") as served:
        api = make_remote_api(served.url)
        yield Held(served.url, api, seed(api))


fuzzed = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
schema = schemathesis.openapi.from_dict(describe(OPERATIONS))


@pytest.mark.slow
@schema.exclude(method="DELETE").exclude(path_regex="/v1/traces$").parametrize()  # spans: test_hostile_spans
@fuzzed
def test_the_server_answers_as_described(case, held):
    held.put_in_place(case)
    case.call_and_validate(base_url=held.url, checks=CHECKS)


@pytest.mark.slow
@schema.include(method="DELETE").parametrize()
@fuzzed
def test_the_server_deletes_as_described(case, held):
    held.put_in_place(case)
    if case.call_and_validate(base_url=held.url, checks=CHECKS).status_code < 300:
        held.places = seed(held.api)
