"""Graphs of LangGraph, traced by smithkit."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, TypedDict

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from smithkit import traceable, tracing_context


class Findings(TypedDict):
    found: Annotated[list[str], operator.add]


@traceable(run_type="retriever")
def look_up(source):
    return source.upper()


@traceable(run_type="retriever")
async def alook_up(source):
    await asyncio.sleep(0)
    return source.upper()


def research():
    """One node, then two beside each other, then one."""
    graph = StateGraph(Findings)
    for name in ("plan", "web", "files", "merge"):
        graph.add_node(name, lambda _, name=name: {"found": [look_up(name)]})
    graph.add_edge(START, "plan")
    for name in ("web", "files"):
        graph.add_edge("plan", name)
        graph.add_edge(name, "merge")
    graph.add_edge("merge", END)
    return graph


def nodes(root):
    return {run.name: [child.name for child in run.child_runs] for run in root.child_runs}


def test_parallel_branches_are_one_tree(traced):
    state = research().compile(name="research").invoke({"found": []})

    root = traced.root()
    assert sorted(state["found"]) == ["FILES", "MERGE", "PLAN", "WEB"]
    assert (root.name, root.run_type, root.status) == ("research", "chain", "success")
    assert nodes(root) == {key: ["look_up"] for key in ("plan", "web", "files", "merge")}
    assert {run.trace_id for run in root.child_runs} == {root.id}


def test_nodes_say_where_in_the_graph_they_are(traced):
    research().compile().invoke({"found": []})

    web = next(run for run in traced.root().child_runs if run.name == "web")
    assert web.metadata["langgraph_node"] == "web"
    assert web.child_runs[0].metadata["langgraph_node"] == "web"
    assert web.tags == ["graph:step:2"]


def test_asynchronous_nodes_are_one_tree(traced):
    async def node(_):
        return {"found": [await alook_up("a"), await alook_up("b")]}

    graph = StateGraph(Findings)
    for name in ("left", "right"):
        graph.add_node(name, node)
        graph.add_edge(START, name)

    async def run():
        return [step async for step in graph.compile().astream({"found": []})]

    asyncio.run(run())

    assert nodes(traced.root()) == {key: ["alook_up", "alook_up"] for key in ("left", "right")}


def test_a_graph_stands_below_the_traced_function_that_calls_it(traced):
    @traceable
    def assistant(question):
        return research().compile(name="research").invoke({"found": [question]})

    assistant("why")

    name, _, ((graph, _, steps),) = traced.shape()
    assert (name, graph, len(steps)) == ("assistant", "research", 4)


def test_a_conversation_keeps_its_thread(traced):
    graph = research().compile(checkpointer=InMemorySaver())
    for _ in range(2):
        graph.invoke({"found": []}, {"configurable": {"thread_id": "t1"}})

    assert [root.metadata["thread_id"] for root in traced.roots()] == ["t1", "t1"]


def test_an_agent_calls_its_model_and_tools(traced):
    @tool
    def weather(city: str) -> str:
        """Say how the weather is."""
        return look_up(f"sun in {city}")

    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    call = {"name": "weather", "args": {"city": "Rome"}, "id": "c1"}
    model = GenericFakeChatModel(
        messages=iter([AIMessage("", tool_calls=[call]), AIMessage("sun", usage_metadata=usage)])
    )

    def think(state):
        return {"messages": [model.invoke(state["messages"])]}

    def act(state):
        asked = state["messages"][-1].tool_calls
        return {
            "messages": [ToolMessage(weather.invoke(one["args"]), tool_call_id=one["id"]) for one in asked]
        }

    def whether_to_act(state):
        return "act" if state["messages"][-1].tool_calls else END

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("act", act)
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", whether_to_act)
    graph.add_edge("act", "think")
    state = graph.compile(name="agent").invoke({"messages": [HumanMessage("Weather in Rome?")]})

    root = traced.root()
    steps = sorted(root.child_runs, key=lambda run: run.dotted_order)
    assert state["messages"][-1].content == "sun"
    assert [step.name for step in steps] == ["think", "act", "think"]
    (called,) = steps[1].child_runs
    assert (called.name, called.run_type, [run.name for run in called.child_runs]) == (
        "weather",
        "tool",
        ["look_up"],
    )
    answer = next(run for run in steps[2].child_runs if run.run_type == "llm")
    assert answer.metadata["usage_metadata"] == usage


def test_a_failing_node_is_an_error_and_its_siblings_are_not(traced):
    def fail(_):
        look_up("before")
        raise RuntimeError("out of paper")

    graph = StateGraph(Findings)
    graph.add_node("print", fail)
    graph.add_edge(START, "print")

    try:
        graph.compile().invoke({"found": []})
    except RuntimeError as error:
        assert str(error) == "out of paper"  # noqa: PT017 - LangGraph adds notes of its own to it

    root = traced.root()
    (printed,) = root.child_runs
    assert (root.status, printed.status, printed.child_runs[0].status) == ("error", "error", "success")


def test_switched_off_a_graph_is_not_traced(backend):
    with tracing_context(enabled=False, client=backend.client, project_name=backend.project):
        research().compile().invoke({"found": []})

    assert backend.roots() == []
