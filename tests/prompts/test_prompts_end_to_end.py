"""Both clients and the server's own routes, with nothing between them: every method, and what goes wrong."""

from __future__ import annotations

import asyncio

import pytest

from smithkit import AsyncClient, AsyncPromptCache, Client, PromptCache
from smithkit.errors import (
    LangSmithConflictError,
    LangSmithConnectionError,
    LangSmithNotFoundError,
    LangSmithUserError,
)
from smithkit.prompts import ChatPrompt, DiskCache, MissingVariablesError, StaleParentError, TextPrompt

pytest.importorskip("smithkit.server")
GREETING = TextPrompt("Hello {name}, {mood}")
NOWHERE = "http://127.0.0.1:9"


class Backend:
    """A client and its server; what is awaited is awaited here."""

    def __init__(self, kind, folder) -> None:
        self.kind = kind
        self.url = f"sqlite:///{folder}/prompts.db"
        self.runner = asyncio.Runner()
        self.client = self.connect(self.url)

    def connect(self, url, **options):
        made = {"Client": Client, "AsyncClient": AsyncClient}[self.kind]
        cache = {"Client": PromptCache, "AsyncClient": AsyncPromptCache}[self.kind]
        return made(url, api_key="key", plugins=[cache(**options)], retry_config={"max_retries": 0})

    def call(self, method, *args, client=None, **kwargs):
        result = getattr(client or self.client, method)(*args, **kwargs)
        return self.runner.run(_whole(result)) if self.kind == "AsyncClient" else result

    def close(self):
        if self.kind == "AsyncClient":
            self.runner.run(self.client.aclose())
        else:
            self.client.close()
        self.runner.close()


async def _whole(result):
    return [item async for item in result] if hasattr(result, "__anext__") else await result


@pytest.fixture(params=["Client", "AsyncClient"])
def backend(request, tmp_path):
    backend = Backend(request.param, tmp_path)
    yield backend
    backend.close()


def commits(backend, name="greet"):
    return [commit.commit_hash for commit in backend.call("list_prompt_commits", name)]


def test_every_method_speaks_with_the_server(backend):
    made = backend.call("create_prompt", "greet", description="Says hello", tags=["a"])
    url = backend.call("create_commit", "greet", GREETING, tags="prod")
    pushed = backend.call(
        "push_prompt", "greet", object=ChatPrompt([("user", "{q}")]), readme="More", commit_tags=["next"]
    )
    newest, oldest = commits(backend)

    assert (made.full_name, oldest[:8] in url, newest[:8] in pushed) == ("personal/greet", True, True)
    assert backend.call("get_prompt", "greet").readme == "More"
    for name in ("greet:prod", f"greet:{oldest}", f"personal/greet:{oldest[:8]}", f"-/greet:{oldest}"):
        assert backend.call("pull_prompt_commit", name).commit_hash == oldest
        prompt = backend.call("pull_prompt", name, as_langchain=False)
        assert prompt.format(name="Ada", mood="welcome") == "Hello Ada, welcome"
        assert prompt.origin.commit_hash == oldest
    for name in ("greet", "greet:next", "greet:latest"):
        assert (
            backend.call("pull_prompt", name, as_langchain=False).to_openai(q="Why?")["messages"][0][
                "content"
            ]
            == "Why?"
        )
    assert (backend.call("like_prompt", "greet"), backend.call("unlike_prompt", "greet")) == (
        {"likes": 1},
        {"likes": 0},
    )
    assert backend.call("update_prompt", "greet", description="Greets")["repo"]["description"] == "Greets"
    assert [prompt.repo_handle for prompt in backend.call("list_prompts", query="gre").repos] == ["greet"]
    backend.call("delete_prompt", "greet")
    assert backend.call("get_prompt", "greet") is None


def test_the_model_comes_when_it_is_asked_for(backend):
    model = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "chat_models", "openai", "ChatOpenAI"],
        "kwargs": {"model": "gpt-5", "temperature": 0.5},
    }
    sequence = {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "runnable", "RunnableSequence"],
        "kwargs": {"first": GREETING.to_manifest(), "last": model},
    }
    backend.call("push_prompt", "greet", object=sequence)

    with_model = backend.call("pull_prompt", "greet", include_model=True, as_langchain=False)

    assert backend.call("pull_prompt", "greet", as_langchain=False).model is None
    assert with_model.to_openai(name="Ada", mood="hi")["model"] == "gpt-5"


@pytest.mark.parametrize("name", ["nothing", "greet:no-such-tag", f"greet:{'f' * 64}", "stranger/greet"])
@pytest.mark.parametrize("method", ["pull_prompt_commit", "pull_prompt"])
def test_a_prompt_tag_or_hash_that_is_not_there_is_not_found_despite_a_fallback(backend, method, name):
    backend.call("push_prompt", "greet", object=GREETING)

    with pytest.raises(LangSmithNotFoundError, match="There is no prompt"):
        backend.call(method, name, fallback="mine")


@pytest.mark.parametrize("method", ["create_prompt", "delete_prompt"])
def test_a_foreign_owner_is_refused(backend, method):
    with pytest.raises(LangSmithUserError, match=r"'stranger'.*handle is 'personal'"):
        backend.call(method, "stranger/greet")


def test_a_commit_on_a_stale_parent_is_refused_and_goes_on_top_of_what_came_between(backend):
    backend.call("push_prompt", "greet", object=TextPrompt("one"))
    parent = backend.call("pull_prompt_commit", "greet").commit_hash
    backend.call("create_commit", "greet", TextPrompt("two"), parent_commit_hash=parent)

    for method, content in (("create_commit", [TextPrompt("three")]), ("push_prompt", [])):
        options = {} if content else {"object": TextPrompt("three")}
        with pytest.raises(StaleParentError, match="another one came between") as caught:
            backend.call(method, "greet", *content, parent_commit_hash=parent, **options)
        assert caught.value.status_code == 409
    assert len(commits(backend)) == 2

    newest = backend.call("pull_prompt_commit", "greet", skip_cache=True)
    assert newest.manifest["kwargs"]["template"] == "two"
    backend.call("create_commit", "greet", TextPrompt("three"), parent_commit_hash=newest.commit_hash)
    assert len(commits(backend)) == 3


def test_a_commit_that_changes_nothing_is_a_conflict_of_another_kind(backend):
    backend.call("push_prompt", "greet", object=GREETING)

    with pytest.raises(LangSmithConflictError, match="Nothing to commit") as caught:
        backend.call("create_commit", "greet", GREETING)
    assert not isinstance(caught.value, StaleParentError)


def test_all_missing_variables_are_named_at_once(backend):
    backend.call("push_prompt", "greet", object=GREETING)

    with pytest.raises(MissingVariablesError, match="mood, name") as caught:
        backend.call("pull_prompt", "greet", as_langchain=False).format()
    assert caught.value.missing == ("mood", "name")


@pytest.mark.parametrize("method", ["pull_prompt_commit", "pull_prompt"])
def test_a_backend_that_is_down_is_an_error_or_the_fallback(backend, method):
    down = backend.connect(NOWHERE)

    with pytest.raises(LangSmithConnectionError):
        backend.call(method, "greet", client=down)
    assert backend.call(method, "greet", client=down, fallback="mine") == "mine"
    assert backend.call(method, "greet", client=down, fallback=lambda: "made") == "made"


def test_what_was_pulled_is_on_disk_when_the_backend_is_down(backend, tmp_path):
    backend.call("push_prompt", "greet", object=GREETING)
    disk = DiskCache(tmp_path / "disk", max_age_seconds=0)
    backend.call("pull_prompt", "greet", client=backend.connect(backend.url, disk=disk), as_langchain=False)
    (tmp_path / "prompts.db").rename(tmp_path / "gone.db")
    for file in disk.folder.glob("*"):  # what it was pulled from is another server than the one that is down
        file.rename(disk.folder / _scope(NOWHERE))

    found = backend.call(
        "pull_prompt",
        "greet",
        client=backend.connect(NOWHERE, disk=disk),
        as_langchain=False,
        fallback="mine",
    )

    assert found.format(name="Ada", mood="hi") == "Hello Ada, hi"


def _scope(url):
    from smithkit.prompts.cache._keys import scope_of

    return scope_of(url, None, "key")
