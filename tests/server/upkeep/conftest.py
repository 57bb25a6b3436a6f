"""A database with something of every kind in it, and `smithkit db` on it."""

from __future__ import annotations

import json
import uuid

import pytest

from smithkit.cli import main
from smithkit.server import EmbeddedServer

ID = ["langchain", "prompts", "prompt", "PromptTemplate"]


def fill(api):
    """Put runs, files, feedback, a dataset with versions, a prompt and a queue into a database."""
    run_ids = [
        api.new_run(
            session_name=f"p{place % 3}",
            inputs={"text": "größe " * (1 if place % 2 else 400)},
            attachments={"f": ["text/plain", "aGVsbG8="]} if place % 4 == 0 else {},
        )
        for place in range(12)
    ]
    for place, run_id in enumerate(run_ids):
        body = {
            "id": str(uuid.uuid4()),
            "run_id": run_id,
            "key": "helpful",
            "score": place / 7,
            "value": "yes",
        }
        assert api.post("/feedback", body).status == 200
    dataset = api.new_dataset("questions")
    examples = [api.new_example(dataset, inputs={"q": f"question {place}"}) for place in range(5)]
    assert api.patch(f"/examples/{examples[0]}", {"inputs": {"q": "changed"}}).status == 200
    assert api.delete(f"/examples/{examples[1]}").status == 200
    assert api.post(f"/datasets/{dataset}/index", {}).status == 200
    queue = api.post("/annotation-queues", {"name": "look at these"}).json["id"]
    assert api.post(f"/annotation-queues/{queue}/runs", run_ids[:3]).status == 200
    assert api.post("/repos", {"repo_handle": "greet", "is_public": False}).status == 200
    manifest = {
        "manifest": {
            "lc": 1,
            "type": "constructor",
            "id": ID,
            "kwargs": {"template": "hi " * 300, "input_variables": [], "template_format": "f-string"},
        }
    }
    assert api.post("/commits/-/greet", manifest).status == 200
    return run_ids


@pytest.fixture(name="fill")
def fill_fixture():
    return fill


@pytest.fixture
def filled(api):
    fill(api)
    return api


@pytest.fixture
def db(database, capsys):
    """Run ``smithkit db``: its status and what it says, read from JSON."""

    def run(command, *arguments, url=database):
        at = [] if command == "copy" else ["--db", str(url)]
        status = main(["db", command, *map(str, arguments), *at, "--json"])
        out, err = capsys.readouterr()
        return status, json.loads(out) if out else err

    return run


@pytest.fixture(scope="module")
def written(tmp_path_factory, make_api):
    """A folder with a backup and an export of such a database, for tests that read them alone."""
    folder = tmp_path_factory.mktemp("written")
    server = EmbeddedServer(str(folder / "w.db"))
    fill(make_api(server))
    server.close()
    for command, name in (("backup", "b.zip"), ("export", "e.jsonl")):
        assert main(["db", command, str(folder / name), "--db", str(folder / "w.db")]) == 0
    return folder


@pytest.fixture
def contents():
    """Read every row of a database, without the numbers that stand for nothing but order."""
    import sqlite3

    def read(path):
        connection = sqlite3.connect(path)
        try:
            names = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            found = {}
            for name in sorted(names):
                # The full-text index of runs is filled in the background, and so never the same twice.
                if not name.startswith(("example_texts_", "run_words", "run_texts", "text_", "leases")):
                    found[name] = sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))  # noqa: S608
            return found
        finally:
            connection.close()

    return read
