"""Feedback on both clients."""

from __future__ import annotations

from uuid import UUID

import pytest

from smithkit.errors import (
    LangSmithAPIError,
    LangSmithError,
    LangSmithNotFoundError,
    LangSmithResponseError,
    LangSmithUserError,
)

ID = "fb000000-0000-4000-8000-000000000001"
RUN = "a0000000-0000-4000-8000-000000000001"
PROJECT = "5e000000-0000-4000-8000-000000000001"


def row(number=1, **fields):
    return {
        "id": f"fb000000-0000-4000-8000-{number:012}",
        "created_at": "2024-05-06T07:08:09+00:00",
        "modified_at": "2024-05-06T07:08:09+00:00",
        "run_id": RUN,
        "trace_id": None,
        "key": "quality",
        **fields,
    }


@pytest.fixture
def accepting(both):
    both.api.answer("POST", "/feedback", row())
    return both


def test_feedback_is_given_on_a_run(accepting):
    feedback = accepting("create_feedback", RUN, "quality", score=1, comment="good")

    body = accepting.last().json()
    assert feedback.run_id == UUID(RUN)
    assert {name: body[name] for name in ("run_id", "key", "score", "comment")} == {
        "run_id": RUN,
        "key": "quality",
        "score": 1,
        "comment": "good",
    }


def test_a_trace_stands_for_its_root_run(accepting):
    accepting("create_feedback", key="quality", trace_id=RUN)

    body = accepting.last().json()
    assert body["run_id"] == body["trace_id"] == RUN


def test_feedback_on_a_project_has_no_run(accepting):
    accepting("create_feedback", key="quality", project_id=PROJECT)

    body = accepting.last().json()
    assert body["session_id"] == PROJECT
    assert body.get("run_id") is None


@pytest.mark.parametrize(
    ("score", "sent"), [(0.123456, 0.1235), (True, True), (False, False), (0, 0), (1.0, 1.0)]
)
def test_scores_keep_their_type_and_four_digits(accepting, score, sent):
    accepting("create_feedback", RUN, "quality", score=score)
    accepting.api.answer("PATCH", f"/feedback/{ID}", {})
    created = accepting.last().json()["score"]
    accepting("update_feedback", ID, score=score)
    updated = accepting.last().json()["score"]

    assert created == updated == sent
    assert type(created) is type(updated) is type(sent)


def test_a_score_of_another_library_becomes_pythons(accepting):
    class Half:
        def item(self):
            return 0.5

    accepting("create_feedback", RUN, "quality", score=Half())

    assert accepting.last().json()["score"] == 0.5


def test_the_source_says_who_gave_it_and_which_run_made_it(accepting):
    from smithkit.feedback.schemas import FeedbackSourceType

    info = {"evaluator": "exact"}
    accepting(
        "create_feedback",
        RUN,
        "quality",
        source_info=info,
        source_run_id=RUN,
        feedback_source_type=FeedbackSourceType.MODEL,
    )

    assert accepting.last().json()["feedback_source"] == {
        "type": "model",
        "metadata": {"evaluator": "exact", "__run": {"run_id": RUN}},
    }
    assert info == {"evaluator": "exact"}


def test_a_source_run_that_is_named_already_stays(accepting):
    accepting(
        "create_feedback", RUN, "quality", source_info={"__run": {"run_id": "given"}}, source_run_id=RUN
    )

    assert accepting.last().json()["feedback_source"]["metadata"]["__run"] == {"run_id": "given"}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, ValueError),
        ({"run_id": RUN, "project_id": PROJECT}, ValueError),
        ({"trace_id": RUN, "project_id": PROJECT}, ValueError),
        ({"run_id": RUN, "feedback_source_type": "human"}, ValueError),
        ({"run_id": "x"}, LangSmithUserError),
        ({"run_id": RUN, "feedback_id": "x"}, LangSmithUserError),
        ({"run_id": RUN, "source_run_id": "x"}, LangSmithUserError),
        ({"run_id": RUN, "feedback_id": ID, "stop_after_attempt": 0}, LangSmithUserError),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(both, arguments, error):
    with pytest.raises(error):
        both("create_feedback", key="quality", **arguments)
    assert both.api.requests == []


def test_values_of_a_wrong_type_are_named_and_not_repeated(api):
    with pytest.raises(LangSmithUserError, match="score") as caught:
        api.client().create_feedback(RUN, "quality", score="secret-text")
    assert "secret-text" not in str(caught.value)
    assert api.requests == []


def test_unknown_arguments_are_ignored_with_a_warning(api):
    api.answer("POST", "/feedback", row())

    with pytest.warns(DeprecationWarning, match="colour") as caught:
        api.client().create_feedback(RUN, "quality", colour="green")
    assert caught[0].filename == __file__
    assert "colour" not in api.requests[-1].json()


def test_feedback_waits_for_its_run(both):
    for _ in range(3):
        both.api.answer("POST", "/feedback", {"detail": "no run"}, status=404)
    both.api.answer("POST", "/feedback", row())

    both("create_feedback", RUN, "quality", feedback_id=ID)

    assert len(both.api.requests) == 4
    assert len({request.body for request in both.api.requests}) == 1


def test_the_pauses_double_up_to_ten_seconds(api, monkeypatch):
    pauses = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr("random.random", lambda: 0.0)

    with pytest.raises(LangSmithNotFoundError):
        api.client().create_feedback(RUN, "quality", stop_after_attempt=7)

    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_attempts_come_to_an_end(both):
    with pytest.raises(LangSmithNotFoundError):
        both("create_feedback", RUN, "quality", feedback_id=ID, stop_after_attempt=3)
    assert len(both.api.requests) == 3


def test_what_cannot_succeed_is_not_tried_again(both):
    both.api.answer("POST", "/feedback", {"detail": "no"}, status=422)

    with pytest.raises(LangSmithError) as caught:
        both("create_feedback", RUN, "quality", feedback_id=ID)
    assert caught.value.status_code == 422
    assert len(both.api.requests) == 1


def test_feedback_that_arrived_before_its_answer_was_lost_is_a_success(both):
    both.api.answer("POST", "/feedback", {"detail": "lost"}, status=500)
    both.api.answer("POST", "/feedback", {"detail": "there"}, status=409)
    both.api.answer("GET", f"/feedback/{ID}", row())

    assert both("create_feedback", RUN, "quality", feedback_id=ID).id == UUID(ID)


def test_an_id_that_is_taken_is_a_conflict(both):
    both.api.answer("POST", "/feedback", {"detail": "there"}, status=409)

    with pytest.raises(LangSmithError) as caught:
        both("create_feedback", RUN, "quality", feedback_id=ID)
    assert caught.value.status_code == 409


def test_the_asynchronous_client_does_not_repeat_feedback_without_an_id(api):
    import asyncio

    api.answer("POST", "/feedback", {"detail": "lost"}, status=500)

    with pytest.raises(LangSmithAPIError):
        asyncio.run(api.async_client().create_feedback(RUN, "quality"))
    assert len(api.requests) == 1


def test_feedback_is_read(both):
    both.api.answer(
        "GET", f"/feedback/{ID}", row(feedback_source={"type": "auto_eval", "rule": 7}, colour="green")
    )

    feedback = both("read_feedback", ID)

    assert feedback.feedback_source.type == "auto_eval"
    assert feedback.feedback_source.rule == 7
    assert feedback.colour == "green"


def test_an_answer_that_is_no_feedback_is_a_typed_error(both):
    both.api.answer("GET", f"/feedback/{ID}", {"id": ID})

    with pytest.raises(LangSmithResponseError, match="key"):
        both("read_feedback", ID)


def test_only_what_is_given_is_updated(both):
    both.api.answer("PATCH", f"/feedback/{ID}", row())

    assert both("update_feedback", ID, value="v", correction={"a": 1}) is None
    assert both.last().json() == {"value": "v", "correction": {"a": 1}}


def test_feedback_is_deleted(both):
    both.api.answer("DELETE", f"/feedback/{ID}", {})

    assert both("delete_feedback", ID) is None
    assert both.sent() == [("DELETE", f"/feedback/{ID}")]


@pytest.mark.parametrize("method", ["read_feedback", "update_feedback", "delete_feedback"])
def test_an_id_that_is_none_is_refused_before_any_request(both, method):
    with pytest.raises(LangSmithUserError, match="feedback_id"):
        both(method, "../runs")
    assert both.api.requests == []


def test_a_list_is_narrowed_by_query_parameters(both):
    from smithkit.feedback.schemas import FeedbackSourceType

    both.api.answer("GET", "/feedback", [])

    both(
        "list_feedback",
        run_ids=[RUN, UUID(PROJECT)],
        feedback_key=["a", "b"],
        feedback_source_type=[FeedbackSourceType.MODEL, "api"],
        session=PROJECT,
    )

    query = both.last().query
    assert query["run"] == [RUN, PROJECT]
    assert query["key"] == ["a", "b"]
    assert query["source"] == ["model", "api"]
    assert query["session"] == [PROJECT]


@pytest.mark.parametrize(("limit", "requests"), [(0, 0), (1, 1), (100, 1), (101, 2)])
def test_a_limit_stops_the_fetching(both, limit, requests):
    both.api.answer("GET", "/feedback", [row(number) for number in range(1, max(1, min(limit, 100)) + 1)])

    assert len(both("list_feedback", limit=limit)) == limit
    assert len(both.api.requests) == requests


def test_pages_are_fetched_when_they_are_needed(both):
    both.api.answer("GET", "/feedback", [row(number) for number in range(1, 101)])

    assert len(both("list_feedback", take=3)) == 3
    assert len(both.api.requests) == 1


@pytest.mark.parametrize("arguments", [{"limit": -1}, {"run_ids": ["x"]}])
def test_a_wrong_list_is_refused_before_any_request(both, arguments):
    with pytest.raises(LangSmithUserError):
        both("list_feedback", **arguments)
    assert both.api.requests == []
