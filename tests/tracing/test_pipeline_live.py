"""Runs of this process take a shorter way into the pipeline, to the very same op."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit import Client, hooks, traceable
from smithkit.hooks import hookimpl
from smithkit.tracing import RunTree, get_current_run_tree, trace, tracing_context
from smithkit.tracing._serialize import dumps
from smithkit.tracing.pipeline._decoded import decoded, merged
from smithkit.tracing.pipeline._live import LiveRuns
from smithkit.tracing.pipeline._queue import TraceQueue
from smithkit.tracing.pipeline._snapshot import SIZE, WEIGHT
from smithkit.tracing.pipeline._stats import TracingStats

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.text(), VALUES, max_size=4)


@pytest.fixture(scope="module")
def waiting():
    """A client whose sender never starts: what it is given stays in the queue."""
    client = Client("http://127.0.0.1:9", api_key="k", info={})
    client._pipeline.main_lane.ready = lambda: None
    yield client
    client.tracing_queue.clear()


def taken(client):
    ops, _ = client.tracing_queue.take(1000, 2**40)
    client.tracing_queue.settle(ops)
    return ops


def fresh(client):
    """The client with an empty queue, and with a run behind it that has found out what applies."""
    client.submit_post(RunTree(name="first", ls_client=client).model_dump())
    taken(client)
    return client


def as_dictionary(client, run, end):
    """The ops of a run that takes the long way."""
    from smithkit.tracing import _sending

    post = _sending._post_body(run)
    post.pop("end_time", None), post.pop("outputs", None), post.pop("error", None)
    run._posted, run._op = True, None
    client.submit_post(post)
    if end:
        client.submit_patch(_sending._patch_body(run, exclude_inputs=False))
    return taken(client)


@given(
    name=st.text(min_size=1),
    inputs=FIELDS,
    metadata=FIELDS,
    outputs=st.none() | FIELDS,
    error=st.none() | st.text(),
    child=st.booleans(),
)
def test_the_short_way_makes_what_the_long_way_makes(  # noqa: PLR0917 - one a field
    waiting, name, inputs, metadata, outputs, error, child
):
    fresh(waiting)
    parent = RunTree(name="parent", ls_client=waiting) if child else None
    run = RunTree(
        name=name, inputs=inputs, ls_client=waiting, parent_run=parent, start_time=dt.datetime.now(dt.UTC)
    )
    run._metadata, run._touched = metadata, 0
    run.post()
    assert run._op is not None
    [begun] = waiting.tracing_queue._items.values()
    run._outputs, run.error = outputs, error
    run.patch()
    [whole] = taken(waiting)

    long_begun, long_end = as_dictionary(waiting, run, end=True)

    assert decoded(begun) == decoded(long_begun)
    assert decoded(whole) == decoded(merged([long_begun, long_end])[0])
    assert begun[SIZE] == long_begun[SIZE]
    assert (begun[WEIGHT], whole[WEIGHT]) == (1, 2)


@pytest.mark.parametrize("text", ['"', "\\", "\n", "é\u2028", "\ud800", "%s", "{}"])
def test_what_would_break_the_json_is_escaped(waiting, text):
    fresh(waiting)
    run = RunTree(name=text, run_type=text, project_name=text, ls_client=waiting)
    run.dotted_order += text
    run.post()
    [op] = taken(waiting)

    got = decoded(op)
    kept = text.encode("utf-8", "ignore").decode()
    assert (got["name"], got["run_type"], got["session_name"]) == (kept, kept, kept)
    assert got["dotted_order"].endswith(kept)


def test_an_end_whose_beginning_has_left_is_an_update(waiting):
    fresh(waiting)
    run = RunTree(name="r", inputs={"a": 1}, ls_client=waiting, project_name="p")
    run.post()
    [begun] = taken(waiting)
    run.end(outputs={"b": 2})
    run.patch()
    [patch] = taken(waiting)
    _, long_patch = as_dictionary(waiting, run, end=True)

    assert decoded(patch) == decoded(long_patch)
    assert decoded(begun)["inputs"] == {"a": 1}
    assert waiting.tracing_stats().dropped == 0


def test_every_half_is_counted(server, client):
    @traceable(client=client, enabled=True)
    def step(n):
        return step(n - 1) if n else "end"

    client.submit_post(RunTree(name="first").model_dump())
    for _ in range(10):
        step(4)
    client.flush()

    stats = client.tracing_stats()
    assert (stats.submitted, stats.sent, stats.queued) == (101, 101, 0)
    assert len(server.runs()) == 51


def test_what_is_changed_while_a_run_runs_arrives(server, client):
    @traceable(client=client, enabled=True)
    def step(question):
        run = get_current_run_tree()
        run.add_tags(["late"])
        run.add_metadata({"k": 1})
        run.add_event("happened")
        question.append("changed")
        return "done"

    step(["warm"])
    step(["q"])
    client.flush()

    run = list(server.runs().values())[-1]
    assert run["inputs"] == {"question": ["q"]}
    assert run["outputs"] == {"output": "done"}
    assert run["tags"] == ["late"]
    assert run["extra"]["metadata"]["k"] == 1
    assert run["events"][0]["message"] == "happened"


def test_a_rule_that_comes_while_a_run_runs_applies_to_its_end(server, client):
    class Mask:
        @hookimpl
        def process_runs(self, runs):
            return [{**run, "outputs": {"masked": True}} for run in runs]

    mask = Mask()
    client.submit_post(RunTree(name="first").model_dump())
    with tracing_context(enabled=True, client=client), trace("step", inputs={"a": 1}) as run:
        hooks.register(mask)
        run.end(outputs={"secret": 1})
    try:
        client.flush()
        state = {}
        for (_, key), got in server.runs().items():
            if key == str(run.id):
                state.update(got)
        assert state["outputs"] == {"masked": True}
    finally:
        hooks.unregister(mask)


def test_a_completed_run_that_is_dropped_counts_for_both_halves():
    stats = TracingStats()
    queue = TraceQueue(20_000, stats)

    class Lane:
        pass

    lane = Lane()
    lane.queue, lane.ready, lane.put = queue, lambda: None, queue.put
    live = LiveRuns(lane, dumps, with_runtime=False)
    for number in range(40):
        key = f"00000000-0000-4000-8000-{number:012x}"
        place = (key, key, f"20240506T070809123456Z{key}", "run", "chain", "p", "2024-05-06T07:08:09", None)
        begun = live.begin(*place, {"number": number}, {})
        live.end(begun, "2024-05-06T07:08:10", {"text": "x" * 1000}, None)
        assert queue.bytes <= 20_000

    left, _ = queue.take(1000, 2**40)
    assert stats.submitted == 80
    assert stats.dropped + sum(op[WEIGHT] for op in left) == 80
    assert stats.dropped % 2 == 0
    assert queue.bytes == sum(op[SIZE] for op in left)
