"""A wrapped Anthropic client does what it did before, and each of its calls is a run."""

from __future__ import annotations

import asyncio
import gc

import pytest

from smithkit import tracing_context
from smithkit.tracing.wrappers import wrap_anthropic

anthropic = pytest.importorskip("anthropic")

ASK = {"model": "claude-x", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
USAGE = {
    "input_tokens": 10,
    "output_tokens": 20,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 50,
    "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 20},
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
}
USAGE_METADATA = {
    "input_tokens": 160,
    "output_tokens": 20,
    "total_tokens": 180,
    "input_token_details": {
        "cache_read": 100,
        "ephemeral_5m_input_tokens": 30,
        "ephemeral_1h_input_tokens": 20,
    },
}
CITATION = {
    "type": "char_location",
    "cited_text": "tea",
    "document_index": 0,
    "start_char_index": 0,
    "end_char_index": 3,
}
THOUGHT = {"type": "thinking", "thinking": "let me see", "signature": "c2ln"}
SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "tea"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}
TEXT = {"type": "text", "text": "hello", "citations": [CITATION]}
TOOL = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
MESSAGE = {
    "id": "m1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x-2030",
    "content": [THOUGHT, SEARCH, FOUND, TEXT, TOOL],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
}


def block(index, start, *deltas):
    return (
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    )


def json_delta(text):
    return {"type": "input_json_delta", "partial_json": text}


START = {
    "type": "message_start",
    "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}},
}
EVENTS = (
    START,
    {"type": "ping"},
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "let me "},
        {"type": "thinking_delta", "thinking": "see"},
        {"type": "signature_delta", "signature": "c2ln"},
    ),
    *block(1, {**SEARCH, "input": {}}, json_delta('{"query": "t'), json_delta('ea"}')),
    *block(2, FOUND),
    *block(
        3,
        {"type": "text", "text": ""},
        {"type": "text_delta", "text": "hel"},
        {"type": "text_delta", "text": "lo"},
        {"type": "citations_delta", "citation": CITATION},
    ),
    *block(4, {**TOOL, "input": {}}, json_delta(""), json_delta('{"a"'), json_delta(": 1}")),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 20},
    },
    {"type": "message_stop"},
)
SHORT = (
    START,
    *block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": t} for t in ("hel", "lo"))),
)


@pytest.fixture
def client(provider):
    with anthropic.Anthropic(base_url=provider.url, api_key="sk-secret", max_retries=0) as client:
        yield wrap_anthropic(client)


@pytest.fixture
def with_async(provider):
    """Runs a coroutine function with a wrapped async client."""

    def run(function):
        async def main():
            async with anthropic.AsyncAnthropic(
                base_url=provider.url, api_key="sk-x", max_retries=0
            ) as client:
                return await function(wrap_anthropic(client))

        return asyncio.run(main())

    return run


def texts_of(run):
    return [block["text"] for block in run["outputs"]["content"] if block["type"] == "text"]


def test_a_message_is_recorded_with_all_its_blocks_and_tokens(client, provider, runs):
    provider.answer(MESSAGE)

    answer = client.messages.create(
        **ASK, system="be kind", stop_sequences=["x"], thinking={"type": "disabled"}
    )

    assert type(answer).__name__ == "Message"
    assert answer.usage.input_tokens == 10
    (run,) = runs
    assert (run["name"], run["run_type"]) == ("ChatAnthropic", "llm")
    assert run["inputs"] == {
        "model": "claude-x",
        "max_tokens": 10,
        "messages": [{"role": "system", "content": "be kind"}, *ASK["messages"]],
        "stop_sequences": ["x"],
        "thinking": {"type": "disabled"},
    }
    assert provider.requests[0]["system"] == "be kind"
    assert run["outputs"]["content"] == MESSAGE["content"]
    assert run["outputs"]["stop_reason"] == "tool_use"
    assert run["outputs"]["usage_metadata"] == USAGE_METADATA
    assert run["outputs"]["server_tool_use"]["web_search_requests"] == 1
    assert run["extra"]["metadata"] == {
        "ls_method": "traceable",
        "ls_provider": "anthropic",
        "ls_model_type": "chat",
        "ls_model_name": "claude-x",
        "ls_max_tokens": 10,
        "ls_stop": ["x"],
        "ls_invocation_params": {"thinking": {"type": "disabled"}},
        "usage_metadata": USAGE_METADATA,
    }


def test_a_stream_is_recorded_as_an_answer_that_was_not_streamed(client, provider, runs):
    provider.answer(MESSAGE)
    provider.stream(*EVENTS)

    client.messages.create(**ASK)
    stream = client.messages.create(**ASK, stream=True)

    assert stream.__class__ is anthropic.Stream
    assert [event.type for event in stream][-1] == "message_stop"
    assert runs[0]["outputs"] == runs[1]["outputs"]
    assert [event["name"] for event in runs[1]["events"]] == ["new_token"]


@pytest.mark.parametrize(
    "way", ["events", "text_stream", "get_final_message", "get_final_text", "until_done"]
)
@pytest.mark.parametrize("beta", [False, True])
def test_the_stream_helper_is_traced_whichever_way_it_is_read(client, provider, runs, way, beta):
    provider.stream(*EVENTS)
    messages = client.beta.messages if beta else client.messages

    with messages.stream(**ASK, system="be kind") as stream:
        assert type(stream).__name__.endswith("MessageStream")
        if way == "events":
            assert "text" in {event.type for event in stream}
        elif way == "text_stream":
            assert "".join(stream.text_stream) == "hello"
        else:
            getattr(stream, way)()
        assert stream.get_final_message().stop_reason == "tool_use"

    (run,) = runs
    assert run["inputs"]["messages"][0] == {"role": "system", "content": "be kind"}
    assert [block["type"] for block in run["outputs"]["content"]] == [b["type"] for b in MESSAGE["content"]]
    assert run["outputs"]["content"][4]["input"] == {"a": 1}
    assert run["outputs"]["usage_metadata"] == USAGE_METADATA
    assert run.get("error") is None


def test_the_stream_helper_ends_its_run_with_its_block(client, provider, runs):
    provider.stream(*SHORT)

    with client.messages.stream(**ASK) as stream:
        assert next(iter(stream.text_stream)) == "hel"
        assert "end_time" not in runs[0]

    assert texts_of(runs[0]) == ["hel"]
    with pytest.raises(LookupError), client.messages.stream(**ASK):
        raise LookupError("mine")
    assert runs[1]["error"].startswith("LookupError('mine')")


def test_a_stream_helper_that_the_server_refuses(client, provider, runs):
    provider.answer({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}, status=529)

    with pytest.raises(anthropic.APIStatusError, match="busy"), client.messages.stream(**ASK):
        pass

    assert "busy" in runs[0]["error"]


@pytest.mark.parametrize("end", ["close", "with", "collect"])
def test_a_half_consumed_stream_ends_its_run_with_what_came(client, provider, runs, end):
    provider.stream(*SHORT)
    stream = client.messages.create(**ASK, stream=True)
    for _ in range(3):
        next(stream)
    if end == "close":
        stream.close()
    elif end == "with":
        with stream:
            pass
    else:
        del stream
        gc.collect()

    assert texts_of(runs[0]) == ["hel"]
    assert runs[0]["end_time"]


def test_input_of_a_tool_that_broke_off_stays_text(client, provider, runs, drop):
    provider.stream(START, *block(0, {**TOOL, "input": {}}, json_delta('{"a": '))[:-1], drop)

    with pytest.raises(Exception, match=r"peer closed|incomplete|Connection"):
        list(client.messages.create(**ASK, stream=True))

    assert runs[0]["outputs"]["content"] == [{**TOOL, "input": '{"a": '}]
    assert runs[0]["error"]


def test_an_error_in_the_middle_of_a_stream_keeps_what_came_before(client, provider, runs):
    provider.stream(*SHORT, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})

    with pytest.raises(anthropic.APIStatusError, match="busy"):
        list(client.messages.create(**ASK, stream=True))

    assert texts_of(runs[0]) == ["hello"]
    assert "busy" in runs[0]["error"]


def test_credentials_of_mcp_servers_are_not_recorded(client, provider, runs):
    provider.answer(MESSAGE)
    server = {"type": "url", "url": "https://mcp.test", "name": "m", "authorization_token": "canary"}

    client.beta.messages.create(**ASK, mcp_servers=[server], extra_headers={"Authorization": "canary"})

    assert provider.requests[0]["mcp_servers"] == [server]
    assert runs[0]["inputs"]["mcp_servers"] == [{"type": "url", "url": "https://mcp.test", "name": "m"}]
    assert "canary" not in str(runs)


def test_messages_that_can_be_read_once_are_left_to_the_sdk(client, provider, runs):
    provider.answer(MESSAGE)

    client.messages.create(**{**ASK, "messages": iter(ASK["messages"])}, system="s")

    assert provider.requests[0]["messages"] == ASK["messages"]
    assert runs[0]["inputs"]["system"] == "s"


def test_an_async_client(with_async, provider, runs):
    provider.answer(MESSAGE)
    provider.stream(*EVENTS)

    async def use(client):
        await client.messages.create(**ASK)
        stream = await client.messages.create(**ASK, stream=True)
        assert stream.__class__ is anthropic.AsyncStream
        async for _ in stream:
            pass
        async with client.messages.stream(**ASK) as helper:
            text = "".join([text async for text in helper.text_stream])
        async with client.beta.messages.stream(**ASK) as helper:
            message = await helper.get_final_message()
        async with client.messages.stream(**ASK) as helper:
            async for _ in helper.text_stream:
                break
        return text, message.stop_reason

    assert with_async(use) == ("hello", "tool_use")
    assert [run["outputs"]["content"] == MESSAGE["content"] for run in runs[:3]] == [True, True, True]
    assert runs[3]["outputs"]["usage_metadata"] == USAGE_METADATA
    assert texts_of(runs[4]) == ["hel"]
    assert all(run["end_time"] and not run.get("error") for run in runs)


def test_legacy_completions(client, provider, runs):
    if not hasattr(client, "completions"):
        pytest.skip("this version has none")
    whole = {"type": "completion", "id": "c", "model": "claude-2", "stop_reason": "stop_sequence"}
    provider.answer({**whole, "completion": "tea"})
    provider.stream({**whole, "completion": "te", "stop_reason": None}, {**whole, "completion": "a"})
    ask = {"model": "claude-2", "prompt": "p", "max_tokens_to_sample": 3}

    client.completions.create(**ask)
    list(client.completions.create(**ask, stream=True))

    assert [run["name"] for run in runs] == ["Anthropic", "Anthropic"]
    assert runs[0]["outputs"] == runs[1]["outputs"] == {**whole, "completion": "tea"}
    assert runs[0]["extra"]["metadata"]["ls_max_tokens"] == 3


def test_raw_responses_are_the_sdks(client, provider, runs):
    provider.answer(MESSAGE)
    raw = client.messages.with_raw_response.create(**ASK)

    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().id == "m1"
    assert runs[0]["outputs"]["usage_metadata"] == USAGE_METADATA
    with client.messages.with_streaming_response.create(**ASK) as response:
        assert response.parse().id == "m1"
    assert len(runs) == 1


def test_an_async_clients_raw_responses_are_the_sdks(with_async, provider, runs):
    provider.answer(MESSAGE)

    async def use(client):
        raw = await client.messages.with_raw_response.create(**ASK)
        parsed = raw.parse()
        return (await parsed if hasattr(parsed, "__await__") else parsed).id

    assert with_async(use) == "m1"
    assert runs[0]["outputs"]["usage_metadata"] == USAGE_METADATA


def test_batches_and_counting_are_not_traced(client, provider, runs):
    provider.answer({"input_tokens": 3})

    assert client.messages.count_tokens(model="claude-x", messages=ASK["messages"]).input_tokens == 3
    assert runs == []


def test_copies_are_traced_too_and_wrapping_twice_is_wrapping_once(client, provider, runs):
    provider.answer(MESSAGE)

    copied = wrap_anthropic(wrap_anthropic(client)).with_options(max_retries=1)
    copied.messages.create(**ASK, langsmith_extra={"name": "greet"})

    assert isinstance(copied, anthropic.Anthropic)
    assert [run["name"] for run in runs] == ["greet"]


def test_with_tracing_off_nothing_but_the_call_happens(client, provider, runs):
    provider.stream(*EVENTS)

    with tracing_context(enabled=False):
        stream = client.messages.create(**ASK, stream=True)
        with client.messages.stream(**ASK, langsmith_extra={"name": "x"}) as helper:
            assert helper.get_final_message().id == "m1"

    assert type(stream) is anthropic.Stream
    stream.close()
    assert runs == []


def test_what_is_no_client_is_refused():
    with pytest.raises(
        TypeError, match="wrap_anthropic takes an Anthropic or AsyncAnthropic client, not int"
    ):
        wrap_anthropic(3)
