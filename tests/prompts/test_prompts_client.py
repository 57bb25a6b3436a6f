"""Prompts and their commits on both clients."""

from __future__ import annotations

import pytest

from smithkit.errors import (
    LangSmithConflictError,
    LangSmithNotFoundError,
    LangSmithResponseError,
    LangSmithUserError,
)

WORKSPACE = {
    "id": "7e000000-0000-4000-8000-000000000001",
    "display_name": "Acme",
    "created_at": "2024-05-06T07:08:09+00:00",
    "tenant_handle": "acme",
}


def repo(name="greet", **fields):
    return {
        "repo_handle": name,
        "id": "bb000000-0000-4000-8000-000000000001",
        "tenant_id": WORKSPACE["id"],
        "created_at": "2024-05-06T07:08:09+00:00",
        "updated_at": "2024-05-06T07:08:09+00:00",
        "is_public": False,
        "is_archived": False,
        "tags": [],
        "owner": "acme",
        "full_name": f"acme/{name}",
        "num_likes": 0,
        "num_downloads": 0,
        "num_views": 0,
        "num_commits": 0,
        **fields,
    }


def commits(first, last, total):
    rows = [{"id": f"c0000000-0000-4000-8000-{number:012}"} for number in range(first, last + 1)]
    return {"commits": rows, "total": total}


@pytest.fixture
def lists(both):
    """Paths of the lists, which end in a slash on one client."""
    slash = "/" if both.kind == "AsyncClient" else ""
    return {"prompts": f"/repos{slash}", "commits": f"/commits/-/greet{slash}"}


@pytest.mark.parametrize(
    "method",
    [
        "get_prompt",
        "create_prompt",
        "update_prompt",
        "delete_prompt",
        "like_prompt",
        "unlike_prompt",
        "list_prompt_commits",
        "pull_prompt_commit",
    ],
)
def test_a_text_that_names_no_prompt_is_refused_before_any_request(both, method):
    with pytest.raises(ValueError, match="a/b/c"):
        both(method, "a/b/c")
    assert both.api.requests == []


def test_a_prompt_is_read(both):
    both.api.answer("GET", "/repos/acme/greet", {"repo": repo(colour="green")})

    prompt = both("get_prompt", "acme/greet:ignored")

    assert prompt.full_name == "acme/greet"
    assert prompt.colour == "green"


def test_a_prompt_that_is_not_there_is_none(both):
    assert both("get_prompt", "greet") is None
    assert both.sent() == [("GET", "/repos/-/greet")]


@pytest.mark.parametrize("answer", [{"repo": None}, {}, [], {"repo": {"id": "x"}}])
def test_an_answer_that_is_no_prompt_is_a_typed_error(both, answer):
    both.api.answer("GET", "/repos/-/greet", answer)

    with pytest.raises(LangSmithResponseError):
        both("get_prompt", "greet")


def test_a_name_cannot_leave_its_place_in_the_path(both):
    both("get_prompt", "gr?eet#x")

    assert both.last().query == {}
    assert both.last().path == "/repos/-/gr%3Feet%23x"


def test_prompts_are_listed(both, lists):
    from smithkit.prompts.schemas import PromptSortField

    both.api.answer("GET", lists["prompts"], {"repos": [repo()], "total": 1})

    listed = both("list_prompts", limit=5, is_public=True, sort_field=PromptSortField.num_likes, query="gr")

    assert [prompt.repo_handle for prompt in listed.repos] == ["greet"]
    assert listed.total == 1
    assert both.last().query == {
        "limit": ["5"],
        "offset": ["0"],
        "is_public": ["true"],
        "is_archived": ["false"],
        "sort_field": ["num_likes"],
        "sort_direction": ["desc"],
        "query": ["gr"],
        "match_prefix": ["true"],
    }


def test_a_long_list_of_prompts_takes_several_requests(both, lists):
    both.api.answer("GET", lists["prompts"], {"repos": [repo(f"p{n}") for n in range(100)], "total": 130})
    both.api.answer("GET", lists["prompts"], {"repos": [repo(f"q{n}") for n in range(20)], "total": 130})

    listed = both("list_prompts", limit=120, offset=7)

    assert len(listed.repos) == 120
    assert [(request.query["limit"], request.query["offset"]) for request in both.api.requests] == [
        (["100"], ["7"]),
        (["20"], ["107"]),
    ]


def test_a_list_of_prompts_ends_with_a_short_page(both, lists):
    both.api.answer("GET", lists["prompts"], {"repos": [repo()], "total": 1})

    assert len(both("list_prompts", limit=500).repos) == 1
    assert len(both.api.requests) == 1


@pytest.mark.parametrize("arguments", [{"limit": -1}, {"offset": -1}])
def test_a_wrong_list_is_refused_before_any_request(both, arguments):
    with pytest.raises(LangSmithUserError):
        both("list_prompts", **arguments)
    with pytest.raises(LangSmithUserError):
        both("list_prompt_commits", "greet", **arguments)
    assert both.api.requests == []


def test_a_prompt_is_created(both, lists):
    both.api.answer("GET", "/settings", WORKSPACE)
    both.api.answer("POST", lists["prompts"], {"repo": repo()})

    prompt = both("create_prompt", "acme/greet", tags=("demo",), is_public=True)

    assert prompt.repo_handle == "greet"
    assert both.last().json() == {
        "repo_handle": "greet",
        "description": "",
        "readme": "",
        "tags": ["demo"],
        "is_public": True,
    }


def test_a_prompt_that_is_there_is_a_conflict(both, lists):
    both.api.answer("GET", "/settings", WORKSPACE)
    both.api.answer("POST", lists["prompts"], {"detail": "there"}, status=409)

    with pytest.raises(LangSmithConflictError):
        both("create_prompt", "greet")


@pytest.mark.parametrize("method", ["create_prompt", "delete_prompt"])
@pytest.mark.parametrize("handle", ["acme", None])
def test_another_workspaces_prompts_are_left_alone(both, method, handle):
    both.api.answer("GET", "/settings", {**WORKSPACE, "tenant_handle": handle})

    with pytest.raises(LangSmithUserError, match="'zed'"):
        both(method, "zed/greet")
    assert both.sent() == [("GET", "/settings")]


def test_a_public_prompt_needs_a_handle(both):
    both.api.answer("GET", "/settings", {**WORKSPACE, "tenant_handle": None})

    with pytest.raises(LangSmithUserError, match="handle"):
        both("create_prompt", "greet", is_public=True)
    with pytest.raises(ValueError, match="handle"):
        both("update_prompt", "greet", is_public=True)
    assert {path for _, path in both.sent()} == {"/settings"}


def test_only_what_is_given_is_updated(both):
    both.api.answer("GET", "/settings", WORKSPACE)
    both.api.answer("PATCH", "/repos/-/greet", {"repo": repo()})

    assert both("update_prompt", "greet", description="", is_archived=False)["repo"] == repo()
    assert both.last().json() == {"description": "", "is_archived": False}


def test_settings_are_asked_for_once_for_each_key(both):
    both.api.answer("GET", "/settings", WORKSPACE)
    both.api.answer("DELETE", "/repos/-/greet", {})

    for key in ("first", "first", "second"):
        both.client.api_key = key
        both("delete_prompt", "greet")

    assert [path for _, path in both.sent()].count("/settings") == 2


def test_a_prompt_that_is_not_there_cannot_be_deleted(both):
    both.api.answer("GET", "/settings", WORKSPACE)

    with pytest.raises(LangSmithNotFoundError):
        both("delete_prompt", "greet")


def test_a_like_is_given_and_taken_back(both):
    both.api.answer("POST", "/likes/acme/greet", {"likes": 1})
    both.api.answer("POST", "/likes/acme/greet", {"likes": 0})

    assert both("like_prompt", "acme/greet") == {"likes": 1}
    assert both.last().json() == {"like": True}
    assert both("unlike_prompt", "acme/greet") == {"likes": 0}
    assert both.last().json() == {"like": False}


def test_commits_are_listed_up_to_their_total(both, lists):
    both.api.answer("GET", lists["commits"], commits(1, 20, total=25))
    both.api.answer("GET", lists["commits"], commits(21, 25, total=25))

    listed = both("list_prompt_commits", "greet")

    assert len(listed) == 25
    assert (listed[0].owner, listed[0].repo) == ("-", "greet")
    assert [request.query["offset"] for request in both.api.requests] == [["0"], ["20"]]
    assert "limit" not in both.last().query


@pytest.mark.parametrize(("limit", "requests"), [(0, 0), (1, 1), (100, 1), (150, 2)])
def test_a_limit_stops_the_commits(both, lists, limit, requests):
    both.api.answer("GET", lists["commits"], commits(1, max(1, min(limit, 100)), total=1000))

    assert len(both("list_prompt_commits", "greet", limit=limit)) == limit
    assert len(both.api.requests) == requests


def test_commits_are_fetched_when_they_are_needed(both, lists):
    both.api.answer("GET", lists["commits"], commits(1, 20, total=25))

    assert len(both("list_prompt_commits", "greet", take=20)) == 20
    assert len(both.api.requests) == 1


def test_a_list_of_commits_that_promises_too_many_ends(both, lists):
    both.api.answer("GET", lists["commits"], commits(1, 2, total=9))
    both.api.answer("GET", lists["commits"], commits(1, 0, total=9))

    assert len(both("list_prompt_commits", "greet")) == 2


@pytest.mark.parametrize("answer", [[], {"commits": []}, {"commits": {}, "total": 1}])
def test_an_answer_that_is_no_list_of_commits_is_a_typed_error(both, lists, answer):
    both.api.answer("GET", lists["commits"], answer)

    with pytest.raises(LangSmithResponseError):
        both("list_prompt_commits", "greet")


def test_a_commit_is_pulled_with_its_content(both):
    content = {"commit_hash": "abc", "manifest": {"lc": 1}, "examples": []}
    both.api.answer("GET", "/commits/zed/greet/abc", content)

    commit = both("pull_prompt_commit", "zed/greet:abc", include_model=True)

    assert (commit.owner, commit.repo, commit.manifest) == ("zed", "greet", {"lc": 1})
    assert both.last().query == {"include_model": ["true"]}


def test_without_a_commit_the_latest_is_pulled(both):
    with pytest.raises(LangSmithNotFoundError):
        both("pull_prompt_commit", "greet", skip_cache=True)
    assert both.sent() == [("GET", "/commits/-/greet/latest")]
