"""The arguments for OpenAI's and Anthropic's clients fit the types of their own packages, and what they send."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from smithkit.prompts import Prompt

_spec = importlib.util.spec_from_file_location("prompt_manifests", Path(__file__).parent / "manifests.py")
m = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(m)

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CALL = {"name": "add", "args": {"a": 1}, "id": "call_1", "type": "tool_call"}
PICTURE = m.node(
    "langchain.prompts.chat.HumanMessagePromptTemplate",
    prompt=[
        m.node(
            "langchain.prompts.prompt.PromptTemplate",
            input_variables=["q"],
            template="{q}",
            template_format="f-string",
        ),
        m.node(
            "langchain_core.prompts.image.ImagePromptTemplate", input_variables=["u"], template={"url": "{u}"}
        ),
    ],
)
CHAT = m.chat(
    m.said("System", "Be {mood}."),
    m.placeholder("history"),
    m.message("AI", "", tool_calls=[CALL, {**CALL, "id": "call_2"}]),
    m.message("Tool", "3", tool_call_id="call_1"),
    m.message("Tool", "4", tool_call_id="call_2"),
    PICTURE,
)
VALUES = {"mood": "kind", "q": "What?", "u": PIXEL, "history": [("user", "Hi"), ("assistant", "Hello")]}
GPT = {"model": "gpt-5", "temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "stop": ["END"]}
CLAUDE = {"model": "claude-5", "temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "stop_sequences": ["END"]}
ANTHROPIC = "langchain.chat_models.anthropic.ChatAnthropic"
ANTHROPIC_TOOL = {"name": "add", "description": "Adds.", "input_schema": m.TOOL["function"]["parameters"]}
PROVIDERS_TOOL = {"type": "web_search_20250305", "name": "web_search"}


def gpt(prompt, **bound):
    return m.with_model(prompt, bound=bound or None, **GPT)


def claude(prompt, **bound):
    return m.with_model(prompt, ANTHROPIC, bound=bound or None, **CLAUDE)


CASES = {
    "messages, results of tools and a picture": (gpt(CHAT), claude(CHAT), VALUES),
    "a picture by its URL": (gpt(CHAT), claude(CHAT), {**VALUES, "u": "https://example.com/cat.png"}),
    "tools": (gpt(CHAT, tools=[m.TOOL]), claude(CHAT, tools=[ANTHROPIC_TOOL, PROVIDERS_TOOL]), VALUES),
    "a tool that has to be called": (
        gpt(CHAT, tools=[m.TOOL], tool_choice={"type": "function", "function": {"name": "add"}}),
        claude(CHAT, tools=[ANTHROPIC_TOOL], tool_choice={"type": "tool", "name": "add"}),
        VALUES,
    ),
    "some tool that has to be called": (
        gpt(CHAT, tools=[m.TOOL], tool_choice="required"),
        claude(CHAT, tools=[ANTHROPIC_TOOL], tool_choice="any"),
        VALUES,
    ),
    "structured output": (
        gpt(m.structured(m.said("Human", "{q}"))),
        claude(m.structured(m.said("Human", "{q}"))),
        {"q": "?"},
    ),
    "the other provider's tools": (
        gpt(CHAT, tools=[ANTHROPIC_TOOL], tool_choice="any"),
        claude(CHAT, tools=[m.TOOL], tool_choice="required"),
        VALUES,
    ),
}


def whole(value):
    """A validated value, with the iterators in it, which validate as they go, run to their end."""
    if isinstance(value, Mapping):
        return {name: whole(item) for name, item in value.items()}
    return (
        [whole(item) for item in value]
        if isinstance(value, Iterable) and not isinstance(value, str)
        else value
    )


@pytest.mark.parametrize("case", CASES)
def test_openais_types_know_all_that_stands_in_the_arguments(case):
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    manifest, _, values = CASES[case]
    arguments = Prompt.from_manifest(manifest).to_openai(**values)

    assert whole(TypeAdapter(CompletionCreateParamsNonStreaming).validate_python(arguments)) == arguments
    assert (arguments["model"], arguments["temperature"], arguments["max_tokens"], arguments["stop"]) == (
        "gpt-5",
        0.5,
        64,
        ["END"],
    )


@pytest.mark.parametrize("case", CASES)
def test_anthropics_types_know_all_that_stands_in_the_arguments(case):
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    _, manifest, values = CASES[case]
    arguments = Prompt.from_manifest(manifest).to_anthropic(**values)
    body = arguments.pop("extra_body")

    assert whole(TypeAdapter(MessageCreateParamsNonStreaming).validate_python(arguments)) == arguments
    assert (arguments["model"], arguments["max_tokens"], arguments["stop_sequences"]) == (
        "claude-5",
        64,
        ["END"],
    )
    assert body == {"temperature": 0.5, "top_p": 0.9}


def test_a_conversation_with_tools_keeps_calls_and_results_together():
    prompt = Prompt.from_manifest(CHAT)

    ours = prompt.to_openai(**VALUES)["messages"]
    theirs = prompt.to_anthropic(**VALUES)["messages"]

    assert [one["role"] for one in ours] == [
        "system",
        "user",
        "assistant",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert [json.loads(call["function"]["arguments"]) for call in ours[3]["tool_calls"]] == [{"a": 1}] * 2
    assert [one["tool_call_id"] for one in ours[4:6]] == ["call_1", "call_2"]
    assert [one["role"] for one in theirs] == ["user", "assistant", "assistant", "user", "user"]
    assert [block["type"] for block in theirs[2]["content"]] == ["tool_use"] * 2
    assert [block["tool_use_id"] for block in theirs[3]["content"]] == ["call_1", "call_2"]
    assert theirs[4]["content"][1]["source"] == {
        "type": "base64",
        "media_type": "image/png",
        "data": "iVBORw0KGgo=",
    }


def test_structured_output_is_asked_for_in_each_providers_way():
    prompt = Prompt.from_manifest(m.structured(m.said("Human", "{q}")))

    asked = prompt.to_openai(q="?")["response_format"]
    tool = prompt.to_anthropic(q="?")

    assert (asked["type"], asked["json_schema"]["name"], asked["json_schema"]["schema"]) == (
        "json_schema",
        "Answer",
        m.SCHEMA,
    )
    assert tool["tool_choice"] == {"type": "tool", "name": "Answer"}
    assert tool["tools"][0]["input_schema"]["properties"] == m.SCHEMA["properties"]


@pytest.fixture
def provider():
    """An endpoint that keeps what it is sent and answers nothing of use."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join(30)


@pytest.mark.parametrize("case", CASES)
def test_the_official_clients_send_the_arguments_as_they_are(provider, case):
    url, received = provider
    for_openai, for_anthropic, values = CASES[case]
    ours = Prompt.from_manifest(for_openai).to_openai(**values)
    theirs = Prompt.from_manifest(for_anthropic).to_anthropic(**values)

    with openai.OpenAI(base_url=url, api_key="key", max_retries=0) as client:
        client.chat.completions.create(**ours)
    with anthropic.Anthropic(base_url=url, api_key="key", max_retries=0) as client:
        client.messages.create(**theirs)

    body = theirs.pop("extra_body")
    assert received == [ours, {**theirs, **body}]
