from __future__ import annotations

import json
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

REPO_FIELDS = {
    "repo_handle",
    "repo_type",
    "description",
    "readme",
    "id",
    "tenant_id",
    "created_at",
    "updated_at",
    "is_public",
    "is_archived",
    "tags",
    "original_repo_id",
    "upstream_repo_id",
    "owner",
    "full_name",
    "num_likes",
    "num_downloads",
    "num_views",
    "liked_by_auth_user",
    "last_commit_hash",
    "num_commits",
    "original_repo_full_name",
    "upstream_repo_full_name",
}


def make(api, name="greet", **fields):
    answer = api.post("/repos/", {"repo_handle": name, **fields})
    assert answer.status == 200, answer.body
    return answer.json["repo"]


def read(api, name="greet"):
    answer = api.get(f"/repos/-/{name}")
    assert answer.status == 200, answer.body
    return answer.json["repo"]


def listed(api, query=""):
    answer = api.get(f"/repos?{query}")
    assert answer.status == 200, answer.body
    return [repo["repo_handle"] for repo in answer.json["repos"]]


@pytest.fixture
def stranger(api, database):
    """Another workspace of the same database, with a public and a private prompt, written by its own server."""
    api.get("/settings")
    workspace = uuid.uuid4()
    with sqlite3.connect(database) as connection:
        connection.execute(
            "INSERT INTO workspaces VALUES (?, 'Other', ?, 0, 'other')", (workspace.bytes, b"s" * 32)
        )
        for name, is_public in (("open", 1), ("closed", 0)):
            connection.execute(
                "INSERT INTO prompt_repos VALUES (?, ?, ?, NULL, NULL, ?, 0, 0, 0, 'prompt')",
                (uuid.uuid4().bytes, workspace.bytes, name, is_public),
            )
    connection.close()
    return workspace


def test_a_prompt_is_made_read_changed_and_removed(api):
    made = make(api, description="d", readme="", tags=["x", "y", "x"], is_public=False)
    assert set(made) == REPO_FIELDS
    assert (made["owner"], made["full_name"], made["tags"]) == ("personal", "personal/greet", ["x", "y"])
    assert (made["num_commits"], made["last_commit_hash"], made["is_archived"]) == (0, None, False)
    for owner in ("-", "personal"):
        assert api.get(f"/repos/{owner}/greet").json["repo"] == made
    change = {"description": "", "tags": [], "is_archived": True, "readme": None}
    changed = api.patch("/repos/-/greet", change).json["repo"]
    assert (changed["description"], changed["tags"], changed["is_archived"]) == ("", [], True)
    assert changed["readme"] == ""
    assert changed["updated_at"] > made["updated_at"]
    assert changed["created_at"] == made["created_at"]
    assert api.delete("/repos/-/greet").status == 200
    for answer in (
        api.get("/repos/-/greet"),
        api.patch("/repos/-/greet", {}),
        api.delete("/repos/-/greet"),
        api.post("/likes/-/greet", {"like": True}),
        api.get("/commits/-/greet/"),
        api.get("/repos/-/greet/tags"),
    ):
        assert (answer.status, answer.detail) == (404, "Prompt '-/greet' not found")
    assert make(api)["id"] != made["id"]


def test_a_name_is_used_once(api):
    make(api)
    answer = api.post("/repos", {"repo_handle": "greet"})
    assert (answer.status, answer.detail) == (409, "repo_handle: a prompt named 'greet' already exists")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "repo_handle"),
        ({"repo_handle": ""}, "repo_handle"),
        ({"repo_handle": "a/b"}, "repo_handle"),
        ({"repo_handle": "-"}, "repo_handle"),
        ({"repo_handle": "a b"}, "repo_handle"),
        ({"repo_handle": "a:b"}, "repo_handle"),
        ({"repo_handle": "ä"}, "repo_handle"),
        ({"repo_handle": "x" * 256}, "repo_handle"),
        ({"repo_handle": 5}, "repo_handle"),
        ({"repo_handle": "x", "tags": "y"}, "tags"),
        ({"repo_handle": "x", "tags": [""]}, "tags.0"),
        ({"repo_handle": "x", "is_public": "perhaps"}, "is_public"),
        ({"repo_handle": "x", "description": "\ud800"}, "description"),
    ],
)
def test_wrong_prompts_are_refused_with_the_name_of_the_field(api, body, field):
    answer = api.post("/repos", body)
    assert answer.status == 422
    assert answer.detail.startswith(f"{field}: ")


def test_lists_are_filtered_searched_and_paged(api):
    make(api, "greet-one", description="Says hello", tags=["a", "b"])
    make(api, "greet-two", tags=["a"], is_public=True)
    make(api, "other", description="greeting", is_archived=True)
    assert listed(api) == ["other", "greet-two", "greet-one"]
    assert listed(api, "sort_direction=asc") == ["greet-one", "greet-two", "other"]
    assert listed(api, "is_archived=false") == ["greet-two", "greet-one"]
    assert listed(api, "is_archived=true") == ["other"]
    assert listed(api, "is_public=true") == ["greet-two"]
    assert listed(api, "is_public=false&is_archived=false") == ["greet-one"]
    assert listed(api, "query=HELLO") == ["greet-one"]
    assert listed(api, "query=hello&match_prefix=true") == []
    assert listed(api, "query=greet&match_prefix=true") == ["other", "greet-two", "greet-one"]
    assert listed(api, "query=personal/greet-t&match_prefix=true") == ["greet-two"]
    assert listed(api, "query=%25") == listed(api, "query=_") == []
    assert listed(api, "tags=a") == ["greet-two", "greet-one"]
    assert listed(api, "tags=a&tags=b") == ["greet-one"]
    assert listed(api, "tags=A") == []
    assert listed(api, "limit=1&offset=1") == ["greet-two"]
    assert api.get("/repos?limit=1&query=greet").json["total"] == 3
    api.patch("/repos/-/greet-one", {"readme": "r"})
    assert listed(api, "limit=1") == ["greet-one"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "offset=-1",
        "sort_field=name",
        "sort_direction=up",
        "query=" + "x" * 60_000,
        "&".join(f"tags={number}" for number in range(2000)),
    ],
)
def test_wrong_queries_are_refused_with_the_name_of_the_field(api, query):
    answer = api.get(f"/repos?{query}")
    assert (answer.status, answer.detail.split(":")[0]) == (422, query.split("=", maxsplit=1)[0])


def test_likes_are_counted_once_and_taken_back(api):
    make(api, "a")
    make(api, "b")
    assert api.post("/likes/-/a", {"like": True}).json == {"likes": 1}
    assert api.post("/likes/personal/a", {"like": True}).json == {"likes": 1}
    assert (read(api, "a")["num_likes"], read(api, "a")["liked_by_auth_user"]) == (1, True)
    assert read(api, "b")["liked_by_auth_user"] is False
    assert listed(api, "sort_field=num_likes") == ["a", "b"]
    assert listed(api, "sort_field=num_likes&sort_direction=asc") == ["b", "a"]
    for _ in range(2):
        assert api.post("/likes/-/a", {"like": False}).json == {"likes": 0}
    assert api.post("/likes/-/a", {}).status == 422


def test_settings_tell_the_handle_which_can_be_changed(api):
    settings = api.get("/settings").json
    assert set(settings) == {"id", "display_name", "created_at", "tenant_handle"}
    assert settings["id"] == api.project("default")["tenant_id"]
    make(api)
    changed = api.post("/settings/handle", {"tenant_handle": "acme"})
    assert changed.json == api.get("/settings").json == {**settings, "tenant_handle": "acme"}
    assert api.get("/repos/acme/greet").json["repo"]["full_name"] == "acme/greet"
    assert api.get("/repos/personal/greet").status == 404


@pytest.mark.parametrize("handle", ["", "-", "A", "a/b", "ä", "x" * 64, None, 3])
def test_wrong_handles_are_refused(api, handle):
    answer = api.post("/settings/handle", {"tenant_handle": handle})
    assert answer.status == 422
    assert answer.detail.startswith("tenant_handle: ")


@pytest.mark.usefixtures("stranger")
def test_a_handle_is_used_once(api):
    answer = api.post("/settings/handle", {"tenant_handle": "other"})
    assert (answer.status, answer.detail) == (409, "tenant_handle: 'other' is another workspace's")
    assert api.get("/settings").json["tenant_handle"] == "personal"


def test_a_database_from_before_prompts_gets_a_handle(api, database):
    from alembic import command
    from alembic.config import Config

    import smithkit.server.store

    database.parent.mkdir()
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", f"{smithkit.server.store.__path__[0]}/migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "0006")
        connection.exec_driver_sql(
            "INSERT INTO workspaces VALUES (?, 'Personal', ?, 0)", (uuid.uuid4().bytes, b"s" * 32)
        )
    engine.dispose()
    assert make(api)["full_name"] == "personal/greet"


def test_a_public_prompt_needs_a_handle(api, database):
    make(api)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE workspaces SET handle = NULL")
    connection.close()
    assert api.get("/settings").json["tenant_handle"] is None
    for answer in (
        api.post("/repos", {"repo_handle": "x", "is_public": True}),
        api.patch("/repos/-/greet", {"is_public": True}),
    ):
        assert (answer.status, answer.detail.split(":")[0]) == (422, "is_public")
    assert (read(api)["owner"], read(api)["full_name"]) == (None, "-/greet")


def test_prompts_of_other_workspaces_are_seen_if_public_and_never_changed(api, stranger):
    make(api, "closed")
    found = api.get("/repos/other/open").json["repo"]
    assert (found["owner"], found["tenant_id"]) == ("other", str(stranger))
    assert listed(api) == ["closed", "open"]
    assert api.post("/likes/other/open", {"like": True}).json == {"likes": 1}
    refusals = [
        api.patch("/repos/other/open", {"description": "mine"}),
        api.delete("/repos/other/open"),
        api.post("/commits/other/open", {"manifest": manifest()}),
        api.post("/repos/other/open/tags", {"tag_name": "t", "commit_id": str(uuid.uuid4())}),
        api.delete("/repos/other/open/tags/t"),
    ]
    assert {answer.status for answer in refusals} == {403}
    hidden = [
        api.get("/repos/other/closed"),
        api.patch("/repos/other/closed", {}),
        api.delete("/repos/other/closed"),
        api.post("/likes/other/closed", {"like": True}),
        api.get("/commits/other/closed"),
        api.get("/commits/other/closed/latest"),
        api.get("/repos/-/open"),
    ]
    assert {answer.status for answer in hidden} == {404}


def manifest(text="Hi {name}", **fields):
    return {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "prompts", "prompt", "PromptTemplate"],
        "kwargs": {"template": text, "input_variables": ["name"]},
    } | fields


def commit(api, text="Hi {name}", parent=None, name="greet", **fields):
    body = {"manifest": manifest(text), "parent_commit": parent, **fields}
    answer = api.post(f"/commits/-/{name}", body)
    assert answer.status == 200, answer.body
    return answer.json["commit"]


def commits(api, count, name="greet"):
    """Make a prompt with commits, oldest first."""
    make(api, name)
    made = []
    for number in range(count):
        made.append(commit(api, str(number), made[-1]["commit_hash"] if made else None, name=name))
    return made


def pull(api, which="latest", name="greet", query=""):
    answer = api.get(f"/commits/-/{name}/{which}{query}")
    assert answer.status == 200, answer.body
    return answer.json


def test_a_commit_is_pulled_by_latest_hash_prefix_and_tag(api):
    first, second = commits(api, 2)
    assert pull(api) == pull(api, second["commit_hash"])
    assert pull(api)["manifest"] == manifest("1")
    assert pull(api)["examples"] == []
    api.post("/repos/-/greet/tags", {"tag_name": "prod", "commit_id": first["id"]})
    for which in ("prod", first["commit_hash"], first["commit_hash"][:8], first["commit_hash"][:8].upper()):
        assert pull(api, which) == {
            "commit_hash": first["commit_hash"],
            "manifest": manifest("0"),
            "examples": [],
        }
    for which in ("nothing", "f" * 64, first["commit_hash"][:3], "a/b", quote("%"), "x" * 300):
        answer = api.get(f"/commits/-/greet/{which}")
        assert answer.status == 404
        assert answer.detail.startswith("Commit '")


def test_a_prompt_tells_about_its_commits(api):
    first, second = commits(api, 2)
    repo = read(api)
    assert (repo["num_commits"], repo["last_commit_hash"]) == (2, second["commit_hash"])
    assert repo["updated_at"] > repo["created_at"]
    found = api.get("/commits/-/greet/?limit=10").json
    assert found["total"] == 2
    assert [one["id"] for one in found["commits"]] == [second["id"], first["id"]]
    assert found["commits"][0]["parent_commit_hash"] == first["commit_hash"]
    assert found["commits"][0]["parent_id"] == first["id"]
    assert (found["commits"][1]["parent_commit_hash"], found["commits"][1]["parent_id"]) == (None, None)
    assert found["commits"][0]["created_at"] > found["commits"][1]["created_at"]


def test_commits_are_paged(api):
    hashes = [made["commit_hash"] for made in commits(api, 5)][::-1]
    pages = [api.get(f"/commits/-/greet?limit=2&offset={offset}").json for offset in (0, 2, 4, 6)]
    assert [[one["commit_hash"] for one in page["commits"]] for page in pages] == [
        hashes[:2],
        hashes[2:4],
        hashes[4:],
        [],
    ]
    assert {page["total"] for page in pages} == {5}
    assert api.get("/commits/-/greet?limit=101").status == 422


def test_a_stale_or_missing_parent_is_refused(api):
    first, second = commits(api, 2)
    for parent in (first["commit_hash"], first["commit_hash"][:8], None):
        answer = api.post("/commits/-/greet", {"manifest": manifest("new"), "parent_commit": parent})
        assert answer.status == 409
        assert second["commit_hash"][:8] in answer.detail
    unknown = api.post("/commits/-/greet", {"manifest": manifest("new"), "parent_commit": "p0"})
    assert (unknown.status, unknown.detail) == (404, "Commit 'p0' not found")
    assert read(api)["num_commits"] == 2
    for number, parent in enumerate((second["commit_hash"][:8], "latest")):
        commit(api, f"new {number}", parent)


def test_an_unchanged_manifest_is_refused_and_a_changed_back_one_is_not(api):
    first = commits(api, 1)[0]
    same = dict(reversed(manifest("0").items()))
    answer = api.post("/commits/-/greet", {"manifest": same, "parent_commit": first["commit_hash"]})
    assert answer.status == 409
    assert answer.detail.startswith("Nothing to commit")
    second = commit(api, "1", first["commit_hash"])
    third = commit(api, "0", second["commit_hash"])
    assert third["manifest_id"] == first["manifest_id"] != second["manifest_id"]
    assert third["commit_hash"] != first["commit_hash"]


def test_the_hash_is_that_of_the_content(api):
    assert [commits(api, 2, name)[-1]["commit_hash"] for name in ("a", "b")] == [
        read(api, "a")["last_commit_hash"]
    ] * 2


def test_of_commits_at_one_time_one_wins(api):
    first = commits(api, 1)[0]

    def attempt(number):
        body = {"manifest": manifest(f"n{number}"), "parent_commit": first["commit_hash"]}
        return api.post("/commits/-/greet", body).status

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(attempt, range(8)))
    assert statuses == [200] + [409] * 7
    assert read(api)["num_commits"] == 2


def nested(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "manifest: must be an object"),
        ([], "manifest: must be an object"),
        ({}, "manifest.id: is missing"),
        (manifest(id=None), "manifest.id: is missing"),
        (manifest(id=[]), "manifest.id: is missing"),
        (manifest(id=["langchain", 1]), "manifest.id: is missing"),
        (manifest(type="not_implemented"), "manifest: unsupported type 'not_implemented'"),
        (manifest(type=None), "manifest: unsupported type None"),
        (manifest(id=["langchain", "llms", "OpenAI"]), "manifest: unsupported type of object 'OpenAI'"),
        (manifest(id=["RunnableSequence"], kwargs={}), "manifest.kwargs.first: must be an object"),
        (manifest(id=["RunnableSequence"], kwargs=[]), "manifest.kwargs.first: must be an object"),
        (manifest(id=["\ud800"]), "manifest: unsupported type of object"),
    ],
)
def test_what_is_no_prompt_is_refused_with_the_reason(api, value, reason):
    make(api)
    answer = api.post("/commits/-/greet", {"manifest": value})
    assert answer.status == 400
    assert answer.detail.startswith(reason)


def test_other_wrong_commits_are_refused(api):
    make(api)
    assert api.post("/commits/-/greet", {}).status == 422
    assert api.post("/commits/-/greet", {"manifest": manifest(), "parent_commit": 5}).status == 422
    assert api.post("/commits/-/greet", {"manifest": manifest(), "example_run_ids": ["x"]}).status == 422
    assert api.post("/commits/-/missing", {"manifest": manifest()}).status == 404
    assert api.get("/commits/-/greet/latest").status == 404


@pytest.mark.parametrize("levels", [250, 500, 900, 960, 1000, 1020, 100_000])
@pytest.mark.parametrize("field", ["kwargs", "type", "id"])
def test_deep_content_is_kept_or_refused(shared_api, levels, field):
    name = f"deep-{field}-{levels}"
    make(shared_api, name)
    body = json.dumps({"manifest": manifest(**{field: "DEEP"})}).replace('"DEEP"', nested(levels))
    answer = shared_api.call(
        "POST", f"/commits/-/{name}", body.encode(), {"content-type": "application/json"}
    )
    assert answer.status in ({200, 400} if field == "kwargs" else {400})
    if answer.status == 200:
        found = shared_api.get(f"/commits/-/{name}/latest").body
        assert nested(levels).encode() in found


def test_odd_content_comes_back_as_it_was_sent(api):
    make(api)
    odd = manifest("\ud800 \x00 é") | {"b": 2**80, "a": [1.5, None]}
    assert api.post("/commits/-/greet", {"manifest": odd}).status == 200
    found = pull(api)["manifest"]
    assert found == odd
    assert list(found) == list(odd)


def test_a_model_is_left_out_unless_it_is_asked_for(api):
    make(api)
    whole = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "runnable", "RunnableSequence"],
        "kwargs": {"first": manifest(), "last": {"lc": 1, "type": "constructor", "id": ["x", "ChatOpenAI"]}},
    }
    assert api.post("/commits/-/greet", {"manifest": whole}).status == 200
    assert pull(api)["manifest"] == manifest()
    assert pull(api, query="?include_model=true")["manifest"] == whole


def test_examples_are_runs_that_are_there(api):
    make(api)
    run_id = api.new_run(inputs={"name": "Ann"}, outputs={"text": "Hi Ann"})
    made = commit(api, example_run_ids=[run_id, str(uuid.uuid4())])
    assert made["example_run_ids"][0] == run_id
    (example,) = pull(api)["examples"]
    assert (example["id"], example["inputs"], example["outputs"]) == (
        run_id,
        {"name": "Ann"},
        {"text": "Hi Ann"},
    )


def test_pulls_are_counted(api):
    first, second = commits(api, 2)
    make(api, "unread")
    pull(api)
    pull(api, first["commit_hash"])
    pull(api)
    repo = read(api)
    assert (repo["num_views"], repo["num_downloads"]) == (3, 3)
    counts = {one["id"]: one["num_downloads"] for one in api.get("/commits/-/greet").json["commits"]}
    assert counts == {first["id"]: 1, second["id"]: 2}
    assert listed(api, "sort_field=num_downloads") == ["greet", "unread"]
    assert listed(api, "sort_field=num_views&sort_direction=asc") == ["unread", "greet"]


def test_tags_move_and_go(api):
    first, second = commits(api, 2)
    tags = "/repos/-/greet/tags"
    made = api.post(tags, {"tag_name": "prod", "commit_id": first["id"]}).json
    assert (made["tag_name"], made["commit_id"], made["commit_hash"]) == (
        "prod",
        first["id"],
        first["commit_hash"],
    )
    assert api.get(f"{tags}/prod").json == made
    moved = api.post(tags, {"tag_name": "prod", "commit_id": second["id"]}).json
    assert (moved["id"], moved["commit_id"]) == (made["id"], second["id"])
    assert api.patch(f"{tags}/prod", {"commit_id": first["id"]}).json["commit_id"] == first["id"]
    api.post(tags, {"tag_name": "beta", "commit_id": first["id"]})
    assert [tag["tag_name"] for tag in api.get(tags).json] == ["beta", "prod"]
    assert api.delete(f"{tags}/prod").status == 200
    for answer in (
        api.get(f"{tags}/prod"),
        api.delete(f"{tags}/prod"),
        api.patch(f"{tags}/prod", {"commit_id": first["id"]}),
    ):
        assert (answer.status, answer.detail) == (404, "Tag 'prod' not found")
    assert api.delete("/repos/-/greet").status == 200


@pytest.mark.parametrize("name", ["latest", "", "a b", "a/b", "ä", "\ud800", None])
def test_wrong_tags_are_refused(api, name):
    made = commits(api, 1)[0]
    answer = api.post("/repos/-/greet/tags", {"tag_name": name, "commit_id": made["id"]})
    assert answer.status == 422
    assert answer.detail.startswith("tag_name: ")


def test_a_tag_names_a_commit_of_its_own_prompt(api):
    elsewhere = commits(api, 1, "elsewhere")[0]
    commits(api, 1)
    for commit_id in (elsewhere["id"], str(uuid.uuid4())):
        answer = api.post("/repos/-/greet/tags", {"tag_name": "t", "commit_id": commit_id})
        assert answer.status == 404


def test_a_tag_never_hides_a_whole_hash_but_hides_its_beginning(api):
    first, second = commits(api, 2)
    beginning = first["commit_hash"][:8]
    for name in (first["commit_hash"], beginning):
        api.post("/repos/-/greet/tags", {"tag_name": name, "commit_id": second["id"]})
    assert pull(api, first["commit_hash"])["commit_hash"] == first["commit_hash"]
    assert pull(api, beginning)["commit_hash"] == second["commit_hash"]


def test_a_prefix_that_several_hashes_have_is_refused(api, database):
    first, second = commits(api, 2)
    with sqlite3.connect(database) as connection:
        for made, digit in ((first, "0"), (second, "1")):
            connection.execute(
                "UPDATE prompt_commits SET hash = ? WHERE hash = ?",
                ("abcd" + digit * 60, made["commit_hash"]),
            )
    connection.close()
    answer = api.get("/commits/-/greet/abcd")
    assert (answer.status, answer.detail.split(":")[0]) == (422, "commit")
    assert pull(api, "abcd0")["manifest"] == manifest("0")


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ["..", "-", "'--", "%00", "\0", "a" * 500, "latest", "{}", "\N{COMBINING ACUTE ACCENT}"]
)


@settings(max_examples=40)
@given(owner=texts, name=texts, commit=texts, query=texts)
def test_hostile_paths_and_queries_are_never_the_servers_fault(shared_api, owner, name, commit, query):
    owner, name, commit, query = (quote(text, safe="") for text in (owner, name, commit, query))
    for path in (
        f"/repos/{owner}/{name}",
        f"/repos/-/{name}/tags/{commit}",
        f"/commits/{owner}/{name}/{commit}",
        f"/commits/-/{name}?limit={query}",
        f"/repos?query={query}&match_prefix={query}&tags={query}&is_public={query}",
        f"/repos?sort_field={query}&offset={query}",
    ):
        assert shared_api.get(path).status < 500, path
    assert shared_api.delete(f"/repos/{owner}/{name}").status in {403, 404, 405, 422}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=25)
@given(value=json_values)
def test_hostile_bodies_are_never_the_servers_fault(shared_api, value):
    shared_api.post("/repos", {"repo_handle": "hostile"})
    for path, field in (
        ("/repos", "repo_handle"),
        ("/repos", "tags"),
        ("/commits/-/hostile", "manifest"),
        ("/commits/-/hostile", "parent_commit"),
        ("/repos/-/hostile/tags", "tag_name"),
        ("/likes/-/hostile", "like"),
        ("/settings/handle", "tenant_handle"),
    ):
        base = (
            {"manifest": manifest()} if path.startswith("/commits") else {"commit_id": str(uuid.UUID(int=0))}
        )
        assert shared_api.post(path, {**base, field: value}).status < 500, (path, value)
        assert shared_api.post(path, value).status < 500, (path, value)
    body = {"manifest": manifest(kwargs=value), "parent_commit": "latest"}
    assert shared_api.post("/commits/-/hostile", body).status < 500
    assert shared_api.patch("/repos/-/hostile", {"description": value, "tags": value}).status < 500
