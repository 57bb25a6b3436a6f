from __future__ import annotations

import base64
import json
import uuid

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

T0 = "2024-05-06T07:08:09.123456"


def new_id():
    return str(uuid.uuid4())


def post_parts(run_id, **fields):
    body = {"id": run_id, "trace_id": run_id, "dotted_order": f"20240506T070809123456Z{run_id}"}
    return {
        f"post.{run_id}": body
        | {"name": "n", "run_type": "llm", "start_time": T0, "session_name": "p"}
        | fields
    }


def test_a_multipart_run_is_readable_as_soon_as_it_is_accepted(api):
    run_id = new_id()
    parts = post_parts(run_id, tags=["a"])
    parts |= {f"post.{run_id}.inputs": {"q": 1}, f"post.{run_id}.extra": {"metadata": {"k": "v"}}}
    answer = api.multipart(parts)
    assert (answer.status, answer.json) == (202, {"message": "Runs batch ingested"})
    run = api.run(run_id)
    assert run["name"] == "n"
    assert run["inputs"] == {"q": 1}
    assert run["extra"] == {"metadata": {"k": "v"}}
    assert run["tags"] == ["a"]
    assert run["status"] == "pending"
    assert run["start_time"] == "2024-05-06T07:08:09.123456+00:00"
    assert run["end_time"] is None
    assert run["session_id"] == api.project("p")["id"]
    assert run["app_path"].endswith(f"/projects/p/{run['session_id']}/r/{run_id}")


def test_a_patch_ends_a_run(api):
    run_id = new_id()
    api.multipart(post_parts(run_id))
    end = {"id": run_id, "end_time": "2024-05-06T07:08:10Z", "session_id": None}
    api.multipart({f"patch.{run_id}": end, f"patch.{run_id}.outputs": {"a": 2}})
    run = api.run(run_id)
    assert run["status"] == "success"
    assert run["outputs"] == {"a": 2}


def test_a_patch_may_come_before_its_post(api):
    run_id = new_id()
    end = {"id": run_id, "end_time": "2024-05-06T07:08:10Z"}
    api.multipart({f"patch.{run_id}": end, f"patch.{run_id}.error": "Boom"})
    assert api.run(run_id)["status"] == "error"
    api.multipart(post_parts(run_id))
    run = api.run(run_id)
    assert (run["status"], run["error"], run["name"], run["run_type"]) == ("error", "Boom", "n", "llm")
    assert run["session_id"] == api.project("p")["id"]


def test_a_repeated_post_erases_nothing(api):
    run_id = new_id()
    opening = post_parts(run_id) | {f"post.{run_id}.outputs": {}, f"post.{run_id}.events": []}
    api.multipart(opening)
    api.multipart({f"patch.{run_id}": {"end_time": T0}, f"patch.{run_id}.outputs": {"a": 1}})
    assert api.multipart(opening).status == 202
    assert api.run(run_id)["outputs"] == {"a": 1}
    assert api.run(run_id)["status"] == "success"


def test_post_and_patch_of_a_run_in_one_request_are_merged(api):
    run_id = new_id()
    parts = list(post_parts(run_id).items())
    parts += [(f"patch.{run_id}", {"end_time": T0}), (f"patch.{run_id}.outputs", {"first": 1})]
    parts += [(f"patch.{run_id}", {"tags": ["late"]}), (f"patch.{run_id}.outputs", {"second": 2})]
    assert api.multipart(parts).status == 202
    run = api.run(run_id)
    assert (run["outputs"], run["tags"], run["status"]) == ({"second": 2}, ["late"], "success")


def test_batches_and_single_runs_use_the_same_rules(api):
    first, second = new_id(), new_id()
    runs = [
        {"id": one, "name": "n", "run_type": "tool", "start_time": T0, "inputs": {"i": one}}
        for one in (first, second)
    ]
    answer = api.post(
        "/runs/batch", {"post": runs, "patch": [{"id": first, "outputs": {"o": 1}, "end_time": T0}]}
    )
    assert answer.status == 202
    assert api.run(first)["outputs"] == {"o": 1}
    assert api.patch(f"/runs/{second}", {"error": "bad"}).status == 202
    assert api.run(second)["status"] == "error"
    assert api.post("/runs", runs[0]).status == 202
    assert api.run(first)["outputs"] == {"o": 1}


def test_runs_of_no_project_are_in_the_default_one(api):
    run_id = api.new_run()
    assert api.run(run_id)["session_id"] == api.project("default")["id"]


def test_a_project_given_by_id_is_used_or_made(api):
    known = api.post("/sessions", {"name": "known"}).json["id"]
    assert api.run(api.new_run(session_id=known, session_name="other"))["session_id"] == known
    unknown = new_id()
    assert api.run(api.new_run(session_id=unknown, session_name="fresh"))["session_id"] == unknown
    assert api.project("fresh")["id"] == unknown


def test_links_follow_from_the_dotted_order(api):
    root, child = new_id(), new_id()
    dotted = f"20240506T070809123456Z{root}.20240506T070810000000Z{child}"
    api.post("/runs", {"id": child, "name": "c", "run_type": "tool", "dotted_order": dotted})
    run = api.run(child)
    assert (run["trace_id"], run["parent_run_id"], run["parent_run_ids"]) == (root, root, [root])
    assert run["start_time"] == "2024-05-06T07:08:10+00:00"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_runs_that_know_only_their_parent_find_their_place_in_any_order(api, order):
    ids = [new_id() for _ in range(3)]
    runs = [
        {"id": one, "name": "n", "run_type": "chain", "start_time": f"2024-05-06T07:08:0{place}"}
        | ({"parent_run_id": ids[place - 1]} if place else {})
        for place, one in enumerate(ids)
    ]
    for place in order:
        assert api.post("/runs", runs[place]).status == 202
    last = api.run(ids[2])
    assert last["trace_id"] == ids[0]
    assert last["parent_run_ids"] == ids[:2]
    assert [segment[-36:] for segment in last["dotted_order"].split(".")] == ids
    assert api.run(ids[0])["child_run_ids"] == [ids[1]]


def test_parents_that_form_a_circle_are_survived(api):
    one, two = new_id(), new_id()
    api.new_run(id=one, parent_run_id=two)
    api.new_run(id=two, parent_run_id=one)
    assert api.new_run(id=one, parent_run_id=one) == one
    assert api.run(two)["parent_run_id"] == one


def test_attachments_come_back_through_signed_urls(api):
    run_id = new_id()
    large = bytes(range(256)) * 1000
    parts = post_parts(run_id) | {
        f"attachment.{run_id}.z": ("image/png; length=3", b"\x00\r\n"),
        f"attachment.{run_id}.a.b": ("text/plain", large),
    }
    assert api.multipart(parts).status == 202
    urls = api.run(run_id)["s3_urls"]
    assert list(urls) == ["attachment.z", "attachment.a.b"]
    assert urls["attachment.z"]["mime_type"] == "image/png"
    answer = api.get(urls["attachment.z"]["presigned_url"])
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\x00\r\n", "image/png")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert api.get(urls["attachment.a.b"]["presigned_url"]).body == large


def test_forged_and_expired_urls_are_refused(api):
    run_id = new_id()
    api.multipart(post_parts(run_id) | {f"attachment.{run_id}.f": ("text/html", b"x")})
    url = api.run(run_id)["s3_urls"]["attachment.f"]["presigned_url"]
    assert api.get(url.replace("html", "plain")).status == 403
    assert api.get(url.replace("expires=1", "expires=9")).status == 403
    assert api.get(url.split("?")[0]).status == 403
    files = api.server.app.state.workspaces.default.files
    files._lifetime = -10
    assert "expired" in api.get(files.url(b"\0" * 32, "a/b")).detail


def test_single_runs_carry_attachments_as_base64(api):
    run_id = api.new_run(attachments={"f": ["text/plain", base64.b64encode(b"hello").decode()]})
    assert api.get(api.run(run_id)["s3_urls"]["attachment.f"]["presigned_url"]).body == b"hello"
    answer = api.post("/runs", {"id": run_id, "attachments": {"f": ["text/plain", "?"]}})
    assert answer.status == 422
    assert "attachments.f" in answer.detail


def test_refused_requests_leave_no_temporary_files(api, database):
    run_id = new_id()
    parts = {f"attachment.{run_id}.f": ("text/plain", b"x" * 200_000), "nonsense": {}}
    assert api.multipart(parts).status == 422
    assert (
        api.send_form(
            b'--boundary\r\nContent-Disposition: form-data; name="attachment.x.y"\r\n\r\n' + b"z" * 200_000
        ).status
        == 400
    )
    folder = database.with_name("runs.db.blobs")
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_feedback_parts_show_in_the_runs_figures(api):
    run_id = new_id()
    parts = post_parts(run_id)
    for score in (0, 1):
        feedback_id = new_id()
        parts[f"feedback.{feedback_id}"] = {
            "id": feedback_id,
            "run_id": run_id,
            "key": "k",
            "score": score,
            "value": "v",
        }
    assert api.multipart(parts).status == 202
    assert api.run(run_id)["feedback_stats"] == {"k": {"n": 2, "avg": 0.5, "values": {"v": 2}}}


def test_tokens_and_costs_follow_from_usage_metadata(api):
    usage = {
        "input_tokens": 3,
        "output_tokens": 4,
        "input_cost": 0.001,
        "output_cost": "0.0000001",
        "input_token_details": {"cache_read": 1},
    }
    run = api.run(api.new_run(outputs={"usage_metadata": usage}))
    assert (run["prompt_tokens"], run["completion_tokens"], run["total_tokens"]) == (3, 4, 7)
    assert (run["prompt_cost"], run["completion_cost"], run["total_cost"]) == (
        "0.001",
        "0.0000001",
        "0.0010001",
    )
    assert run["prompt_token_details"] == {"cache_read": 1}
    run = api.run(
        api.new_run(
            extra={"metadata": {"usage_metadata": {"total_tokens": 9, "total_cost": -1, "input_tokens": "x"}}}
        )
    )
    assert (run["total_tokens"], run["total_cost"], run["prompt_tokens"]) == (9, None, None)


def test_the_first_token_time_is_that_of_the_first_new_token(api):
    events = [
        {"name": "start", "time": T0},
        {"name": "new_token", "time": "2024-05-06T07:08:11"},
        {"name": "new_token", "time": "2024-05-06T07:08:10Z"},
        {"name": "new_token", "time": "?"},
    ]
    assert api.run(api.new_run(events=events))["first_token_time"] == "2024-05-06T07:08:10+00:00"


def test_keys_inside_run_bodies_are_not_stored(api, database):
    api.new_run(replicas=[{"api_key": "CANARY-SECRET"}])
    api.server.close()
    assert b"CANARY" not in database.read_bytes()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (b'{"a": 1.10, "a": 2}', {"a": 2}),
        (b"null", None),
    ],
)
def test_odd_json_is_kept(api, raw, expected):
    run_id = new_id()
    assert api.multipart(post_parts(run_id) | {f"post.{run_id}.inputs": raw}).status == 202
    assert api.run(run_id)["inputs"] == expected
    assert api.query(id=[run_id])["runs"][0]["inputs"] == expected


def test_lone_surrogates_in_names_tags_and_errors_are_survived(api):
    run_id = api.new_run(name="\ud800", tags=["\udfff"], error="\ud800")
    assert api.run(run_id)["tags"] == ["\udfff"]


def test_very_large_strings_are_kept(api):
    text = "a" * 20_000_000
    body = zstandard.compress(
        json.dumps(
            {"post": [{"id": (run_id := new_id()), "name": "n", "run_type": "llm", "inputs": {"t": text}}]}
        ).encode()
    )
    assert api.call("POST", "/runs/batch", body, {"content-encoding": "zstd"}).status == 202
    assert api.run(run_id)["inputs"]["t"] == text


REFUSED = {
    "unknown run type": ("post.{id}", {"run_type": "agent"}),
    "another id": ("post.{id}", {"id": "00000000-0000-0000-0000-000000000000"}),
    "not an object": ("post.{id}", [1]),
    "no such field": ("post.{id}.secrets", {}),
    "bad time": ("post.{id}", {"start_time": "yesterday"}),
    "time beyond the calendar": ("post.{id}", {"start_time": 1e300}),
    "bad dotted order": ("patch.{id}", {"dotted_order": "x"}),
    "bad trace": ("patch.{id}", {"trace_id": 5}),
    "tags that are no list": ("post.{id}", {"tags": "t"}),
    "error that is no text": ("post.{id}.error", {}),
    "events that are no list": ("post.{id}.events", {}),
    "not JSON": ("post.{id}.inputs", b"{"),
    "too deep": ("post.{id}.inputs", b"[" * 100_000 + b"]" * 100_000),
    "unknown kind": ("put.{id}", {}),
    "not a UUID": ("post.12", {}),
    "feedback without key": ("feedback.{id}", {}),
    "feedback with an endless score": ("feedback.{id}", b'{"key": "k", "score": 1' + b"0" * 400 + b"}"),
    "feedback with a text as score": ("feedback.{id}", {"key": "k", "score": "high"}),
    "attachment without name": ("attachment.{id}", ("a/b", b"")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_part_is_named_and_nothing_of_the_request_is_stored(shared_api, case):
    name, value = REFUSED[case]
    name = name.replace("{id}", new_id())
    good = new_id()
    answer = shared_api.multipart(post_parts(good) | {name: value})
    assert answer.status == 422
    assert name in answer.detail
    assert shared_api.get(f"/runs/{good}").status == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/runs", b"{"),
        ("/runs", b"[]"),
        ("/runs", b'{"name": "x"}'),
        ("/runs/batch", b"[]"),
        ("/runs/batch", b'{"post": 5}'),
        ("/runs/batch", b'{"post": [5]}'),
        ("/runs/multipart", b"{}"),
        ("/runs/query", b"[]"),
    ],
)
def test_malformed_bodies_are_refused(shared_api, path, body):
    answer = shared_api.call("POST", path, body)
    assert answer.status in {400, 422}
    assert answer.detail


def test_truncated_multipart_is_refused(shared_api, make_form):
    body = make_form(post_parts(new_id()))
    for cut in (0, 1, 20, len(body) // 2, len(body) - 6):
        answer = shared_api.send_form(body[:cut])
        assert answer.status == 400, cut


def test_zstd_bodies_of_several_frames_are_read(shared_api, make_form):
    ids = [new_id() for _ in range(50)]
    body = make_form({name: value for one in ids for name, value in post_parts(one).items()})
    step = len(body) // 3
    frames = b"".join(zstandard.compress(body[at : at + step]) for at in range(0, len(body), step))
    assert shared_api.send_form(frames, content_encoding="zstd").status == 202
    assert len(shared_api.query(id=ids)["runs"]) == 50


def test_truncated_zstd_is_refused_and_stores_nothing(shared_api, make_form):
    run_id = new_id()
    packed = zstandard.compress(make_form(post_parts(run_id)))
    for cut in (1, 4, len(packed) // 2, len(packed) - 1):
        answer = shared_api.send_form(packed[:cut], content_encoding="zstd")
        assert answer.status == 400, cut
    assert shared_api.send_form(packed + b"tail", content_encoding="zstd").status == 400
    assert shared_api.send_form(b"", content_encoding="zstd").status == 400
    assert shared_api.get(f"/runs/{run_id}").status == 404


def test_unknown_encodings_are_refused(shared_api):
    assert shared_api.send_form(b"x", content_encoding="br").status == 415


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_never_the_servers_fault(shared_api, data):
    for path, headers in (
        ("/runs/multipart", {"content-type": "multipart/form-data; boundary=b"}),
        ("/runs/multipart", {"content-type": "multipart/form-data; boundary=b", "content-encoding": "zstd"}),
        ("/runs/batch", {}),
        ("/runs/query", {}),
        ("/sessions", {}),
    ):
        for body in (data, b"--b\r\n" + data + b"\r\n--b--\r\n"):
            assert shared_api.call("POST", path, body, headers).status < 500


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
_FIELDS = [
    "name",
    "run_type",
    "start_time",
    "end_time",
    "tags",
    "inputs",
    "outputs",
    "events",
    "extra",
    "error",
    "session_id",
    "session_name",
    "trace_id",
    "parent_run_id",
    "dotted_order",
    "attachments",
    "serialized",
]


@given(st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_runs_are_stored_and_readable_or_refused(shared_api, fields):
    run_id = new_id()
    answer = shared_api.post("/runs", {"id": run_id, **fields})
    assert answer.status in {202, 422}, answer.body
    assert shared_api.get(f"/runs/{run_id}").status == (200 if answer.status == 202 else 404)
    assert shared_api.query(id=[run_id])["runs"] is not None
