"""Methods that write and read runs."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from smithkit.errors import LangSmithError, LangSmithExceptionGroup, LangSmithUserError
from smithkit.tracing.schemas import Run


def row(**fields):
    key = str(uuid.uuid4())
    return {
        "id": key,
        "trace_id": key,
        "name": "r",
        "run_type": "chain",
        "start_time": "2024-05-06T07:08:09Z",
        **fields,
    }


def answering(server, answers):
    def answer(request, number):
        for (method, path), given in answers.items():
            if request.method == method and request.path.split("?")[0] == path:
                body = given(request) if callable(given) else given
                return 200, {}, body if isinstance(body, bytes) else json.dumps(body).encode()
        return 404

    server.answer = answer


def test_options_are_checked(make_client):
    with pytest.raises(LangSmithUserError, match="between 0 and 1"):
        make_client(tracing_sampling_rate=1.5)
    with pytest.raises(ValueError, match="together"):
        make_client(run_ops_buffer_size=3)
    with pytest.raises(ValueError, match="together"):
        make_client(process_buffered_run_ops=lambda runs: runs)


def test_create_run_refuses_what_cannot_be_sent(client, tmp_path):
    with pytest.raises(LangSmithUserError):
        client.create_run("r", {}, "chain", id="no-uuid")
    with pytest.raises(ValueError, match="names a file"):
        client.create_run("r", {}, "chain", attachments={"a": ("text/plain", tmp_path)})


def test_create_run_without_a_place_in_a_trace_is_sent_at_once(server, client):
    client.create_run("r", {"a": 1}, "chain", project_name="p", revision_id="v1")
    [request] = server.received
    assert request.path == "/runs"
    assert request.json["extra"]["metadata"]["revision_id"] == "v1"
    assert request.json["session_name"] == "p"


def test_direct_failures_are_raised_and_told(server, make_client):
    told = []
    client = make_client(auto_batch_tracing=False, tracing_error_callback=told.append)
    server.answer = lambda request, number: 422
    with pytest.raises(LangSmithError):
        client.create_run("r", {}, "chain")
    assert len(told) == 1
    server.answer = lambda request, number: 409
    client.create_run("r", {}, "chain")
    several = make_client(auto_batch_tracing=False, api_urls={f"{server.url}/a": "a", f"{server.url}/b": "b"})
    server.answer = lambda request, number: 422
    with pytest.raises(LangSmithExceptionGroup) as raised:
        several.create_run("r", {}, "chain")
    assert len(raised.value.exceptions) == 2


def test_serialized_is_for_models_and_prompts(server, client, run_factory):
    serialized = {"name": "m", "graph": {}}
    client.submit_post(run_factory(serialized=serialized))
    client.submit_post(run_factory(serialized=serialized, run_type="llm"))
    client.flush()
    assert [run.get("serialized") for run in server.runs().values()] == [None, {"name": "m"}]
    assert serialized == {"name": "m", "graph": {}}


def test_read_run_fetches_attachments_without_credentials(server, client):
    run = row(
        s3_urls={
            "attachment.f": {"presigned_url": f"{server.url}/blob?sig=1", "mime_type": "text/plain"},
            "ROOT": {},
        }
    )
    answering(server, {("GET", f"/runs/{run['id']}"): run, ("GET", "/blob"): b"content"})
    read = client.read_run(run["id"])
    assert read.attachments["f"]["reader"].read() == b"content"
    assert "x-api-key" not in server.received[-1].headers


def test_read_run_builds_the_tree_below(server, client):
    root = row(dotted_order="a", session_id=str(uuid.uuid4()))
    child = row(trace_id=root["id"], parent_run_id=root["id"], dotted_order="a.b")
    grandchild = row(trace_id=root["id"], parent_run_id=child["id"], dotted_order="a.b.c")
    stranger = row(trace_id=root["id"], parent_run_id=str(uuid.uuid4()), dotted_order="x.y")
    pages = {None: ([grandchild, stranger], "next"), "next": ([child], None)}

    def query(request):
        runs, cursor = pages[request.json.get("cursor")]
        return {"runs": runs, "cursors": {"next": cursor}}

    answering(server, {("GET", f"/runs/{root['id']}"): root, ("POST", "/runs/query"): query})
    read = client.read_run(root["id"], load_child_runs=True)
    [first] = read.child_runs
    assert str(first.id) == child["id"]
    assert [str(run.id) for run in first.child_runs] == [grandchild["id"]]


def test_list_runs_pages_lazily_and_stops_at_the_limit(server, client):
    answering(
        server, {("POST", "/runs/query"): lambda request: {"runs": [row(), row()], "cursors": {"next": "c"}}}
    )
    found = client.list_runs(project_id=uuid.uuid4(), limit=3, trace_id=uuid.uuid4())
    assert server.received == []
    assert len(list(found)) == 3
    assert len(server.received) == 2
    assert server.received[1].json["cursor"] == "c"


def test_batch_methods_insist_on_a_place_in_a_trace(client, run_factory):
    run = run_factory()
    del run["dotted_order"]
    for method in (client.batch_ingest_runs, client.multipart_ingest):
        with pytest.raises(LangSmithUserError, match="dotted_order"):
            method(create=[run])


def test_batch_methods_take_models_and_fall_back(server, client, run_factory):
    server.answer = lambda request, number: 404 if request.path.endswith("multipart") else 202
    run = run_factory()
    client.multipart_ingest(create=[Run(**run)])
    assert server.received[-1].runs["post", run["id"]]["inputs"] == {"question": "q"}


def test_async_client_waits_for_each_run(server):
    from smithkit import AsyncClient

    async def main():
        client = AsyncClient(server.url, api_key="k", hide_inputs=True)
        run_id = uuid.uuid4()
        await client.create_run("r", {"secret": 1}, "chain", id=run_id)
        await client.update_run(run_id, outputs={"o": {1}})
        await client.flush()
        await client.cleanup()
        await client.aclose()

    asyncio.run(main())
    create, update = server.received
    assert create.json["inputs"] == {}
    assert (update.method, update.json["outputs"]) == ("PATCH", {"o": [1]})


def test_async_client_shares_the_pipeline(server, run_factory):
    from smithkit import AsyncClient

    run = run_factory()

    async def main():
        client = AsyncClient(server.url, api_key="k", info={})
        client.submit_post(dict(run))
        await client.flush()
        await client.multipart_ingest(update=[{**run, "outputs": {}}])
        await client.batch_ingest_runs(create=[run])
        await client.aclose()
        return client.tracing_stats()

    stats = asyncio.run(main())
    assert stats.sent == 1
    assert [request.path for request in server.received] == [
        "/runs/multipart",
        "/runs/multipart",
        "/runs/batch",
    ]


def test_properties(server, client, make_client, run_factory):
    assert client.otel_exporter is None
    assert client.compressed_traces is None
    client.submit_post(run_factory())
    client.flush()
    assert client.compressed_traces is not None
    assert len(client.tracing_queue) == 0
    assert make_client(auto_batch_tracing=False).tracing_queue is None
    assert not make_client(auto_batch_tracing=False).submit_feedback({})


def test_run_models():
    run = Run(**row(inputs=None, input_tokens=3, app_path="/r"), _host_url="http://host")
    assert run.inputs == {}
    assert run.input_tokens == run.prompt_tokens == 3
    assert run.url == "http://host/r"
    assert run.dotted_order.endswith(str(run.id))
    run.metadata["a"] = 1
    assert run.extra == {"metadata": {"a": 1}}
    assert run.latency is None
