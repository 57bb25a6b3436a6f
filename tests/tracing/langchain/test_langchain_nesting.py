"""Traced functions in LangChain's steps, and LangChain's steps in traced functions: one tree."""

from __future__ import annotations

import asyncio
import contextvars

import pytest
from langchain_core.runnables import RunnableConfig, RunnableGenerator, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langchain_core.tracers import LangChainTracer
from langchain_core.tracers.context import collect_runs, tracing_v2_enabled

from smithkit import ContextThreadPoolExecutor, get_current_run_tree, trace, traceable, tracing_context
from smithkit.tracing import RunTree, as_runnable


@traceable(run_type="tool", tags=["leaf"], metadata={"leaf": 1})
def leaf(text):
    return text * 2


@traceable(run_type="tool")
async def aleaf(text):
    await asyncio.sleep(0)
    return text * 2


LEAF = ("leaf", "tool", [])


def test_a_traced_function_stands_below_the_step_that_calls_it(traced):
    RunnableLambda(leaf, name="step").invoke("a")

    assert traced.shape() == ("step", "chain", [LEAF])


def test_a_step_stands_below_the_traced_function_that_calls_it(traced):
    @traceable
    def outer(text):
        leaf(text)
        RunnableLambda(leaf, name="step").invoke(text)
        return leaf(text)

    outer("a")

    assert traced.shape() == ("outer", "chain", [LEAF, ("step", "chain", [LEAF]), LEAF])


def test_asynchronous_steps_and_functions_nest_in_both_directions(traced):
    @traceable
    async def outer(text):
        async def call(text):
            return await aleaf(text)

        steps = [RunnableLambda(call, name=f"step {n}").ainvoke(text) for n in (1, 2)]
        return await asyncio.gather(*steps)

    asyncio.run(outer("a"))

    name, _, children = traced.shape()
    assert name == "outer"
    leaf_run = ("aleaf", "tool", [])
    assert sorted(children) == [("step 1", "chain", [leaf_run]), ("step 2", "chain", [leaf_run])]


def test_a_block_is_a_step_of_the_tree_too(traced):
    def step(text):
        with trace("block", "retriever"):
            return RunnableLambda(leaf, name="inner").invoke(text)

    with trace("outer"):
        RunnableLambda(step).invoke("a")

    block = ("block", "retriever", [("inner", "chain", [LEAF])])
    assert traced.shape() == ("outer", "chain", [("step", "chain", [block])])


def test_threads_of_either_kind_continue_the_tree(traced):
    @traceable
    def outer(text):
        with ContextThreadPoolExecutor() as pool:
            pool.submit(RunnableLambda(leaf, name="pooled").invoke, text).result()
        RunnableParallel(a=RunnableLambda(leaf, name="parallel")).invoke(text)

    outer("a")

    _, _, (pooled, parallel) = traced.shape()
    assert pooled == ("pooled", "chain", [LEAF])
    assert parallel == ("RunnableParallel<a>", "chain", [("parallel", "chain", [LEAF])])


def test_a_generator_step_calls_traced_functions(traced):
    def doubled(pieces):
        for piece in pieces:
            yield leaf(piece)

    assert list(RunnableGenerator(doubled).stream("a")) == ["aa"]
    assert traced.shape() == ("doubled", "chain", [LEAF])


def test_tools_call_traced_functions(traced):
    @tool
    def double(text: str) -> str:
        """Double a text."""
        return leaf(text)

    double.invoke({"text": "a"})
    assert traced.shape() == ("double", "tool", [LEAF])


def test_a_step_inherits_labels_and_project_of_the_function_around_it(backend):
    @traceable(tags=["outer"], metadata={"outer": 1})
    def outer(text):
        step = RunnableLambda(leaf, name="step")
        return step.with_config(tags=["step"], metadata={"step": 1}).invoke(text)

    with tracing_context(enabled=True, client=backend.client, project_name="shop"):
        outer("a")

    root = backend.root("shop")
    (step,) = root.child_runs
    (inner,) = step.child_runs
    assert set(step.tags) == {"outer", "step"}
    assert {"outer": 1, "step": 1}.items() <= step.metadata.items()
    assert inner.tags == ["outer", "leaf"]
    assert {"outer": 1, "step": 1, "leaf": 1}.items() <= inner.metadata.items()


def test_a_tracer_that_is_passed_serves_the_functions_inside(backend):
    tracer = LangChainTracer(client=backend.client, project_name="passed")
    RunnableLambda(leaf, name="step").invoke("a", {"callbacks": [tracer]})

    assert backend.shape("passed") == ("step", "chain", [LEAF])


def test_tracing_for_a_block_works_as_langchain_offers_it(backend):
    with tracing_v2_enabled(project_name="block", client=backend.client, tags=["v2"]):
        RunnableLambda(leaf, name="step").invoke("a")

    assert backend.shape("block") == ("step", "chain", [LEAF])
    assert backend.root("block").tags == ["v2"]


def test_collecting_runs_needs_no_server():
    with collect_runs() as collected:
        RunnableLambda(str.upper).invoke("a")

    (run,) = collected.traced_runs
    assert run.outputs == {"output": "A"}


def test_switched_off_neither_is_traced(backend):
    with tracing_context(enabled=False, client=backend.client, project_name=backend.project):
        RunnableLambda(leaf).invoke("a")

    assert backend.roots() == []


def test_a_new_trace_can_be_started_within_a_step(traced):
    def step(text):
        with tracing_context(parent=False, client=traced.client, project_name=traced.project):
            leaf(text)
        return leaf(text, langsmith_extra={"parent": "ignore"})

    RunnableLambda(step).invoke("a")

    assert sorted(root.name for root in traced.roots()) == ["leaf", "leaf", "step"]


def test_the_step_is_the_current_run_and_can_be_added_to(traced):
    def step(text):
        run = get_current_run_tree()
        run.add_metadata({"seen": True})
        run.add_tags(["seen"])
        return text

    RunnableLambda(step).invoke("a")

    root = traced.root()
    assert (root.name, root.tags, root.metadata["seen"]) == ("step", ["seen"], True)


def test_the_trace_of_another_process_is_continued(backend):
    far = RunTree(name="far", project_name="far", client=backend.client)
    far.post()
    with tracing_context(enabled=True, client=backend.client, parent=far.to_headers()):
        RunnableLambda(leaf, name="step").invoke("a")
    far.end()
    far.patch()

    assert backend.shape("far") == ("far", "chain", [("step", "chain", [LEAF])])


class TestTheRunOfAConfig:
    def test_is_a_parent_for_runs_made_by_hand(self, traced):
        def step(text, config: RunnableConfig):
            child = RunTree.from_runnable_config(config).create_child("by hand", inputs={"text": text})
            child.post()
            child.end(outputs={"text": text})
            child.patch()
            return text

        RunnableLambda(step).invoke("a")

        assert traced.shape() == ("step", "chain", [("by hand", "chain", [])])

    def test_is_found_where_only_langchain_knows_the_step(self, traced, monkeypatch):
        monkeypatch.setenv("LANGSMITH_TRACING", "true")

        def step(text, config: RunnableConfig):
            from langchain_core.runnables.config import var_child_runnable_config

            def elsewhere():
                var_child_runnable_config.set(config)
                return leaf(text)

            return contextvars.Context().run(elsewhere)

        RunnableLambda(step).invoke("a")

        assert traced.shape() == ("step", "chain", [LEAF])

    def test_is_nothing_without_a_tracer(self):
        assert RunTree.from_runnable_config({}) is None
        assert RunTree.from_runnable_config(None) is None
        assert RunTree.from_runnable_config({"callbacks": []}) is None

    def test_can_be_given_other_fields(self, traced):
        def step(text, config: RunnableConfig):
            named = RunTree.from_runnable_config(config, session_name="elsewhere")
            assert named.session_name == "elsewhere"
            assert RunTree.from_runnable_config(None).session_name == traced.project
            assert named.id == RunTree.from_runnable_config(None).id
            return text

        RunnableLambda(step).invoke("a")


class TestATracedFunctionAsRunnable:
    def test_is_a_step_like_any_other(self, traced):
        steps = RunnableLambda(lambda text: {"text": text}, name="wrap") | as_runnable(leaf)

        assert steps.invoke("a") == "aa"
        assert traced.shape() == (
            "RunnableSequence",
            "chain",
            [("wrap", "chain", []), ("leaf", "chain", [LEAF])],
        )

    def test_is_awaited_if_the_function_is(self, traced):
        assert asyncio.run(as_runnable(aleaf).ainvoke({"text": "a"})) == "aa"
        assert traced.shape() == ("aleaf", "chain", [("aleaf", "tool", [])])

    def test_works_with_tracing_switched_off(self):
        assert as_runnable(leaf).invoke({"text": "a"}) == "aa"
        assert as_runnable(leaf).batch([{"text": "a"}, {"text": "b"}]) == ["aa", "bb"]

    def test_has_to_be_traced(self):
        with pytest.raises(ValueError, match="decorated with @traceable, not <built-in function len>"):
            as_runnable(len)
