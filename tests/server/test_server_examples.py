from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def api(shared_api):
    return shared_api


def upload(api, method, dataset, parts):
    return api.send_parts(method, f"/v1/platform/datasets/{dataset}/examples", parts)


def files(api, example, query=""):
    urls = api.get(f"/examples/{example}{query}").json["attachment_urls"] or {}
    return {name: (url["mime_type"], api.get(url["presigned_url"]).body) for name, url in urls.items()}


def test_an_example_comes_back_as_it_was_sent(api):
    dataset, run = api.new_dataset(), api.new_run()
    sent = {
        "id": str(uuid.uuid4()),
        "dataset_id": dataset,
        "inputs": {"q": [1, 1.5, None, "é", 2**70]},
        "outputs": {"a": {"deep": True}},
        "metadata": {"k": "v"},
        "source_run_id": run,
        "created_at": "2020-01-02T03:04:05+00:00",
    }
    made = api.post("/examples", sent).json
    found = api.get(f"/examples/{sent['id']}").json
    assert found == made == {**api.examples(dataset)[0], "attachment_urls": None}
    assert {name: found[name] for name in sent} == {**sent, "metadata": {"dataset_split": ["base"], "k": "v"}}
    assert api.get(f"/datasets/{dataset}").json["modified_at"] == found["modified_at"]


def test_many_are_written_at_once_or_not_at_all(api):
    dataset = api.new_dataset()
    bodies = [{"dataset_id": dataset, "inputs": {"n": n}} for n in range(3)]
    made = api.post("/examples/bulk", bodies).json
    assert [example["inputs"]["n"] for example in made] == [0, 1, 2]
    taken = [{**bodies[0], "id": str(uuid.uuid4())}, {**bodies[1], "id": made[0]["id"]}]
    answer = api.post("/examples/bulk", taken)
    assert (answer.status, made[0]["id"] in answer.detail) == (409, True)
    twice = [{**bodies[0], "id": taken[0]["id"]}] * 2
    assert api.post("/examples/bulk", twice).status == 409
    assert [example["id"] for example in api.examples(dataset)] == [example["id"] for example in made]
    updates = [{"id": made[0]["id"], "outputs": {"a": 1}}, {"id": made[2]["id"], "inputs": {"n": 20}}]
    assert api.patch("/examples/bulk", updates).json["message"] == "2 examples updated"
    assert api.patch("/examples/bulk", [*updates, {"id": str(uuid.uuid4())}]).status == 404
    seen = [(example["inputs"]["n"], example["outputs"]) for example in api.examples(dataset)]
    assert seen == [(0, {"a": 1}), (1, None), (20, None)]
    assert len(api.get(f"/datasets/{dataset}/versions").json) == 2


def test_what_a_change_does_not_name_stays(api):
    dataset = api.new_dataset()
    example = api.new_example(
        dataset, inputs={"q": 1}, outputs={"a": 1}, metadata={"k": 1}, created_at="2020-01-01"
    )
    before = api.get(f"/examples/{example}").json
    for change in (
        {"split": "s"},
        {"outputs": {"a": 2}},
        {"inputs": None, "outputs": None},
        {"metadata": {"l": 1}},
    ):
        assert api.patch(f"/examples/{example}", change).status == 200
    after = api.get(f"/examples/{example}").json
    assert after.pop("modified_at") > before.pop("modified_at")
    assert after == {**before, "outputs": {"a": 2}, "metadata": {"dataset_split": ["s"], "l": 1}}


def test_an_example_belongs_to_one_dataset(api):
    dataset, other = api.new_dataset(), api.new_dataset()
    example = api.new_example(dataset)
    answer = upload(api, "PATCH", other, {example: {}, f"{example}.inputs": {"q": 1}})
    assert (answer.status, answer.detail) == (409, "Dataset ID mismatch")
    assert api.patch(f"/examples/{example}", {"dataset_id": other, "inputs": {}}).status == 409
    assert api.put(f"/datasets/{other}/splits", {"split_name": "s", "examples": [example]}).status == 409
    absent = str(uuid.uuid4())
    assert upload(api, "POST", absent, {absent: {}, f"{absent}.inputs": {}}).status == 404
    assert upload(api, "PATCH", dataset, {absent: {}, f"{absent}.inputs": {}}).status == 404


def test_upserting_makes_or_changes(api):
    dataset = api.new_dataset()
    old, new = api.new_example(dataset, inputs={"n": 1}, outputs={"a": 1}), str(uuid.uuid4())
    parts = {
        old: {"dataset_id": dataset},
        f"{old}.inputs": {"n": 2},
        new: {"dataset_id": dataset},
        f"{new}.inputs": {"n": 3},
    }
    for prefix in ("/v1/platform", "/platform", "/api/v1/platform"):
        answer = api.send_parts("POST", f"{prefix}/examples/multipart", parts)
        assert (answer.status, answer.json["count"]) == (201, 2)
    assert [(one["inputs"], one["outputs"]) for one in api.examples(dataset)] == [
        ({"n": 2}, {"a": 1}),
        ({"n": 3}, None),
    ]


def test_files_are_kept_renamed_dropped_and_replaced(api):
    dataset, example = api.new_dataset(), str(uuid.uuid4())
    parts = {
        example: {},
        f"{example}.inputs": {"q": 1},
        f"{example}.attachment.z.png": ("image/png; length=3", b"one"),
        f"{example}.attachment.a": ("text/plain", b"two"),
        f"{example}.attachment.b": ("not a type", b"x" * 200_000),
    }
    assert upload(api, "POST", dataset, parts).status == 201
    big = ("application/octet-stream", b"x" * 200_000)
    whole = {
        "attachment.z.png": ("image/png", b"one"),
        "attachment.a": ("text/plain", b"two"),
        "attachment.b": big,
    }
    assert list(files(api, example).items()) == list(whole.items())
    first = api.get(f"/datasets/{dataset}/version?tag=latest").json["as_of"]

    def change(**more):
        named = {f"{example}.{name}": value for name, value in more.items()}
        return upload(api, "PATCH", dataset, {example: {}} | named).status

    assert change(inputs={"q": 2}) == 201
    assert files(api, example) == whole
    assert change(attachments_operations={"retain": ["a"], "rename": {"z.png": "y"}}) == 201
    assert files(api, example) == {
        "attachment.y": ("image/png", b"one"),
        "attachment.a": ("text/plain", b"two"),
    }
    assert change(attachments_operations={"rename": {"absent": "x"}}) == 404
    assert (
        change(**{"attachments_operations": {"retain": ["a"]}, "attachment.n": ("text/plain", b"3")}) == 201
    )
    assert list(files(api, example)) == ["attachment.a", "attachment.n"]
    assert change(**{"attachment.m": ("text/plain", b"4")}) == 201
    assert files(api, example) == {"attachment.m": ("text/plain", b"4")}
    assert files(api, example, f"?as_of={quote(first)}") == whole


def test_the_list_has_urls_only_if_they_are_selected(api):
    dataset, example = api.new_dataset(), str(uuid.uuid4())
    parts = {example: {}, f"{example}.inputs": {"q": 1}, f"{example}.attachment.f": ("text/plain", b"1")}
    upload(api, "POST", dataset, parts)
    (plain,) = api.examples(dataset)
    (full,) = api.examples(dataset, "&select=attachment_urls&select=outputs&select=metadata")
    assert "attachment_urls" not in plain
    assert full.pop("attachment_urls").keys() == {"attachment.f"}
    assert full == plain


def test_an_example_takes_over_what_its_run_did(api):
    dataset = api.new_dataset()
    run = api.new_run(inputs={"q": 1}, outputs={"a": 1}, attachments={"f": ["text/plain", "aGk="]})
    example, empty = str(uuid.uuid4()), str(uuid.uuid4())
    body = {"source_run_id": run, "use_source_run_io": True, "use_source_run_attachments": ["f"]}
    assert upload(api, "POST", dataset, {example: body}).status == 201
    found = api.get(f"/examples/{example}").json
    assert (found["inputs"], found["outputs"], found["source_run_id"]) == ({"q": 1}, {"a": 1}, run)
    project = api.run(run)["session_id"]
    api.delete(f"/sessions/{project}")
    assert files(api, example) == {"attachment.f": ("text/plain", b"hi")}, "the file outlives its run"
    missing = {**body, "source_run_id": str(uuid.uuid4())}
    assert upload(api, "POST", dataset, {empty: missing}).status == 404


def test_a_hard_deletion_reaches_the_past(api, database):
    dataset, example = api.new_dataset(), str(uuid.uuid4())
    kept = api.new_example(dataset)
    parts = {
        example: {},
        f"{example}.inputs": {"q": 1},
        f"{example}.attachment.f": ("text/plain", b"gone for ever"),
    }
    upload(api, "POST", dataset, parts)
    (url,) = api.get(f"/examples/{example}").json["attachment_urls"].values()
    as_of = quote(api.get(f"/datasets/{dataset}/version?tag=latest").json["as_of"])
    assert api.delete(f"/examples?example_ids={example}").status == 200
    assert [one["id"] for one in api.examples(dataset, f"&as_of={as_of}")] == [kept, example]
    assert api.get(url["presigned_url"]).status == 200
    answer = api.post(
        "/v1/platform/datasets/examples/delete", {"example_ids": [example], "hard_delete": True}
    )
    assert (answer.status, answer.json) == (200, {"examples_count": 1})
    assert [one["id"] for one in api.examples(dataset, f"&as_of={as_of}")] == [kept]
    assert api.get(url["presigned_url"]).status == 404
    assert api.delete(f"/examples/{example}").status == 404
    assert api.get(f"/datasets/{dataset}").json["example_count"] == 1


def test_any_limit_and_offset_give_the_same_list(api):
    dataset = api.new_dataset()
    api.post(
        "/examples/bulk",
        [{"dataset_id": dataset, "inputs": {"n": n}, "metadata": {"odd": n % 2}} for n in range(450)],
    )
    odd = "&metadata=" + quote('{"odd": 1}')
    for query, whole in (("", list(range(450))), (odd, list(range(1, 450, 2)))):
        for limit in (1000, 449, 100, 7):
            seen, page = [], [None]
            while page:
                page = api.examples(dataset, f"{query}&limit={limit}&offset={len(seen)}")
                seen += [example["inputs"]["n"] for example in page]
            assert seen == whole
        assert [one["inputs"]["n"] for one in api.examples(dataset, f"{query}&offset=203&limit=2")] == whole[
            203:205
        ]
        assert api.examples(dataset, f"{query}&offset=450") == []
    assert len(api.examples(dataset)) == 100


def test_examples_come_in_the_order_that_is_asked_for(api):
    dataset = api.new_dataset()
    made = api.post(
        "/examples/bulk",
        [
            {"dataset_id": dataset, "inputs": {"n": n}, "created_at": f"2024-01-{1 + n * 7 % 25:02}"}
            for n in range(25)
        ],
    ).json
    ids = [one["id"] for one in made]
    api.patch(f"/examples/{ids[4]}", {"metadata": {"k": 1}})
    api.patch(f"/examples/{ids[9]}", {"metadata": {"k": 1}})

    def listed(query, step=10):
        seen, page = [], [None]
        while page:
            page = [one["id"] for one in api.examples(dataset, f"{query}&limit={step}&offset={len(seen)}")]
            seen += page
        return [ids.index(one) for one in seen]

    recent = [9, 4, *(n for n in range(24, -1, -1) if n not in {4, 9})]
    assert listed("&order=recent") == recent
    assert listed("&order=recently_created") == sorted(range(25), key=lambda n: n * 7 % 25, reverse=True)
    assert listed("&order=id") == sorted(range(25), key=ids.__getitem__)
    assert listed("&order=recent&metadata=" + quote('{"k": 1}'), 1) == [9, 4]
    some = "".join(f"&id={ids[n]}" for n in (3, 9, 4))
    assert listed(f"{some}&order=recent") == [9, 4, 3]

    shuffled = listed("&order=random")
    assert sorted(shuffled) == list(range(25)) != shuffled
    assert listed("&order=random", 7) == shuffled, "pages of one version fit together"
    assert listed("&order=random&random_seed=5", 3) == listed("&order=random&random_seed=5") != shuffled

    api.delete(f"/examples/{ids[9]}")
    assert listed("&order=recent") == recent[1:]
    answer = api.get(f"/examples?dataset={dataset}&order=newest")
    assert (answer.status, answer.detail) == (
        422,
        "order: Input should be 'recent', 'recently_created', 'random' or 'id'",
    )


def test_a_listing_goes_on_rightly_after_a_change(api):
    dataset = api.new_dataset()
    made = api.post("/examples/bulk", [{"dataset_id": dataset, "inputs": {"n": n}} for n in range(30)]).json
    assert len(api.examples(dataset, "&limit=10")) == 10
    api.delete(f"/examples/{made[0]['id']}")
    assert [one["inputs"]["n"] for one in api.examples(dataset, "&limit=2&offset=10")] == [11, 12]
    as_of = quote(api.get(f"/datasets/{dataset}/versions").json[1]["as_of"])
    assert [one["inputs"]["n"] for one in api.examples(dataset, f"&limit=2&offset=10&as_of={as_of}")] == [
        10,
        11,
    ]
    gone = {"example_ids": [made[1]["id"]], "hard_delete": True}
    api.post("/v1/platform/datasets/examples/delete", gone)
    assert [one["inputs"]["n"] for one in api.examples(dataset, f"&limit=2&offset=10&as_of={as_of}")] == [
        11,
        12,
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('exists(metadata, "k")', [1, 2]),
        ('not(exists("metadata", "k"))', [0, 3]),
        ('has(metadata, \'{"k": {"a": 1}}\')', [2]),
        ('eq(metadata.k, "x y")', [1]),
        ("and(eq(metadata.n, 3), eq(metadata.flag, true))", [3]),
        (r"or(eq(metadata.k, 'x y'), eq(metadata.q, 'it\'s'))", [0, 1]),
    ],
)
def test_filters_choose_by_metadata(api, text, found):
    dataset = api.new_dataset()
    for metadata in ({"q": "it's"}, {"k": "x y"}, {"k": {"a": 1, "b": 2}}, {"n": 3, "flag": True}):
        api.new_example(dataset, inputs={"n": len(api.examples(dataset))}, metadata=metadata)
    assert [one["inputs"]["n"] for one in api.examples(dataset, f"&filter={quote(text)}")] == found


@pytest.mark.parametrize(
    "parts",
    [
        {"x": {}},
        {"x.inputs": {}},
        {"ID": 5},
        {"ID.inputs": [1]},
        {"ID.inputs": b"{"},
        {"ID.inputs": b"[" * 5000},
        {"ID.nonsense": {}},
        {"ID.attachment.": ("text/plain", b"")},
        {"ID": {"split": 5}},
        {"ID": {"metadata": {"dataset_split": [1]}}},
        {"ID": {"created_at": "soon"}},
        {"ID": {}, "ID.attachments_operations": {"rename": {"a": 5}}},
        {"ID": {"source_run_id": "x"}},
    ],
)
def test_hostile_parts_are_refused_in_words(api, parts):
    dataset, example = api.new_dataset(), str(uuid.uuid4())
    answer = upload(api, "POST", dataset, {name.replace("ID", example): part for name, part in parts.items()})
    assert answer.status == 422, answer.body
    assert answer.detail
    assert api.examples(dataset) == []


def test_writers_at_one_time_lose_nothing(api):
    dataset = api.new_dataset()
    contested = api.new_example(dataset, inputs={"w": -1})
    start = threading.Barrier(8)

    def work(worker):
        start.wait()
        statuses = []
        for turn in range(10):
            body = {"dataset_id": dataset, "inputs": {"w": worker, "turn": turn}}
            statuses.append(api.post("/examples", body).status)
            statuses.append(api.patch(f"/examples/{contested}", {"metadata": {str(worker): turn}}).status)
        return statuses

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(work, range(8)) for status in statuses} == {200}
    found = {(one["inputs"]["w"], one["inputs"].get("turn")) for one in api.examples(dataset, "&limit=500")}
    assert found == {(worker, turn) for worker in range(8) for turn in range(10)} | {(-1, None)}
    times = [version["as_of"] for version in api.get(f"/datasets/{dataset}/versions?limit=500").json]
    assert len(times) == len(set(times)) == 161
    assert api.get(f"/datasets/{dataset}").json["example_count"] == 81


_steps = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "delete", "split", "upsert"]),
        st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=8,
)


@given(steps=_steps, data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_difference_applied_to_one_version_gives_the_other(api, steps, data):
    dataset = api.new_dataset()
    names = [str(uuid.uuid4()) for _ in range(6)]
    for turn, (kind, places) in enumerate(steps):
        _take(api, dataset, kind, [names[place] for place in places], turn)
    versions = [version["as_of"] for version in api.get(f"/datasets/{dataset}/versions").json]
    ends = ["2001-01-01", *versions]
    begin, end = data.draw(st.sampled_from(ends)), data.draw(st.sampled_from(ends))
    before, after = (
        {one["id"]: one for one in api.examples(dataset, f"&as_of={quote(v)}")} for v in (begin, end)
    )
    path = f"/datasets/{dataset}/versions/diff?from_version={quote(begin)}&to_version={quote(end)}"
    diff = api.get(path).json
    assert set(diff["examples_added"]) == after.keys() - before.keys()
    assert set(diff["examples_removed"]) == before.keys() - after.keys()
    applied = {name: one for name, one in before.items() if name not in diff["examples_removed"]}
    applied |= {name: after[name] for name in diff["examples_added"] + diff["examples_modified"]}
    assert applied == after
    assert all(before[name] != after[name] for name in diff["examples_modified"])


def _take(api, dataset, kind, ids, turn):
    """Do one step; what it cannot do (an id is taken, or absent) is refused and changes nothing."""
    inputs = {"turn": turn}
    if kind == "delete":
        api.delete("/examples?" + "&".join(f"example_ids={one}" for one in ids))
    elif kind == "split":
        api.put(f"/datasets/{dataset}/splits", {"split_name": str(turn), "examples": ids})
    elif kind == "upsert":
        parts = {
            name: part
            for one in ids
            for name, part in ((one, {"dataset_id": dataset}), (f"{one}.inputs", inputs))
        }
        api.send_parts("POST", "/v1/platform/examples/multipart", parts)
    else:
        parts = {name: part for one in ids for name, part in ((one, {}), (f"{one}.inputs", inputs))}
        upload(api, "POST" if kind == "create" else "PATCH", dataset, parts)


@pytest.mark.slow
def test_twenty_examples_of_ten_megabytes_are_taken_in_one_request(api):
    dataset = api.new_dataset()
    names = [str(uuid.uuid4()) for _ in range(20)]
    payload = {name: name.encode() * (10 * 2**20 // 36) for name in names}
    parts = {}
    for name in names:
        parts |= {
            name: {},
            f"{name}.inputs": {"q": name},
            f"{name}.attachment.f": ("application/octet-stream", payload[name]),
        }
    assert upload(api, "POST", dataset, parts).status == 201
    for name in names:
        assert files(api, name)["attachment.f"][1] == payload[name]


def test_the_embedded_client_keeps_datasets_without_a_socket(tmp_path):
    from smithkit import Client

    with Client(f"sqlite:///{tmp_path}/x.db") as client:
        dataset = client.create_dataset("in process")
        made = client.create_example({"q": 1}, dataset_id=dataset.id, attachments={"f": ("text/plain", b"x")})
        assert client.read_example(made.id).attachments["f"]["reader"].read() == b"x"
        assert [
            json.loads(one.model_dump_json())["inputs"] for one in client.list_examples(dataset_id=dataset.id)
        ] == [{"q": 1}]
