"""Many who write at once, through one store and through several on one database."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from smithkit.server.store import ExampleSelection, SessionSelection

WRITERS = 4
TRACES = 12


def in_threads(*jobs):
    """Run jobs at the same time; the first error of any is raised."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()


def test_posts_and_patches_of_the_same_traces_meet(bench, open_bench):
    ids = [uuid.uuid4() for _ in range(TRACES)]

    def post(run_id):
        return ("post", {"id": str(run_id), "name": "r", "start_time": "2024-01-01", "inputs": {"q": 1}})

    def patch(run_id):
        return ("patch", {"id": str(run_id), "outputs": {"a": 2}, "end_time": "2024-01-01T00:00:01"})

    def writing(kind, step):
        def job():
            with open_bench() as other:
                for place in range(0, TRACES, 3):
                    some = (ids[place : place + 3])[::step]
                    other.write(*(kind(run_id) for run_id in some))

        return job

    in_threads(writing(post, 1), writing(patch, -1), writing(patch, 1), writing(post, -1))
    found = bench.runs()
    assert {row["id"] for row in found} == set(ids)
    assert len(found) == TRACES
    for row in found:
        assert (row["status"], row["name"]) == (1, "r")
        assert bench.payloads(row["id"], "inputs", "outputs") == {"inputs": {"q": 1}, "outputs": {"a": 2}}


def test_runs_and_parents_that_arrive_at_once_find_each_other(bench, open_bench):
    pairs = [(str(uuid.uuid4()), str(uuid.uuid4())) for _ in range(TRACES)]

    def writing(which):
        def job():
            with open_bench() as other:
                for parent, child in pairs:
                    own = {"parent_run_id": parent} if which else {}
                    other.new_run(id=(parent, child)[which], **own)

        return job

    in_threads(writing(0), writing(1))
    rows = bench.runs(is_root=False)
    assert len(rows) == TRACES
    assert all(row["linked"] and row["dotted_order"].count(".") == 1 for row in rows)


def test_feedback_that_arrives_with_its_run_is_counted_once(bench, open_bench, make):
    ids = [uuid.uuid4() for _ in range(TRACES)]

    def runs():
        with open_bench() as other:
            for run_id in ids:
                other.new_run(id=str(run_id), session_name="p")

    def feedback():
        with open_bench() as other:
            for run_id in ids:
                other(other.store.feedback.put([make.feedback(run_id)]))

    in_threads(runs, feedback, feedback)
    (project,) = bench(bench.store.find_sessions(SessionSelection(name="p")))
    stats = bench(bench.store.session_stats([project["id"]]))[project["id"]]
    assert stats["feedback_stats"]["good"]["n"] == 2 * TRACES


def test_a_project_that_many_name_at_once_is_made_once(bench, open_bench):
    def job():
        with open_bench() as other:
            for n in range(5):
                other.new_run(session_name=f"p{n}")

    in_threads(*[job] * WRITERS)
    for n in range(5):
        (found,) = bench(bench.store.find_sessions(SessionSelection(name=f"p{n}")))
        assert len(bench.runs(sessions=[found["id"]])) == WRITERS


def test_examples_that_many_add_at_once_are_all_there(bench, open_bench, make):
    dataset = bench.dataset()

    def job():
        with open_bench() as other:
            for n in range(5):
                other(other.store.datasets.write_examples([make.example(dataset, {"n": n})], "create"))

    in_threads(*[job] * WRITERS)
    rows = bench(bench.store.datasets.read_examples(ExampleSelection(dataset)))
    assert len({row["position"] for row in rows}) == len(rows) == 5 * WRITERS
    assert len(bench(bench.store.datasets.versions(dataset, 100, 0))) == 5 * WRITERS


@pytest.mark.parametrize("count", [50])
def test_requests_of_one_process_are_answered_each_with_its_own(bench, count):
    batches = [
        bench.batch(("post", {"id": str(uuid.uuid4()), "name": f"r{n}", "start_time": "2024-01-01"}))
        for n in range(count)
    ]
    bench.together(*(bench.store.write(batch) for batch in batches))
    assert {row["name"] for row in bench.runs()} == {f"r{n}" for n in range(count)}
