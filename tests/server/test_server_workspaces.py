"""Workspaces that share a database, and the keys that open them."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from smithkit.cli import main
from smithkit.server import EmbeddedServer

MARK = "only-for-the-first"
AGENT = f"{MARK}-agent"
HUB = "/v1/platform/hub/repos/-"


class Caller:
    """Calls a server with one key."""

    def __init__(self, api, key) -> None:
        self.api = api
        self.headers = {"x-api-key": key, "content-type": "application/json"}

    def call(self, method, path, value=None, **headers):
        body = b"" if value is None else json.dumps(value).encode()
        return self.api.call(method, path, body, self.headers | headers)

    def ok(self, method, path, value=None):
        answer = self.call(method, path, value)
        assert answer.status < 300, (method, path, answer.body)
        return answer.json


def command(capsys, *arguments):
    """Run the program, and give what it printed."""
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def new_key(capsys, database, *options):
    told = command(capsys, "keys", "create", "test", "--db", database, *options)
    return told.splitlines()[-1], re.search(r"Key (\S+)", told)[1]


@pytest.fixture
def api(database, make_api):
    server = EmbeddedServer(str(database), stored_keys=True)
    yield make_api(server)
    server.close()


@pytest.fixture
def role_key(api, database, capsys):
    return lambda role: (api, new_key(capsys, database, "--role", role)[0])


@pytest.fixture
def callers(api, database, capsys):
    """One for each of two workspaces."""
    command(capsys, "workspaces", "create", "second", "--db", database)
    first, _ = new_key(capsys, database)
    second, _ = new_key(capsys, database, "--workspace", "second")
    return Caller(api, first), Caller(api, second)


def fill(caller):
    """Make one of everything; gives ids and names, by what they name."""
    run_id, example_id = str(uuid.uuid4()), str(uuid.uuid4())
    caller.ok("POST", "/sessions", {"name": f"{MARK} project", "extra": {"metadata": {"a": MARK}}})
    (session,) = caller.ok("GET", f"/sessions?name={MARK}%20project")
    dataset = caller.ok("POST", "/datasets", {"name": f"{MARK} dataset"})
    inputs = {"text": MARK}
    caller.ok("POST", "/examples", {"id": example_id, "dataset_id": dataset["id"], "inputs": inputs})
    caller.ok("POST", f"/datasets/{dataset['id']}/index", {})
    caller.ok(
        "PUT",
        f"/datasets/{dataset['id']}/tags",
        {"as_of": caller.ok("GET", f"/datasets/{dataset['id']}/versions")[0]["as_of"], "tag": MARK},
    )
    caller.ok(
        "POST",
        "/runs",
        {
            "id": run_id, "trace_id": run_id, "name": MARK, "run_type": "chain", "inputs": inputs,
            "start_time": "2024-01-01T00:00:00", "session_id": session["id"], "error": MARK,
            "dotted_order": f"20240101T000000000000Z{run_id}", "reference_example_id": example_id,
            "extra": {"metadata": {"thread_id": MARK}},
        },
    )  # fmt: skip
    feedback = caller.ok("POST", "/feedback", {"run_id": run_id, "key": MARK, "score": 0.5, "comment": MARK})
    queue = caller.ok("POST", "/annotation-queues", {"name": MARK})
    caller.ok("POST", f"/annotation-queues/{queue['id']}/runs", [run_id])
    formula = caller.ok(
        "POST",
        "/feedback/formulas",
        {"feedback_key": f"{MARK} sum", "aggregation_type": "sum", "dataset_id": dataset["id"],
         "formula_parts": [{"part_type": "weighted_key", "weight": 1, "key": MARK}]},
    )  # fmt: skip
    experiments = [
        caller.ok("POST", "/sessions", {"name": f"{MARK} {n}", "reference_dataset_id": dataset["id"]})["id"]
        for n in range(2)
    ]
    comparison = caller.ok(
        "POST",
        "/datasets/comparative",
        {"name": MARK, "reference_dataset_id": dataset["id"], "experiment_ids": experiments},
    )
    caller.ok("POST", "/repos/", {"repo_handle": MARK, "is_public": False, "description": MARK})
    manifest = {"lc": 1, "type": "constructor", "id": ["langchain_core", "prompts", "prompt", "PromptTemplate"],
                "kwargs": {"template": MARK, "input_variables": [], "template_format": "f-string"}}  # fmt: skip
    commit = caller.ok("POST", f"/commits/-/{MARK}", {"manifest": manifest})["commit"]
    caller.ok("POST", f"/repos/-/{MARK}/tags", {"tag_name": "prod", "commit_id": commit["id"]})
    caller.ok("POST", "/repos/", {"repo_handle": AGENT, "repo_type": "agent"})
    files = {"a": {"type": "file", "content": MARK}}
    directory = caller.ok("POST", f"{HUB}/{AGENT}/directories/commits", {"files": files})["commit"]
    caller.ok("POST", "/workspaces/current/secrets", [{"key": MARK.upper().replace("-", "_"), "value": "x"}])
    return {
        "run": run_id, "session": session["id"], "dataset": dataset["id"], "example": example_id,
        "feedback": feedback["id"], "queue": queue["id"], "formula": formula["id"],
        "experiment": experiments[0], "other": experiments[1], "comparison": comparison["id"],
        "commit": commit["commit_hash"], "commit_id": commit["id"], "directory": directory["commit_hash"],
    }  # fmt: skip


def bodies(ids):
    """What somebody could send who has got hold of ids."""
    run, dataset, example = ids["run"], ids["dataset"], ids["example"]
    start = "2024-01-01T00:00:00"
    yield from (
        {},
        [run],
        [{"id": example, "dataset_id": dataset, "inputs": {"text": "changed"}}],
        {"id": run, "trace_id": run, "name": "changed", "run_type": "llm", "start_time": start, "outputs": {"a": 1}},
        {"post": [{"id": run, "name": "changed", "run_type": "llm", "start_time": start}], "patch": []},
        {"post": [], "patch": [{"id": run, "trace_id": run, "outputs": {"changed": 1}}]},
        {"id": example, "dataset_id": dataset, "inputs": {"text": "changed"}, "outputs": {"a": 1}},
        {"name": "changed", "description": "changed", "session_ids": [ids["experiment"]], "inputs": {"a": "only"}},
        {"session": [ids["session"]], "trace": run, "id": [run], "run_ids": [run]},
        {"trace": run},
        {"filter": f'eq(trace_id, "{run}")'},
        {"run_id": run, "key": "changed", "score": 1},
        {"session_id": ids["session"], "key": "changed", "score": 1},
        {"run_id": run, "feedback_key": "changed", "expires_at": "2100-01-01T00:00:00Z"},
        {"example_ids": [example], "hard_delete": True},
        {"split_name": "changed", "examples": [example]},
        {"source_dataset_id": dataset, "target_dataset_id": dataset, "examples": [example]},
        {"name": "changed", "reference_dataset_id": dataset, "experiment_ids": [ids["experiment"], ids["other"]]},
        {"tag_name": "prod", "commit_id": ids["commit_id"], "like": True, "as_of": "latest", "tag": "changed"},
        {"feedback_key": "changed", "aggregation_type": "avg", "dataset_id": dataset,
         "formula_parts": [{"part_type": "weighted_key", "weight": 1, "key": "a"}]},
        {"status": "completed", "score": 0, "manifest": {}},
        {"project_ids": [ids["session"]], "project_id": ids["session"], "ids": [run], "selects": ["NAME", "INPUTS"]},
        {"reference_dataset_id": dataset, "experiment_ids": [ids["experiment"]], "selects": ["NAME", "INPUTS"]},
        {"project_id": ids["session"], "session_id": ids["session"], "trace_id": run, "select": ["THREAD_COUNT"]},
        {"files": {"a": None, "b": {"type": "file", "content": "changed"}}},
        {"files": {"link": {"type": "agent", "repo_handle": AGENT, "commit_hash": ids["directory"]}}},
    )  # fmt: skip


def view(caller, ids):
    """All that a workspace sees of its own."""
    found = [caller.ok("GET", f"/runs/{ids['run']}"), caller.ok("GET", f"/examples/{ids['example']}")]
    for path in (
        f"/datasets/{ids['dataset']}", f"/datasets/{ids['dataset']}/versions", f"/datasets/{ids['dataset']}/share",
        f"/examples?dataset={ids['dataset']}", f"/feedback?run={ids['run']}", f"/feedback?session={ids['session']}",
        f"/sessions/{ids['session']}?include_stats=true", f"/sessions/{ids['experiment']}", "/annotation-queues",
        f"/annotation-queues/{ids['queue']}/runs", "/feedback/formulas", f"/runs/{ids['run']}/share",
        f"/datasets/{ids['dataset']}/comparative", f"/repos/-/{MARK}", f"/commits/-/{MARK}/latest",
        f"/repos/-/{MARK}/tags", "/workspaces/current/secrets", "/settings",
        f"/feedback/tokens?run_id={ids['run']}", f"/repos/-/{AGENT}", f"{HUB}/{AGENT}/directories",
    ):  # fmt: skip
        found += [(path, caller.ok("GET", path))]
    # To look at a prompt counts as a pull.
    return re.sub(r"\"num_(downloads|views)\": \d+", "", json.dumps(found))


def requests(routes, ids):
    """Every route, at every id and with every body that somebody could send."""
    names = [*ids.values(), MARK, "personal", "latest", "prod", "0", "-"]
    for route, method in ((one, method) for one in routes for method in sorted(one.methods)):
        holes = re.findall(r"{\w+(?::\w+)?}", route.path)
        # All pairs would be too many: the same value in all holes, or the prompt's own path.
        for values in [[name] * len(holes) for name in names[: None if holes else 1]] + [
            ["-", MARK, "latest"],
            ["-", AGENT],
        ]:
            path = route.path
            for hole, value in zip(holes, values, strict=False):
                path = path.replace(hole, value, 1)
            if method in {"POST", "PUT", "PATCH"}:
                yield from ((method, path, body) for body in bodies(ids))
            else:
                yield method, f"{path}?{query(ids)}", None
                yield method, path, None


def query(ids):
    named = {"id": "run", "run": "run", "run_id": "run", "dataset": "dataset", "example_ids": "example",
             "session": "session", "session_id": "session", "project_id": "session", "trace_id": "run", "ids": "queue", "dataset_id": "dataset"}  # fmt: skip
    return "&".join(f"{name}={ids[what]}" for name, what in named.items())


@pytest.mark.slow
def test_no_route_shows_or_changes_what_another_workspace_has(api, callers):
    first, second = callers
    ids = fill(first)
    before = view(first, ids)
    for method, path, body in requests(api.server.app.routes, ids):
        answer = second.call(method, path, body)
        assert answer.status < 500, (method, path, body, answer.body)
        assert MARK not in answer.body.decode().replace(path, "") or MARK in path, (
            method,
            path,
            body,
            answer.body,
        )
    assert view(first, ids) == before


def test_lists_of_one_workspace_leave_out_the_others(callers):
    first, second = callers
    ids = fill(first)
    for path in ("/sessions", "/datasets", "/annotation-queues", "/feedback", "/repos", "/feedback/formulas",
                 "/workspaces/current/secrets", "/feedback-configs", f"/examples?id={ids['example']}"):  # fmt: skip
        assert MARK not in json.dumps(second.ok("GET", path)), path
    assert second.ok("POST", "/runs/query", {"trace": ids["run"]})["runs"] == []
    assert second.ok("POST", "/runs/query", {"session": [ids["session"]]})["runs"] == []
    assert second.ok("POST", "/runs/stats", {"session": [ids["session"]]})["run_count"] == 0
    here = f"project_id={ids['session']}&session_id={ids['session']}"
    for path in (f"traces/{ids['run']}/runs?{here}", f"threads/{MARK}/traces?{here}"):
        assert second.ok("GET", f"/api/v2/{path}")["items"] == []
        assert len(first.ok("GET", f"/api/v2/{path}")["items"]) == 1
    for what, asked in (("runs", {"project_ids": [ids["session"]]}), ("runs", {"reference_dataset_id": ids["dataset"]}),
                        ("traces", {"project_id": ids["session"]}), ("threads", {"project_id": ids["session"]})):  # fmt: skip
        assert second.ok("POST", f"/api/v2/{what}/query", asked)["items"] == []
    for caller, turns in ((first, 1), (second, 0)):
        assert caller.ok("GET", f"/api/v2/threads/{MARK}/stats?{here}&selects=TURNS") == {"turns": turns}
    assert second.call("GET", f"/api/v2/runs/{ids['run']}?{here}").status == 404
    assert second.call("GET", f"/api/v2/runs/{ids['run']}/url?{here}").status == 404


def test_a_link_works_for_whoever_has_it(api, callers):
    """Whatever the workspace, and without a key."""
    for caller in callers:
        ids = fill(caller)
        token = caller.ok("PUT", f"/runs/{ids['run']}/share", {"run_id": ids["run"]})["share_token"]
        shared = caller.ok("PUT", f"/datasets/{ids['dataset']}/share", {})["share_token"]
        assert api.get(f"/public/{token}/run").json["name"] == MARK
        asked = {"selects": ["NAME"]}
        assert api.post(f"/api/v2/public/{token}/runs/query", asked).json == {"items": [{"name": MARK}]}
        assert api.get(f"/api/v2/public/{token}/run/{ids['run']}?selects=NAME").json == {"name": MARK}
        assert api.get(f"/public/{shared}/datasets").json["name"] == f"{MARK} dataset"
        assert api.get(f"/public/{shared}/examples").json[0]["inputs"] == {"text": MARK}
        made = caller.ok(
            "POST",
            "/feedback/tokens",
            {"run_id": ids["run"], "feedback_key": "thumb", "expires_at": "2026-12-24T00:00:00Z"},
        )
        assert api.post(f"/feedback/tokens/{made['id']}", {"score": 1}).status == 200
        given = caller.ok("GET", f"/feedback?run={ids['run']}&key=thumb")
        assert [item["score"] for item in given] == [1]


def test_feedback_for_another_workspaces_run_waits_for_a_run_of_its_own(callers):
    first, second = callers
    ids = fill(first)
    before = first.ok("GET", f"/sessions/{ids['session']}?include_stats=true")["feedback_stats"]
    second.ok("POST", "/feedback", {"run_id": ids["run"], "key": "planted", "score": 1})
    assert first.ok("GET", f"/sessions/{ids['session']}?include_stats=true")["feedback_stats"] == before
    assert first.ok("GET", f"/feedback?run={ids['run']}&key=planted") == []


def test_a_run_of_another_workspace_cannot_be_written(callers):
    first, second = callers
    ids = fill(first)
    answer = second.call("PATCH", f"/runs/{ids['run']}", {"outputs": {"planted": 1}})
    assert (answer.status, answer.detail) == (409, f"Run id {ids['run']} is in use")
    answer = second.call("POST", "/runs", {"id": str(uuid.uuid4()), "name": "x", "run_type": "chain",
                                          "start_time": "2024-01-01T00:00:00", "session_id": ids["session"]})  # fmt: skip
    assert (answer.status, answer.detail) == (409, f"Session id {ids['session']} is in use")


def test_a_child_of_another_workspaces_run_is_not_put_into_its_tree(callers):
    first, second = callers
    ids = fill(first)
    child = str(uuid.uuid4())
    second.ok("POST", "/runs", {"id": child, "name": "x", "run_type": "chain", "parent_run_id": ids["run"],
                                "start_time": "2024-01-01T00:00:00"})  # fmt: skip
    assert first.ok("GET", f"/runs/{ids['run']}")["child_run_ids"] in (None, [])
    assert ids["run"] not in second.ok("GET", f"/runs/{child}")["dotted_order"]


# ---------------------------------------------------------------- keys


def test_a_key_is_needed_once_there_is_one(api, database, capsys):
    assert api.get("/sessions").status == 200
    key, _ = new_key(capsys, database)
    refused = api.call("GET", "/sessions", headers={"x-api-key": "smk_wrong"})
    assert (refused.status, "x-api-key" in refused.detail) == (401, True)
    assert api.get("/info").status == 200
    assert Caller(api, key).call("GET", "/sessions").status == 200


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("read", [("GET", "/sessions"), ("POST", "/runs/query"), ("POST", "/runs/stats"), ("POST", "/api/v2/runs/query"),
                  ("POST", "/api/v2/traces/query"), ("POST", "/api/v2/threads/query"), ("POST", "/api/v2/threads/stats"),
                  ("POST", "/api/v2/datasets/1/experiment-runs"), ("GET", "/api/v2/threads/a/b/stats")],
         [("POST", "/api/v2/runs/1/share"), ("DELETE", "/api/v2/runs/1/share"), ("POST", f"{HUB}/x/directories/commits"),
          ("POST", "/runs"), ("PATCH", "/settings/handle"), ("DELETE", "/datasets/1"), ("POST", "/runs/batch")]),
        ("ingest", [("POST", "/runs"), ("POST", "/runs/batch"), ("PATCH", "/runs/1"), ("POST", "/feedback")],
         [("GET", "/sessions"), ("POST", "/runs/query"), ("POST", "/datasets"), ("GET", "/runs/1"),
          ("POST", "/api/v2/runs/query"), ("POST", "/api/v2/runs/1/share"), ("GET", "/api/v2/runs/1")]),
        ("write", [("GET", "/sessions"), ("POST", "/runs/query"), ("POST", "/datasets"), ("DELETE", "/datasets/1")],
         []),
    ],
)  # fmt: skip
def test_a_role_says_what_a_key_allows(role_key, role, allowed, refused):
    api, key = role_key(role)
    caller = Caller(api, key)
    for method, path in allowed:
        assert caller.call(method, path, {}).status not in {401, 403}, (method, path)
        assert caller.call(method, f"/api/v1{path}", {}).status not in {401, 403}, (method, path)
    for method, path in refused:
        answer = caller.call(method, path, {})
        assert (answer.status, role in answer.detail) == (403, True), (method, path)


def test_a_revoked_or_expired_key_opens_nothing(api, database, capsys, monkeypatch):
    key, key_id = new_key(capsys, database)
    short, _ = new_key(capsys, database, "--days", "1")
    command(capsys, "keys", "revoke", key_id, "--db", database)
    assert Caller(api, key).call("GET", "/sessions").status == 401
    assert Caller(api, short).call("GET", "/sessions").status == 200
    from smithkit.server.domain.times import now
    from smithkit.server.services import keys

    monkeypatch.setattr(keys, "now", lambda: now() + 2 * 24 * 3600 * 1_000_000)
    api.server.app.state.workspaces.keys._known.clear()
    assert Caller(api, short).call("GET", "/sessions").status == 401


def test_keys_are_shown_once_and_kept_as_digests(database, capsys):
    key, key_id = new_key(capsys, database)
    listed = command(capsys, "keys", "list", "--db", database)
    assert key_id in listed
    assert key not in listed
    for file in database.parent.iterdir():
        if file.is_file():
            assert key.encode() not in file.read_bytes()


def test_a_key_does_not_reach_the_workspace_that_a_header_names(callers, api):
    first, second = callers
    other = first.ok("GET", "/settings")["id"]
    refused = second.call("GET", "/settings", **{"x-tenant-id": other})
    assert (refused.status, "workspace" in refused.detail) == (403, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["keys", "create", "x", "--workspace", "nowhere"], "there is no workspace 'nowhere'; there are: personal"),
        (["keys", "revoke", str(uuid.UUID(int=1))], "there is no key"),
        (["workspaces", "create", "personal"], "there is a workspace 'personal' already"),
        (["workspaces", "create", "No Handle"], "is no handle"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said(database, capsys, arguments, told):
    assert main([*arguments, "--db", str(database)]) == 1
    assert told in capsys.readouterr().err


def test_a_filter_does_not_look_into_another_workspaces_trace(callers):
    """Although anybody may claim that a run is of that trace."""
    first, second = callers
    ids = fill(first)
    child = str(uuid.uuid4())
    order = f"20240101T000000000000Z{ids['run']}.20240101T000001000000Z{child}"
    second.ok("POST", "/runs", {"id": child, "trace_id": ids["run"], "parent_run_id": ids["run"], "name": "mine",
                                "dotted_order": order, "run_type": "chain", "start_time": "2024-01-01T00:00:01"})  # fmt: skip
    second.ok("POST", "/feedback", {"run_id": ids["run"], "key": "planted", "score": 1})
    for name in ("tree_filter", "trace_filter"):
        asked = {"trace": ids["run"], name: f'eq(name, "{MARK}")'}
        assert second.ok("POST", "/runs/query", asked)["runs"] == []
        assert [run["id"] for run in first.ok("POST", "/runs/query", asked)["runs"]] == [ids["run"]]
    planted = {"trace": ids["run"], "filter": 'eq(feedback_key, "planted")'}
    assert first.ok("POST", "/runs/query", planted)["runs"] == []
