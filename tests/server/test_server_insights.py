"""Jobs that find out what conversations are about."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.server.domain.conversations import conversation
from smithkit.server.services import insights
from smithkit.server.services.clustering import Cluster, cluster

REFUNDS = [f"I want a refund for order {place}, the parcel arrived broken" for place in range(6)]
LOGINS = [f"My password does not work, I cannot log in to account {place}" for place in range(4)]


def chats(api, texts, project="chats", **fields):
    return [
        api.new_run(
            session_name=project,
            inputs={"messages": [{"role": "user", "content": text}]},
            outputs={"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}]},
            **fields,
        )
        for text in texts
    ]


def finished(api, soon, session, job_id):
    """The job, once it is over."""
    found = {}

    def is_over():
        found.update(api.get(f"/sessions/{session}/insights/{job_id}").json)
        return found["status"] in {"success", "error"}

    soon(is_over)
    return found


@pytest.fixture
def soon():
    def wait(condition, timeout=60):
        import time

        ends = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < ends
            threading.Event().wait(0.02)

    return wait


@pytest.fixture
def one_group(monkeypatch):
    """Spares a test the import of scikit-learn."""
    monkeypatch.setattr(insights, "cluster", lambda texts: [Cluster(["all"], list(range(len(texts))))])


@pytest.mark.slow
def test_conversations_are_grouped_by_what_they_are_about(api, soon):
    refunds, logins = chats(api, REFUNDS), chats(api, LOGINS)
    api.new_run(session_name="chats", parent_run_id=refunds[0], inputs={"q": "not a conversation"})
    session = api.project("chats")["id"]

    answer = api.post(
        f"/sessions/{session}/insights", {"name": "week", "user_context": {"a": "b"}, "model": None}
    )

    assert answer.status == 200
    assert (answer.json["name"], answer.json["status"], answer.json["error"]) == ("week", "queued", None)
    job = finished(api, soon, session, answer.json["id"])
    assert job["status"] == "success"
    first, second = job["clusters"]
    assert (set(first["run_ids"]), set(second["run_ids"])) == (set(refunds), set(logins))
    assert "refund" in first["description"]
    assert "password" in second["description"]
    assert sorted(job["shape"].values()) == [4, 6]
    assert job["created_at"] <= job["start_time"] <= job["end_time"]
    assert job["config"]["user_context"] == {"a": "b"}


def test_jobs_of_a_project_are_listed_newest_first(api, soon, one_group):
    chats(api, REFUNDS[:1])
    session = api.project("chats")["id"]
    ids = [api.post(f"/sessions/{session}/insights", {}).json["id"] for _ in range(2)]
    for job_id in ids:
        assert finished(api, soon, session, job_id)["shape"] == {"all": 1}
    assert [job["id"] for job in api.get(f"/sessions/{session}/insights").json["clustering_jobs"]] == ids[
        ::-1
    ]


def test_old_runs_are_left_out(api, soon):
    chats(api, REFUNDS)
    session = api.project("chats")["id"]
    job_id = api.post(f"/sessions/{session}/insights", {"last_n_hours": 1}).json["id"]
    assert finished(api, soon, session, job_id)["clusters"] == []


def test_jobs_belong_to_their_project(api, soon, one_group):
    chats(api, REFUNDS[:2])
    session, other = api.project("chats")["id"], api.project("default")["id"]
    job_id = api.post(f"/sessions/{session}/insights", {}).json["id"]
    finished(api, soon, session, job_id)
    assert api.get(f"/sessions/{other}/insights/{job_id}").status == 404
    assert api.post(f"/sessions/{uuid.uuid4()}/insights", {}).status == 404
    assert api.post(f"/sessions/{session}/insights", {"last_n_hours": 0}).status == 422
    assert api.delete(f"/sessions/{session}").status == 200
    assert api.get(f"/sessions/{session}/insights/{job_id}").status == 404


def test_without_scikit_learn_the_error_names_the_cure(api, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(insights, "is_available", lambda: False)
    answer = api.post(f"/sessions/{api.project('default')['id']}/insights", {})
    assert answer.status == 501
    assert "pip install 'smithkit-server[insights]'" in answer.detail


def test_a_job_that_fails_says_so(api, soon, monkeypatch, caplog):
    def fail(texts):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(insights, "cluster", fail)
    chats(api, REFUNDS[:2])
    session = api.project("chats")["id"]
    job_id = api.post(f"/sessions/{session}/insights", {}).json["id"]
    with caplog.at_level(logging.ERROR):
        job = finished(api, soon, session, job_id)
    assert job["status"] == "error"
    assert "log" in job["error"]
    assert "secret" not in job["error"]


def test_a_job_that_the_server_could_not_finish_says_so(api, make_api, database, monkeypatch):
    from smithkit.server import EmbeddedServer

    begun, ended = threading.Event(), threading.Event()

    def slow(texts):
        begun.set()
        ended.wait(30)
        return []

    monkeypatch.setattr(insights, "cluster", slow)
    chats(api, REFUNDS[:2])
    session = api.project("chats")["id"]
    job_id = api.post(f"/sessions/{session}/insights", {}).json["id"]
    assert begun.wait(30)
    assert api.get(f"/sessions/{session}/insights/{job_id}").json["status"] == "running"
    threading.Timer(0.2, ended.set).start()
    api.server.close()

    again = EmbeddedServer(str(database))
    try:
        job = make_api(again).get(f"/sessions/{session}/insights/{job_id}").json
        assert job["status"] == "error"
        assert "stopped" in job["error"]
    finally:
        again.close()


def test_a_job_whose_process_was_killed_is_not_waited_for_for_ever(api, database):
    import sqlite3

    session = api.project("default")["id"]
    row = (uuid.uuid4().bytes, uuid.UUID(session).bytes, "n", "running", "{}", 0)
    connection = sqlite3.connect(database)
    connection.execute(
        "INSERT INTO insights_jobs (id, session_id, name, status, request, created_at) VALUES (?,?,?,?,?,?)",
        row,
    )
    connection.commit()
    connection.close()
    job = api.get(f"/sessions/{session}/insights/{uuid.UUID(bytes=row[0])}").json
    assert (job["status"], "stopped" in job["error"]) == ("error", True)


@pytest.mark.slow
def test_texts_without_telling_words_are_kept_apart():
    groups = cluster(["", "the and of", "refund order", "refund order please", "password reset"])
    assert groups[-1].members == [0, 1]
    assert groups[-1].name == "everything else"
    assert [group.members for group in cluster(["", ""])] == [[0, 1]]
    assert cluster(["the same text"] * 5)[0].members == [0, 1, 2, 3, 4]


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.text(alphabet="abcdef \n", max_size=40) | st.sampled_from(REFUNDS + LOGINS),
        min_size=1,
        max_size=12,
    )
)
def test_every_text_is_in_one_group(texts):
    groups = cluster(texts)
    assert sorted(member for group in groups for member in group.members) == list(range(len(texts)))
    assert [(group.terms, group.members) for group in cluster(texts)] == [
        (group.terms, group.members) for group in groups
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["content", "messages", "a"]), inner)
    ),
)


@given(JSON, JSON)
def test_what_was_said_is_found_in_any_json(inputs, outputs):
    assert isinstance(conversation(inputs, outputs), str)


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ({"question": "Hi"}, {"answer": ["Hello", "you"]}, "Hi\nHello\nyou"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}, None, "Hi"),
        ({"messages": [[{"lc": 1, "id": ["x"], "kwargs": {"content": "Hi", "type": "human"}}]]}, {}, "Hi"),
        ({"q": "Hi"}, {"messages": [{"content": "Hi"}, {"content": "Yo"}]}, "Hi\nYo"),
        (None, 5, ""),
    ],
)
def test_what_was_said(inputs, outputs, said):
    assert conversation(inputs, outputs) == said


def test_secrets_are_remembered_by_name_alone(api, database):
    path = "/workspaces/current/secrets"
    assert api.get(path).json == []
    assert api.post(path, [{"key": "OPENAI_API_KEY", "value": "sk-very-secret"}] * 2).status == 200
    assert api.post(path, [{"key": "B", "value": None}]).status == 200
    assert api.get(path).json == [{"key": "OPENAI_API_KEY"}]
    for bad in ([{"key": "a b", "value": "sk-very-secret"}], [{"value": "sk-very-secret"}], {}):
        answer = api.post(path, bad)
        assert answer.status == 422
        assert "sk-very" not in answer.detail
    assert api.post(path, [{"key": "OPENAI_API_KEY", "value": None}]).status == 200
    assert api.get(path).json == []
    api.server.close()
    for file in database.parent.glob("runs.db*"):
        assert file.is_dir() or b"sk-very-secret" not in file.read_bytes()


@pytest.mark.slow
def test_scikit_learn_is_not_loaded_before_a_job_runs(tmp_path):
    program = (
        "import json, sys; from smithkit.server import embedded; "
        f"embedded({str(tmp_path / 'x.db')!r}).start(); "
        "print(json.dumps([name for name in ('sklearn', 'scipy', 'numpy') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
