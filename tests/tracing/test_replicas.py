"""Runs that are written to several places: what goes where, as whom, and under which ids."""

from __future__ import annotations

import asyncio
import copy
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit import AsyncClient, Client, RunTree, trace, traceable, tracing_context
from smithkit.errors import LangSmithUserError
from smithkit.tracing import get_tracing_context
from smithkit.tracing._identity import new_id
from smithkit.tracing._replicas import copied_id, from_environment

RUN = "018f4c1e-0000-7000-8000-000000000001"
START = "2024-05-06T07:08:09.123456+00:00"


@traceable
def child(number):
    return number + 1


@traceable
def parent(number):
    return child(number)


def write(recorder, replicas, **context):
    """Trace a parent and a child; gives the recorded runs by project and name."""
    with tracing_context(enabled=True, client=recorder, project_name="main", replicas=replicas, **context):
        parent(1)
    return {} if isinstance(recorder, Client) else {(r["session_name"], r["name"]): r for r in recorder.runs}


@pytest.mark.parametrize(
    ("project", "expected"),
    [("copy", "018f4c1e-0000-7769-8f71-431381f65232"), ("third", "018f4c1e-0000-79a8-9bfe-e9486d87908a")],
)
def test_the_ids_of_copies_are_those_of_the_api(project, expected):
    assert copied_id(RUN, project, 0) == expected


@given(st.uuids(), st.text(max_size=20), st.integers(0, 2**48 - 1))
def test_the_ids_of_copies_are_uuids_of_version_7_that_follow_from_run_and_project(run, project, time):
    made = copied_id(str(run), project, time)
    assert made == copied_id(str(run), project, time)
    assert str(uuid.UUID(made)) == made
    assert uuid.UUID(made).version == 7
    assert uuid.UUID(made).variant == uuid.RFC_4122
    if str(run)[14] != "7":
        assert int(made.replace("-", "")[:12], 16) == time


def test_a_copy_in_another_project_is_a_whole_tree_of_its_own(make_recorder):
    runs = write(make_recorder(), [{"project_name": "main"}, {"project_name": "copy"}])
    assert set(runs) == {(project, name) for project in ("main", "copy") for name in ("parent", "child")}
    for project in ("main", "copy"):
        up, down = runs[project, "parent"], runs[project, "child"]
        assert down["parent_run_id"] == down["trace_id"] == up["id"]
        assert down["dotted_order"].startswith(up["dotted_order"] + ".")
        assert down["dotted_order"].endswith(down["id"])
        assert (up["outputs"], down["outputs"]) == ({"output": 2}, {"output": 2})
    assert runs["main", "parent"]["id"] != runs["copy", "parent"]["id"]


def test_post_and_patch_of_a_run_whose_id_holds_no_time_have_one_id(make_recorder):
    recorder = make_recorder()
    key = uuid.uuid4()
    run = RunTree(name="r", id=key, client=recorder, project_name="main", replicas=[{"project_name": "copy"}])
    run.post()
    run.end(outputs={"o": 1})
    run.patch()
    (only,) = recorder.runs
    assert only["id"] != str(key)
    assert only["outputs"] == {"o": 1}


def test_a_copy_in_the_runs_own_project_keeps_its_ids(make_recorder):
    recorder = make_recorder()
    run = RunTree(name="r", client=recorder, project_name="main", replicas=[{}, {"project_name": "main"}])
    run.post()
    assert [post["id"] for post in recorder.posts] == [run.id_text] * 2


def test_updates_come_last(make_recorder):
    recorder = make_recorder()
    updates = {"tags": ["replica"], "name": "renamed", "session_name": "elsewhere"}
    write(recorder, [{"project_name": "copy", "updates": updates}, {}])
    copies = [run for run in recorder.runs if run["name"] == "renamed"]
    assert len(copies) == 2
    assert all(run["tags"] == ["replica"] and run["session_name"] == "elsewhere" for run in copies)
    assert not any("tags" in run for run in recorder.runs if run["name"] != "renamed")
    assert updates == {"tags": ["replica"], "name": "renamed", "session_name": "elsewhere"}


def test_a_replica_in_a_project_that_is_known_by_its_id_has_a_name_instead(make_recorder):
    recorder = make_recorder()
    run = RunTree(name="r", client=recorder, project_id=uuid.uuid4(), replicas=[{}, {"project_name": "copy"}])
    run.post()
    own, other = recorder.posts
    assert ("session_id" in own, "session_name" in own) == (True, False)
    assert ("session_id" in other, other["session_name"]) == (False, "copy")


def test_reroot_cuts_off_what_another_process_holds(make_recorder):
    recorder = make_recorder()
    far = RunTree(name="far").create_child("near")
    replicas = [{}, {"updates": {"reroot": True}}, {"project_name": "copy", "updates": {"reroot": True}}]
    with tracing_context(parent=far.to_headers(), client=recorder, replicas=replicas):
        parent(1)
    up = [post for post in recorder.posts if post["name"] == "parent"]
    down = [post for post in recorder.posts if post["name"] == "child"]
    assert up[0]["trace_id"] == down[0]["trace_id"] == far.trace_id_text
    assert up[0]["parent_run_id"] == far.id_text
    for root, leaf in zip(up[1:], down[1:], strict=True):
        assert "parent_run_id" not in root
        assert root["trace_id"] == root["id"] == leaf["trace_id"] == leaf["parent_run_id"]
        assert root["dotted_order"].endswith(root["id"])
        assert root["dotted_order"].count(".") == 0
        assert leaf["dotted_order"].startswith(root["dotted_order"] + ".")
        assert leaf["dotted_order"].count(".") == 1
    assert up[1]["id"] != up[2]["id"]
    assert all("reroot" not in post for post in recorder.posts)


def test_a_trace_of_another_process_costs_its_runs_nothing_without_replicas(make_recorder):
    seen = []

    @traceable
    def look(run_tree=None):
        child(1, langsmith_extra={"on_end": seen.append})
        seen.append(run_tree)

    far = RunTree(name="far")
    with tracing_context(parent=far.to_headers(), client=make_recorder()):
        look()
        assert get_tracing_context()["distributed_parent_id"] == far.id_text
    assert [run._rare for run in seen] == [None, None]


def test_reroot_changes_nothing_in_a_trace_that_began_here(make_recorder):
    runs = write(make_recorder(), [{"updates": {"reroot": True}}])
    assert runs["main", "child"]["parent_run_id"] == runs["main", "parent"]["id"]


def test_a_block_may_say_itself_which_parent_is_distributed(make_recorder):
    recorder = make_recorder()
    with (
        tracing_context(enabled=True, client=recorder),
        trace("outer") as outer,
        tracing_context(
            replicas=[{"updates": {"reroot": True}}], distributed_parent_id=str(outer.id), client=recorder
        ),
    ):
        assert get_tracing_context()["distributed_parent_id"] == str(outer.id)
        child(1)
    assert "parent_run_id" not in recorder.posts[1]


def test_replicas_are_inherited_by_children_alone(make_recorder):
    recorder = make_recorder()
    replicas = [{"project_name": "copy"}]
    run = RunTree(name="r", client=recorder, project_name="main", replicas=replicas)
    run.create_child("kid").post()
    with tracing_context(parent=run, client=recorder):
        assert get_tracing_context()["replicas"] is None
        child(1)
    with tracing_context(enabled=True, client=recorder, project_name="main", replicas=replicas):
        RunTree(name="by hand", client=recorder).post()
        with trace("block"), tracing_context(tags=["t"]):
            child(1)
        with tracing_context(client=recorder, project_name="main"):
            child(2)
    projects = [post["session_name"] for post in recorder.posts]
    assert projects == ["copy"] * 5 + ["main"]


def test_a_local_run_is_written_nowhere(make_recorder):
    recorder = make_recorder()
    write(recorder, [{"project_name": "copy"}], parent=False)
    written = len(recorder.posts)
    with tracing_context(enabled="local", client=recorder, replicas=[{"project_name": "copy"}]):
        parent(1)
    assert len(recorder.posts) == written


def test_one_bad_replica_does_not_keep_the_others_back(make_recorder, caplog):
    recorder = make_recorder()
    bad = ["text", None, {"updates": 3}, {"auth": 7}, {"api_url": "", "api_key": "sk-elsewhere"}]
    run = RunTree(name="r", client=recorder, project_name="main", replicas=[*bad, {}])
    run.post()
    run.patch()
    assert len(recorder.posts) == len(recorder.patches) == 1
    assert "could not be written to one of its replicas" in caplog.text
    assert "sk-elsewhere" not in caplog.text


def test_another_kind_of_client_gets_copies_too():
    calls = []

    class Other:
        def create_run(self, **run):
            calls.append(("create", run))

        def update_run(self, run_id, **run):
            calls.append(("update", {"id": run_id, **run}))

    run = RunTree(name="r", client=Other(), project_name="main", replicas=[{"project_name": "copy"}, {}])
    run.post()
    run.patch()
    assert [(kind, call["session_name"]) for kind, call in calls] == [
        ("create", "copy"),
        ("create", "main"),
        ("update", "copy"),
        ("update", "main"),
    ]


# ------------------------------------------------------------------ over the wire


def seen(server):
    """(path before /runs, header) → the raw requests."""
    return [request for request in server.received if "/runs" in request.path]


@pytest.mark.parametrize("batch", [True, False])
def test_keys_go_to_their_own_endpoint_and_into_no_body(server, make_client, batch):
    client = make_client(api_key="lsv2-own", auto_batch_tracing=batch, workspace_id="w-own")
    replicas = [
        {"project_name": "main"},
        {"api_url": f"{server.url}/other/", "api_key": "sk-old", "project_name": "third"},
        {"api_url": f"{server.url}/auth", "api_key": "sk-unused", "auth": {"api_key": "sk-new"}},
        {"api_url": f"{server.url}/service", "auth": {"service_key": "sk-service", "tenant_id": "t"}},
        {"auth": {"authorization": "Bearer sk-bearer", "cookie": "sk-cookie"}},
    ]
    write(client, replicas)
    client.flush()
    keys = {}
    for request in seen(server):
        assert b"sk-" not in request.body
        assert b"lsv2-own" not in request.body
        keys.setdefault(request.path.partition("/runs")[0], []).append(
            {name: value for name, value in request.headers.items() if "sk-" in value or "lsv2" in value}
        )
    assert {json.dumps(found) for found in keys["/other"]} == {json.dumps({"x-api-key": "sk-old"})}
    assert {json.dumps(found) for found in keys["/auth"]} == {json.dumps({"x-api-key": "sk-new"})}
    assert {json.dumps(found) for found in keys["/service"]} == {json.dumps({"x-service-key": "sk-service"})}
    own = {tuple(sorted(found.values())) for found in keys[""]}
    assert own == {("lsv2-own",), ("Bearer sk-bearer", "sk-cookie")}


def test_no_key_of_the_clients_goes_to_another_origin(server, make_client):
    client = make_client(
        "http://127.0.0.1:9", api_key="lsv2-own", workspace_id="w-own", retry_config={"max_retries": 0}
    )
    write(client, [{"api_url": server.url}])
    server.wait_for(1)
    assert all("lsv2-own" not in request.headers.values() for request in server.received)
    assert all("w-own" not in request.headers.values() for request in server.received)


def test_what_is_hidden_is_hidden_in_copies_too(server, make_client):
    client = make_client(hide_inputs=True, anonymizer=lambda data: {"masked": True})
    write(client, [{"project_name": "copy"}, {"api_url": f"{server.url}/other", "api_key": "k"}])
    client.flush()
    runs = [run for request in seen(server) for run in request.runs.values()]
    assert len(runs) == 4
    assert all(run["inputs"] == {} for run in runs)
    assert all(run["outputs"] == {"masked": True} for run in runs)


def test_attachments_travel_with_every_copy(server, make_client):
    client = make_client()
    run = RunTree(
        name="r",
        client=client,
        project_name="main",
        attachments={"note": ("text/plain", b"hello")},
        replicas=[{}, {"project_name": "copy"}],
    )
    run.post()
    run.end()
    run.patch()
    client.flush()
    parts = {name: part for request in seen(server) for name, part in request.parts.items()}
    assert [content for name, (_, content) in parts.items() if name.startswith("attachment.")] == [
        b"hello"
    ] * 2


def test_an_asynchronous_client_writes_replicas(server):
    async def main():
        async with AsyncClient(server.url, api_key="k") as client:
            run = RunTree(
                name="r", client=client, project_name="main", replicas=[{"project_name": "copy"}, {}]
            )
            run.post()
            run.end(outputs={"o": 1})
            run.patch()
            await asyncio.to_thread(client._pipeline.flush, 10)

    asyncio.run(main())
    names = {run["session_name"] for request in seen(server) for run in request.runs.values()}
    assert names == {"main", "copy"}


# ------------------------------------------------------------------ the environment


@pytest.mark.parametrize(
    "value",
    [
        '{"https://a.example/api/": "ka", "http://b.example": "kb"}',
        '[{"api_url": "https://a.example/api/", "api_key": "ka"}, {"api_url": " http://b.example ", "api_key": "kb"}]',
    ],
)
@pytest.mark.parametrize("prefix", ["LANGSMITH", "LANGCHAIN"])
def test_the_environment_names_endpoints(monkeypatch, make_recorder, value, prefix):
    monkeypatch.setenv(f"{prefix}_RUNS_ENDPOINTS", value)
    recorder = make_recorder()
    with tracing_context(enabled=True, client=recorder, project_name="main"):
        parent(1)
    RunTree(name="by hand", client=recorder).post()
    places = [(post["name"], post["api_url"], post["api_key"]) for post in recorder.posts]
    assert places == [
        (name, url, key)
        for name in ("parent", "child", "by hand")
        for url, key in (("https://a.example/api", "ka"), ("http://b.example", "kb"))
    ]
    assert len({post["id"] for post in recorder.posts}) == 3


def test_replicas_of_run_and_context_win_over_the_environment(monkeypatch, make_recorder):
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", '{"https://a.example": "ka"}')
    recorder = make_recorder()
    write(recorder, [{"project_name": "copy"}])
    RunTree(name="by hand", client=recorder, replicas=[{"project_name": "copy"}]).post()
    assert {post["session_name"] for post in recorder.posts} == {"copy"}
    assert not any("api_url" in post for post in recorder.posts)


def test_a_run_of_another_process_gets_the_environments_endpoints_here(monkeypatch, make_recorder):
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", '{"https://a.example": "ka"}')
    recorder = make_recorder()
    with tracing_context(parent=RunTree(name="up").to_headers(), client=recorder):
        child(1)
    assert [post["api_url"] for post in recorder.posts] == ["https://a.example"]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("nonsense sk-secret", "not JSON"),
        ('"sk-secret"', "neither a list"),
        ('[{"api_url": "https://a.example"}, 7]', "item 0"),
        ('{"ftp://a.example": "sk-secret"}', "item 0"),
        ('{"https://a.example:port": "sk-secret"}', "item 0"),
        ('{"": "sk-secret", "https://": "sk-secret"}', "item 1"),
        ('[{"api_url": "https://a.example", "api_key": " "}]', "item 0"),
    ],
)
def test_bad_endpoints_are_named_once_and_left_out(monkeypatch, make_recorder, caplog, value, complaint):
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", value)
    recorder = make_recorder()
    with tracing_context(enabled=True, client=recorder):
        child(1)
        child(2)
    assert len(recorder.posts) == 2
    assert not any("api_url" in post for post in recorder.posts)
    assert caplog.text.count(complaint) == 1
    assert "sk-secret" not in caplog.text


def test_a_bad_endpoint_does_not_take_a_good_one_along(monkeypatch):
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", '{"nonsense": "k", "https://a.example": "ka"}')
    assert list(from_environment()) == [{"api_url": "https://a.example", "api_key": "ka"}]
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", '{"https://b.example": "kb"}')
    assert list(from_environment()) == [{"api_url": "https://b.example", "api_key": "kb"}]


def test_one_endpoint_and_several_contradict_each_other(monkeypatch):
    monkeypatch.setenv("LANGSMITH_RUNS_ENDPOINTS", '{"https://a.example": "ka"}')
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "https://a.example")
    with pytest.raises(LangSmithUserError, match="RUNS_ENDPOINTS"):
        Client()


@pytest.mark.parametrize("prefix", ["LANGSMITH", "LANGCHAIN"])
def test_the_environments_keys_are_in_no_metadata(server, make_client, monkeypatch, prefix):
    monkeypatch.setenv(f"{prefix}_RUNS_ENDPOINTS", json.dumps({f"{server.url}/a": "sk-a"}))
    client = make_client()
    with tracing_context(enabled=True, client=client):
        parent(1)
    client.flush()
    assert [request.headers["x-api-key"] for request in seen(server)] == ["sk-a"]
    assert not any(b"sk-a" in request.body for request in server.received)


# ------------------------------------------------------------------ they stay where they are


def test_replicas_are_in_no_header_dump_or_repr():
    replicas = [{"api_url": "https://a.example", "api_key": "sk-secret", "updates": {"reroot": True}}]
    run = RunTree(name="r", replicas=replicas)
    shown = json.dumps([run.to_headers(), repr(run), run.model_dump(mode="json")], default=str)
    assert "sk-secret" not in shown
    assert "a.example" not in shown


def test_a_copied_run_keeps_its_replicas():
    run = RunTree(name="r", id=new_id(1), replicas=[{"project_name": "copy"}])
    assert copy.deepcopy(run).replicas == [{"project_name": "copy"}]
