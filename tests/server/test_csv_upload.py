"""CSV files become datasets, however large they are, whole or not at all."""

from __future__ import annotations

import asyncio
import tracemalloc
import uuid
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from smithkit.server import create_app, open_store
from smithkit.server.errors import ApiError
from smithkit.server.limits import Limits
from smithkit.server.services import examples
from smithkit.server.services.csv_rows import CsvRows
from smithkit.server.services.datasets import DatasetService
from smithkit.server.services.examples import DatasetSchemas, FirstExamples
from smithkit.server.store import ExampleChange

if TYPE_CHECKING:
    from collections.abc import Iterator


def csv_of(rows):
    return b"q,a\n" + b"".join(b'%d,"%s"\n' % (n, b"a" * 500) for n in range(rows))


def upload_csv(api, content, **fields):
    plain = {"input_keys": b"q", "output_keys": b"a", "name": b"csv", **fields}
    parts = [("file", ("text/csv", content)), *((name, ("text/plain", text)) for name, text in plain.items())]
    return api.send_parts("POST", "/datasets/upload", parts)


def test_a_csv_file_is_taken_that_is_larger_than_what_may_be_held_in_memory(tmp_path):
    app = create_app(str(tmp_path / "runs.db"), limits=Limits(in_memory=100_000, spill=10_000))
    with TestClient(app) as http:
        files = {"file": ("rows.csv", csv_of(5000), "text/csv")}
        made = http.post("/datasets/upload", files=files, data={"input_keys": "q", "output_keys": "a"})
        assert (made.status_code, made.json()["example_count"]) == (200, 5000)
        (version,) = http.get(f"/datasets/{made.json()['id']}/versions").json()
        last = http.get(f"/examples?dataset={made.json()['id']}&offset=4999").json()
        assert [one["inputs"] for one in last] == [{"q": "4999"}]
        assert version["as_of"] == last[0]["modified_at"]
    assert not list(tmp_path.rglob(".incoming-*"))


def test_a_long_csv_file_takes_no_more_memory_than_a_short_one(tmp_path):
    file = tmp_path / "rows.csv"
    rows = CsvRows(lambda: file.open("rb"), ["q"], ["a"])
    first = FirstExamples(rows, uuid.uuid4(), DatasetSchemas(None, None, None))
    peaks = []
    for length in (500, 1_000, 20_000):
        file.write_bytes(csv_of(length))
        tracemalloc.start()
        try:
            assert sum(1 for _ in first) == length
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[-1] < 1.2 * peaks[1]


def test_examples_are_stored_in_parts_of_few_bytes_however_large_each_is(tmp_path):
    class Large:
        def __iter__(self) -> Iterator[ExampleChange]:
            for _ in range(60):
                yield ExampleChange(uuid.uuid4(), inputs=b'{"q":"%s"}' % (b"a" * 1_000_000))

    store = open_store(str(tmp_path / "runs.db"))
    tracemalloc.start()
    try:
        made = asyncio.run(DatasetService(store).create({"name": "large"}, Large()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.close()
    assert made["example_count"] == 60
    assert peak < 20_000_000


def test_rows_are_checked_once_and_not_while_others_wait(monkeypatch):
    checked = []
    problems = examples.problems
    monkeypatch.setattr(examples, "problems", lambda *given: checked.append(given) or problems(*given))
    schema = '{"properties": {"n": {"type": "integer"}}}'
    made = [ExampleChange(uuid.uuid4(), inputs=b'{"n": %d}' % n) for n in range(300)]
    first = FirstExamples(made, uuid.uuid4(), DatasetSchemas(schema, None, None))
    first.check()
    assert len(checked) == 300
    assert list(first) == made
    assert len(checked) == 300
    made[250].inputs = b'{"n": "x"}'
    with pytest.raises(ApiError, match=f"{made[250].id}.*inputs.n"):
        first.check()


def test_rows_are_stored_as_they_were_checked(api):
    strict = b'{"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}'
    wishes = b'[{"path": ["inputs"], "transformation_type": "remove_extra_fields"}]'
    more = {"inputs_schema_definition": strict, "transformations": wishes, "input_keys": b"a"}
    parts = [("file", ("text/csv", csv_of(3))), ("input_keys", ("text/plain", b"q"))]
    parts += [(name, ("text/plain", text)) for name, text in more.items()]
    answer = api.send_parts("POST", "/datasets/upload", parts)
    assert answer.status == 200, answer.body
    assert [one["inputs"] for one in api.examples(answer.json["id"])] == [{"a": "a" * 500}] * 3


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b",".join(b"c%d" % n for n in range(100_000)), "'c0', 'c1',"),
        (b"c" * 1_000_000, "'cccc"),
    ],
)
def test_a_long_header_is_not_repeated_when_a_column_is_not_there(api, header, said):
    answer = upload_csv(api, header + b"\n1\n")
    assert (answer.status, said in answer.detail) == (422, True), answer.detail[:1000]
    assert len(answer.body) < 2000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (csv_of(3000) + b'3000,"\xff"\n', "not UTF-8"),
        (csv_of(3000) + b'3000,"' + b"x" * (65 * 1024 * 1024), "line 3001 is not CSV"),
        (csv_of(3000) + b"3000,short\n", "outputs.a"),
        (b"", "has no column 'q'"),
        (b"q\n1\n", "has no column 'a'"),
    ],
)
def test_a_csv_file_is_stored_whole_or_not_at_all(api, database, content, said):
    schema = b'{"type": "object", "properties": {"a": {"type": "string", "minLength": 100}}}'
    answer = upload_csv(api, content, outputs_schema_definition=schema)
    assert (answer.status, said in answer.detail) == (422, True), answer.detail
    assert api.get("/datasets?name=csv").json == []
    assert not list(database.parent.rglob(".incoming-*"))
