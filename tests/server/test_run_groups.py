"""Figures and listings of runs in groups."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def project(shared_api):
    for n, thread in enumerate(["a", "b", "a", None, "b", "b"]):
        metadata = (
            {"n": n} if thread is None else {"n": n, "thread_id": thread, "model": "large" if n % 2 else 5}
        )
        shared_api.new_run(
            name=f"step-{n % 2}",
            run_type="llm" if n == 5 else "chain",
            session_name="groups",
            start_time=f"2024-01-0{n + 1}T00:00:00",
            end_time=f"2024-01-0{n + 1}T00:00:0{n}",
            tags=["even", "all"] if n % 2 == 0 else ["all"],
            inputs={"n": n},
            outputs={"n": n, "usage_metadata": {"total_tokens": n}},
            extra={"metadata": metadata},
        )
    return shared_api.project("groups")["id"]


@pytest.mark.parametrize(
    ("group_by", "counts"),
    [
        ({"attribute": "name"}, {"step-0": 3, "step-1": 3}),
        ({"attribute": "run_type"}, {"chain": 5, "llm": 1}),
        ({"attribute": "tag"}, {"all": 6, "even": 3}),
        ({"attribute": "metadata", "path": "model"}, {"5": 3, "large": 2}),
        ({"attribute": "metadata", "path": "n", "max_groups": 2}, {"0": 1, "1": 1}),
        ({"attribute": "metadata", "path": "nothing"}, {}),
    ],
)
def test_figures_are_those_of_each_group(shared_api, project, group_by, counts):
    answer = shared_api.post("/runs/stats", {"session": [project], "group_by": group_by})
    assert answer.status == 200, answer.body
    assert {key: own["run_count"] for key, own in answer.json.items()} == counts


def test_groups_are_those_of_the_runs_asked_for(shared_api, project):
    body = {"session": [project], "filter": "gte(latency, 2)", "group_by": {"attribute": "name"}}
    found = shared_api.post("/runs/stats", body).json
    assert {key: (own["run_count"], own["total_tokens"]) for key, own in found.items()} == {
        "step-0": (2, 6),
        "step-1": (2, 8),
    }


@pytest.mark.parametrize(
    "group_by", [{"attribute": "color"}, {"attribute": "metadata"}, {"attribute": "tag", "max_groups": 0}]
)
def test_groupings_that_cannot_be_made_are_refused(shared_api, group_by):
    answer = shared_api.post("/runs/stats", {"group_by": group_by})
    assert (answer.status, "group_by" in answer.detail) == (422, True)


def test_threads_are_listed_with_their_figures(shared_api, project):
    answer = shared_api.post("/runs/group", {"session_id": project, "group_by": "conversation"})
    assert answer.status == 200, answer.body
    assert answer.json["total"] == 2
    first, second = answer.json["groups"]
    assert [(one["group_key"], one["count"], one["total_tokens"]) for one in (first, second)] == [
        ("b", 3, 10),
        ("a", 2, 2),
    ]
    assert (first["min_start_time"][:10], first["max_start_time"][:10]) == ("2024-01-02", "2024-01-06")
    assert (first["first_inputs"], first["last_outputs"]["n"]) == ({"n": 1}, 5)
    found = shared_api.query(session=[project], filter=first["filter"])["runs"]
    assert [run["inputs"]["n"] for run in found] == [5, 4, 1]


def test_threads_are_paged_filtered_and_counted(shared_api, project):
    def keys(**body):
        answer = shared_api.post("/runs/group", {"session_id": project, "group_by": "conversation", **body})
        assert answer.status == 200, answer.body
        return [one["group_key"] for one in answer.json["groups"]], answer.json["total"]

    assert keys(limit=1) == (["b"], 2)
    assert keys(limit=1, offset=1) == (["a"], 2)
    assert keys(filter='has(tags, "even")') == (["b", "a"], 2)
    assert keys(filter='eq(run_type, "llm")') == (["b"], 1)
    assert keys(end_time="2024-01-01T12:00:00") == (["a"], 1)
    assert shared_api.post("/runs/group/stats", {"session_id": project}).json == {"group_count": 2}
