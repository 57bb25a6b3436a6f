"""`smithkit datasets`, on the embedded backend."""

from __future__ import annotations

import json

import pytest

from smithkit import Client
from smithkit.cli import main


@pytest.fixture
def client(monkeypatch, tmp_path):
    for name in ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY", "LANGSMITH_ENDPOINT", "LANGCHAIN_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with Client() as client:
        yield client


def examples(client, name):
    return list(client.list_examples(dataset_name=name))


def test_a_pushed_file_is_a_dataset_and_comes_back(client, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("country,capital\nFrance,Paris\nItaly,Rome\n")
    columns = ["--input", "country", "--output", "capital"]

    assert main(["datasets", "push", "in.csv", "capitals", *columns, "--split", "test"]) == 0
    assert main(["datasets", "pull", "capitals", "out.jsonl", "--split", "test"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "2 examples of in.csv are in dataset 'capitals'.",
        "2 examples of dataset 'capitals' are in out.jsonl.",
    ]
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert sorted(row["inputs"]["country"] for row in rows) == ["France", "Italy"]
    assert {tuple(row["split"]) for row in rows} == {("test",)}


def test_pushing_again_adds_what_is_new(client, tmp_path):
    file = tmp_path / "in.jsonl"
    lines = [json.dumps({"inputs": {"n": n}}) for n in (1, 1, 2)]
    file.write_text("\n".join(lines))
    main(["datasets", "push", "in.jsonl", "numbers"])
    file.write_text("\n".join([*lines, json.dumps({"inputs": {"n": 3}})]))

    assert main(["datasets", "push", "in.jsonl", "numbers"]) == 0
    assert sorted(one.inputs["n"] for one in examples(client, "numbers")) == [1, 1, 2, 3]


def test_equal_examples_are_one_on_request(client, tmp_path):
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps({"inputs": {"n": n}}) for n in (1, 1, 2)))

    assert main(["datasets", "push", "in.jsonl", "numbers", "--dedup"]) == 0
    assert main(["datasets", "push", "in.jsonl", "numbers", "--dedup"]) == 0

    assert sorted(one.inputs["n"] for one in examples(client, "numbers")) == [1, 2]


def test_a_dataset_is_copied_and_restored(client, tmp_path):
    (tmp_path / "in.jsonl").write_text(
        '{"inputs": {"n": 1}, "outputs": {"m": [1]}, "metadata": {"k": null}}\n'
    )
    main(["datasets", "push", "in.jsonl", "first"])
    [before] = examples(client, "first")
    main(["datasets", "pull", "first", "all.parquet"])

    assert main(["datasets", "push", "all.parquet", "second"]) == 0
    [copy] = examples(client, "second")
    assert (copy.inputs, copy.outputs, copy.metadata) == (before.inputs, before.outputs, before.metadata)
    assert copy.id != before.id

    assert main(["datasets", "push", "all.parquet", "first", "--keep-ids"]) == 0
    assert [one.id for one in examples(client, "first")] == [before.id]


def test_what_went_wrong_is_told(client, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("q\n1\n")

    assert main(["datasets", "push", "in.csv", "set", "--input", "gone"]) == 1
    assert main(["datasets", "pull", "nobody", "out.csv"]) == 1

    errors = capsys.readouterr().err
    assert "Field 'gone': there is no such column; there are q" in errors
    assert "No dataset is named 'nobody'" in errors
    assert not (tmp_path / "out.csv").exists()
