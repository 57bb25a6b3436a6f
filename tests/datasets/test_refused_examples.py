"""Examples that a real server refuses: they alone are not in, and the error says which, where and why."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit import AsyncClient, Client
from smithkit.datasets import ExamplesUploadError, InvalidExampleError
from smithkit.datasets import _upload as upload
from smithkit.errors import LangSmithConflictError, LangSmithError
from smithkit.server import create_app
from smithkit.server.limits import Limits

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
BODY = 300_000


def names_no_examples(app):
    """The application as a server that says nothing of single examples: the `errors` of its answers are left out."""

    async def terse(scope, receive, send):
        begun = {}

        async def pass_on(message):
            if message["type"] == "http.response.start" and message["status"] >= 400:
                begun.update(message)
            elif begun:
                body = json.dumps({"detail": json.loads(message["body"])["detail"]}).encode()
                headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
                await send({**begun, "headers": headers})
                await send({**message, "body": body})
            else:
                await send(message)

        await app(scope, receive, pass_on)

    return terse


@contextmanager
def serving(app):
    """The URL of an application in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module", params=["names examples", "names none"])
def url(request, tmp_path_factory):
    app = create_app(f"sqlite:///{tmp_path_factory.mktemp('server')}/x.db", limits=Limits(body=BODY))
    with serving(app if request.param == "names examples" else names_no_examples(app)) as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    with Client(url) as client:
        yield client


@pytest.fixture
def dataset(client):
    return client.create_dataset(str(uuid.uuid4()), inputs_schema=SCHEMA).id


def numbers(client, dataset):
    return sorted(example.inputs["n"] for example in client.list_examples(dataset_id=dataset))


def rows(count, bad=()):
    return [{"id": uuid.uuid4(), "inputs": {"n": "x" if row in bad else row}} for row in range(1, count + 1)]


@pytest.mark.slow
@pytest.mark.parametrize("flight", [1, 3])
def test_violations_amid_a_thousand_examples_are_left_out_alone(client, dataset, flight, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 400)
    bad = {17, 400, 401, 777, 1000}
    examples = rows(1000, bad)

    with pytest.raises(ExamplesUploadError, match=r"5 examples are not in .*17.*, 995 are: row 17") as failed:
        client.create_examples(dataset_id=dataset, examples=examples, max_concurrency=flight)

    assert failed.value.rows == sorted(bad)
    assert failed.value.failed == [examples[row - 1]["id"] for row in sorted(bad)]
    assert len(failed.value.uploaded) == 995
    assert [one.row for one in failed.value.refused] == sorted(bad)
    assert all("is not of type 'integer'" in one.reason for one in failed.value.refused)
    assert failed.value.status_code == 422
    assert numbers(client, dataset) == [row for row in range(1, 1001) if row not in bad]


def test_the_field_is_named_where_the_server_names_it(client, url, dataset, request):
    with pytest.raises(ExamplesUploadError) as failed:
        client.create_examples(dataset_id=dataset, examples=rows(3, {2}))

    named = request.node.callspec.params["url"] == "names examples"
    assert [one.field for one in failed.value.refused] == (["inputs.n"] if named else [None])


@pytest.mark.slow
@settings(max_examples=15)
@given(st.data())
def test_exactly_what_is_bad_is_left_out_and_sending_again_completes(client, data):
    count = data.draw(st.integers(1, 40))
    bad = data.draw(st.sets(st.integers(1, count)))
    examples = rows(count, bad)
    dataset = client.create_dataset(str(uuid.uuid4()), inputs_schema=SCHEMA).id
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload, "MOST_EXAMPLES", 16)
        try:
            client.create_examples(dataset_id=dataset, examples=examples, max_concurrency=2)
            told = []
        except ExamplesUploadError as error:
            told = error.rows
        except LangSmithError:  # none is in, and the server's one answer says all
            told = [1]
    assert told == sorted(bad)

    mended = [{**example, "inputs": {"n": row}} for row, example in enumerate(examples, 1)]
    assert client.create_examples(dataset_id=dataset, examples=mended)["count"] == count
    assert numbers(client, dataset) == list(range(1, count + 1))


def test_many_refused_examples_do_not_cost_a_request_each(client, dataset, monkeypatch):
    monkeypatch.setattr(upload, "_MOST_FOUND", 10)
    requests = []
    send = client.session.send
    monkeypatch.setattr(client.session, "send", lambda *args, **kw: requests.append(1) or send(*args, **kw))

    with pytest.raises(ExamplesUploadError) as failed:
        client.create_examples(dataset_id=dataset, examples=rows(300, set(range(1, 301))))

    assert failed.value.rows == list(range(1, 301))
    assert len(requests) < 50


def test_ids_that_are_taken_are_named_and_the_others_go_in(client, dataset):
    other = client.create_dataset(str(uuid.uuid4())).id
    elsewhere, changed, same = rows(3)
    client.create_examples(dataset_id=other, examples=[elsewhere])
    client.create_examples(dataset_id=dataset, examples=[changed, same])
    examples = [*rows(20), elsewhere, {**changed, "inputs": {"n": 1000}}, same, *rows(5)]

    with pytest.raises(ExamplesUploadError, match="21") as failed:
        client.create_examples(dataset_id=dataset, examples=examples)

    assert failed.value.rows == [21, 22]
    assert failed.value.status_code == 409
    assert failed.value.refused[1].field == "id"
    assert same["id"] in failed.value.uploaded
    assert client.read_dataset(dataset_id=dataset).example_count == 27


def test_an_id_that_stands_twice_is_found_before_anything_is_sent(client, dataset):
    examples = rows(1000)
    examples[700]["id"] = examples[3]["id"]

    with pytest.raises(InvalidExampleError, match="earlier row") as failed:
        client.create_examples(dataset_id=dataset, examples=examples)

    assert (failed.value.row, failed.value.field) == (701, "id")
    assert numbers(client, dataset) == []


def test_where_ids_must_be_new_those_that_are_not_are_named(client, dataset):
    examples = rows(9)
    client.create_examples(dataset_id=dataset, examples=examples[4:5])

    with pytest.raises(LangSmithConflictError):
        client.upload_examples_multipart(dataset_id=dataset, uploads=examples[4:5])
    with pytest.raises(ExamplesUploadError) as failed:
        client.upload_examples_multipart(dataset_id=dataset, uploads=examples)

    assert failed.value.rows == [5]
    assert numbers(client, dataset) == list(range(1, 10))


def test_changes_to_examples_of_another_dataset_are_refused_alone(client, dataset):
    other = client.create_dataset(str(uuid.uuid4())).id
    own, foreign = rows(4), rows(1)
    client.create_examples(dataset_id=dataset, examples=own)
    client.create_examples(dataset_id=other, examples=foreign)
    changes = [{"id": one["id"], "inputs": {"n": 50 + row}} for row, one in enumerate([*own, *foreign], 1)]

    with pytest.raises(ExamplesUploadError, match="mismatch") as failed:
        client.update_examples(dataset_id=dataset, updates=changes)

    assert failed.value.rows == [5]
    assert numbers(client, dataset) == [51, 52, 53, 54]
    assert numbers(client, other) == [1]


def test_an_oversized_attachment_is_named_and_the_others_are_in(client, dataset):
    examples = rows(9)
    for row, example in enumerate(examples, 1):
        size = 2 * BODY if row == 5 else BODY // 4
        example["attachments"] = {"small": ("text/plain", b"s"), "video": ("video/mp4", b"v" * size)}

    with pytest.raises(ExamplesUploadError, match=r"row 5, field 'attachments.video'") as failed:
        client.create_examples(dataset_id=dataset, examples=examples, max_concurrency=2)

    assert failed.value.rows == [5]
    assert failed.value.status_code == 413
    assert numbers(client, dataset) == [1, 2, 3, 4, 6, 7, 8, 9]


def test_uploads_of_the_same_examples_at_one_time_make_each_once(client, url, dataset, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 20)
    examples = rows(200)

    def send(order):
        with Client(url) as own:
            return own.create_examples(dataset_id=dataset, examples=order, max_concurrency=3)["count"]

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(send, [examples, examples[::-1], examples[100:] + examples[:100]]))

    assert counts == [200, 200, 200]
    assert numbers(client, dataset) == list(range(1, 201))


def test_tasks_leave_out_what_is_bad_too(client, url, dataset, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 30)

    async def send():
        async with AsyncClient(url) as own:
            await own.create_examples(dataset_id=dataset, examples=rows(100, {45, 99}), max_concurrency=3)

    with pytest.raises(ExamplesUploadError) as failed:
        asyncio.run(send())

    assert failed.value.rows == [45, 99]
    assert len(numbers(client, dataset)) == 98
