"""The same program, about prompts, run with both clients against `smithkit serve`."""

from __future__ import annotations

import sys

import pytest

PROGRAM = """
import asyncio, json, sys

package = sys.argv[1]
if package == "smithkit":
    from smithkit import AsyncClient, Client
    from smithkit.schemas import PromptSortField
else:
    from langsmith import AsyncClient, Client
    from langsmith.schemas import PromptSortField

client = Client(disable_prompt_cache=True)
out = {}


def refusal(call, text=""):
    try:
        call()
    except Exception as error:
        assert text in str(error), error
        # smithkit has errors of its own below the API's
        return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__.startswith("LangSmith"))
    return None


def manifest(text, **fields):
    kwargs = {"input_variables": ["name"], "template": text, "template_format": "f-string"}
    prompt = {"lc": 1, "type": "constructor", "id": ["langchain", "prompts", "prompt", "PromptTemplate"]}
    return {**prompt, "kwargs": kwargs, **fields}


def pull(name, **options):
    return client.pull_prompt_commit(name, **options)


def template(name):
    return pull(name).manifest["kwargs"]["template"]


def names(**options):
    return [prompt.repo_handle for prompt in client.list_prompts(**options).repos]


# create and read
made = client.create_prompt("greet", description="d", readme="r", tags=["a", "b"])
out["made"] = [made.full_name, made.description, made.readme, made.tags, made.is_public, made.num_commits]
out["taken"] = refusal(lambda: client.create_prompt("greet"))
out["foreign"] = [refusal(lambda: getattr(client, method)("zed/greet")) for method in ("create_prompt", "delete_prompt")]
out["owned"] = [client.get_prompt("personal/greet").id == made.id, client.get_prompt("zed/greet")]
out["missing"] = [
    client.get_prompt("nothing"),
    refusal(lambda: pull("nothing")),
    refusal(lambda: pull("greet")),
    refusal(lambda: client.create_commit("nothing", manifest("x"))),
    refusal(lambda: client.delete_prompt("nothing")),
    refusal(lambda: client.update_prompt("nothing", description="x")),
    refusal(lambda: list(client.list_prompt_commits("nothing"))),
    refusal(lambda: client.like_prompt("nothing")),
]

# commit and pull
url = client.create_commit("greet", manifest("one"))
first = pull("greet")
out["first"] = [first.owner, first.repo, first.manifest == manifest("one"), first.examples]
out["url"] = [first.commit_hash[:8] in url, len(first.commit_hash)]
client.create_commit("greet", manifest("two"), parent_commit_hash=first.commit_hash, tags=["prod", "beta"])
client.create_commit("greet", manifest("three"), tags="prod")
one = first.commit_hash
out["pulled"] = [
    template(f"greet{which}") for which in ("", ":latest", f":{one}", f":{one[:8]}", ":prod", ":beta")
]
out["by_handle"] = template(f"personal/greet:{one[:6]}")
out["refused"] = [
    refusal(lambda: client.create_commit("greet", manifest("four"), parent_commit_hash=one), "latest"),
    refusal(lambda: client.create_commit("greet", manifest("three")), "Nothing to commit"),
    refusal(lambda: client.create_commit("greet", manifest("x"), parent_commit_hash="f" * 64), "not found"),
    refusal(lambda: client.create_commit("greet", manifest("x", type="secret")), "unsupported type"),
    refusal(lambda: client.create_commit("greet", manifest("x", id=[])), "manifest.id"),
    refusal(lambda: client.create_prompt("not ok"), "repo_handle"),
]
commits = list(client.list_prompt_commits("greet"))
out["commits"] = [len(commits), commits[-1].commit_hash == one, commits[-1].parent_commit_hash]
out["chained"] = [
    newer.parent_commit_hash == older.commit_hash and newer.created_at > older.created_at
    for newer, older in zip(commits, commits[1:])
]
page = [commit.id for commit in client.list_prompt_commits("greet", limit=1, offset=1)]
out["commit_page"] = page == [commits[1].id]
read = client.get_prompt("greet")
out["told"] = [read.num_commits, read.last_commit_hash == commits[0].commit_hash, read.updated_at > made.updated_at]
out["counted"] = [read.num_views, read.num_downloads, commits[-1].num_downloads]

# push
url = client.push_prompt("pushed", object=manifest("p1"), description="Says", is_public=True, commit_tags="v1")
out["pushed"] = [client.get_prompt("pushed").is_public, template("pushed:v1")]
client.push_prompt("pushed", object=manifest("p2"), tags=["x"], readme="more")
pushed = client.get_prompt("pushed")
out["pushed_again"] = [template("pushed"), template("pushed:v1"), pushed.tags, pushed.readme, pushed.description]
sequence = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain", "schema", "runnable", "RunnableSequence"],
    "kwargs": {"first": manifest("m"), "last": {"lc": 1, "type": "constructor", "id": ["x", "ChatModel"]}},
}
client.push_prompt("modelled", object=sequence)
out["model"] = [
    pull("modelled").manifest == manifest("m"),
    pull("modelled", include_model=True).manifest == sequence,
]

from langchain_core.prompts import ChatPromptTemplate

client.push_prompt("chat", object=ChatPromptTemplate.from_messages([("system", "Be {how}"), ("human", "Hi {name}")]))
messages = client.pull_prompt("chat").invoke({"how": "kind", "name": "Ann"}).to_messages()
out["langchain"] = [message.content for message in messages]

# likes
out["likes"] = [client.like_prompt("greet"), client.like_prompt("greet"), client.unlike_prompt("pushed")]
out["liked"] = [client.get_prompt(name).liked_by_auth_user for name in ("greet", "pushed")]
out["by_likes"] = names(sort_field=PromptSortField.num_likes)[0]
out["unliked"] = client.unlike_prompt("greet")

# list
out["all"] = names()
out["oldest"] = names(sort_direction="asc")[0]
client.update_prompt("greet", description="again", tags=["c"])
read = client.get_prompt("greet")
out["updated"] = [names()[0], read.description, read.tags, read.readme]
out["page"] = [names(limit=2, offset=1), client.list_prompts(limit=2).total]
out["public"] = [names(is_public=True), len(names(is_public=False))]
out["search"] = [names(query="gre"), names(query="says"), names(query="nowhere")]
out["popular"] = names(sort_field=PromptSortField.num_downloads)[0]
client.update_prompt("greet", is_archived=True)
out["archived"] = ["greet" in names(), names(is_archived=True)]



async def asynchronously():
    async with AsyncClient() as client:
        made = await client.create_prompt("awaited", description="a")
        await client.create_commit("awaited", manifest("a1"), tags=["t"])
        await client.push_prompt("awaited", object=manifest("a2"))
        pulled = [(await client.pull_prompt_commit(f"awaited{which}")).manifest for which in (":t", "")]
        commits = [commit.commit_hash async for commit in client.list_prompt_commits("awaited")]
        likes = [await client.like_prompt("awaited"), await client.unlike_prompt("awaited")]
        await client.update_prompt("awaited", readme="r")
        read = await client.get_prompt("awaited")
        listed = (await client.list_prompts(query="awaited")).total
        await client.delete_prompt("awaited")
        gone = await client.get_prompt("awaited")
        same = [made.id == read.id, read.last_commit_hash == commits[0], read.readme]
        return [[one["kwargs"]["template"] for one in pulled], len(commits), likes, same, listed, gone]


out["async"] = asyncio.run(asynchronously())

# delete
client.delete_prompt("greet")
out["deleted"] = [client.get_prompt("greet"), refusal(lambda: pull("greet")), client.list_prompts().total]
print(json.dumps(out))
"""

EXPECTED = {
    "made": ["personal/greet", "d", "r", ["a", "b"], False, 0],
    "taken": "LangSmithConflictError",
    "foreign": ["LangSmithUserError"] * 2,
    "owned": [True, None],
    "missing": [None] + ["LangSmithNotFoundError"] * 7,
    "first": ["-", "greet", True, []],
    "url": [True, 64],
    "pulled": ["three", "three", "one", "one", "three", "two"],
    "by_handle": "one",
    "refused": [
        "LangSmithConflictError",
        "LangSmithConflictError",
        "LangSmithNotFoundError",
        "LangSmithError",
        "LangSmithError",
        "LangSmithError",
    ],
    "commits": [3, True, None],
    "chained": [True, True],
    "commit_page": True,
    "told": [3, True, True],
    "counted": [8, 8, 4],
    "pushed": [True, "p1"],
    "pushed_again": ["p2", "p1", ["x"], "more", "Says"],
    "model": [True, True],
    "langchain": ["Be kind", "Hi Ann"],
    "likes": [{"likes": 1}, {"likes": 1}, {"likes": 0}],
    "liked": [True, False],
    "by_likes": "greet",
    "unliked": {"likes": 0},
    "all": ["chat", "modelled", "pushed", "greet"],
    "oldest": "greet",
    "updated": ["greet", "again", ["c"], "r"],
    "page": [["chat", "modelled"], 4],
    "public": [["pushed"], 3],
    "search": [["greet"], ["pushed"], []],
    "popular": "greet",
    "archived": [False, ["greet"]],
    "async": [["a1", "a2"], 2, [{"likes": 1}, {"likes": 0}], [True, True, "r"], 1, None],
    "deleted": [None, "LangSmithNotFoundError", 3],
}


@pytest.mark.slow
def test_our_client_keeps_prompts_on_the_server(run_program):
    assert run_program(sys.executable, "smithkit", PROGRAM) == EXPECTED


@pytest.mark.slow
def test_the_official_client_keeps_prompts_on_the_server(run_program, official_python):
    assert run_program(official_python, "langsmith", PROGRAM) == EXPECTED
