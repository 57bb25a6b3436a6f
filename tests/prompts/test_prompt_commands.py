"""`smithkit prompts` at the command line."""

from __future__ import annotations

import json

import pytest

from smithkit import cli
from smithkit.prompts import ChatPrompt, Prompt, TextPrompt

OLD = ChatPrompt([("system", "You are {mood}.\nBe brief."), ("human", "{q}")]).to_manifest()
NEW = ChatPrompt([("system", "You are {mood}.\nBe exact."), ("human", "{q}")]).to_manifest()
WORKSPACE = {
    "id": "w",
    "display_name": "Acme",
    "created_at": "2024-05-06T07:08:09+00:00",
    "tenant_handle": "acme",
}


@pytest.fixture
def run(api, monkeypatch, capsys):
    for name, manifest in (("a" * 40, OLD), ("latest", NEW)):
        answer = {"commit_hash": name if name != "latest" else "b" * 40, "manifest": manifest, "examples": []}
        api.answer("GET", f"/commits/-/greet/{name}", answer)
    client = api.client(disable_prompt_cache=True)
    monkeypatch.setattr("smithkit.client.Client", lambda **_: client)

    def run(*arguments):
        status = cli.main(["prompts", *arguments])
        return status, capsys.readouterr()

    return run


def test_a_prompt_is_shown(run):
    assert run("pull", "greet") == (
        0,
        ("-/greet:bbbbbbbb\n\n# system\nYou are {mood}.\nBe exact.\n\n# user\n{q}\n\n", ""),
    )


def test_a_manifest_is_written_to_a_file(run, tmp_path):
    assert run("pull", "greet", "-o", str(tmp_path / "greet.json"))[0] == 0

    assert json.loads((tmp_path / "greet.json").read_text()) == NEW


def test_two_commits_are_compared(run):
    status, (out, _) = run("diff", f"greet:{'a' * 40}")

    assert status == 0
    assert out.splitlines() == [
        "--- -/greet:aaaaaaaa",
        "+++ -/greet:bbbbbbbb",
        "@@ -1,6 +1,6 @@",
        " # system",
        " You are {mood}.",
        "-Be brief.",
        "+Be exact.",
        " ",
        " # user",
        " {q}",
    ]


@pytest.mark.parametrize("kind", ["txt", "json"])
def test_a_file_is_pushed(run, api, tmp_path, kind):
    prompt = TextPrompt("Hello {name}")
    text = json.dumps(prompt.to_manifest()) if kind == "json" else "Hello {name}"
    (tmp_path / f"greet.{kind}").write_text(text)
    repo = {
        "repo_handle": "greet", "id": "r", "tenant_id": "w", "created_at": "2024-05-06T07:08:09+00:00",
        "updated_at": "2024-05-06T07:08:09+00:00", "is_public": False, "is_archived": False, "tags": [],
        "owner": "acme", "full_name": "acme/greet", "num_likes": 0, "num_downloads": 0, "num_views": 0,
        "num_commits": 0,
    }  # fmt: skip
    api.answer("GET", "/repos/-/greet", {"repo": repo})
    api.answer("GET", "/commits/-/greet", {"commits": [], "total": 0})
    api.answer("POST", "/commits/-/greet", {"commit": {"id": "c", "commit_hash": "c" * 40}})
    api.answer("POST", "/repos/-/greet/tags", {})
    api.answer("GET", "/settings", WORKSPACE)

    status, (out, _) = run("push", "greet", str(tmp_path / f"greet.{kind}"), "--tag", "prod")

    assert status == 0
    assert "/prompts/greet/cccccccc" in out
    posted = next(
        one for one in api.requests if (one.method, one.path) == ("POST", "/commits/-/greet")
    ).json()
    assert Prompt.from_manifest(posted["manifest"]) == prompt
    assert next(one for one in api.requests if one.path.endswith("/tags")).json()["tag_name"] == "prod"


def test_commits_are_listed(run, api):
    row = {"id": "c0000000-0000-4000-8000-000000000001", "commit_hash": "a" * 40}
    row["created_at"] = "2024-05-06T07:08:09+00:00"
    api.answer("GET", "/commits/-/greet", {"commits": [row], "total": 1})

    status, (out, _) = run("log", "greet")

    assert status == 0
    assert out.split() == ["commit", "made", "pulled", "aaaaaaaa", "2024-05-06", "07:08", "0"]


@pytest.mark.parametrize(
    "arguments",
    [("pull", "a/b/c"), ("pull", "nobody"), ("push", "greet", "nowhere.json"), ("diff", "greet:x")],
)
def test_what_is_wrong_is_said_in_a_line(run, arguments):
    status, (out, err) = run(*arguments)

    assert (status, out) == (1, "")
    assert err.startswith("smithkit: ")
