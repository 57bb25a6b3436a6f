"""Many examples at once: how they are cut, what is in when something fails, and what a second call does."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from uuid import UUID

import pytest

from smithkit.datasets import ExamplesUploadError, InvalidExampleError
from smithkit.datasets import _upload as upload
from smithkit.errors import (
    LangSmithAuthError,
    LangSmithConflictError,
    LangSmithError,
    LangSmithNotFoundError,
    LangSmithUserError,
)
from smithkit.schemas import ExampleCreate, ExampleUpdate

DATASET = "d5000000-0000-4000-8000-000000000001"
PARTS = f"/v1/platform/datasets/{DATASET}/examples"
INFO = {"instance_flags": {"dataset_examples_multipart_enabled": True, "examples_multipart_enabled": True}}


def key(number):
    return f"e0000000-0000-4000-8000-{number:012}"


def rows(count, start=1):
    return [{"id": key(number), "inputs": {"q": number}} for number in range(start, start + count)]


def sent_ids(request):
    """The examples that a multipart request carries."""
    return re.findall(rb'name="([0-9a-f-]{36})"', request.body)


@pytest.fixture
def uploads(both):
    both.api.answer("GET", "/info", INFO)
    return both


def accepted(*numbers):
    return {"count": len(numbers), "example_ids": [key(number) for number in numbers], "as_of": "2024-05-06"}


def test_requests_are_cut_by_number(uploads, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 2)
    uploads.api.answer("POST", PARTS, accepted(1, 2))
    uploads.api.answer("POST", PARTS, accepted(3, 4))
    uploads.api.answer("POST", PARTS, accepted(5))

    result = uploads("create_examples", dataset_id=DATASET, examples=rows(5))

    assert result == {"example_ids": [key(n) for n in range(1, 6)], "count": 5, "as_of": "2024-05-06"}
    assert [len(sent_ids(request)) for request in uploads.api.requests[1:]] == [2, 2, 1]


def test_requests_are_cut_by_bytes(uploads, monkeypatch):
    monkeypatch.setattr(upload, "MOST_BYTES", 3000)
    uploads.api.answer("POST", PARTS, accepted())

    examples = [{"inputs": {"q": "x" * size}} for size in (1000, 1000, 5000, 10, 10)]
    uploads("create_examples", dataset_id=DATASET, examples=examples)

    assert [len(sent_ids(request)) for request in uploads.api.requests[1:]] == [2, 1, 2]


def test_an_iterator_is_read_no_further_than_it_is_sent(api, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 2)
    api.answer("GET", "/info", INFO)
    api.answer("POST", PARTS, accepted())
    furthest = []

    def examples():
        for number in range(6):
            furthest.append((number, len(api.requests)))
            yield {"inputs": {"q": number}}

    api.client().create_examples(dataset_id=DATASET, examples=examples())

    # The third example is read with no request but /info made, the fifth when the first two are in.
    assert [requests for _, requests in furthest] == [1, 1, 1, 2, 2, 3]


def test_several_requests_are_in_flight(api, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 1)
    api.answer("GET", "/info", INFO)
    api.answer("POST", PARTS, accepted())
    together = threading.Barrier(3, timeout=30)
    client = api.client()
    send = client.session.send

    def meet(request, **options):
        if request.method == "POST":
            together.wait()
        return send(request, **options)

    monkeypatch.setattr(client.session, "send", meet)

    result = client.create_examples(dataset_id=DATASET, examples=rows(6), max_concurrency=3)

    assert len([request for request in api.requests if request.method == "POST"]) == 6
    assert result["count"] == 0  # as the server said


def test_a_failing_request_leaves_the_others_in(uploads, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 2)
    uploads.api.answer("POST", PARTS, accepted(1, 2))
    uploads.api.answer("POST", PARTS, {"detail": "out of order"}, status=501)
    uploads.api.answer("POST", PARTS, accepted(5))

    with pytest.raises(
        ExamplesUploadError, match=r"2 examples are not in \(rows 3-4\), 3 are.*order"
    ) as failed:
        uploads("create_examples", dataset_id=DATASET, examples=rows(5))

    assert [str(one) for one in failed.value.uploaded] == [key(1), key(2), key(5)]
    assert [str(one) for one in failed.value.failed] == [key(3), key(4)]
    assert failed.value.rows == [3, 4]
    assert failed.value.status_code == 501


def test_what_the_server_says_is_raised_when_nothing_is_in(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "no such dataset"}, status=404)

    with pytest.raises(LangSmithNotFoundError, match="no such dataset"):
        uploads("create_examples", dataset_id=DATASET, examples=rows(2))


def test_a_refused_key_ends_the_upload(uploads, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 1)
    uploads.api.answer("POST", PARTS, accepted(1))
    uploads.api.answer("POST", PARTS, {"detail": "revoked"}, status=401)

    with pytest.raises(ExamplesUploadError) as failed:
        uploads("create_examples", dataset_id=DATASET, examples=rows(9))

    assert isinstance(failed.value.errors[0], LangSmithAuthError)
    assert len(uploads.sent()) == 3
    assert failed.value.__notes__ == ["What came after these rows was not sent."]


def stored(*numbers, **fields):
    return [{"id": key(number), "inputs": {"q": number}, "outputs": None, **fields} for number in numbers]


def test_examples_that_are_there_already_are_no_error(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "exists"}, status=409)
    uploads.api.answer("GET", "/examples", stored(1, 2))

    result = uploads("create_examples", dataset_id=DATASET, examples=rows(2))

    assert result["example_ids"] == [key(1), key(2)]
    assert uploads.last().query["dataset"] == [DATASET]
    assert uploads.last().query["id"] == [key(1), key(2)]


def test_after_a_conflict_what_is_missing_is_sent_again(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "exists"}, status=409)
    uploads.api.answer("POST", PARTS, accepted(2, 3))
    uploads.api.answer("GET", "/examples", stored(1))

    result = uploads("create_examples", dataset_id=DATASET, examples=rows(3))

    assert sorted(result["example_ids"]) == [key(1), key(2), key(3)]
    assert sent_ids(uploads.last()) == [key(2).encode(), key(3).encode()]


def test_an_id_with_other_content_is_a_conflict(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "exists"}, status=409)
    uploads.api.answer("POST", PARTS, accepted(3))
    uploads.api.answer("GET", "/examples", [*stored(1), *stored(2, inputs={"q": "other"})])

    with pytest.raises(ExamplesUploadError, match="other inputs or outputs") as failed:
        uploads("create_examples", dataset_id=DATASET, examples=rows(3))

    assert failed.value.rows == [2]
    assert sorted(map(str, failed.value.uploaded)) == [key(1), key(3)]


def test_an_id_of_another_dataset_is_a_conflict(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "taken elsewhere"}, status=409)
    uploads.api.answer("GET", "/examples", [])

    with pytest.raises(LangSmithConflictError, match="taken elsewhere"):
        uploads("create_examples", dataset_id=DATASET, examples=rows(1))


def test_what_is_too_large_for_the_server_is_sent_in_halves(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "too large"}, status=413)
    uploads.api.answer("POST", PARTS, accepted(1))
    uploads.api.answer("POST", PARTS, accepted(2))

    assert uploads("create_examples", dataset_id=DATASET, examples=rows(2))["count"] == 2


def test_an_attachment_that_is_too_large_is_named(uploads):
    uploads.api.answer("POST", PARTS, {"detail": "too large"}, status=413)
    attachments = {"small": ("text/plain", b"x"), "video": ("video/mp4", b"x" * 5000)}

    with pytest.raises(
        InvalidExampleError, match=r"Row 1, field 'attachments.video': its 5000 bytes"
    ) as error:
        uploads("create_examples", dataset_id=DATASET, examples=[{"inputs": {}, "attachments": attachments}])

    assert (error.value.row, error.value.field, error.value.status_code) == (1, "attachments.video", 413)


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({}, "inputs"),
        ({"inputs": "text"}, "inputs"),
        ({"inputs": {"q": float("nan")}}, "inputs"),
        ({"inputs": {}, "outputs": {"a": object()}}, "outputs"),
        ({"inputs": {}, "metadata": {1j: 2}}, "metadata"),
        ({"inputs": {}, "id": "no-uuid"}, "id"),
        ({"inputs": {}, "id": key(1)}, "id"),
        ({"inputs": {}, "dataset_id": key(7)}, "dataset_id"),
        ({"inputs": {}, "split": 3}, "split"),
    ],
)
def test_a_row_that_cannot_be_sent_is_named(uploads, second, field):
    with pytest.raises(InvalidExampleError) as error:
        uploads("create_examples", dataset_id=DATASET, examples=[*rows(1), second])

    assert (error.value.row, error.value.field) == (2, field)
    assert [path for _, path in uploads.sent() if path == PARTS] == []


def test_a_bad_row_in_a_stream_tells_what_is_in(uploads, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 1)
    uploads.api.answer("POST", PARTS, accepted(1))

    with pytest.raises(ExamplesUploadError, match=r"Row 3, field 'inputs'") as failed:
        uploads("create_examples", dataset_id=DATASET, examples=iter([*rows(2), {"inputs": 3}]))

    assert failed.value.rows == [3]
    assert isinstance(failed.value.__cause__, InvalidExampleError)


def test_an_error_of_the_callers_iterator_comes_through(uploads, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 1)
    uploads.api.answer("POST", PARTS, accepted(1))

    def broken():
        yield from rows(2)
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone") as error:
        uploads("create_examples", dataset_id=DATASET, examples=broken())
    assert error.value.__notes__ == ["1 examples are in the dataset."]


def test_equal_examples_are_made_once_on_request_with_the_same_ids_each_time(uploads):
    uploads.api.answer("POST", PARTS, accepted())
    examples = [
        {"inputs": {"a": 1, "b": 2}},
        {"inputs": {"b": 2, "a": 1}},
        {"inputs": {"a": 1}, "outputs": {"x": 1}},
    ]

    for _ in range(2):
        uploads("create_examples", dataset_id=DATASET, examples=examples, deduplicate=True)

    first, second = (sent_ids(request) for request in uploads.api.requests if request.method == "POST")
    assert len(first) == 2
    assert first == second


def test_files_are_sent_only_if_that_is_allowed(uploads, tmp_path):
    file = tmp_path / "note.txt"
    file.write_bytes(b"from disk")
    example = ExampleCreate(inputs={}, attachments={"note": ("text/plain", file)})
    uploads.api.answer("POST", PARTS, accepted(1))

    with pytest.raises(InvalidExampleError, match="dangerously_allow_filesystem") as error:
        uploads("create_examples", dataset_id=DATASET, examples=[example])
    uploads("create_examples", dataset_id=DATASET, examples=[example], dangerously_allow_filesystem=True)

    assert error.value.field == "attachments.note"
    assert b"Content-Type: text/plain; length=9\r\n\r\nfrom disk\r\n" in uploads.last().body
    assert uploads.last().headers["Content-Length"] == str(len(uploads.last().body))


def test_a_file_that_is_not_there_is_named(uploads, tmp_path):
    example = {"inputs": {}, "attachments": {"note": ("text/plain", tmp_path / "gone")}}

    with pytest.raises(InvalidExampleError, match=r"Row 1, field 'attachments.note'"):
        uploads("create_examples", dataset_id=DATASET, examples=[example], dangerously_allow_filesystem=True)


def test_older_servers_get_a_list_and_no_attachments(both):
    both.api.answer("GET", "/info", {"version": "0.1"})
    both.api.answer("POST", "/examples/bulk", [{"id": key(1)}])
    examples = [{**rows(1)[0], "attachments": {"note": ("text/plain", b"x")}}]

    with pytest.warns(UserWarning, match="takes no attachments"):
        result = both("create_examples", dataset_id=DATASET, examples=examples)

    assert result["example_ids"] == [key(1)]
    assert both.last().json()[0]["inputs"] == {"q": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"examples": [], "inputs": []},
        {"inputs": [{}, {}], "outputs": [{}]},
        {"outputs": [{}]},
        {"examples": [], "max_concurrency": 4},
        {"examples": [], "max_concurrency": 0},
        {"examples": [], "dataset_name": "both"},
    ],
)
def test_arguments_that_contradict_each_other_are_refused(uploads, arguments):
    with pytest.raises(ValueError, match=r"."):
        uploads("create_examples", **{"dataset_id": DATASET, **arguments})
    assert uploads.sent() == []


def test_nothing_to_make_asks_nothing_of_the_dataset(uploads):
    assert uploads("create_examples", dataset_id=DATASET, examples=[]) == {
        "example_ids": [],
        "count": 0,
        "as_of": None,
    }


def test_changes_say_their_dataset_or_it_is_looked_up(uploads):
    uploads.api.answer("GET", f"/examples/{key(1)}", {"id": key(1), "dataset_id": DATASET})
    uploads.api.answer("PATCH", PARTS, accepted(1))

    done = uploads("update_examples", updates=[ExampleUpdate(id=key(1), outputs={"a": 1})])

    assert done["message"] == "1 examples updated"


def test_a_change_to_an_example_of_another_dataset_is_named(uploads):
    changes = [{"id": key(1)}, {"id": key(2), "dataset_id": key(9)}]

    with pytest.raises(InvalidExampleError, match=r"Row 2, field 'dataset_id'"):
        uploads("update_examples", dataset_id=DATASET, updates=changes)


def test_operations_on_attachments_travel_as_a_part(uploads):
    uploads.api.answer("PATCH", PARTS, accepted(1))

    uploads(
        "update_example",
        key(1),
        dataset_id=DATASET,
        attachments_operations={"rename": {"a": "b"}, "retain": ["c"]},
    )

    assert b'.attachments_operations"' in uploads.last().body
    assert b'{"rename": {"a": "b"}, "retain": ["c"]}' in uploads.last().body


def test_upserts_carry_their_own_datasets(uploads):
    uploads.api.answer("POST", "/v1/platform/examples/multipart", accepted(1, 2))
    upserts = [{"id": key(n), "dataset_id": key(100 + n), "inputs": {}} for n in (1, 2)]

    uploads("upsert_examples_multipart", upserts=upserts)

    heads = [
        json.loads(text) for text in re.findall(rb'\r\n\r\n(\{"dataset_id.*?\})\r\n', uploads.last().body)
    ]
    assert [head["dataset_id"] for head in heads] == [key(101), key(102)]


def test_an_attachment_that_cannot_be_fetched_says_why_when_it_is_read(both):
    urls = {"attachment.note": {"presigned_url": "http://api.test/gone", "mime_type": "text/plain"}}
    both.api.answer("GET", f"/examples/{key(1)}", {"id": key(1), "attachment_urls": urls})

    example = both("read_example", key(1))

    with pytest.raises(LangSmithError, match=r"GET http://api\.test/gone"):
        example.attachments["note"]["reader"].read()


def test_the_old_ways_to_make_examples_warn(api):
    api.answer("GET", "/info", INFO)
    api.answer("POST", PARTS, accepted(1))

    with pytest.warns(DeprecationWarning, match="create_llm_example"), pytest.raises(LangSmithNotFoundError):
        api.client().create_llm_example("hi", "ho", dataset_id=DATASET)
    with pytest.warns(DeprecationWarning, match="create_chat_example"), pytest.raises(LangSmithNotFoundError):
        api.client().create_chat_example([{"role": "user"}], dataset_id=DATASET)


@pytest.mark.parametrize("method", ["index_dataset", "sync_indexed_dataset"])
def test_a_beta_says_so(both, method, monkeypatch):
    monkeypatch.setattr("smithkit.beta._warned", set())
    kind = method.removesuffix("_dataset").replace("_indexed", "")
    path = {"index": "index", "sync": "index/sync"}[kind]
    both.api.answer("POST", f"/datasets/{DATASET}/{path}", {})

    with pytest.warns(UserWarning, match=f"{method} is in beta"):
        both(method, dataset_id=DATASET)


@pytest.mark.parametrize("token", ["nonsense", "https://host/public/x/d", ""])
def test_what_holds_no_share_token_is_refused(both, token):
    with pytest.raises(LangSmithUserError, match="neither a share token nor a link"):
        both("read_shared_dataset", token)


def test_a_cancelled_upload_cancels_its_requests(api, monkeypatch):
    monkeypatch.setattr(upload, "MOST_EXAMPLES", 1)
    api.answer("GET", "/info", INFO)
    begun, ended = asyncio.Event(), []

    async def main():
        client = api.async_client()
        send = client.send

        async def hang(request):
            if request.method != "POST":
                return await send(request)
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(request)

        monkeypatch.setattr(client, "send", hang)
        task = asyncio.ensure_future(
            client.create_examples(dataset_id=DATASET, examples=rows(5), max_concurrency=2)
        )
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert len(ended) == 2


def test_ids_of_what_is_in_are_uuids():
    error = ExamplesUploadError([UUID(key(1))], [], [2], [LangSmithError("no")])

    assert "1 examples are not in (rows 2), 1 are: no" in str(error)
