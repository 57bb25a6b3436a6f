"""Version 2: runs, traces, threads and rows of experiments, whichever database they lie in."""

from __future__ import annotations

import json
import uuid

import pytest

USAGE = {
    "input_tokens": 2,
    "output_tokens": 3,
    "input_token_details": {"cache_read": 1, "odd": "x"},
    "total_cost": 0.5,
}
_NOWHERE = "00000000-0000-4000-8000-000000000000"


class Project:
    """A project with two traces of one thread and one of another; each has a root and a model's call."""

    def __init__(self, api, **fields) -> None:
        self.api = api
        self.id = api.post("/sessions", {"name": f"p-{uuid.uuid4()}", **fields}).json["id"]

    def trace(self, day, name="turn", thread=None, **fields):
        root, call = str(uuid.uuid4()), str(uuid.uuid4())
        at = f"2024-01-{day:02}T00:00:0"
        order = f"202401{day:02}T00000{{}}000000Z{{}}"
        metadata = {"thread_id": thread} if thread else {}
        self.api.new_run(
            id=root, trace_id=root, dotted_order=order.format(0, root), name=name, session_id=self.id,
            start_time=f"{at}0", end_time=f"{at}2", inputs={"text": f"{name} {day}"}, outputs={"n": day},
            extra={"metadata": metadata}, tags=[name], **fields,
        )  # fmt: skip
        self.api.new_run(
            id=call, trace_id=root, parent_run_id=root, name="call", run_type="llm", session_id=self.id,
            dotted_order=f"{order.format(0, root)}.{order.format(1, call)}", start_time=f"{at}1", end_time=f"{at}2",
            inputs={}, outputs={"usage_metadata": USAGE}, events=[{"name": "new_token", "time": f"{at}1.5"}],
        )  # fmt: skip
        return root, call

    def query(self, what="runs", **body):
        project = {"project_ids": [self.id]} if what == "runs" else {"project_id": self.id}
        answer = self.api.post(f"/api/v2/{what}/query", project | body)
        assert answer.status == 200, answer.body
        return answer.json

    def get(self, path, **query):
        pairs = "&".join(
            f"{name}={one}"
            for name, value in query.items()
            for one in ([value] if isinstance(value, str) else value)
        )
        answer = self.api.get(f"/api/v2/{path}?{pairs}")
        assert answer.status == 200, answer.body
        return answer.json


@pytest.fixture
def project(store_api):
    return Project(store_api)


@pytest.fixture
def talk(project):
    """Two turns of a thread, the second of which failed, and one of another."""
    project.first = project.trace(1, "ask", "T/1")
    project.second = project.trace(2, "answer", "T/1", error="boom")
    project.other = project.trace(3, "ask", "other")
    return project


def test_of_runs_only_what_is_selected_is_shown(talk):
    found = talk.query(is_root=True)
    assert [list(run) for run in found["items"]] == [["id"]] * 3
    assert [run["id"] for run in found["items"]] == [talk.other[0], talk.second[0], talk.first[0]]
    (shown,) = talk.query(ids=[talk.second[0]], selects=[
        "NAME", "RUN_TYPE", "STATUS", "START_TIME", "LATENCY_SECONDS", "ERROR", "ERROR_PREVIEW", "METADATA", "INPUTS",
        "INPUTS_PREVIEW", "OUTPUTS_PREVIEW", "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "IS_ROOT", "TAGS",
    ])["items"]  # fmt: skip
    assert shown == {
        "name": "answer", "run_type": "CHAIN", "status": "ERROR", "start_time": "2024-01-02T00:00:00+00:00",
        "latency_seconds": 2.0, "error": "boom", "error_preview": "boom", "metadata": {"thread_id": "T/1"},
        "inputs": {"text": "answer 2"}, "inputs_preview": "answer 2", "outputs_preview": '{"n":2}',
        "parent_run_ids": [], "project_id": talk.id, "trace_id": talk.second[0], "thread_id": "T/1",
        "is_root": True, "tags": ["answer"],
    }  # fmt: skip


def test_usage_is_that_of_the_run_or_of_all_below_it(talk):
    selects = ["TOTAL_TOKENS", "PROMPT_TOKENS", "TOTAL_COST", "PROMPT_TOKEN_DETAILS"]
    (own,) = talk.query(ids=[talk.first[1]], selects=selects)["items"]
    assert own == {"total_tokens": 5, "prompt_tokens": 2, "total_cost": 0.5,
                   "prompt_token_details": {"raw": {"cache_read": 1}}}  # fmt: skip
    assert talk.query(ids=[talk.first[0]], selects=selects)["items"] == [dict.fromkeys(own)]
    whole = talk.query(ids=[talk.first[0]], selects=selects, include_subtree_usage=True)["items"]
    assert whole == [own]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"is_root": True, "has_error": True}, ["answer"]),
        ({"run_type": "LLM", "max_start_time": "2024-01-01T12:00:00Z"}, ["call"]),
        ({"is_root": True, "min_start_time": "2024-01-02T00:00:00Z"}, ["ask", "answer"]),
        ({"filter": 'has(tags, "answer")'}, ["answer"]),
        ({"filter": 'eq(run_type, "llm")', "trace_filter": 'eq(name, "answer")'}, ["call"]),
        ({"is_root": True, "tree_filter": 'eq(name, "call")'}, ["ask", "answer", "ask"]),
        ({"ids": []}, []),
        ({"reference_examples": [str(uuid.uuid4())]}, []),
    ],
)
def test_runs_are_chosen(talk, asked, names):
    assert [run["name"] for run in talk.query(**asked, selects=["NAME"])["items"]] == names


def test_pages_of_runs_follow_each_other(talk):
    found, cursor = [], None
    while True:
        page = talk.query(page_size=4, **({"cursor": cursor} if cursor else {}))
        found += [run["id"] for run in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [run["id"] for run in talk.query()["items"]]
    assert len(set(found)) == 6


def test_a_run_is_read_within_its_project(talk):
    run = talk.first[0]
    assert talk.get(f"runs/{run}", project_id=talk.id) == {"id": run}
    shown = talk.get(f"runs/{run}", project_id=talk.id, selects=["NAME", "IS_ROOT"], start_time="2024-01-01")
    assert shown == {"name": "ask", "is_root": True}
    assert talk.get(f"runs/{run}/url", project_id=talk.id, trace_id=run)["url"].endswith(f"/r/{run}")
    for path in (f"runs/{run}", f"runs/{run}/url"):
        assert talk.api.get(f"/api/v2/{path}?project_id={uuid.uuid4()}").status == 404
    assert talk.api.get(f"/api/v2/runs/{run}").status == 422


def test_a_trace_is_shown_by_its_root_and_what_its_runs_used(talk):
    page = talk.query("traces", page_size=2, selects=["NAME"])
    assert page["items"] == [
        {"root_run": {"name": name},
         "trace_aggregates": {"first_token_time": f"2024-01-0{day}T00:00:01.500000+00:00", "total_cost": 0.5,
                              "total_tokens": 5}}
        for name, day in (("ask", 3), ("answer", 2))
    ]  # fmt: skip
    rest = talk.query("traces", cursor=page["next_cursor"])
    assert (rest["items"][0]["root_run"], rest["next_cursor"]) == ({"id": talk.first[0]}, None)
    chosen = talk.query("traces", trace_ids=[talk.first[0], talk.second[0]], trace_filter='eq(name, "ask")')
    assert [one["root_run"]["id"] for one in chosen["items"]] == [talk.first[0]]


def test_all_runs_of_a_trace_come_in_the_order_of_their_start(talk):
    runs = talk.get(f"traces/{talk.first[0]}/runs", project_id=talk.id)
    assert runs == {"items": [{"id": run} for run in talk.first]}
    calls = talk.get(
        f"traces/{talk.first[0]}/runs", project_id=talk.id, filter='eq(name,"call")', selects="NAME"
    )
    assert calls == {"items": [{"name": "call"}]}
    assert talk.get(f"traces/{uuid.uuid4()}/runs", project_id=talk.id) == {"items": []}


def test_a_long_trace_is_given_whole(project):
    root, _ = project.trace(1)
    runs = [
        {"id": (run := str(uuid.uuid4())), "trace_id": root, "parent_run_id": root, "name": "step", "run_type": "tool",
         "session_id": project.id, "start_time": "2024-01-01T00:00:01",
         "dotted_order": f"20240101T000000000000Z{root}.20240101T000001000000Z{run}"}
        for _ in range(230)
    ]  # fmt: skip
    assert project.api.post("/runs/batch", {"post": runs}).status == 202
    found = project.get(f"traces/{root}/runs", project_id=project.id)["items"]
    assert len({run["id"] for run in found}) == len(found) == 232


def test_threads_are_listed_with_the_one_that_was_active_last_first(talk):
    talk.trace(4, "alone")
    page = talk.query("threads", page_size=1)
    assert [thread["thread_id"] for thread in page["items"]] == ["other"]
    rest = talk.query("threads", page_size=1, cursor=page["next_cursor"])
    assert rest["next_cursor"] is None
    assert rest["items"] == [{
        "thread_id": "T/1", "count": 2, "num_errored_turns": 1, "last_error": "boom", "feedback_stats": {},
        "latency_p50": 2.0, "latency_p99": 2.0, "start_time": "2024-01-01T00:00:00+00:00",
        "min_start_time": "2024-01-01T00:00:00+00:00", "max_start_time": "2024-01-02T00:00:00+00:00",
        "trace_id": talk.first[0], "first_trace_id": talk.first[0], "last_trace_id": talk.second[0],
        "first_inputs": "ask 1", "last_outputs": '{"n":2}', "total_tokens": 10, "total_cost": 1.0,
        "total_token_details": {"cache_read": 2}, "total_cost_details": None,
    }]  # fmt: skip
    late = talk.query("threads", min_start_time="2024-01-02T00:00:00Z", filter='eq(name, "answer")')
    assert [(one["thread_id"], one["count"], one["total_tokens"]) for one in late["items"]] == [("T/1", 1, 5)]


def test_a_thread_is_summed_up(talk):
    talk.api.post("/feedback", {"run_id": talk.first[0], "key": "good", "score": 1})
    selects = ["TURNS", "FIRST_START_TIME", "LAST_START_TIME", "LAST_END_TIME", "LATENCY_P50", "TOTAL_TOKENS", "TOTAL_COST",
               "PROMPT_TOKEN_DETAILS", "PROMPT_COST_DETAILS", "FEEDBACK_STATS"]  # fmt: skip
    stats = talk.get("threads/T%2F1/stats", session_id=talk.id, selects=selects)
    assert stats == {
        "turns": 2, "first_start_time": "2024-01-01T00:00:00+00:00", "last_start_time": "2024-01-02T00:00:00+00:00",
        "last_end_time": "2024-01-02T00:00:02+00:00", "latency_p50_seconds": 2.0, "total_tokens": 10, "total_cost": 1.0,
        "prompt_token_details": {"raw": {"cache_read": 2}}, "prompt_cost_details": {"raw": {}},
        "feedback_stats": {"good": {"n": 1, "avg": 1.0, "values": {}}},
    }  # fmt: skip
    filtered = talk.get(
        "threads/T%2F1/stats", session_id=talk.id, selects="TURNS", filter='eq(status,"error")'
    )
    assert filtered == {"turns": 1}
    assert talk.get("threads/nobody/stats", session_id=talk.id, selects="TURNS") == {"turns": 0}


def test_a_thread_ends_with_the_turn_that_ended_last(talk):
    asked = {"session_id": talk.id, "selects": "LAST_END_TIME"}
    assert talk.api.patch(f"/runs/{talk.first[0]}", {"end_time": "2024-01-09T00:00:00"}).status == 202
    talk.api.new_run(
        session_id=talk.id, start_time="2024-01-05T00:00:00", extra={"metadata": {"thread_id": "T/1"}}
    )
    assert talk.get("threads/T%2F1/stats", **asked) == {"last_end_time": "2024-01-09T00:00:00+00:00"}
    assert talk.get("threads/nobody/stats", **asked) == {"last_end_time": None}


def test_what_threads_used_is_summed_up_whatever_is_read_at_a_time(talk, monkeypatch):
    for day in range(4, 9):
        talk.trace(day, "ask", "T/1")
    talk.trace(9, "alone")
    selects = ["TOTAL_TOKENS", "PROMPT_COST", "TOTAL_COST", "PROMPT_TOKEN_DETAILS"]
    for page, traces in ((5000, 100), (1, 100), (2, 3), (3, 1)):
        monkeypatch.setattr("smithkit.server.services.usage_sums._PAGE", page)
        monkeypatch.setattr("smithkit.server.services.usage_sums._TRACES", traces)
        items = talk.query("threads")["items"]
        assert [
            (one["thread_id"], one["total_tokens"], one["total_cost"], one["total_token_details"])
            for one in items
        ] == [("T/1", 35, 3.5, {"cache_read": 7}), ("other", 5, 0.5, {"cache_read": 1})]
        assert talk.get("threads/T%2F1/stats", session_id=talk.id, selects=selects) == {
            "total_tokens": 35, "prompt_cost": None, "total_cost": 3.5, "prompt_token_details": {"raw": {"cache_read": 7}},
        }  # fmt: skip


def test_of_a_thread_runs_in_other_projects_do_not_count(talk):
    elsewhere = Project(talk.api)
    root = talk.first[0]
    talk.api.new_run(
        trace_id=root, parent_run_id=root, session_id=elsewhere.id, outputs={"usage_metadata": USAGE},
        start_time="2024-01-01T00:00:01",
        id=(run := str(uuid.uuid4())), dotted_order=f"20240101T000000000000Z{root}.20240101T000001000000Z{run}",
    )  # fmt: skip
    asked = {"session_id": talk.id, "selects": "TOTAL_TOKENS"}
    assert talk.get("threads/T%2F1/stats", **asked) == {"total_tokens": 10}
    assert [one["total_tokens"] for one in talk.query("threads")["items"]] == [5, 10]
    assert len(talk.get(f"traces/{root}/runs", project_id=talk.id)["items"]) == 2


def test_all_threads_are_summed_up(talk):
    talk.trace(4, "alone")
    select = [
        "THREAD_COUNT",
        "TRACE_COUNT",
        "ERROR_RATE",
        "LATENCY_P99",
        "TOTAL_TOKENS",
        "PROMPT_TOKEN_DETAILS",
    ]
    answer = talk.api.post("/api/v2/threads/stats", {"project_id": talk.id, "select": select})
    assert answer.json == {
        "thread_count": 2, "trace_count": 3, "error_rate": pytest.approx(1 / 3), "latency_p99_seconds": 2.0,
        "total_tokens": 15, "prompt_token_details": {"cache_read": 3},
    }  # fmt: skip


def test_the_traces_of_a_thread_come_in_their_order(talk):
    selects = ["NAME", "TURN_NUMBER", "TOTAL_TOKENS", "LATENCY", "OP", "INPUTS_PREVIEW"]
    page = talk.get("threads/T%2F1/traces", project_id=talk.id, page_size="1", selects=selects)
    told = {"op": None, "total_tokens": 5, "latency": 2.0}
    assert page["items"] == [
        told | {"trace_id": talk.first[0], "name": "ask", "turn_number": 1, "inputs_preview": "ask 1"}
    ]
    cursor = page["next_cursor"]
    rest = talk.get("threads/T%2F1/traces", project_id=talk.id, page_size="1", cursor=cursor, selects=selects)
    assert rest["items"] == [
        told | {"trace_id": talk.second[0], "name": "answer", "turn_number": 2, "inputs_preview": "answer 2"}
    ]
    assert rest["next_cursor"] is None
    alone = talk.get(
        "threads/T%2F1/traces", project_id=talk.id, filter='eq(name,"answer")', selects="TURN_NUMBER"
    )
    assert alone["items"] == [{"trace_id": talk.second[0], "turn_number": 2}]


def test_a_link_shows_what_is_below_its_run_and_no_further_link(talk):
    root, call = talk.first
    place = {"session_id": talk.id, "trace_id": root}
    assert talk.api.post(f"/api/v2/runs/{call}/share", place | {"trace_id": str(uuid.uuid4())}).status == 404
    token = talk.api.post(f"/api/v2/runs/{root}/share", place).json["share_token"]
    assert talk.api.post(f"/api/v2/runs/{root}/share", place).json["share_token"] == token
    (shown,) = talk.query(ids=[root], selects=["SHARE_URL"])["items"]
    assert shown["share_url"].endswith(f"/public/{token}/r")
    public = f"/api/v2/public/{token}"
    answer = talk.api.post(f"{public}/runs/query", {"selects": ["NAME"]})
    assert answer.json == {"items": [{"name": "ask"}, {"name": "call"}]}
    assert answer.headers["cache-control"] == "no-store"
    assert talk.api.get(f"{public}/run/{call}?selects=NAME&start_time=2024-01-01").json == {"name": "call"}
    assert talk.api.get(f"{public}/run/{talk.second[0]}?selects=NAME").status == 404
    assert talk.api.post(f"{public}/runs/query", {"selects": ["SHARE_URL"]}).status == 422
    other = talk.api.call(
        "DELETE", f"/api/v2/runs/{root}/share", f'{{"session_id":"{uuid.uuid4()}"}}'.encode()
    )
    assert other.status == 404
    gone = talk.api.call("DELETE", f"/api/v2/runs/{root}/share", f'{{"session_id":"{talk.id}"}}'.encode())
    assert gone.status == 200
    assert talk.api.post(f"{public}/runs/query", {}).status == 404


@pytest.fixture
def experiment(store_api):
    """Three examples, each answered by an experiment; an experiment that answered the first, too."""
    dataset = store_api.new_dataset()
    examples = [store_api.new_example(dataset, inputs={"n": n}) for n in range(3)]
    own = Project(store_api, reference_dataset_id=dataset)
    own.runs = [own.trace(n + 1, reference_example_id=example)[0] for n, example in enumerate(examples)]
    own.second = Project(store_api, reference_dataset_id=dataset)
    own.second.trace(1, reference_example_id=examples[0])
    own.dataset, own.examples = dataset, examples
    return own


def test_rows_of_experiments_are_paged_by_cursor(experiment):
    path = f"/api/v2/datasets/{experiment.dataset}/experiment-runs"
    asked = {
        "experiment_ids": [experiment.id, experiment.second.id],
        "page_size": 2,
        "selects": ["NAME", "PROJECT_ID"],
    }
    page = experiment.api.post(path, asked).json
    assert [row["id"] for row in page["items"]] == experiment.examples[:2]
    first = page["items"][0]
    assert first["runs"] == [
        {"name": "turn", "project_id": own} for own in (experiment.id, experiment.second.id)
    ]
    assert (first["inputs"], first["dataset_id"]) == ({"n": 0}, experiment.dataset)
    rest = experiment.api.post(path, asked | {"cursor": page["next_cursor"]}).json
    assert [row["id"] for row in rest["items"]] == experiment.examples[2:]
    assert rest["next_cursor"] is None
    some = experiment.api.post(
        path, asked | {"example_ids": [experiment.examples[1], str(uuid.uuid4())]}
    ).json
    assert [row["id"] for row in some["items"]] == experiment.examples[1:2]
    experiment.api.post("/feedback", {"run_id": experiment.runs[2], "key": "good", "score": 1})
    judged = {str(experiment.id): ['and(eq(feedback_key, "good"), gte(feedback_score, 1))']}
    good = experiment.api.post(path, asked | {"filters": judged}).json
    assert [row["id"] for row in good["items"]] == experiment.examples[2:]


def test_runs_of_all_experiments_on_a_dataset_are_found(experiment):
    asked = {"reference_dataset_id": experiment.dataset, "is_root": True, "selects": ["REFERENCE_DATASET_ID"]}
    found = experiment.api.post("/api/v2/runs/query", asked).json["items"]
    assert found == [{"reference_dataset_id": experiment.dataset}] * 4
    none = experiment.api.post("/api/v2/runs/query", asked | {"reference_dataset_id": str(uuid.uuid4())}).json
    assert none["items"] == []


def test_an_attachment_has_a_url_that_stands_alone(store_api):
    own = Project(store_api)
    run = str(uuid.uuid4())
    body = {
        "id": run,
        "name": "r",
        "run_type": "chain",
        "session_id": own.id,
        "start_time": "2024-01-01T00:00:00",
    }
    assert (
        store_api.multipart({f"post.{run}": body, f"attachment.{run}.a.txt": ("text/plain", b"data")}).status
        == 202
    )
    asked = json.dumps({"project_ids": [own.id], "selects": ["ATTACHMENTS"]}).encode()
    for headers, base in (({"host": "box:1984"}, "http://box:1984/"), ({}, "/")):
        (shown,) = store_api.call("POST", "/api/v2/runs/query", asked, headers).json["items"]
        url = shown["attachments"]["a.txt"]
        assert url.startswith(base)
        assert store_api.get(url.removeprefix(base[:-1])).body == b"data"


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("runs/query", {}, 422, "project_ids"),
        ("runs/query", {"project_ids": [], "reference_dataset_id": str(uuid.uuid4())}, 422, "project_ids"),
        ("runs/query", {"project_ids": ["x"]}, 422, "project_ids"),
        ("runs/query", {"project_ids": [], "selects": ["NOTHING"]}, 422, "selects"),
        ("runs/query", {"project_ids": [], "page_size": 0}, 422, "page_size"),
        ("runs/query", {"project_ids": [], "filter": "eq("}, 422, "filter"),
        ("runs/query", {"project_ids": [], "cursor": "x"}, 422, "cursor"),
        ("runs/query", {"project_ids": [], "run_type": "llm"}, 422, "run_type"),
        ("runs/query", {"project_ids": [], "ai_search": "slow ones"}, 422, "ai_search"),
        (
            "runs/query",
            {"project_ids": [], "min_feedback_modified_at": "2024-01-01"},
            422,
            "feedback_modified",
        ),
        ("traces/query", {}, 422, "project_id"),
        ("threads/query", {"project_id": str(uuid.uuid4()), "page_size": 101}, 422, "page_size"),
        ("threads/query", {"project_id": str(uuid.uuid4()), "thread_filter": "x"}, 422, "thread_filter"),
        ("threads/stats", {"project_id": str(uuid.uuid4()), "select": []}, 422, "select"),
        (f"datasets/{_NOWHERE}/experiment-runs", {"experiment_ids": [_NOWHERE]}, 404, ""),
        (f"datasets/{_NOWHERE}/experiment-runs", {}, 422, "experiment"),
    ],
)
def test_what_cannot_be_answered_is_refused(store_api, path, body, status, said):
    refused = store_api.post(f"/api/v2/{path}", body)
    assert (refused.status, said in refused.detail) == (status, True), refused.detail


def test_a_cursor_of_another_listing_is_refused(talk):
    runs, threads = talk.query(page_size=1)["next_cursor"], talk.query("threads", page_size=1)["next_cursor"]
    assert talk.api.post("/api/v2/runs/query", {"project_ids": [talk.id], "cursor": threads}).status == 422
    assert talk.api.post("/api/v2/threads/query", {"project_id": talk.id, "cursor": runs}).status == 422
