from __future__ import annotations

import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smithkit.server.domain.runs import Rank, merge, new_row
from smithkit.server.services.changes import make_change

RUN = uuid.UUID(int=7)
DOTTED = f"20240101T000000000000Z{RUN}"
OPENING = {
    "id": str(RUN),
    "name": "n",
    "run_type": "llm",
    "start_time": "2024-01-01T00:00:00",
    "dotted_order": DOTTED,
    "trace_id": str(RUN),
    "inputs": {"q": 1},
    "outputs": {},
    "events": [],
    "tags": [],
    "extra": {"metadata": {"usage_metadata": {"total_tokens": 1}}},
}
FINISHED = OPENING | {
    "end_time": "2024-01-01T00:00:02",
    "outputs": {"a": 0, "usage_metadata": {"total_tokens": 2}},
    "error": "x",
}
PATCH = {
    "end_time": "2024-01-01T00:00:01",
    "outputs": {"a": 1, "usage_metadata": {"total_tokens": 3}},
    "events": [{"name": "new_token", "time": "2024-01-01T00:00:00.5"}],
    "inputs": None,
    "tags": ["done"],
    "dotted_order": DOTTED,
}
MESSAGES = {"opening": ("post", OPENING), "finished": ("post", FINISHED), "patch": ("patch", PATCH)}


def changes(names):
    return [
        make_change(operation, RUN, body, "run") for operation, body in (MESSAGES[name] for name in names)
    ]


def outcome(names, batches):
    row, payloads = new_row(RUN, 0), {}
    for size in batches:
        row, written = merge(row, changes(names[:size]))
        payloads |= written
        names = names[size:]
    row, written = merge(row, changes(names))
    return row, payloads | written


@given(
    st.sets(st.sampled_from(sorted(MESSAGES)), min_size=1).flatmap(
        lambda kinds: st.tuples(
            st.just(sorted(kinds)),
            st.permutations(sorted(kinds)),
            st.lists(st.sampled_from(sorted(kinds)), max_size=5),
            st.randoms(),
            st.lists(st.integers(0, 3), max_size=4),
        )
    )
)
def test_any_order_and_repetition_of_messages_gives_the_same_run(case):
    kinds, order, repeated, random, batches = case
    names = [*order, *repeated]
    random.shuffle(names)
    assert outcome(names, batches) == outcome(kinds, [])


def test_a_patch_outweighs_what_posts_say():
    row, payloads = outcome(["patch", "finished", "opening"], [1, 1])
    assert payloads["outputs"] == b'{"a":1,"usage_metadata":{"total_tokens":3}}'
    assert (row["tags"], row["total_tokens"], row["has_error"]) == ('["done"]', 3, True)


def test_later_patches_replace_earlier_ones():
    first = make_change("patch", RUN, {"outputs": {"a": 1}, "tags": ["x"]}, "run")
    second = make_change("patch", RUN, {"outputs": {"b": 2}}, "run")
    row, payloads = merge(new_row(RUN, 0), [first, second])
    assert (payloads["outputs"], row["tags"]) == (b'{"b":2}', '["x"]')


def test_a_finished_post_weighs_more_than_an_opening_one():
    assert [change.rank for change in changes(["opening", "finished", "patch"])] == [
        Rank.OPENING,
        Rank.FINISHED,
        Rank.PATCH,
    ]


@given(st.lists(st.sampled_from(sorted(MESSAGES)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_stored_run_depends_on_the_set_of_messages_alone(shared_api, names):
    def send(sequence):
        run_id = str(uuid.uuid4())
        for name in sequence:
            operation, body = MESSAGES[name]
            body = body | {
                "id": run_id,
                "trace_id": run_id,
                "dotted_order": f"20240101T000000000000Z{run_id}",
            }
            assert shared_api.post("/runs/batch", {operation: [body]}).status == 202
        run = shared_api.run(run_id)
        return {key: value for key, value in run.items() if run_id not in str(value)}

    assert send(names) == send(sorted(set(names)))
