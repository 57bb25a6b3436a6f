"""Agents and skills of the hub: directories, commit by commit."""

from __future__ import annotations

import json
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.server.domain.directories import change_entries, check_path, read_entries, write_entries

REPO = "/v1/platform/hub/repos/-/helper/directories"


def text(content):
    return {"type": "file", "content": content}


@pytest.fixture
def agent(api):
    assert api.post("/repos", {"repo_handle": "helper", "repo_type": "agent"}).status == 200
    return api


def commit(api, files, parent=None, path=REPO):
    body = {"files": files} if parent is None else {"files": files, "parent_commit": parent}
    return api.post(f"{path}/commits", body)


def test_a_commit_changes_what_it_names_and_keeps_the_rest(agent):
    first = commit(agent, {"AGENTS.md": text("be kind"), "notes/a.md": text("a")}).json["commit"]
    second = commit(agent, {"notes/a.md": None, "notes/b.md": text("b")}, first["commit_hash"][:8])
    now = agent.get(f"{REPO}?repo_type=agent").json
    assert now["files"] == {"AGENTS.md": text("be kind"), "notes/b.md": text("b")}
    assert now["commit_hash"] == second.json["commit"]["commit_hash"]
    assert now["commit_id"] == second.json["commit"]["id"]
    then = agent.get(f"{REPO}?commit={first['commit_hash'][:8]}").json
    assert then["files"] == {"AGENTS.md": text("be kind"), "notes/a.md": text("a")}


def test_a_commit_on_top_of_another_one_than_the_newest_is_refused(agent):
    first = commit(agent, {"a": text("1")}).json["commit"]["commit_hash"]
    commit(agent, {"a": text("2")})
    refused = commit(agent, {"a": text("3")}, first)
    assert (refused.status, "latest commit" in refused.detail) == (409, True)
    assert agent.get(REPO).json["files"] == {"a": text("2")}


def test_the_first_commit_has_no_parent(agent):
    assert commit(agent, {"a": text("1")}, "0" * 8).status == 409


def test_what_changes_nothing_makes_no_commit(agent):
    first = commit(agent, {"a": text("1")}).json
    assert commit(agent, {"a": text("1")}).json == first
    assert commit(agent, {"gone": None}).json == first
    assert agent.get("/repos/-/helper").json["repo"]["num_commits"] == 1


def test_an_empty_directory_can_be_committed(agent):
    assert commit(agent, {}).status == 200
    assert agent.get(REPO).json["files"] == {}


def test_a_tag_names_a_commit(agent):
    made = commit(agent, {"a": text("1")}).json["commit"]
    agent.post("/repos/-/helper/tags", {"tag_name": "prod", "commit_id": made["id"]})
    commit(agent, {"a": text("2")})
    assert agent.get(f"{REPO}?commit=prod").json["files"] == {"a": text("1")}
    assert agent.get(f"{REPO}?commit=nowhere").status == 404
    hashes = [one["commit_hash"] for one in agent.get("/commits/-/helper").json["commits"]]
    assert len(hashes) == 2


def test_a_link_means_the_newest_commit_or_the_one_that_it_names(agent):
    agent.post("/repos", {"repo_handle": "search", "repo_type": "skill"})
    path = REPO.replace("helper", "search")
    made = commit(agent, {"SKILL.md": text("look")}, path=path).json["commit"]
    link = {"type": "skill", "repo_handle": "search"}
    pinned = link | {"commit_hash": made["commit_hash"][:8]}
    assert (
        commit(agent, {"newest": link, "pinned": pinned, "by id": link | {"commit_id": made["id"]}}).status
        == 200
    )
    files = agent.get(REPO).json["files"]
    assert files["newest"] == link | {"owner": None, "commit_id": None, "commit_hash": None}
    whole = link | {"owner": None, "commit_id": made["id"], "commit_hash": made["commit_hash"]}
    assert files["pinned"] == files["by id"] == whole
    # What was read can be written again.
    assert commit(agent, files).json["commit"]["commit_hash"] == agent.get(REPO).json["commit_hash"]


@pytest.mark.parametrize(
    "link",
    [
        {"type": "skill", "repo_handle": "nowhere"},
        {"type": "skill", "repo_handle": "helper"},
        {"type": "agent", "repo_handle": "helper", "owner": "stranger"},
        {"type": "agent", "repo_handle": "helper", "commit_hash": "0" * 64},
    ],
)
def test_a_link_that_leads_nowhere_is_refused(agent, link):
    refused = commit(agent, {"x": link})
    assert (refused.status, refused.detail.startswith("files.x: ")) == (422, True)


@pytest.mark.parametrize(
    "files",
    [
        {path: text("x")}
        for path in ("", "/etc/passwd", "../up", "a/../../b", "a//b", "./a", "a/", "C:/x", "a\\b", "a\nb", "a\0b", "\ud800")
    ]
    + [
        {"a": text("x"), "a/b": text("y")},
        {"a": {"type": "folder"}},
        {"a": {"type": "file"}},
        {"a": {"content": "x"}},
        {"a": "x"},
        {"a" * 2000: text("x")},
    ],
)  # fmt: skip
def test_what_cannot_stand_in_a_directory_is_refused(agent, files):
    refused = agent.call("POST", f"{REPO}/commits", json.dumps({"files": files}).encode())
    assert refused.status == 422, refused.body
    assert agent.get("/repos/-/helper").json["repo"]["num_commits"] == 0


def test_a_path_leads_through_a_bounded_number_of_folders(agent):
    assert commit(agent, {"/".join("a" * 32): text("x")}).status == 200
    refused = commit(agent, {"/".join("a" * 33): text("x")})
    assert (refused.status, "at most 32 parts" in refused.detail) == (422, True)


def test_a_directory_is_changed_beside_the_event_loop(agent, monkeypatch):
    import asyncio

    from smithkit.server.services import directories

    within = []

    def noting(function):
        def noted(*given):
            within.append((function.__name__, asyncio._get_running_loop() is not None))
            return function(*given)

        return noted

    for function in (change_entries, read_entries, write_entries):
        monkeypatch.setattr(directories, function.__name__, noting(function))
    commit(agent, {"a": text("1")})
    commit(agent, {"b": text("2")})
    agent.get(REPO)
    assert set(within) == {("change_entries", False), ("read_entries", False), ("write_entries", False)}


def test_a_directory_is_full_some_time(agent, monkeypatch):
    monkeypatch.setattr("smithkit.server.domain.directories._LARGEST", 10)
    monkeypatch.setattr("smithkit.server.domain.directories._MOST_ENTRIES", 2)
    assert commit(agent, {"a": text("x" * 10)}).status == 200
    assert commit(agent, {"b": text("x")}).status == 422
    assert commit(agent, {"b": text(""), "c": text("")}).status == 422


def test_lists_keep_prompts_agents_and_skills_apart(agent):
    agent.post("/repos", {"repo_handle": "greet"})
    agent.post("/repos", {"repo_handle": "search", "repo_type": "skill"})
    assert agent.post("/repos", {"repo_handle": "x", "repo_type": "other"}).status == 422
    for kind, name in (("agent", "helper"), ("skill", "search"), ("prompt", "greet"), (None, "greet")):
        found = agent.get(f"/repos?repo_type={kind}" if kind else "/repos").json
        assert ([repo["repo_handle"] for repo in found["repos"]], found["total"]) == ([name], 1)


def test_a_prompt_is_no_directory_and_a_directory_no_prompt(agent):
    agent.post("/repos", {"repo_handle": "greet"})
    path = REPO.replace("helper", "greet")
    assert agent.get(path).status == 404
    assert commit(agent, {}, path=path).status == 404
    assert agent.delete(path).status == 404
    assert agent.get("/repos/-/greet").status == 200
    commit(agent, {"a": text("1")})
    assert agent.get("/commits/-/helper/latest").status == 409
    assert agent.post("/commits/-/helper", {"manifest": {}}).status == 409
    assert agent.get(f"{REPO}?repo_type=skill").status == 404


def test_a_directory_is_deleted_with_its_commits(agent):
    commit(agent, {"a": text("1")})
    assert agent.delete(REPO).status == 200
    assert agent.get(REPO).status == 404
    assert agent.get("/repos/-/helper").status == 404


def test_of_concurrent_commits_none_is_lost(agent):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: commit(agent, {f"f{n}": text("x")}).status, range(4)))
    written = agent.get(REPO).json["files"]
    assert len(written) == made.count(200) > 0
    assert set(made) <= {200, 409}


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(st.lists(names, max_size=4).map("/".join))
def test_a_path_that_is_taken_stays_below_the_directory(path):
    from pathlib import PurePosixPath, PureWindowsPath

    try:
        check_path(path)
    except ValueError:
        return
    for kind in (PurePosixPath, PureWindowsPath):
        assert not kind(path).is_absolute()
        assert ".." not in kind(path).parts
        assert not kind(path).drive


deep = st.lists(st.sampled_from(["a", "b", "a.", "a-b"]), min_size=1, max_size=4).map("/".join)


@given(st.sets(deep, max_size=8))
def test_no_entry_is_the_folder_of_another_one(paths):
    clash = any(path.startswith(f"{folder}/") for folder in paths for path in paths)
    with pytest.raises(ValueError, match="the folder of") if clash else nullcontext():
        change_entries({}, {path: text("x") for path in paths})


flat = st.dictionaries(
    st.sampled_from("abcdef"), st.none() | st.builds(text, st.text(max_size=9)), max_size=6
)


@given(flat, flat)
def test_changes_put_and_take_away(before, changes):
    entries = change_entries({}, before)
    after = change_entries(entries, changes)
    assert after == {path: entry for path, entry in {**before, **changes}.items() if entry is not None}
    assert read_entries(write_entries(after).content) == after
    assert change_entries(after, changes) == after
