"""Tokens, configs, formulas and queues on both clients, and feedback that rides along with runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from smithkit.errors import LangSmithNotFoundError, LangSmithResponseError, LangSmithUserError

RUN = "a0000000-0000-4000-8000-000000000001"
TOKEN = "70000000-0000-4000-8000-000000000001"
QUEUE = "90000000-0000-4000-8000-000000000001"
TENANT = "7e000000-0000-4000-8000-000000000001"
TIME = "2024-05-06T07:08:09+00:00"


def token_row():
    return {"id": TOKEN, "url": f"https://api.example/feedback/tokens/{TOKEN}", "expires_at": TIME}


def config_row(**fields):
    return {
        "feedback_key": "tone",
        "feedback_config": {"type": "categorical", "categories": [{"value": 0, "label": "rude"}]},
        "tenant_id": TENANT,
        "modified_at": TIME,
        **fields,
    }


@pytest.mark.parametrize(
    ("expiration", "sent"),
    [
        (None, {"expires_in": {"days": 0, "hours": 3, "minutes": 0}}),
        (
            timedelta(days=2, hours=5, minutes=7, seconds=59),
            {"expires_in": {"days": 2, "hours": 5, "minutes": 7}},
        ),
        (datetime(2024, 1, 2, tzinfo=UTC), {"expires_at": "2024-01-02T00:00:00+00:00"}),
    ],
)
def test_a_token_ends_when_it_is_told_to(both, expiration, sent):
    both.api.answer("POST", "/feedback/tokens", token_row())

    made = both("create_presigned_feedback_token", RUN, "tone", expiration=expiration)

    assert made.id == UUID(TOKEN)
    body = both.last().json()
    assert {name: body[name] for name in body if name.startswith("expires")} == sent


@pytest.mark.parametrize("expiration", [3, "soon", object()])
def test_an_expiry_that_is_neither_time_nor_duration_is_refused(both, expiration):
    with pytest.raises(ValueError, match="datetime or a timedelta"):
        both("create_presigned_feedback_token", RUN, "tone", expiration=expiration)
    assert both.api.requests == []


def test_keys_and_configs_must_be_as_many(both):
    with pytest.raises(ValueError, match="1 items for 2"):
        both("create_presigned_feedback_tokens", RUN, ["a", "b"], feedback_configs=[None])


@pytest.mark.parametrize(
    "told",
    [
        TOKEN,
        UUID(TOKEN),
        f"https://other.example/api/feedback/tokens/{TOKEN}",
        f"https://x.example/{TOKEN}/?a=b",
    ],
)
def test_feedback_is_given_by_token_or_url(both, told):
    both.api.answer("POST", f"/feedback/tokens/{TOKEN}", {})

    assert both("create_feedback_from_token", told, 0.123456, metadata={"a": 1}) is None

    assert both.last().json() == {
        "score": 0.1235,
        "value": None,
        "correction": None,
        "comment": None,
        "metadata": {"a": 1},
    }


@pytest.mark.parametrize("told", ["", "https://x.example/feedback/tokens/../../sessions", "nothing"])
def test_what_is_no_token_is_refused_before_any_request(both, told):
    with pytest.raises(LangSmithUserError, match="token_or_url"):
        both("create_feedback_from_token", told)
    assert both.api.requests == []


def test_a_token_of_another_cloud_is_refused(both):
    with pytest.raises(ValueError, match="belongs to"):
        both("create_feedback_from_token", f"https://eu.smith.langchain.com/feedback/tokens/{TOKEN}", 1)
    assert both.api.requests == []


def test_categories_are_added_and_relabelled(both):
    both.api.answer("GET", "/feedback-configs", [config_row()])
    both.api.answer("PATCH", "/feedback-configs", config_row())

    both("add_feedback_categories", "tone", [{"value": 0, "label": "gruff"}, {"value": 1, "label": "kind"}])

    assert both.last().json() == {
        "feedback_key": "tone",
        "feedback_config": {
            "type": "categorical",
            "categories": [{"value": 0, "label": "gruff"}, {"value": 1, "label": "kind"}],
        },
    }


@pytest.mark.parametrize("unwanted", [0, "rude", {"value": 0, "label": "rude"}])
def test_categories_are_removed(both, unwanted):
    both.api.answer("GET", "/feedback-configs", [config_row()])
    both.api.answer("PATCH", "/feedback-configs", config_row())

    both("remove_feedback_categories", "tone", [unwanted])

    assert both.last().json()["feedback_config"]["categories"] == []


def test_a_category_that_is_not_there_is_named(both):
    both.api.answer("GET", "/feedback-configs", [config_row()])

    with pytest.raises(LangSmithUserError, match="'kind'"):
        both("remove_feedback_categories", "tone", ["kind"])


def test_only_categorical_configs_have_categories(both):
    both.api.answer("GET", "/feedback-configs", [config_row(feedback_config={"type": "freeform"})])
    with pytest.raises(LangSmithUserError, match="freeform"):
        both("add_feedback_categories", "tone", [])


def test_categories_need_a_config(both):
    both.api.answer("GET", "/feedback-configs", [])
    with pytest.raises(LangSmithNotFoundError, match="create_feedback_config"):
        both("add_feedback_categories", "tone", [])


def test_a_formula_that_is_none_is_refused_before_any_request(both):
    part = {"part_type": "weighted_key", "weight": 1, "key": "a"}
    for wrong in (
        {"aggregation_type": "max", "formula_parts": [part]},
        {"aggregation_type": "sum", "formula_parts": [part] * 51},
        {"aggregation_type": "sum", "formula_parts": []},
    ):
        with pytest.raises(ValueError, match=r"aggregation_type|formula_parts"):
            both("create_feedback_formula", feedback_key="k", **wrong)
    assert both.api.requests == []


def test_a_negative_place_in_a_queue_is_refused(both):
    with pytest.raises(LangSmithUserError, match="index"):
        both("get_run_from_annotation_queue", QUEUE, index=-1)


def test_a_queue_that_is_not_there_is_a_typed_error(both):
    if both.kind == "AsyncClient":
        both.api.answer("GET", "/annotation-queues", [])
    with pytest.raises(LangSmithNotFoundError):
        both("read_annotation_queue", QUEUE)


def test_an_answer_that_is_no_queue_is_a_typed_error(both):
    both.api.answer("POST", "/annotation-queues", {"id": QUEUE})
    with pytest.raises(LangSmithResponseError, match="name"):
        both("create_annotation_queue", name="q")


def test_runs_of_a_queue_are_listed(both):
    run = {"id": RUN, "name": "r", "start_time": TIME, "run_type": "chain", "status": "success"}
    both.api.answer("GET", f"/annotation-queues/{QUEUE}/runs", [{**run, "added_at": TIME}])

    (found,) = both("list_runs_from_annotation_queue", QUEUE, status="completed")

    assert (found.id, found.status, found.metadata) == (UUID(RUN), "success", {})
    assert dict(both.last().query)["status"] == ["completed"]


INFO = {"version": "0.13.5", "batch_ingest_config": {"use_multipart_endpoint": True}}


def test_feedback_on_a_trace_goes_along_with_its_runs(api):
    pytest.importorskip("smithkit.tracing")
    api.answer("POST", "/runs/multipart", {}, status=202)
    client = api.client(info=INFO)

    given = client.create_feedback(key="tone", trace_id=RUN, score=1)
    client.flush()

    (sent,) = (request for request in api.requests if request.method == "POST")
    assert (sent.path, f'name="feedback.{given.id}"'.encode() in sent.body) == ("/runs/multipart", True)
    client.close()


@pytest.mark.parametrize(
    "info",
    [
        {**INFO, "version": "0.8.9"},
        {**INFO, "version": ""},
        {**INFO, "batch_ingest_config": {"use_multipart_endpoint": False}},
    ],
)
def test_a_server_that_takes_no_feedback_among_runs_gets_it_directly(api, info):
    api.answer("POST", "/feedback", {})

    api.client(info=info).create_feedback(key="tone", trace_id=RUN)

    assert [request.path for request in api.requests] == ["/feedback"]


def test_without_tracing_feedback_is_sent_directly(api):
    from smithkit.feedback import FeedbackMethods

    api.answer("POST", "/feedback", {})
    alone = api.client(info=INFO).use(FeedbackMethods)
    assert not hasattr(alone, "submit_feedback")

    alone.create_feedback(key="tone", trace_id=RUN)

    assert [request.path for request in api.requests] == ["/feedback"]
