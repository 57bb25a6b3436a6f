"""What callers get of a commit that the cache shares: it is a `PromptCommit`, and their own."""

from __future__ import annotations

import copy
import math
import pickle
import threading

import pytest
from pydantic import BaseModel, TypeAdapter

from smithkit.prompts.cache._commits import StoredCommit
from smithkit.prompts.cache._pulled import Pulled
from smithkit.prompts.schemas import PromptCommit

pytest.importorskip("langchain_core")
MANIFEST = {
    "lc": 1,
    "type": "constructor",
    "id": ["langchain_core", "prompts", "structured", "StructuredPrompt"],
    "kwargs": {
        "input_variables": ["q"],
        "partial_variables": {"mood": ["kind"]},
        "schema_": {"title": "Answer", "type": "object", "properties": {"a": {"type": "string"}}},
        "messages": [
            {
                "lc": 1,
                "type": "constructor",
                "id": ["langchain", "schema", "messages", "HumanMessage"],
                "kwargs": {"content": [{"type": "text", "text": "Hello"}]},
            },
            {
                "lc": 1,
                "type": "constructor",
                "id": ["langchain", "prompts", "chat", "HumanMessagePromptTemplate"],
                "kwargs": {
                    "prompt": {
                        "lc": 1,
                        "type": "constructor",
                        "id": ["langchain", "prompts", "prompt", "PromptTemplate"],
                        "kwargs": {
                            "input_variables": ["q"],
                            "template": "{q}",
                            "template_format": "f-string",
                        },
                    }
                },
            },
        ],
    },
}


def commit(manifest=MANIFEST, **more):
    manifest = copy.deepcopy(manifest)
    return PromptCommit(owner="-", repo="greet", commit_hash="c0ffee", manifest=manifest, examples=[], **more)


class Kept(BaseModel):
    commit: PromptCommit


@pytest.mark.parametrize(
    "look",
    [
        lambda one: one == commit(note="kept"),
        lambda one: commit(note="kept") == one,
        lambda one: repr(one) == repr(commit(note="kept")),
        lambda one: one.model_dump() == commit(note="kept").model_dump(),
        lambda one: one.model_dump_json() == commit(note="kept").model_dump_json(),
        lambda one: TypeAdapter(PromptCommit).dump_python(one)["manifest"] == MANIFEST,
        lambda one: Kept(commit=one).model_dump()["commit"] == commit(note="kept").model_dump(),
        lambda one: Kept(commit=one).model_dump_json().count("c0ffee") == 1,
        lambda one: dict(one) == dict(commit(note="kept")),
        lambda one: pickle.loads(pickle.dumps(one)) == commit(note="kept"),  # noqa: S301 - our own
        lambda one: copy.copy(one) == commit(note="kept"),
        lambda one: copy.deepcopy(one) == commit(note="kept"),
        lambda one: one.model_copy(update={"repo": "other"}).repo == "other",
        lambda one: one.note == "kept",
        lambda one: one.model_fields_set == commit(note="kept").model_fields_set,
        lambda one: one.__class__ is PromptCommit,
    ],
)
def test_however_a_commit_is_looked_at_it_is_whole(look):
    given = Pulled(commit(note="kept")).own()

    assert isinstance(given, PromptCommit)
    assert look(given)
    assert type(given) is PromptCommit


@pytest.mark.parametrize(
    "stored",
    [commit(), StoredCommit("-", "greet", "c0ffee", copy.deepcopy(MANIFEST), []), commit(note=object())],
    ids=["fetched", "from disk", "with what is no JSON"],
)
def test_commits_of_two_callers_share_nothing_that_can_change(stored):
    pulled = Pulled(stored)

    first = pulled.own()
    first.manifest["kwargs"]["messages"].clear()
    first.owner = "me"

    assert pulled.own().manifest == MANIFEST
    assert pulled.own().owner == "-"


def test_a_commit_that_is_assigned_to_unseen_keeps_its_other_fields():
    given = Pulled(commit()).own()

    given.repo = "other"

    assert given == commit().model_copy(update={"repo": "other"})


def test_numbers_that_json_does_not_know_stay_as_they_are():
    given = Pulled(commit({"nan": math.nan, "large": 10**40})).own()

    assert math.isnan(given.manifest["nan"])
    assert given.manifest["large"] == 10**40


def test_threads_that_look_at_the_same_time_see_one_commit():
    for _ in range(50):
        given, start = Pulled(commit()).own(), threading.Barrier(4)
        seen = []

        def look(given=given, start=start, seen=seen):
            start.wait(30)
            seen.append(given.manifest)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert [manifest is seen[0] for manifest in seen] == [True] * 4


def test_what_is_no_commit_is_given_as_it_was_put_in():
    value = object()

    assert Pulled(value).own() is value


def spoil(value):
    """Change everything in a structure of lists and dictionaries that can be changed."""
    for item in list(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()):
        spoil(item)
    if isinstance(value, dict | list):
        value.clear()


def test_prompts_of_two_callers_share_nothing_that_can_change():
    pulled = Pulled(commit())

    first = pulled.prompt()
    spoil(first.output_schema)
    spoil(first.partial_variables)
    spoil(first.messages({"q": "?"})[0].content)
    spoil(first.to_manifest())

    second = pulled.prompt()
    assert second.to_manifest() == MANIFEST
    assert second.partial_variables == {"mood": ["kind"]}
    assert second.to_openai(q="?") == Pulled(commit()).prompt().to_openai(q="?")
    assert second.messages({"q": "?"})[0].content == [{"type": "text", "text": "Hello"}]


@pytest.mark.filterwarnings("ignore")
def test_templates_of_two_callers_share_nothing_that_can_change():
    pulled = Pulled(commit())
    options = {"secrets": None, "secrets_from_env": False, "with_model": False, "trusted": True}

    first = pulled.template(**options)
    first.messages[1].prompt.template = "spoilt"
    first.messages.pop(0)
    first.metadata["lc_hub_repo"] = "spoilt"

    assert pulled.template(**options) == Pulled(commit()).template(**options)


def test_secrets_of_one_caller_are_not_given_to_the_next():
    secret = {"lc": 1, "type": "secret", "id": ["WORD"]}
    manifest = copy.deepcopy(MANIFEST)
    manifest["kwargs"]["messages"][1]["kwargs"]["prompt"]["kwargs"]["template"] = secret
    pulled = Pulled(commit(manifest))
    options = {"secrets_from_env": False, "with_model": False, "trusted": True}

    first = pulled.template(secrets={"WORD": "{q} one"}, **options)
    second = pulled.template(secrets={"WORD": "{q} two"}, **options)

    assert [one.invoke({"q": "?"}).messages[1].content for one in (first, second)] == ["? one", "? two"]
