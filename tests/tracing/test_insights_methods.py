"""Asking for insights, on both clients."""

from __future__ import annotations

import json
import uuid

import pytest

from smithkit import beta
from smithkit.errors import LangSmithBetaWarning, LangSmithError, LangSmithUserError, LangSmithWarning
from smithkit.schemas import InsightsReport

HISTORY = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
SECRETS = "/workspaces/current/secrets"
PROJECT = str(uuid.uuid4())
JOB = str(uuid.uuid4())


@pytest.fixture(autouse=True)
def _known_to_be_beta(monkeypatch):
    monkeypatch.setattr(beta, "_warned", {"generate_insights", "poll_insights"})


@pytest.fixture
def server(both):
    both.api.answer("POST", "/sessions", {"id": PROJECT})
    both.api.answer("GET", "/sessions", [{"id": PROJECT, "tenant_id": str(uuid.uuid4())}])
    both.api.answer("POST", "/runs/batch", {}, status=202)
    both.api.answer("POST", SECRETS, {})
    both.api.answer("POST", f"/sessions/{PROJECT}/insights", {"id": JOB, "name": "n", "status": "queued"})
    return both.api


def bodies(both, path):
    return [
        request.json() for request in both.api.requests if (request.method, request.path) == ("POST", path)
    ]


@pytest.mark.parametrize(
    ("stored", "arguments", "expected"),
    [
        (["ANTHROPIC_API_KEY", "OPENAI_API_KEY"], {}, ([], "openai")),
        (["ANTHROPIC_API_KEY"], {"openai_api_key": "k"}, ([], "anthropic")),
        (
            [],
            {"openai_api_key": "k", "anthropic_api_key": "l"},
            ([("OPENAI_API_KEY", "k")], "openai"),
        ),
        (
            ["OPENAI_API_KEY"],
            {"model": "anthropic", "anthropic_api_key": "l"},
            ([("ANTHROPIC_API_KEY", "l")], "anthropic"),
        ),
    ],
)
def test_the_model_is_one_that_there_is_a_key_for(both, server, stored, arguments, expected):
    server.answer("GET", SECRETS, [{"key": key} for key in stored])

    both("generate_insights", chat_histories=[HISTORY], **arguments)

    secrets = [secret for body in bodies(both, SECRETS) for secret in body]
    [job] = bodies(both, f"/sessions/{PROJECT}/insights")
    assert ([(secret["key"], secret["value"]) for secret in secrets], job["model"]) == expected


def test_without_any_key_nothing_is_made(both, server):
    server.answer("GET", SECRETS, [])
    server.answer("GET", "/info", {"version": "1"})

    with pytest.raises(ValueError, match="anthropic_api_key"):
        both("generate_insights", chat_histories=[HISTORY], model="anthropic")

    assert not bodies(both, "/sessions")


def test_a_server_that_needs_no_model_gets_none(both, server):
    server.answer("GET", SECRETS, [])
    server.answer("GET", "/info", {"instance_flags": {"insights_without_model": True}})

    both("generate_insights", chat_histories=[HISTORY])

    [job] = bodies(both, f"/sessions/{PROJECT}/insights")
    assert job["model"] is None


def test_each_conversation_becomes_a_finished_root_run(both, server, capsys):
    server.answer("GET", SECRETS, [{"key": "OPENAI_API_KEY"}])

    report = both("generate_insights", chat_histories=[HISTORY, [], HISTORY[:1]], name="week")

    [body] = bodies(both, "/runs/batch")
    first, second = body["post"]
    assert first["inputs"] == {"messages": HISTORY[:1]}
    assert first["outputs"] == {"messages": HISTORY}
    assert second["inputs"] == second["outputs"]
    assert first["end_time"] >= first["start_time"]
    assert first["session_id"] == PROJECT
    assert report.link in capsys.readouterr().out
    assert f"clusterJobId={JOB}" in report.link


def test_what_the_client_hides_is_hidden_here_too(api):
    api.answer("POST", "/sessions", {"id": PROJECT})
    api.answer("GET", "/sessions", [{"id": PROJECT, "tenant_id": str(uuid.uuid4())}])
    api.answer("POST", "/runs/batch", {})
    api.answer("GET", SECRETS, [{"key": "OPENAI_API_KEY"}])
    api.answer("POST", f"/sessions/{PROJECT}/insights", {"id": JOB, "name": "n", "status": "queued"})

    client = api.client(hide_inputs=True, anonymizer=None)
    client.generate_insights(chat_histories=[HISTORY])

    [sent] = [request for request in api.requests if request.path == "/runs/batch"]
    assert sent.json()["post"][0]["inputs"] == {}


def test_large_sets_travel_in_several_requests(both, server):
    server.answer("GET", SECRETS, [{"key": "OPENAI_API_KEY"}])
    long = [{"role": "user", "content": "x" * 3_000_000}]

    both("generate_insights", chat_histories=[long, long, long])

    sizes = [len(body["post"]) for body in bodies(both, "/runs/batch")]
    assert sizes == [1, 1, 1]


def test_there_is_a_most(both, server):
    server.answer("GET", SECRETS, [{"key": "OPENAI_API_KEY"}])
    with pytest.warns(LangSmithWarning, match="2 are left out"):
        both("generate_insights", chat_histories=[HISTORY] * 1002)
    assert sum(len(body["post"]) for body in bodies(both, "/runs/batch")) == 1000
    with pytest.raises(ValueError, match="no messages"):
        both("generate_insights", chat_histories=[[]])


def report():
    return InsightsReport(
        id=JOB, name="n", status="queued", project_id=PROJECT, host_url="http://h", tenant_id=uuid.uuid4()
    )


def test_polling_ends_with_the_report(both, server, capsys):
    path = f"/sessions/{PROJECT}/insights/{JOB}"
    for status in ("queued", "running", "success"):
        server.answer("GET", path, {"id": JOB, "name": "n", "status": status})

    done = both("poll_insights", id=JOB, project_id=PROJECT, rate=1, verbose=True)

    assert done.status == "success"
    assert both.sent().count(("GET", path)) == 3
    assert "running" in capsys.readouterr().out


def test_polling_tells_of_failure_and_delay(both, server):
    path = f"/sessions/{PROJECT}/insights/{JOB}"
    server.answer("GET", path, {"id": JOB, "name": "n", "status": "queued"})
    with pytest.raises(TimeoutError, match="60"):
        both("poll_insights", report=report(), rate=30, timeout=60)
    assert both.sent().count(("GET", path)) == 2
    server.answer("GET", path, {"id": JOB, "name": "n", "status": "error", "error": "out of ink"})
    with pytest.raises(ValueError, match="out of ink"):
        both("poll_insights", report=report(), rate=30, timeout=90)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"id": JOB},
        {"project_id": PROJECT},
        {"report": report(), "id": JOB},
        {"id": JOB, "project_id": PROJECT, "rate": 0},
    ],
)
def test_polling_needs_one_report(both, arguments):
    with pytest.raises(ValueError, match=r"report|id|rate"):
        both("poll_insights", **arguments)
    assert both.api.requests == []


def test_polling_refuses_ids_that_are_none(both):
    with pytest.raises(LangSmithUserError):
        both("poll_insights", id="../1", project_id=PROJECT)


def test_a_refusal_is_raised(both, server):
    server.answer("GET", SECRETS, {"detail": "no"}, status=403)
    with pytest.raises(LangSmithError, match="no"):
        both("generate_insights", chat_histories=[HISTORY])


def test_each_method_says_once_that_it_is_in_beta(both, monkeypatch):
    monkeypatch.setattr(beta, "_warned", set())
    with pytest.warns(LangSmithBetaWarning, match="poll_insights") as caught, pytest.raises(ValueError):  # noqa: PT011
        both("poll_insights")
    assert [warning.filename for warning in caught] == [_caller_of(both)]
    with pytest.raises(ValueError, match="report"):
        both("poll_insights")


def _caller_of(both):
    return type(both).__call__.__code__.co_filename


def test_a_report_is_what_the_server_sends():
    row = json.loads(report().model_dump_json())
    assert InsightsReport(**row, shape={"a": 1}).shape == {"a": 1}
