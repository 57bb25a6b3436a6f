"""The same program, about datasets, run with both clients against `smithkit serve`."""

from __future__ import annotations

import sys

import pytest

PROGRAM = """
import io, json, sys, threading, uuid
from concurrent.futures import ThreadPoolExecutor

package = sys.argv[1]
if package == "smithkit":
    from smithkit import Client
else:
    from langsmith import Client

client = Client()
out = {}


def refusal(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return None


def shown(examples):
    return [[example.inputs, example.outputs] for example in examples]


# create, read, list
dataset = client.create_dataset("first", description="d", metadata={"team": "qa"})
again = client.read_dataset(dataset_name="first")
out["read"] = [again.id == dataset.id, again.description, again.metadata["team"], again.data_type.value]
out["taken"] = refusal(lambda: client.create_dataset("first"))
out["has"] = [client.has_dataset(dataset_name="first"), client.has_dataset(dataset_name="second")]
out["listed"] = [found.name for found in client.list_datasets(dataset_name_contains="fir", metadata={"team": "qa"})]

# upload
ids = [uuid.uuid4() for _ in range(3)]
made = client.create_examples(
    dataset_id=dataset.id,
    examples=[
        {"id": ids[0], "inputs": {"q": "why?"}, "outputs": {"a": "so"}},
        {"id": ids[1], "inputs": {"q": "who?"}, "metadata": {"k": {"z": 1}}, "split": "train"},
        {"id": ids[2], "inputs": {"q": "when?"}, "outputs": {"a": 1.5}, "split": ["train", "test"]},
    ],
)
out["made"] = [made["count"], [str(one) for one in made["example_ids"]] == [str(one) for one in ids]]
out["examples"] = shown(client.list_examples(dataset_id=dataset.id))
out["count"] = client.read_dataset(dataset_id=dataset.id).example_count
out["duplicate"] = refusal(lambda: client.create_example({"q": 1}, dataset_id=dataset.id, example_id=ids[0]))
out["filters"] = [
    shown(client.list_examples(dataset_id=dataset.id, metadata={"k": {"z": 1}})),
    shown(client.list_examples(dataset_id=dataset.id, splits=["test"])),
    shown(client.list_examples(dataset_id=dataset.id, filter='exists(metadata, "k")')),
    shown(client.list_examples(dataset_id=dataset.id, filter='has("metadata", \\'{"k": {"z": 1}}\\')')),
    shown(client.list_examples(example_ids=[ids[2], ids[0]])),
    shown(client.list_examples(dataset_id=dataset.id, offset=1, limit=1)),
]
csv = client.upload_csv(("rows.csv", io.BytesIO(b"q,a\\nx,X\\ny,Y\\n")), ["q"], ["a"], name="csv")
out["csv"] = shown(client.list_examples(dataset_name="csv"))
many = client.create_dataset("many")
client.create_examples(dataset_id=many.id, inputs=[{"n": n} for n in range(250)])
out["many"] = [example.inputs["n"] for example in client.list_examples(dataset_id=many.id)] == list(range(250))

# versions, tags, differences, splits
before = client.read_dataset_version(dataset_id=dataset.id, tag="latest").as_of
client.update_dataset_tag(dataset_id=dataset.id, as_of=before, tag="prod")
client.update_example(ids[0], outputs={"a": "because"}, dataset_id=dataset.id)
client.delete_example(ids[1])
added = client.create_example({"q": "where?"}, dataset_id=dataset.id)
diff = client.diff_dataset_versions(dataset_id=dataset.id, from_version="prod", to_version="latest")
out["diff"] = [
    diff.examples_added == [added.id],
    diff.examples_removed == [ids[1]],
    diff.examples_modified == [ids[0]],
]
out["old"] = shown(client.list_examples(dataset_id=dataset.id, as_of="prod"))
out["older"] = shown(client.list_examples(dataset_id=dataset.id, as_of=before)) == out["old"]
out["exact"] = shown(client.list_examples(dataset_id=dataset.id, as_of=added.modified_at)) == shown(
    client.list_examples(dataset_id=dataset.id, as_of="latest")
)
versions = list(client.list_dataset_versions(dataset_id=dataset.id))
out["versions"] = [len(versions), versions[0].tags, versions[-1].tags]
out["read_old"] = client.read_example(ids[0], as_of=before).outputs
client.update_dataset_splits(dataset_id=dataset.id, split_name="fresh", example_ids=[ids[0], added.id])
client.update_dataset_splits(dataset_id=dataset.id, split_name="fresh", example_ids=[ids[0]], remove=True)
out["splits"] = [
    client.list_dataset_splits(dataset_id=dataset.id),
    client.list_dataset_splits(dataset_id=dataset.id, as_of="prod"),
    shown(client.list_examples(dataset_id=dataset.id, splits=["fresh"])),
]

# attachments
data = bytes(range(256)) * 300
pictured = client.create_example(
    {"q": "see"}, dataset_id=dataset.id, attachments={"b.bin": ("application/x-b", data), "a": ("text/plain", b"t")}
)


def files(example_id):
    found = client.read_example(example_id).attachments or {}
    return [[name, file["mime_type"], file["reader"].read() == data] for name, file in found.items()]


out["files"] = files(pictured.id)
client.update_example(pictured.id, attachments_operations={"rename": {"b.bin": "c.bin"}}, dataset_id=dataset.id)
out["renamed"] = files(pictured.id)
client.update_example(pictured.id, attachments={"new": ("text/plain", data)}, dataset_id=dataset.id)
out["replaced"] = files(pictured.id)
(listed,) = client.list_examples(dataset_id=dataset.id, example_ids=[pictured.id], include_attachments=True)
out["included"] = {name: file["reader"].read() == data for name, file in listed.attachments.items()}

# schemas
schema = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
strict = client.create_dataset("strict", inputs_schema=schema)
out["schema"] = [strict.inputs_schema == schema, refusal(lambda: client.create_example({"q": 5}, dataset_id=strict.id))]
out["kept_out"] = shown(client.list_examples(dataset_id=strict.id))

# sharing and cloning
shared = client.share_dataset(dataset_id=dataset.id)
out["shared"] = client.read_dataset_shared_schema(dataset_id=dataset.id)["share_token"] == shared["share_token"]
token = str(shared["share_token"])
out["public"] = [client.read_shared_dataset(token).name, len(list(client.list_shared_examples(token)))]
out["experiments"] = list(client.list_shared_projects(dataset_share_token=token))
clone = client.clone_public_dataset(token, source_api_url=sys.argv[2], dataset_name="clone")
out["clone"] = sorted(map(str, shown(client.list_examples(dataset_id=clone.id)))) == sorted(
    map(str, shown(client.list_examples(dataset_id=dataset.id)))
)
client.unshare_dataset(dataset.id)
out["unshared"] = refusal(lambda: client.read_shared_dataset(token))

# search
client.index_dataset(dataset_id=many.id)
client.create_example({"q": "a needle in the hay"}, dataset_id=many.id)
client.sync_indexed_dataset(dataset_id=many.id)
out["similar"] = [found.inputs for found in client.similar_examples({"q": "NEEDLE"}, limit=1, dataset_id=many.id)]
out["limit"] = len(client.similar_examples({"q": "nothing"}, limit=3, dataset_id=many.id))

# writers at one time
busy = client.create_dataset("busy")
with ThreadPoolExecutor(8) as pool:
    for done in [
        pool.submit(client.create_examples, dataset_id=busy.id, inputs=[{"w": w, "n": n} for n in range(5)])
        for w in range(16)
    ]:
        done.result()
found = [(example.inputs["w"], example.inputs["n"]) for example in client.list_examples(dataset_id=busy.id)]
out["busy"] = [len(found), sorted(found) == [(w, n) for w in range(16) for n in range(5)]]
out["busy_versions"] = len({version.as_of for version in client.list_dataset_versions(dataset_id=busy.id)})

# the end
client.delete_examples([ids[2]], hard_delete=True)
out["purged"] = len(list(client.list_examples(dataset_id=dataset.id, as_of="prod")))
client.delete_dataset(dataset_id=dataset.id)
out["gone"] = client.has_dataset(dataset_name="first")
print(json.dumps(out, default=str))
"""

EXPECTED = {
    "read": [True, "d", "qa", "kv"],
    "taken": "LangSmithConflictError",
    "has": [True, False],
    "listed": ["first"],
    "made": [3, True],
    "examples": [[{"q": "why?"}, {"a": "so"}], [{"q": "who?"}, None], [{"q": "when?"}, {"a": 1.5}]],
    "count": 3,
    "duplicate": "LangSmithConflictError",
    "filters": [
        [[{"q": "who?"}, None]],
        [[{"q": "when?"}, {"a": 1.5}]],
        [[{"q": "who?"}, None]],
        [[{"q": "who?"}, None]],
        [[{"q": "why?"}, {"a": "so"}], [{"q": "when?"}, {"a": 1.5}]],
        [[{"q": "who?"}, None]],
    ],
    "csv": [[{"q": "x"}, {"a": "X"}], [{"q": "y"}, {"a": "Y"}]],
    "many": True,
    "diff": [True, True, True],
    "old": [[{"q": "why?"}, {"a": "so"}], [{"q": "who?"}, None], [{"q": "when?"}, {"a": 1.5}]],
    "older": True,
    "exact": True,
    "versions": [4, ["latest"], ["prod"]],
    "read_old": {"a": "so"},
    "splits": [
        ["base", "fresh", "test", "train"],
        ["base", "test", "train"],
        [[{"q": "where?"}, None]],
    ],
    "files": [["b.bin", "application/x-b", True], ["a", "text/plain", False]],
    "renamed": [["c.bin", "application/x-b", True]],
    "replaced": [["new", "text/plain", True]],
    "included": {"new": True},
    "schema": [True, "LangSmithError"],
    "kept_out": [],
    "shared": True,
    "public": ["first", 4],
    "experiments": [],
    "clone": True,
    "unshared": "LangSmithNotFoundError",
    "similar": [{"q": "a needle in the hay"}],
    "limit": 3,
    "busy": [80, True],
    "busy_versions": 16,
    "purged": 2,
    "gone": False,
}


@pytest.mark.slow
def test_our_client_keeps_datasets_on_the_server(run_program):
    assert run_program(sys.executable, "smithkit", PROGRAM) == EXPECTED


@pytest.mark.slow
def test_the_official_client_keeps_datasets_on_the_server(run_program, official_python):
    assert run_program(official_python, "langsmith", PROGRAM) == EXPECTED
