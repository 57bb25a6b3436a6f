"""What a batch holds and how it is encoded."""

from __future__ import annotations

import json
import os
import pathlib
import uuid

import pytest

from smithkit.tracing._serialize import dumps
from smithkit.tracing.pipeline._multipart import encode
from smithkit.tracing.pipeline._snapshot import SIZE, run_op

PLAIN = {"instance_flags": {}}
JSON = {"batch_ingest_config": {"use_multipart_endpoint": False}}


def test_a_run_whose_halves_meet_is_sent_as_one(server, client, run_factory, end_factory):
    run = run_factory(tags=["early"], extra={"metadata": {"a": 1}})
    client.submit_post(dict(run))
    client.submit_patch(end_factory(run, tags=["late"], error=None))
    client.flush()
    [(key, got)] = server.runs().items()
    assert key == ("post", run["id"])
    assert got["tags"] == ["late"]
    assert got["inputs"] == {"question": "q"}
    assert got["outputs"] == {"answer": "a"}
    assert got["extra"]["metadata"]["a"] == 1
    assert client.tracing_stats().sent == 2


def test_creates_stand_before_updates(server, client, run_factory, end_factory):
    first, second = run_factory(), run_factory()
    client.submit_patch(end_factory(first))
    client.submit_post(dict(second))
    client.flush()
    [request] = server.received
    assert list(request.runs) == [("post", second["id"]), ("patch", first["id"])]


def test_compressed_bodies_say_their_sizes(server, client, run_factory):
    client.submit_post(run_factory())
    client.flush()
    [request] = server.received
    assert request.headers["content-encoding"] == "zstd"
    assert int(request.headers["x-post-compressed-size"]) == len(request.raw)
    payload = sum(len(content) for _, content in request.parts.values())
    assert int(request.headers["x-pre-compressed-size"]) == payload


@pytest.mark.parametrize(("info", "variable"), [(PLAIN, ""), (None, "true")])
def test_plain_bodies(server, make_client, run_factory, monkeypatch, info, variable):  # noqa: PLR0917
    monkeypatch.setenv("LANGSMITH_DISABLE_RUN_COMPRESSION", variable)
    client = make_client(**({} if info is None else {"info": info}))
    client.submit_post(run_factory())
    client.flush()
    assert "content-encoding" not in server.received[0].headers


def test_parts_have_exact_lengths(server, make_client, run_factory):
    client = make_client(info=PLAIN)
    run = run_factory(attachments={"note": ("text/plain", b"\r\n--x"), "a.b": ("text/plain", b"no")})
    client.submit_post(run)
    client.flush()
    for head, content in server.received[0].parts.values():
        assert f"Content-Length: {len(content)}".encode() in head
    assert not any(name.endswith("a.b") for name in server.received[0].parts)


def test_files_are_read_only_with_permission(server, client, run_factory, tmp_path):
    file = tmp_path / "secret.txt"
    file.write_text("on disk")
    allowed = run_factory(attachments={"f": ("text/plain", file)}, dangerously_allow_filesystem=True)
    refused = run_factory(attachments={"f": ("text/plain", file)})
    client.submit_post(dict(allowed))
    client.submit_post(dict(refused))
    client.flush()
    attachments = [name for name in server.received[0].parts if name.startswith("attachment.")]
    assert attachments == [f"attachment.{allowed['id']}.f"]
    assert server.received[0].parts[attachments[0]][1] == b"on disk"


def test_a_missing_file_costs_only_itself(server, client, run_factory):
    gone = ("text/plain", pathlib.Path("/no/such/file"))
    client.submit_post(run_factory(attachments={"f": gone}, dangerously_allow_filesystem=True))
    client.flush()
    assert client.tracing_stats().sent == 1


def test_hostile_names_and_types_stay_inside_their_header(server, client, run_factory):
    run = run_factory(attachments={'x"\r\nEvil: 1': ("text/plain\r\nEvil: 2", b"data")})
    client.submit_post(run)
    client.flush()
    heads = [head for head, _ in server.received[0].parts.values()]
    assert not any(line.startswith(b"Evil") for head in heads for line in head.split(b"\r\n"))


def test_json_endpoint(server, make_client, run_factory, end_factory):
    client = make_client(info=JSON)
    run, other = run_factory(), run_factory()
    client.submit_post(dict(run))
    client.submit_patch(end_factory(other))
    client.flush()
    [request] = server.received
    assert request.path == "/runs/batch"
    assert set(request.runs) == {("post", run["id"]), ("patch", other["id"])}
    assert request.runs["post", run["id"]]["inputs"] == {"question": "q"}


def test_feedback_travels_along(server, make_client, run_factory):
    client = make_client()
    run = run_factory()
    feedback = {"id": run["id"], "trace_id": run["id"], "key": "score", "score": None}
    client.submit_post(run)
    assert client.submit_feedback(feedback)
    client.flush()
    assert json.loads(server.received[0].parts[f"feedback.{run['id']}"][1]) == feedback


def test_feedback_has_its_own_request_where_there_is_no_multipart(server, make_client, run_factory):
    client = make_client(info=JSON)
    run = run_factory()
    client.submit_feedback({"id": run["id"], "trace_id": run["id"], "key": "score"})
    client.flush()
    assert [request.path for request in server.received] == ["/feedback"]


def test_batches_are_cut_by_count_and_bytes(server, make_client, run_factory):
    client = make_client(info={**PLAIN, "batch_ingest_config": {"size_limit": 3}})
    for _ in range(7):
        client.submit_post(run_factory())
    client.flush()
    assert max(len(request.runs) for request in server.received) <= 3
    large = make_client(max_batch_size_bytes=10_000)
    for _ in range(5):
        large.submit_post(run_factory(inputs={"x": "y" * 4000}))
    large.flush()
    assert max(len(request.body) for request in server.received) <= 10_000


@pytest.mark.parametrize("depth", [1, 20])
def test_a_run_is_never_larger_on_the_wire_than_it_counts_for(run_factory, depth):
    key = str(uuid.uuid4())
    full = run_factory(
        outputs={"o": 1},
        events=[{"name": "e"}],
        error="failed",
        extra={"metadata": {"m": 1}},
        tags=["tag"],
        parent_run_id=key,
        end_time="2024-05-06T07:08:09.123456+00:00",
        dotted_order=".".join([f"20240506T070809123456Z{key}"] * depth),
    )

    op = run_op("post", full, dumps, None, with_runtime=True)

    assert len(encode([op], None).content) <= op[SIZE]


def test_own_credentials_make_their_own_group(server, client, run_factory):
    for own in (
        {"api_key": "other"},
        {"service_key": "svc"},
        {"tenant_id": "ten"},
        {"authorization": "Bearer b"},
    ):
        client.submit_post(run_factory(**own))
    client.submit_post(run_factory())
    client.flush()
    seen = {
        (
            headers.get("x-api-key"),
            headers.get("x-service-key"),
            headers.get("x-tenant-id"),
            headers.get("authorization"),
        )
        for headers in (request.headers for request in server.received)
    }
    assert seen == {
        ("other", None, None, None),
        (None, "svc", None, None),
        ("lsv2-key", None, "ten", None),
        (None, None, None, "Bearer b"),
        ("lsv2-key", None, None, None),
    }
    for request in server.received:
        assert b"Bearer" not in request.body
        assert b"svc" not in request.body


def test_info_is_asked_once_and_its_failure_means_defaults(server, make_client, run_factory):
    server.answer = lambda request, number: 500 if request.path == "/info" else 202
    client = make_client(info=None)
    for _ in range(2):
        client.submit_post(run_factory())
        client.flush()
    assert [request.path for request in server.received] == ["/info", "/runs/multipart", "/runs/multipart"]
    assert "content-encoding" not in server.received[-1].headers


def test_environment_metadata_follows_the_environment(server, client, run_factory, monkeypatch):
    for value in ("one", "two"):
        monkeypatch.setenv("LANGSMITH_FLAVOUR", value)
        monkeypatch.setenv("LANGSMITH_SECRET_SAUCE", "hidden")
        client.submit_post(run_factory(extra={"metadata": {"LANGCHAIN_X": "own"}}))
    client.flush()
    seen = [run["extra"]["metadata"] for run in server.runs().values()]
    assert [metadata["LANGSMITH_FLAVOUR"] for metadata in seen] == ["one", "two"]
    assert all("LANGSMITH_SECRET_SAUCE" not in metadata for metadata in seen)
    assert "LANGSMITH_FLAVOUR" in os.environ


def test_revision_is_added_late_where_git_was_not_asked_yet(server, client, run_factory, monkeypatch):
    from smithkit.tracing import _runtime

    monkeypatch.setattr(_runtime, "_git", _runtime._Git())
    monkeypatch.setattr(_runtime, "_state", None)
    monkeypatch.setattr(_runtime, "_describe", lambda: "v1-2-gabc")
    client.submit_post(run_factory())
    client.submit_post(run_factory(extra={"metadata": {"revision_id": "own"}}))
    client.submit_post(run_factory(extra={"metadata": {"m": 1}, "other": 2}))
    client.flush()
    seen = [run["extra"]["metadata"]["revision_id"] for run in server.runs().values()]
    assert seen == ["v1-2-gabc", "own", "v1-2-gabc"]


def test_later_changes_of_objects_are_not_seen(server, client, run_factory):
    inputs = {"list": [1]}
    client.submit_post(run_factory(inputs=inputs))
    inputs["list"].append(2)
    client.flush()
    assert next(iter(server.runs().values()))["inputs"] == {"list": [1]}
