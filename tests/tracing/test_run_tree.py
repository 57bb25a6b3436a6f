"""`RunTree` by hand: its fields, its course, and what of it is sent."""

from __future__ import annotations

import copy
import json
import pickle
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from smithkit import RunTree, traceable, tracing_context

T0 = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
ROOT = "a0000000-0000-4000-8000-000000000001"
KID = "a0000000-0000-4000-8000-000000000002"


@pytest.fixture
def client(make_recorder):
    return make_recorder()


def test_its_course_is_posted_and_patched(client):
    root = RunTree(
        name="root",
        inputs={"a": 1},
        client=client,
        id=uuid.UUID(ROOT),
        start_time=T0,
        project_name="p",
        tags=["t1"],
        extra={"metadata": {"m": 1}},
    )
    root.post()
    child = root.create_child("kid", "tool", inputs={"b": 2}, run_id=KID, start_time=T0)
    child.post()
    child.add_metadata({"cm": 2})
    child.add_tags(["late"])
    child.add_event("hello")
    child.end(outputs={"o": 3}, end_time=T0 + timedelta(minutes=1))
    child.patch()
    root.end(outputs={"final": 4})
    root.patch()
    first, second = client.posts
    assert first == {
        "id": ROOT,
        "trace_id": ROOT,
        "dotted_order": f"20240506T070809123456Z{ROOT}",
        "name": "root",
        "run_type": "chain",
        "start_time": "2024-05-06T07:08:09.123456+00:00",
        "session_name": "p",
        "inputs": {"a": 1},
        "extra": {"metadata": {"m": 1}},
        "tags": ["t1"],
    }
    assert second["parent_run_id"] == ROOT
    assert second["dotted_order"] == f"20240506T070809123456Z{ROOT}.20240506T070809123456Z{KID}"
    kid, top = client.patches
    assert (kid["tags"], kid["extra"], kid["outputs"]) == (["late"], {"metadata": {"cm": 2}}, {"o": 3})
    assert kid["end_time"] == "2024-05-06T07:09:09.123456+00:00"
    assert kid["events"][0]["message"] == "hello"
    assert top["outputs"] == {"final": 4}
    assert not {"inputs", "tags", "extra", "error", "start_time"} & top.keys()
    assert root.child_runs == [child]


def test_fields_have_the_types_of_the_api():
    run = RunTree(name="r", start_time=T0)
    assert isinstance(run.id, uuid.UUID)
    assert run.id.version == 7
    assert run.trace_id == run.id
    assert (run.start_time, run.end_time) == (T0, None)
    assert run.parent_run_id is run.parent_dotted_order is run.outputs is run.error is run.session_id is None
    assert (run.inputs, run.extra, run.tags, run.events, run.attachments, run.child_runs) == (
        {},
        {"metadata": {}},
        [],
        [],
        {},
        [],
    )
    assert (run.run_type, run.session_name, run.serialized, run.replicas) == ("chain", "default", None, None)
    assert run.dangerously_allow_filesystem is False
    assert run.reference_example_id is None
    assert repr(run).startswith(f"RunTree(id='{run.id}', name='r'")


def test_fields_can_be_set():
    run = RunTree(name="r")
    other = uuid.uuid4()
    run.id = run.trace_id = run.parent_run_id = run.session_id = run.reference_example_id = str(other)
    assert {run.id, run.trace_id, run.parent_run_id, run.session_id, run.reference_example_id} == {other}
    run.start_time, run.end_time = T0, T0.isoformat()
    assert (run.start_time, run.end_time) == (T0, T0)
    run.inputs, run.outputs, run.tags, run.extra = {"a": 1}, {"b": 2}, ["t"], {"metadata": {"m": 1}, "x": 1}
    assert (run.inputs, run.outputs, run.tags, run.metadata) == ({"a": 1}, {"b": 2}, ["t"], {"m": 1})
    run.extra["metadata"] = {"n": 2}
    assert run.metadata == {"n": 2}
    run.events.append({"name": "e"})
    assert run.events == [{"name": "e"}]
    run.parent_run_id = run.end_time = run.outputs = None
    assert run.parent_run_id is run.end_time is run.outputs is None


def test_other_names_of_fields_are_understood(client):
    project = uuid.uuid4()
    assert RunTree(name="r", ls_client=client).client is client
    assert RunTree(name="r", _client=client).client is client
    assert RunTree(name="r", session_name="s").session_name == "s"
    assert RunTree(name="r", project_id=project, unknown=1).session_id == project
    assert RunTree(serialized={"name": "S"}).name == "S"
    assert RunTree(serialized={"id": ["a", "B"]}).name == "B"
    assert RunTree().name == "Unnamed"


def test_a_child_never_starts_before_its_parent():
    root = RunTree(name="r", start_time=T0)
    child = root.create_child("c", start_time=T0 - timedelta(hours=1))
    assert child.start_time == T0


def test_a_parent_may_be_known_by_its_dotted_order_alone():
    root = RunTree(name="r")
    child = RunTree(name="c", parent_dotted_order=root.dotted_order)
    assert (child.parent_run_id, child.trace_id) == (root.id, root.id)
    assert child.parent_dotted_order == root.dotted_order


def test_a_projects_id_stands_in_place_of_its_name(client):
    project = uuid.uuid4()
    run = RunTree(name="r", client=client, session_id=project)
    run.post()
    run.patch()

    @traceable
    def step():
        return None

    with tracing_context(enabled=True, parent=run):
        step()
    for body in client.posts + client.patches:
        assert body["session_id"] == str(project)
        assert "session_name" not in body


def test_inputs_are_sent_again_only_if_they_were_changed(client):
    nested = [1]
    run = RunTree(name="r", client=client, inputs={"a": nested})
    run.post()
    assert run.inputs["a"] is nested
    nested.append(2)
    run.patch()
    run.inputs["b"] = 1
    run.patch()
    run.add_inputs({"c": 1})
    run.patch()
    run.patch(exclude_inputs=True)
    assert [patch.get("inputs") for patch in client.patches] == [
        None,
        {"a": [1, 2], "b": 1},
        {"a": [1, 2], "b": 1, "c": 1},
        None,
    ]


def test_a_patch_without_post_carries_everything(client):
    run = RunTree(name="r", client=client, inputs={"a": 1}, tags=["t"], extra={"metadata": {"m": 1}})
    run.reference_example_id = uuid.UUID(ROOT)
    run.patch()
    (patch,) = client.patches
    assert patch["inputs"] == {"a": 1}
    assert (patch["tags"], patch["extra"]) == (["t"], {"metadata": {"m": 1}})
    assert patch["reference_example_id"] == ROOT
    assert patch["start_time"]


def test_attachments_travel_once(client):
    run = RunTree(name="r", client=client, attachments={"a": ("text/plain", b"x")})
    run.post()
    run.attachments["b"] = ("text/plain", b"y")
    run.patch()
    assert list(client.posts[0]["attachments"]) == ["a"]
    assert list(client.patches[0]["attachments"]) == ["b"]
    assert client.patches[0]["events"][0]["message"] == ["a"]


def test_set_replaces_and_checks_usage():
    run = RunTree(name="r", tags=["old"], inputs={"a": 1})
    run.set(
        inputs={"b": 1}, outputs={"c": 1}, tags=["new"], metadata={"m": 1}, usage_metadata={"input_tokens": 1}
    )
    assert (run.inputs, run.outputs, run.tags) == ({"b": 1}, {"c": 1}, ["new"])
    assert run.metadata == {"usage_metadata": {"input_tokens": 1}, "m": 1}
    with pytest.raises(ValueError, match="unknown keys \\['tokens'\\]"):
        run.set(usage_metadata={"tokens": 1})


def test_end_merges(client):
    run = RunTree(name="r", client=client, outputs={"a": 1})
    run.end(outputs={"b": 2}, error="bad", events=[{"name": "e"}, "text"], metadata={"m": 1})
    assert run.outputs == {"a": 1, "b": 2}
    assert run.error == "bad"
    assert [event["name"] for event in run.events] == ["e", "event"]
    run.add_outputs({"c": 3})
    assert run.outputs == {"a": 1, "b": 2, "c": 3}


def test_posting_with_children_posts_the_tree(client):
    root = RunTree(name="r", client=client)
    root.create_child("a").create_child("b")
    root.post(exclude_child_runs=False)
    assert [post["name"] for post in client.posts] == ["r", "a", "b"]


def test_failures_of_the_client_are_logged(caplog):
    class Broken:
        def submit_post(self, run):
            raise OSError("down")

        submit_patch = submit_post

    run = RunTree(name="r", client=Broken())
    run.post()
    run.patch()
    assert "OSError" in caplog.text


def test_model_dump_gives_plain_data():
    run = RunTree(name="r", inputs={"a": 1}, start_time=T0, id=ROOT, extra={"x": 1, "metadata": {"m": 1}})
    dumped = run.model_dump()
    assert dumped == run.dict()
    assert dumped["id"] == uuid.UUID(ROOT)
    assert dumped["extra"] == {"x": 1, "metadata": {"m": 1}}
    assert "end_time" not in run.model_dump(exclude_none=True)
    text = json.loads(json.dumps(run.model_dump(mode="json")))
    assert (text["id"], text["start_time"]) == (ROOT, T0.isoformat())


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda run: pickle.loads(pickle.dumps(run))])  # noqa: S301
def test_a_copy_leaves_the_client_behind(way):
    class Unpicklable:
        def __reduce__(self) -> str:
            raise TypeError

    run = RunTree(name="r", client=Unpicklable(), inputs={"a": 1}, tags=["t"])
    child = run.create_child("c")
    twin = way(child)
    assert (twin.id, twin.parent_run.id, twin.ls_client) == (child.id, run.id, None)
    assert twin.dotted_order == child.dotted_order


def test_it_has_a_page(client):
    run = RunTree(name="r", client=client)
    assert run.get_url() == f"http://host/r/{run.id}"
