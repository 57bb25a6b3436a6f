"""What the run helpers promise, statement by statement: a call, and what its run says."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import typing
import uuid

import pytest

from smithkit import get_current_run_tree, set_run_metadata, trace, traceable, tracing_context
from smithkit.schemas import Attachment
from smithkit.tracing import RunTree, get_tracing_context, is_async, is_traceable_function

EXAMPLE = uuid.UUID(int=7)
FILE = Attachment("text/plain", b"data")


@pytest.fixture
def client(make_recorder):
    client = make_recorder()
    with tracing_context(enabled=True, client=client):
        yield client


def plain(a, *rest, k=1, **more):
    return a


def asks(a, run_tree):
    run_tree.add_event("asked")
    return run_tree.name


def asks_first(run_tree, a):
    return run_tree.name


def asks_by_keyword(a, *, run_tree=None):
    return run_tree.name


class Shop:
    @traceable
    def method(self, a):
        return a

    @classmethod
    @traceable
    def on_class(cls, a) -> int:
        return a

    @staticmethod
    @traceable
    def on_nothing(a) -> int:
        return a

    @traceable
    @classmethod
    def decorated_after(cls, a) -> int:
        return a

    def __call__(self, a) -> int:
        return a


def decorated(function):
    @functools.wraps(function)
    def outer(*args, **kwargs):
        return function(*args, **kwargs)

    return outer


CALLS = {
    "defaults are inputs": (lambda: traceable(plain)(1), {"a": 1, "rest": (), "k": 1}),
    "stars are inputs, keywords flattened": (
        lambda: traceable(plain)(1, 2, z=3),
        {"a": 1, "rest": (2,), "k": 1, "z": 3},
    ),
    "the run is no input": (lambda: traceable(asks)(1), {"a": 1}),
    "the run is no input, wherever it stands": (lambda: traceable(asks_first)(a=1), {"a": 1}),
    "nor by keyword": (lambda: traceable(asks_by_keyword)(1), {"a": 1}),
    "self is no input": (lambda: Shop().method(1), {"a": 1}),
    "cls is no input": (lambda: Shop.on_class(1), {"a": 1}),
    "cls is no input of an instance's call": (lambda: Shop().on_class(1), {"a": 1}),
    "a static method": (lambda: Shop.on_nothing(1), {"a": 1}),
    "decorated below traceable": (lambda: Shop.decorated_after(1), {"a": 1}),
    "a callable object": (lambda: traceable(Shop())(1), {"a": 1}),
    "a bound method": (lambda: traceable(Shop().__call__)(1), {"a": 1}),
    "a partial": (lambda: traceable(functools.partial(plain, 1))(k=2), {"rest": (), "k": 2}),
    "a wrapped function": (lambda: traceable(decorated(plain))(1), {"a": 1, "rest": (), "k": 1}),
    "a builtin": (lambda: traceable(len)([1]), {"obj": [1]}),
}


@pytest.mark.parametrize("promise", CALLS)
def test_inputs(client, promise):
    call, inputs = CALLS[promise]
    call()

    assert client.run["inputs"] == json.loads(json.dumps(inputs))


OUTPUTS = {
    "a dictionary is itself": (lambda run: {"a": 1}, {"a": 1}),
    "anything else has a key": (lambda run: [1], {"output": [1]}),
    "nothing too": (lambda run: None, {"output": None}),
    "what was added stays": (lambda run: run.add_outputs({"b": 2}) or {"a": 1}, {"a": 1, "b": 2}),
    "what was ended with stays": (lambda run: run.end(outputs={"b": 2}) or {"a": 1}, {"a": 1, "b": 2}),
    "the result wins over what was added": (lambda run: run.add_outputs({"a": 2}) or {"a": 1}, {"a": 1}),
    "what was set replaces the result": (lambda run: run.set(outputs={"b": 2}) or {"a": 1}, {"b": 2}),
}


@pytest.mark.parametrize("promise", OUTPUTS)
def test_outputs(client, promise):
    function, outputs = OUTPUTS[promise]
    traceable(lambda: function(get_current_run_tree()))()

    assert client.run["outputs"] == outputs


EXTRAS = {
    "name": ({"name": "call"}, lambda run: run["name"] == "call"),
    "run_id": ({"run_id": EXAMPLE}, lambda run: run["id"] == str(EXAMPLE)),
    "project_name": ({"project_name": "call"}, lambda run: run["session_name"] == "call"),
    "tags": ({"tags": ["call"]}, lambda run: run["tags"] == ["call", "decorator"]),
    "metadata": (
        {"metadata": {"call": 1, "who": "call"}},
        lambda run: run["extra"]["metadata"].items() >= {"call": 1, "who": "decorator"}.items(),
    ),
    "reference_example_id": (
        {"reference_example_id": EXAMPLE},
        lambda run: run["reference_example_id"] == str(EXAMPLE),
    ),
    "run_extra": ({"run_extra": {"beside": 1}}, lambda run: run["extra"]["beside"] == 1),
}


@pytest.mark.parametrize("key", EXTRAS)
def test_langsmith_extra(client, key):
    extra, promised = EXTRAS[key]

    @traceable(name="decorator", tags=["decorator"], metadata={"who": "decorator"}, project_name="decorator")
    def function():
        return 1

    function(langsmith_extra=extra)

    assert promised(client.run)


def test_langsmith_extra_names_a_parent_in_each_form(client):
    parent = RunTree(name="parent", client=client)
    for extra in (
        {"parent": parent},
        {"run_tree": parent},
        {"parent": parent.dotted_order},
        {"parent": parent.to_headers()},
    ):
        traceable(plain)(1, langsmith_extra=extra)

    assert {post["parent_run_id"] for post in client.posts} == {str(parent.id)}


def test_langsmith_extra_calls_back_with_the_run_in_order(client):
    called = []
    traceable(lambda: 1)(
        langsmith_extra={
            "_on_success": lambda run: called.append(("success", len(client.patches))),
            "on_end": lambda run: called.append(("end", len(client.patches), run.outputs)),
        }
    )

    assert called == [("success", 0), ("end", 1, {"output": 1})]


@pytest.mark.parametrize(
    "decorated",
    [traceable(plain), traceable("tool")(plain), traceable(name="n")(plain), Shop.method, Shop.on_class],
)
def test_a_decorated_function_is_known_as_one(decorated):
    assert is_traceable_function(decorated)
    assert is_traceable_function(functools.partial(decorated, 1))
    assert "a" in inspect.signature(decorated).parameters


def test_asynchronous_functions_are_known_as_such():
    async def coroutine():
        pass

    async def generator():
        yield 1

    assert all(map(is_async, (coroutine, generator, traceable(coroutine), traceable(generator))))
    assert not any(map(is_async, (plain, traceable(plain), len)))


def test_the_annotations_of_attachments_are_understood_in_every_form(client):
    @traceable
    def plainly(a, doc: Attachment):
        return a

    @traceable
    def optionally(a, doc: Attachment | None = None):
        return a

    @traceable
    def with_a_union(a, doc: typing.Optional[Attachment] = None):  # noqa: UP045
        return a

    @traceable
    def with_bytes(a, doc: Attachment):
        return a

    plainly(1, FILE)
    optionally(1, FILE)
    with_a_union(1, FILE)
    with_bytes(1, ("text/plain", b"data"))
    optionally(1)

    assert [post["inputs"] for post in client.posts] == [*[{"a": 1}] * 4, {"a": 1, "doc": None}]
    assert [list(post.get("attachments", {})) for post in client.posts] == [*[["doc"]] * 4, []]


def test_trace_merges_what_it_is_told_with_what_is_around(client):
    with (
        tracing_context(
            tags=["around"], metadata={"who": "around", "around": 1}, enabled=True, client=client
        ),
        trace("block", tags=["b", "a", "b"], metadata={"who": "own", "own": 1}, extra={"beside": 1}),
    ):
        set_run_metadata(late=1)

    run = client.run
    assert run["tags"] == ["a", "around", "b"]
    assert run["extra"]["beside"] == 1
    assert run["extra"]["metadata"] == {
        "who": "around",
        "around": 1,
        "own": 1,
        "ls_method": "trace",
        "late": 1,
    }


def test_trace_leaves_outputs_out_that_it_was_not_given(client):
    with trace("block"):
        pass

    assert "outputs" not in client.patches[0]


def test_asynchronous_blocks_and_functions_are_one_tree(client):
    @traceable
    async def leaf():
        return get_tracing_context()["parent"].parent_run.name

    async def main():
        async with trace("block"):
            return await leaf()

    assert asyncio.run(main()) == "block"


class TestARunIsAModelToo:
    """Programs and LangChain treat runs as the pydantic models that they once were."""

    def test_it_gives_the_fields_that_are_asked_for(self):
        run = RunTree(name="a", inputs={"x": 1}, tags=["t"])

        assert run.model_dump(include={"name", "tags"}) == {"name": "a", "tags": ["t"]}
        assert "inputs" not in run.dict(exclude={"inputs"})
        assert "outputs" not in run.model_dump(exclude_none=True)

    def test_it_is_made_anew_of_its_fields(self):
        run = RunTree(name="a", inputs={"x": 1}, tags=["t"], extra={"metadata": {"m": 1}})
        for made in (RunTree.model_construct(**run.model_dump()), RunTree.construct(**run.dict())):
            assert made.model_dump() == run.model_dump()

    def test_it_is_json(self):
        run = RunTree(name="a", inputs={"when": uuid.UUID(int=1)})

        assert json.loads(run.model_dump_json())["inputs"] == {"when": str(uuid.UUID(int=1))}
        assert run.json() == run.model_dump_json()

    def test_a_copy_has_its_client_and_what_is_new(self, make_recorder):
        run = RunTree(name="a", inputs={"x": {"y": 1}}, client=make_recorder())
        copy = run.model_copy(update={"name": "b"}, deep=True)
        run.inputs["x"]["y"] = 2

        assert (copy.name, copy.inputs, copy.ls_client) == ("b", {"x": {"y": 1}}, run.ls_client)
        assert run.copy().id == run.id
