"""What the runs of LangChain's own tracer say, read back from the server."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langchain_core.tracers import LangChainTracer

USAGE = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
CHAIN_SHAPE = (
    "RunnableSequence",
    "chain",
    [
        ("ChatPromptTemplate", "prompt", []),
        ("GenericFakeChatModel", "llm", []),
        ("StrOutputParser", "parser", []),
    ],
)


def chain():
    replies = iter([AIMessage("the big sky", usage_metadata=USAGE)] * 3)
    prompt = ChatPromptTemplate.from_messages([("human", "What is above {place}?")])
    return prompt | GenericFakeChatModel(messages=replies) | StrOutputParser()


def invoke():
    chain().invoke({"place": "here"})


def stream():
    assert "".join(chain().stream({"place": "here"})) == "the big sky"


async def astream():
    assert "".join([part async for part in chain().astream({"place": "here"})]) == "the big sky"


async def astream_events():
    events = [event async for event in chain().astream_events({"place": "here"}, version="v2")]
    assert {"on_chat_model_stream", "on_parser_end"} <= {event["event"] for event in events}


async def ainvoke():
    await chain().ainvoke({"place": "here"})


@pytest.mark.parametrize("way", [invoke, stream, ainvoke, astream, astream_events])
def test_a_chain_is_one_trace_in_every_way_to_run_it(traced, way):
    asyncio.run(way()) if asyncio.iscoroutinefunction(way) else way()

    root = traced.root()
    assert traced.shape() == CHAIN_SHAPE
    assert root.inputs == {"place": "here"}
    assert root.outputs == {"output": "the big sky"}
    assert {run.status for run in [root, *root.child_runs]} == {"success"}
    assert all(run.end_time >= run.start_time for run in root.child_runs)


def test_a_models_run_has_messages_and_usage(traced):
    invoke()

    model = next(run for run in traced.root().child_runs if run.run_type == "llm")
    assert "What is above here?" in str(model.inputs["messages"])
    assert "the big sky" in str(model.outputs["generations"])
    assert model.extra["metadata"]["usage_metadata"] == USAGE
    assert model.total_tokens == 7
    assert model.extra["runtime"]["library"] == "langchain-core"


def test_a_streaming_model_notes_its_first_token(traced):
    stream()

    model = next(run for run in traced.root().child_runs if run.run_type == "llm")
    assert [event["name"] for event in model.events] == ["start", "new_token", "end"]


def test_a_config_names_labels_and_places_the_trace(backend):
    tracer = LangChainTracer(client=backend.client, project_name="configured")
    labelled = chain().with_config(run_name="ask", tags=["canary"], metadata={"user": "u1"})
    labelled.invoke({"place": "here"}, {"callbacks": [tracer]})

    root = backend.root("configured")
    assert (root.name, root.tags) == ("ask", ["canary"])
    assert root.extra["metadata"]["user"] == "u1"
    assert all("canary" in run.tags for run in root.child_runs)
    assert all(run.extra["metadata"]["user"] == "u1" for run in root.child_runs)


def test_each_item_of_a_batch_is_a_trace(traced):
    RunnableLambda(str.upper, name="upper").batch(["a", "b", "c"])

    assert sorted(root.outputs["output"] for root in traced.roots()) == ["A", "B", "C"]


def test_branches_that_run_in_threads_are_one_trace(traced):
    branches = {name: RunnableLambda(str.upper, name=name) for name in ("left", "right")}
    RunnableParallel(branches).invoke("x")

    name, _, children = traced.shape()
    assert name == "RunnableParallel<left,right>"
    assert sorted(child[0] for child in children) == ["left", "right"]


def test_an_error_is_recorded_and_goes_on(traced):
    def refuse(question):
        raise ValueError(f"no answer to {question}")

    with pytest.raises(ValueError, match="no answer to why"):
        (RunnableLambda(str.strip) | RunnableLambda(refuse)).invoke("why ")

    root = traced.root()
    assert root.status == "error"
    assert root.error.startswith("ValueError('no answer to why')")
    assert "refuse" in root.error
    assert [run.status for run in sorted(root.child_runs, key=lambda run: run.dotted_order)] == [
        "success",
        "error",
    ]


def test_tools_and_retrievers_have_their_types(traced):
    class Shelf(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            return [Document(page_content=f"about {query}")]

    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    assert add.invoke({"a": 1, "b": 2}) == 3
    Shelf().invoke("tea")

    called, found = traced.roots()
    assert (called.name, called.run_type, called.outputs) == ("add", "tool", {"output": 3})
    assert found.run_type == "retriever"
    assert found.outputs["documents"][0]["page_content"] == "about tea"
