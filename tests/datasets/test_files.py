"""Examples in files come back as they went, and what is wrong with a file names row and column."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.datasets import InvalidExampleError, read_examples, write_examples
from smithkit.datasets.files import _csv
from smithkit.errors import LangSmithUserError
from smithkit.schemas import Example

DATASET = "d5000000-0000-4000-8000-000000000001"
FORMATS = ["csv", "jsonl", "ndjson", "parquet"]

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=3)
EXAMPLES = st.lists(
    st.fixed_dictionaries(
        {"inputs": OBJECTS},
        optional={
            "id": st.uuids().map(str),
            "outputs": OBJECTS,
            "metadata": OBJECTS.filter(bool),
            "split": st.lists(TEXT, min_size=1, max_size=2),
        },
    ),
    max_size=5,
)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=25)
@given(examples=EXAMPLES)
def test_whole_examples_come_back_as_they_went(suffix, examples, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / f"set.{suffix}"

    assert write_examples(path, examples) == len(examples)

    assert list(read_examples(path)) == examples


CELLS = st.lists(st.fixed_dictionaries({"question": TEXT, "context, more": TEXT, "answer": TEXT}), max_size=6)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=25)
@given(table=CELLS)
def test_columns_of_text_come_back_as_they_went(suffix, table, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / f"set.{suffix}"
    keys = {"input_keys": ["question", "context, more"], "output_keys": ["answer"]}
    examples = [
        {"inputs": {name: row[name] for name in keys["input_keys"]}, "outputs": {"answer": row["answer"]}}
        for row in table
    ]

    write_examples(path, examples, **keys)

    assert list(read_examples(path, **keys)) == examples


@settings(max_examples=25)
@given(table=CELLS)
def test_the_csv_of_a_data_frame_has_its_cells(table):
    from smithkit.datasets.files._frames import write_csv

    for frame in (pd.DataFrame(table), pl.DataFrame(table)) if table else ():
        file = io.BytesIO()
        write_csv(frame, file)
        assert list(_csv.rows_of(file)) == table


def test_parquet_columns_keep_their_types(tmp_path):
    path = tmp_path / "set.parquet"
    keys = {"input_keys": ["n", "tags"], "output_keys": ["score"]}
    examples = [{"inputs": {"n": n, "tags": ["a", "b"]}, "outputs": {"score": n / 2}} for n in range(2500)]

    write_examples(path, examples, **keys)

    assert list(read_examples(path, **keys)) == examples
    assert pq.ParquetFile(path).schema_arrow.field("n").type == pa.int64()


def test_parquet_of_others_is_read(tmp_path):
    pd.DataFrame({"q": ["a", "b"], "rest": [1, 2]}).to_parquet(tmp_path / "pandas.parquet")
    pl.DataFrame({"q": ["a", "b"], "rest": [1, 2]}).write_parquet(tmp_path / "polars.parquet")

    for name in ("pandas", "polars"):
        assert list(read_examples(tmp_path / f"{name}.parquet", input_keys=["q"])) == [
            {"inputs": {"q": "a"}},
            {"inputs": {"q": "b"}},
        ]


def test_examples_of_the_server_are_written_without_what_is_the_servers(tmp_path):
    key = uuid4()
    example = Example(
        id=key, dataset_id=UUID(DATASET), inputs={"q": 1}, metadata={"dataset_split": ["train"], "m": 1}
    )

    write_examples(tmp_path / "set.jsonl", [example])

    assert json.loads((tmp_path / "set.jsonl").read_text()) == {
        "id": str(key),
        "inputs": {"q": 1},
        "metadata": {"m": 1},
        "split": ["train"],
    }


def test_rows_are_read_as_they_are_asked_for(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text('{"inputs": {}}\nno JSON\n')

    rows = read_examples(path)

    assert next(rows) == {"inputs": {}}
    with pytest.raises(InvalidExampleError, match=r"Row 2: the line is no JSON"):
        next(rows)


@pytest.mark.parametrize(
    ("content", "row", "field", "problem"),
    [
        ("q,a\n1,2\n3\n", 2, "a", "1 cells, where the header has 2"),
        ("q,a\n1,2,3\n", 1, "a", "3 cells, where the header has 2"),
        ("q,b\n1,2\n", None, "a", "no such column; there are q, b"),
        ("q,a,q\n", None, "q", "two columns have this name"),
        ("", None, None, "the table is empty"),
        (b"q,a\n\xff,1\n", 1, None, "no UTF-8"),
        ('q,a\n1,2\n"3,4\n', 2, None, "no CSV"),
    ],
)
def test_a_table_that_is_wrong_names_row_and_column(  # noqa: PLR0917 - a case each
    both, tmp_path, content, row, field, problem
):
    path = tmp_path / "set.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(InvalidExampleError, match=problem) as uploaded:
        both("upload_csv", str(path), ["q"], ["a"])
    with pytest.raises(InvalidExampleError, match=problem) as read:
        list(read_examples(path, input_keys=["q"], output_keys=["a"]))

    assert (uploaded.value.row, uploaded.value.field) == (read.value.row, read.value.field) == (row, field)
    assert both.api.requests == []


@pytest.mark.parametrize(
    ("line", "field"),
    [("[]", None), ("{", None), ('{"outputs": {}}', "inputs"), ('{"inputs": 3}', "inputs"), (b"\xff", None)],
)
def test_a_line_that_is_no_example_is_named(tmp_path, line, field):
    path = tmp_path / "set.jsonl"
    path.write_bytes(b'{"inputs": {}}\n\n' + (line if isinstance(line, bytes) else line.encode()))

    with pytest.raises(InvalidExampleError) as error:
        list(read_examples(path))

    assert (error.value.row, error.value.field) == (2, field)


def test_a_cell_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text("inputs,outputs\n{},{}\n{},nonsense\n")

    with pytest.raises(InvalidExampleError, match="no JSON") as error:
        list(read_examples(path))

    assert (error.value.row, error.value.field) == (2, "outputs")


def test_parquet_that_is_none_or_lacks_a_column_is_told(tmp_path):
    (tmp_path / "text.parquet").write_text("text")
    pl.DataFrame({"q": ["a"]}).write_parquet(tmp_path / "set.parquet")

    with pytest.raises(InvalidExampleError, match=r"text\.parquet is no Parquet file"):
        list(read_examples(tmp_path / "text.parquet"))
    with pytest.raises(InvalidExampleError, match="no such column; there are q") as error:
        list(read_examples(tmp_path / "set.parquet", input_keys=["q"], output_keys=["a"]))
    assert error.value.field == "a"


def test_parquet_columns_of_several_types_are_told(tmp_path):
    examples = [{"inputs": {"n": 1}}, {"inputs": {"n": "one"}}]

    with pytest.raises(InvalidExampleError, match="several types") as error:
        write_examples(tmp_path / "set.parquet", examples, input_keys=["n"])

    assert (error.value.row, error.value.field) == (2, "n")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("second", [{"inputs": {"q": float("nan")}}, {"inputs": {"q": "a", "lost": "b"}}])
def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path, suffix, second):
    path = tmp_path / f"set.{suffix}"
    path.write_text("before")
    keys = {"input_keys": ["q"]} if "lost" in second["inputs"] else {}

    with pytest.raises(InvalidExampleError) as error:
        write_examples(path, [{"inputs": {"q": "a"}}, second], **keys)

    assert error.value.row == 2
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(LangSmithUserError, match=r"\.xlsx: examples are in files that end in \.csv"):
        list(read_examples(tmp_path / "set.xlsx"))
    with pytest.raises(LangSmithUserError, match="without input_keys"):
        write_examples(tmp_path / "set.csv", [], output_keys=["a"])


def test_cells_may_be_longer_than_the_csv_module_likes(tmp_path):
    path = tmp_path / "set.csv"
    path.write_text(f"q\n{'x' * 300_000}\n")
    before = csv.field_size_limit()

    [example] = read_examples(path, input_keys=["q"])

    assert len(example["inputs"]["q"]) == 300_000
    csv.field_size_limit(before)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_data_frame_is_sent_as_csv(both, frame):
    row = {"id": DATASET, "name": "set", "created_at": "2024-05-06T07:08:09Z"}
    both.api.answer("POST", "/datasets/upload", row)

    both("upload_dataframe", frame({"q": ["a", "b,c"], "n": [1, 2]}), "set", ["q"], ["n"])

    body = next(request.body for request in both.api.requests if request.path == "/datasets/upload")
    assert b'filename="data.csv"' in body
    assert b'q,n\na,1\n"b,c",2\n' in body


def test_what_is_no_data_frame_or_lacks_a_column_is_refused(both):
    with pytest.raises(LangSmithUserError, match="not list"):
        both("upload_dataframe", [1], "set", ["q"], [])
    with pytest.raises(InvalidExampleError, match="no such column"):
        both("upload_dataframe", pd.DataFrame({"q": [1]}), "set", ["q"], ["gone"])


def test_a_stream_that_cannot_be_read_twice_is_sent_whole(both):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    row = {"id": DATASET, "name": "set", "created_at": "2024-05-06T07:08:09Z"}
    both.api.answer("POST", "/datasets/upload", row)

    both("upload_csv", ("set.csv", Pipe(b"q\n1\n")), ["q"], [])

    assert b"q\n1\n" in next(request.body for request in both.api.requests if request.method == "POST")


PROGRAM = """
import resource, sys
from smithkit import Client

client = Client(sys.argv[1])
client.info
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.argv[3] == "path":
    client.upload_csv(sys.argv[2], ["q"], ["a"])
else:
    client.upload_csv(("big.csv", open(sys.argv[2], "rb")), ["q"], ["a"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


class _Swallow(BaseHTTPRequestHandler):
    """Reads whatever comes, keeps nothing, and says that it made a dataset."""

    def do_GET(self):
        self._answer({} if self.path == "/info" else [])

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self._answer({"id": DATASET, "name": "set", "created_at": "2024-05-06T07:08:09Z"})

    def _answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Nobody reads it."""


@pytest.mark.slow
@pytest.mark.parametrize("form", ["path", "stream"])
def test_a_large_csv_is_never_in_memory_as_a_whole(tmp_path, form):
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.write(b"q,a\n")
        for _ in range(100):
            file.write((b"question " + b"x" * 990 + b",answer\n") * 1000)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Swallow) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, url, path, form], capture_output=True, text=True, check=False
        )
        server.shutdown()

    assert done.returncode == 0, done.stderr
    kilobytes = int(done.stdout)
    assert kilobytes < 20_000 < path.stat().st_size / 1000
