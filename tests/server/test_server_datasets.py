from __future__ import annotations

import json
import uuid
from urllib.parse import quote

import pytest


@pytest.fixture(scope="module")
def api(shared_api):
    return shared_api


def test_a_dataset_comes_back_as_it_was_sent(api):
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    sent = {
        "name": "whole",
        "description": "d",
        "data_type": "chat",
        "inputs_schema_definition": schema,
        "outputs_schema_definition": {},
        "transformations": [{"path": ["inputs"], "transformation_type": "remove_extra_fields"}],
        "extra": {"metadata": {"runtime": {"sdk": "x"}, "k": 1}},
    }
    made = api.post("/datasets", sent).json
    found = api.get(f"/datasets/{made['id']}").json
    assert found == made
    for name in ("name", "description", "data_type", "inputs_schema_definition", "transformations"):
        assert found[name] == sent[name]
    assert found["outputs_schema_definition"] == {}
    assert found["metadata"] == sent["extra"]["metadata"]
    assert (found["example_count"], found["session_count"]) == (0, 0)


def test_a_name_or_id_can_be_used_once(api):
    made = api.new_dataset("once")
    assert api.post("/datasets", {"name": "once"}).status == 409
    assert api.post("/datasets", {"name": "other", "id": made}).status == 409
    other = api.new_dataset("another")
    answer = api.patch(f"/datasets/{other}", {"name": "once"})
    assert (answer.status, "once" in answer.detail) == (409, True)
    assert api.patch(f"/datasets/{other}", {"name": "another", "description": "e"}).json["description"] == "e"


def test_datasets_are_listed_by_any_of_their_marks(api):
    ids = [
        api.new_dataset(f"marks-{place}", data_type=kind, metadata={"team": {"name": kind}, "n": place})
        for place, kind in enumerate(("kv", "llm", "chat"))
    ]

    def listed(query):
        return [ids.index(found["id"]) for found in api.get(f"/datasets?name_contains=marks-&{query}").json]

    assert listed("") == [2, 1, 0]
    assert listed("limit=1&offset=1") == [1]
    assert listed("data_type=llm") == [1]
    assert listed("name=marks-0") == [0]
    assert listed(f"id={ids[2]}&id={ids[0]}") == [2, 0]
    assert listed(f"metadata={quote(json.dumps({'team': {'name': 'chat'}}))}") == [2]
    assert listed("name=absent") == []


def test_a_deleted_dataset_takes_everything_along(api):
    dataset = api.new_dataset("doomed")
    example = api.new_example(dataset)
    token = api.put(f"/datasets/{dataset}/share", {}).json["share_token"]
    api.put(f"/datasets/{dataset}/tags", {"as_of": "latest", "tag": "t"})
    api.post(f"/datasets/{dataset}/index", {})
    assert api.delete(f"/datasets/{dataset}").status == 200
    for path in (f"/datasets/{dataset}", f"/examples/{example}", f"/public/{token}/datasets"):
        assert api.get(path).status == 404
    assert api.delete(f"/datasets/{dataset}").status == 404
    assert api.new_dataset("doomed") != dataset


def test_every_write_makes_a_version_that_can_be_read_for_ever(api):
    dataset = api.new_dataset()
    first = api.new_example(dataset, inputs={"n": 1})
    second = api.new_example(dataset, inputs={"n": 2})
    api.patch(f"/examples/{first}", {"inputs": {"n": 10}})
    api.delete(f"/examples/{second}")
    versions = api.get(f"/datasets/{dataset}/versions").json
    assert [version["tags"] for version in versions] == [["latest"], None, None, None]
    seen = [
        [example["inputs"]["n"] for example in api.examples(dataset, f"&as_of={quote(version['as_of'])}")]
        for version in reversed(versions)
    ]
    assert seen == [[1], [1, 2], [10, 2], [10]]
    assert api.examples(dataset, "&as_of=latest") == api.examples(dataset)
    assert api.examples(dataset, f"&as_of={quote('2001-01-01 00:00:00+00:00')}") == []


def test_tags_name_versions_and_move(api):
    dataset = api.new_dataset()
    api.new_example(dataset)
    old = api.get(f"/datasets/{dataset}/version?tag=latest").json["as_of"]
    api.new_example(dataset)
    assert api.put(f"/datasets/{dataset}/tags", {"as_of": old, "tag": "prod"}).json == {
        "as_of": old,
        "tags": ["prod"],
    }
    assert len(api.examples(dataset, "&as_of=prod")) == 1
    moved = api.put(f"/datasets/{dataset}/tags", {"as_of": "latest", "tag": "prod"}).json
    assert moved["tags"] == ["latest", "prod"]
    assert len(api.examples(dataset, "&as_of=prod")) == 2
    assert len(api.get(f"/datasets/{dataset}/versions?search=pro").json) == 1
    assert api.get(f"/datasets/{dataset}/version?tag=absent").status == 404
    assert api.get(f"/examples?dataset={dataset}&as_of=absent").status == 404
    assert api.put(f"/datasets/{dataset}/tags", {"as_of": "2001-01-01", "tag": "x"}).status == 404


def test_splits_are_metadata_with_a_name(api):
    dataset = api.new_dataset()
    plain = api.new_example(dataset, inputs={"n": 0})
    named = api.new_example(dataset, inputs={"n": 1}, split="train", metadata={"k": 1})
    both = api.new_example(dataset, inputs={"n": 2}, split=["train", "test"])
    splits = f"/datasets/{dataset}/splits"
    assert api.get(splits).json == ["base", "test", "train"]
    assert [found["id"] for found in api.examples(dataset, "&splits=train&splits=base")] == [
        plain,
        named,
        both,
    ]
    assert [found["id"] for found in api.examples(dataset, "&splits=test")] == [both]
    assert api.get(f"/examples/{named}").json["metadata"] == {"dataset_split": ["train"], "k": 1}
    api.patch(f"/examples/{named}", {"metadata": {"l": 2}})
    assert api.get(f"/examples/{named}").json["metadata"] == {"dataset_split": ["train"], "l": 2}
    before = api.get(f"/datasets/{dataset}/version?tag=latest").json["as_of"]
    api.put(splits, {"split_name": "fresh", "examples": [plain, both]})
    assert [found["id"] for found in api.examples(dataset, "&splits=fresh")] == [plain, both]
    assert api.put(splits, {"split_name": "fresh", "examples": [both], "remove": True}).status == 200
    assert [found["id"] for found in api.examples(dataset, "&splits=fresh")] == [plain]
    assert "fresh" not in api.get(f"{splits}?as_of={quote(before)}").json
    assert api.put(splits, {"split_name": "x", "examples": [str(uuid.uuid4())]}).status == 404


def test_a_csv_file_becomes_a_dataset(api):
    parts = [
        ("file", ("text/csv", 'q,a,extra\nwhy,because,1\n"two\nlines",é,2\n'.encode())),
        ("input_keys", ("text/plain", b"q")),
        ("output_keys", ("text/plain", b"a")),
        ("name", ("text/plain", b"from csv")),
        ("data_type", ("text/plain", b"kv")),
    ]
    made = api.send_parts("POST", "/datasets/upload", parts).json
    assert (made["name"], made["example_count"]) == ("from csv", 2)
    assert [(found["inputs"], found["outputs"]) for found in api.examples(made["id"])] == [
        ({"q": "why"}, {"a": "because"}),
        ({"q": "two\nlines"}, {"a": "é"}),
    ]
    assert api.send_parts("POST", "/datasets/upload", parts).status == 409
    absent = [
        ("input_keys", ("text/plain", b"absent")) if name == "input_keys" else (name, part)
        for name, part in parts
    ]
    answer = api.send_parts("POST", "/datasets/upload", [("name", ("text/plain", b"z")), *absent[:3]])
    assert (answer.status, "'absent'" in answer.detail) == (422, True)
    assert api.get("/datasets?name=z").json == []


def test_what_a_schema_forbids_is_refused_with_the_field(api):
    schema = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    dataset = api.new_dataset(inputs_schema_definition=schema, outputs_schema_definition=schema)
    answer = api.post("/examples", {"dataset_id": dataset, "inputs": {"q": 5}})
    assert (answer.status, "inputs.q: 5 is not of type 'string'" in answer.detail) == (422, True)
    example = api.new_example(dataset, inputs={"q": "x"})
    parts = {example: {}, f"{example}.outputs": {"a": 1}}
    answer = api.send_parts("PATCH", f"/v1/platform/datasets/{dataset}/examples", parts)
    assert (answer.status, "'q' is a required property" in answer.detail) == (422, True)
    assert api.get(f"/examples/{example}").json["outputs"] is None
    assert api.patch(f"/examples/{example}", {"metadata": {"k": 1}}).status == 200


def test_transformations_come_before_the_schema(api):
    schema = {"type": "object", "properties": {"messages": {}, "tools": {}}, "additionalProperties": False}
    kinds = {
        "remove_extra_fields": ["inputs"],
        "remove_system_messages": ["inputs", "messages"],
        "convert_to_openai_message": ["inputs", "messages"],
        "convert_to_openai_tool": ["inputs", "tools"],
        "of another server": ["outputs", "absent"],
    }
    wishes = [{"path": path, "transformation_type": kind} for kind, path in kinds.items()]
    dataset = api.new_dataset(inputs_schema_definition=schema, transformations=wishes)
    inputs = {
        "messages": [
            {"type": "system", "content": "be"},
            {"type": "human", "data": {"content": "hi"}},
            {"role": "user", "content": "x"},
            "no message",
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "extra": 1,
    }
    example = api.new_example(dataset, inputs=inputs, outputs={"kept": 1})
    found = api.get(f"/examples/{example}").json
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    assert found["inputs"] == {
        "messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": "x"}, "no message"],
        "tools": [{"type": "function", "function": function}],
    }
    assert found["outputs"] == {"kept": 1}


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"properties": {"q": 5}}, {"$schema": 3}, {"pattern": "("}],
)
def test_a_schema_that_is_none_is_refused(api, schema):
    answer = api.post("/datasets", {"name": "no schema", "inputs_schema_definition": schema})
    assert (answer.status, "inputs_schema_definition" in answer.detail) == (422, True)


@pytest.mark.parametrize(
    "reference", ["#", "#/absent", "http://127.0.0.1:9/schema.json", "file:///etc/passwd"]
)
def test_a_schema_that_leads_nowhere_fails_no_server(api, reference):
    dataset = api.new_dataset(inputs_schema_definition={"allOf": [{"$ref": reference}]})
    answer = api.post("/examples", {"dataset_id": dataset, "inputs": {"q": 1}})
    assert (answer.status, "inputs_schema_definition" in answer.detail) == (422, True)


def test_a_shared_dataset_is_read_by_its_link_alone(api):
    dataset = api.new_dataset("lent")
    other = api.new_example(api.new_dataset())
    example = api.new_example(dataset, inputs={"q": 1})
    project = api.post("/sessions", {"name": "exp", "reference_dataset_id": dataset}).json["id"]
    assert api.get(f"/datasets/{dataset}/share").json is None
    shared = api.put(f"/datasets/{dataset}/share", {"dataset_id": dataset}).json
    assert (
        api.put(f"/datasets/{dataset}/share", {}).json == shared == api.get(f"/datasets/{dataset}/share").json
    )
    public = f"/public/{shared['share_token']}"
    assert api.get(f"{public}/datasets").json["name"] == "lent"
    assert [found["id"] for found in api.get(f"{public}/examples?limit=100&offset=0").json] == [example]
    assert api.get(f"{public}/examples?id={other}").json == []
    assert [found["id"] for found in api.get(f"{public}/datasets/sessions?name_contains=ex").json] == [
        project
    ]
    assert api.get(f"{public}/datasets/sessions?id={uuid.uuid4()}").json == []
    assert api.delete(f"/datasets/{dataset}/share").status == 200
    assert {api.get(f"{public}{path}").status for path in ("/datasets", "/examples")} == {404}
    assert api.put(f"/datasets/{uuid.uuid4()}/share", {}).status == 404
    guessable = str(uuid.UUID(int=1))
    assert api.put(f"/datasets/{dataset}/share", {"share_token": guessable}).status == 422


def test_examples_are_cloned_with_their_files(api):
    source, target = api.new_dataset(), api.new_dataset()
    example = str(uuid.uuid4())
    parts = {
        example: {"split": "s", "metadata": {"k": 1}},
        f"{example}.inputs": {"q": 1},
        f"{example}.attachment.f": ("text/plain", b"bytes"),
    }
    assert api.send_parts("POST", f"/v1/platform/datasets/{source}/examples", parts).status == 201
    copied = api.post("/datasets/clone", {"source_dataset_id": source, "target_dataset_id": target}).json
    assert api.delete(f"/datasets/{source}").status == 200
    (found,) = api.examples(target, "&select=attachment_urls&select=metadata")
    assert (found["id"], found["inputs"]) == (copied[0]["id"], {"q": 1})
    assert found["metadata"] == {"dataset_split": ["s"], "k": 1}
    assert api.get(found["attachment_urls"]["attachment.f"]["presigned_url"]).body == b"bytes"


def test_examples_of_some_splits_are_cloned_and_stay_in_theirs(api):
    source = api.new_dataset()
    for n, split in enumerate(["train", ["train", "hard"], "test", None]):
        api.new_example(source, inputs={"n": n}, split=split)

    def cloned(**wishes):
        target = api.new_dataset()
        body = {"source_dataset_id": source, "target_dataset_id": target, **wishes}
        assert api.post("/datasets/clone", body).status == 200
        return [(one["inputs"]["n"], one["metadata"]["dataset_split"]) for one in api.examples(target)]

    assert cloned(split="train") == [(0, ["train"]), (1, ["train", "hard"])]
    assert cloned(split=["hard", "test"]) == [(1, ["train", "hard"]), (2, ["test"])]
    assert cloned() == [(0, ["train"]), (1, ["train", "hard"]), (2, ["test"]), (3, ["base"])]
    assert cloned(split="none of these") == []


def test_tools_come_from_the_run_where_a_dataset_wants_them(api):
    wishes = [
        {"path": ["inputs", "tools"], "transformation_type": "extract_tools_from_run"},
        {"path": ["inputs", "tools"], "transformation_type": "convert_to_openai_tool"},
    ]
    dataset, plain = api.new_dataset(transformations=wishes), api.new_dataset()
    tool = {"name": "add", "description": "d", "input_schema": {"type": "object"}}
    extra = {"invocation_params": {"model": "m", "tools": [tool]}}
    run = api.new_run(run_type="llm", inputs={"messages": []}, extra=extra)
    bare = api.new_run(run_type="llm", inputs={"messages": []})

    def tools(place, source, **more):
        body = {"source_run_id": source, "use_source_run_io": True, "inputs": None, **more}
        example = api.new_example(place, **body)
        return api.get(f"/examples/{example}").json["inputs"].get("tools")

    function = {"name": "add", "description": "d", "parameters": {"type": "object"}}
    assert tools(dataset, run) == [{"type": "function", "function": function}]
    assert tools(dataset, run, use_source_run_io=False, inputs={"q": 1}) == tools(dataset, run)
    own = {"function": {"name": "own"}}
    assert tools(dataset, run, inputs={"tools": [own]}) == [own], "what is given stands"
    assert tools(dataset, bare) is None
    assert tools(plain, run) is None


def test_experiments_on_one_dataset_are_compared(api):
    dataset, other = api.new_dataset(), api.new_dataset()
    experiments = [
        api.post("/sessions", {"name": str(uuid.uuid4()), "reference_dataset_id": place}).json["id"]
        for place in (dataset, dataset, other)
    ]
    body = {
        "id": str(uuid.uuid4()),
        "name": "a vs. b",
        "experiment_ids": experiments[:2],
        "reference_dataset_id": dataset,
        "description": None,
        "created_at": "2024-05-06T07:08:09+00:00",
        "extra": {"metadata": {"k": 1}},
    }
    made = api.post("/datasets/comparative", body).json
    assert {name: made[name] for name in body if name != "experiment_ids"} == {
        name: value for name, value in body.items() if name != "experiment_ids"
    }
    assert made["experiments_info"] == [{"id": one} for one in experiments[:2]]
    assert api.get(f"/datasets/{dataset}/comparative").json == [made]
    again = body | {"id": str(uuid.uuid4())}
    assert api.post("/datasets/comparative", again).status == 409
    assert (
        api.post("/datasets/comparative", again | {"name": "c", "experiment_ids": experiments}).status == 409
    )
    absent = [str(uuid.uuid4())]
    assert api.post("/datasets/comparative", again | {"name": "c", "experiment_ids": absent}).status == 404
    assert api.post("/datasets/comparative", again | {"name": "c", "experiment_ids": []}).status == 422
    assert api.delete(f"/datasets/{dataset}").status == 200


def test_a_dataset_is_written_for_fine_tuning(api):
    dataset = api.new_dataset(data_type="chat")
    turns = [{"type": "system", "data": {"content": "be"}}, {"type": "human", "data": {"content": "hi"}}]
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    reply = {"type": "ai", "data": {"content": "", "additional_kwargs": {"tool_calls": [call]}}}
    api.new_example(dataset, inputs={"input": turns}, outputs={"output": reply})
    api.new_example(
        dataset,
        inputs={"messages": [{"role": "user", "content": "x"}]},
        outputs={"role": "assistant", "content": "y"},
    )
    api.new_example(dataset, inputs={"n": 1})
    lines = [json.loads(line) for line in api.get(f"/datasets/{dataset}/openai_ft").body.splitlines()]
    assert lines == [
        {
            "messages": [
                {"role": "system", "content": "be"},
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "", "tool_calls": [call]},
            ]
        },
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
    ]


def test_similar_examples_come_first(api):
    dataset, other = api.new_dataset(), api.new_dataset()
    search = f"/datasets/{dataset}/search"
    assert api.post(search, {"inputs": {"q": "x"}}).status == 409
    assert api.post(f"/datasets/{dataset}/index/sync", {}).status == 409
    texts = ["the weather in Rome", "a recipe for bread", "weather: rain, rain, rain", "bread and butter"]
    ids = [
        api.new_example(dataset, inputs={"turns": [{"text": text}]}, metadata={"n": n})
        for n, text in enumerate(texts)
    ]
    api.new_example(other, inputs={"text": "rain rain rain"})
    for path in (dataset, other):
        assert api.post(f"/datasets/{path}/index", {"tag": "latest"}).status == 200

    def found(inputs, limit, **more):
        answer = api.post(search, {"inputs": inputs, "limit": limit, **more})
        return [ids.index(example["id"]) for example in answer.json["examples"]]

    assert found({"q": "RAIN?"}, 1) == [2]
    assert found({"q": 'bread" OR butter'}, 2) == [3, 1]
    assert found({"q": "nothing alike"}, 3) == [0, 1, 2]
    assert found({"q": "rain"}, 5, filter="has(metadata, '{\"n\": 0}')") == [0]
    api.delete(f"/examples/{ids[2]}")
    ids.append(api.new_example(dataset, inputs={"text": "rain again"}))
    assert found({"q": "rain"}, 1) == [2], "the index is as old as its last synchronisation"
    api.post(f"/datasets/{dataset}/index/sync", {})
    assert found({"q": "rain"}, 1) == [4]
    assert 2 not in found({"q": "rain"}, 10)
    assert api.delete(f"/datasets/{dataset}/index").status == 200
    assert api.post(search, {"inputs": {"q": "x"}}).status == 409


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/datasets/x", None),
        ("GET", "/datasets?id=x", None),
        ("GET", "/datasets?limit=0", None),
        ("GET", "/datasets?offset=99999999999999999999", None),
        ("GET", "/datasets?metadata=[1", None),
        ("GET", "/datasets?metadata=" + '{"a":' * 600 + "1" + "}" * 600, None),
        ("POST", "/datasets", {"name": ""}),
        ("POST", "/datasets", {"name": "\ud800"}),
        ("POST", "/datasets", {"name": "x", "data_type": "y"}),
        ("POST", "/datasets", {"name": "x", "id": "../.."}),
        ("POST", "/datasets/clone", {"source_dataset_id": "x"}),
        ("PUT", "/datasets/DATASET/tags", {"tag": "t"}),
        ("PUT", "/datasets/DATASET/splits", {"split_name": "", "examples": []}),
        ("GET", "/datasets/DATASET/version", None),
        ("GET", "/datasets/DATASET/versions/diff?from_version=latest", None),
        ("POST", "/datasets/DATASET/search", {"inputs": [], "limit": 1}),
        ("GET", "/public/x/datasets", None),
        ("GET", "/examples", None),
        ("GET", "/examples?dataset=DATASET&filter=eq(", None),
        ("GET", "/examples?dataset=DATASET&filter=" + "not(" * 500, None),
        ("GET", "/examples/x", None),
        ("POST", "/examples", {"inputs": {}}),
        ("POST", "/examples", {"dataset_id": "DATASET", "inputs": []}),
        ("POST", "/examples", {"dataset_id": "DATASET", "inputs": {}, "metadata": {"dataset_split": 5}}),
        ("POST", "/examples", {"dataset_id": "DATASET", "inputs": {}, "created_at": "soon"}),
        ("POST", "/examples/bulk", {}),
        ("PATCH", "/examples/bulk", [{"inputs": {}}]),
        ("DELETE", "/examples?example_ids=x", None),
        ("POST", "/v1/platform/datasets/examples/delete", {"example_ids": ["x"]}),
    ],
)
def test_hostile_requests_are_refused_in_words(api, method, path, body):
    dataset = api.new_dataset()
    content = b"" if body is None else json.dumps(body).replace("DATASET", dataset).encode()
    answer = api.call(method, quote(path.replace("DATASET", dataset), safe="/?=&"), content)
    assert 400 <= answer.status < 500, answer.body
    assert answer.detail
