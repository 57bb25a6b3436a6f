"""A wrapped OpenAI client does what it did before, and each of its calls is a run."""

from __future__ import annotations

import asyncio
import gc
import inspect

import pytest
from pydantic import BaseModel

from smithkit import traceable, tracing_context
from smithkit.tracing.wrappers import wrap_openai

openai = pytest.importorskip("openai")

ASK = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}]}
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
USAGE_METADATA = {
    "input_tokens": 10,
    "output_tokens": 5,
    "total_tokens": 15,
    "input_token_details": {"cache_read": 4},
    "output_token_details": {"reasoning": 2},
}
COMPLETION = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x-2030",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "hello", "refusal": None},
        }
    ],
    "usage": USAGE,
}
RESPONSE_USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "total_tokens": 15,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 2},
}
MESSAGE_ITEM = {
    "type": "message",
    "id": "m1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "hello", "annotations": []}],
}
RESPONSE = {
    "id": "r1",
    "object": "response",
    "created_at": 1,
    "model": "gpt-x-2030",
    "status": "completed",
    "output": [MESSAGE_ITEM],
    "usage": RESPONSE_USAGE,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
}


class Answer(BaseModel):
    text: str


def chunk(delta=None, index=0, finish=None, **fields):
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-x-2030",
        "choices": choices,
        **fields,
    }


HELLO = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "hel"}),
    chunk({"content": "lo"}),
    chunk({}, finish="stop"),
    "[DONE]",
)


@pytest.fixture
def client(provider):
    with openai.OpenAI(base_url=provider.url, api_key="sk-secret", max_retries=0) as client:
        yield wrap_openai(client)


@pytest.fixture
def with_async(provider):
    """Runs a coroutine function with a wrapped async client."""

    def run(function):
        async def main():
            async with openai.AsyncOpenAI(base_url=provider.url, api_key="sk-x", max_retries=0) as client:
                return await function(wrap_openai(client))

        return asyncio.run(main())

    return run


def text_of(run):
    (choice,) = run["outputs"]["choices"]
    return choice["message"]["content"]


def test_a_chat_completion_is_recorded_with_its_tokens(client, provider, runs):
    provider.answer(COMPLETION)

    answer = client.chat.completions.create(**ASK, temperature=0.5, max_tokens=9, stop="x", top_p=0.1)

    assert type(answer) is openai.types.chat.ChatCompletion
    assert answer.usage.prompt_tokens == 10
    (run,) = runs
    assert (run["name"], run["run_type"]) == ("ChatOpenAI", "llm")
    assert run["inputs"] == {**ASK, "temperature": 0.5, "max_tokens": 9, "stop": "x", "top_p": 0.1}
    assert text_of(run) == "hello"
    assert run["outputs"]["usage_metadata"] == USAGE_METADATA
    assert "usage" not in run["outputs"]
    metadata = run["extra"]["metadata"]
    assert metadata == {
        "ls_method": "traceable",
        "ls_provider": "openai",
        "ls_model_type": "chat",
        "ls_model_name": "gpt-x",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["x"],
        "ls_invocation_params": {"top_p": 0.1},
        "usage_metadata": USAGE_METADATA,
    }


def test_what_was_not_given_and_what_is_secret_is_not_recorded(client, provider, runs):
    provider.answer(RESPONSE)
    not_given = getattr(openai, "omit", openai.NOT_GIVEN)

    client.responses.create(
        model="gpt-x",
        input="hi",
        temperature=not_given,
        extra_headers={"Authorization": "canary"},
        extra_query={"key": "canary"},
        timeout=3,
        tools=[{"type": "mcp", "server_label": "s", "server_url": "u", "headers": {"A": "canary"}}],
    )

    assert provider.requests[0]["tools"][0]["headers"] == {"A": "canary"}
    assert runs[0]["inputs"] == {
        "model": "gpt-x",
        "input": "hi",
        "tools": [{"type": "mcp", "server_label": "s", "server_url": "u"}],
    }
    assert "canary" not in str(runs)
    assert "sk-secret" not in str(runs)


def test_the_service_tier_names_the_tokens(client, provider, runs):
    provider.answer({**COMPLETION, "service_tier": "flex"})

    client.chat.completions.create(**ASK)

    details = runs[0]["outputs"]["usage_metadata"]["input_token_details"]
    assert details == {"flex_cache_read": 4, "flex": 6}


def test_a_stream_is_recorded_as_an_answer_that_was_not_streamed(client, provider, runs):
    provider.stream(*HELLO[:-1], chunk(usage=USAGE), "[DONE]")

    stream = client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})

    assert isinstance(stream, openai.Stream)
    assert stream.response.status_code == 200
    assert [c.choices[0].delta.content for c in stream if c.choices] == ["", "hel", "lo", None]
    (run,) = runs
    assert run["outputs"] == {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-x-2030",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
        ],
        "usage_metadata": USAGE_METADATA,
    }
    assert [event["name"] for event in run["events"]] == ["new_token"]


def test_usage_is_never_asked_for_behind_the_users_back(client, provider, runs):
    provider.stream(*HELLO)

    list(client.chat.completions.create(**ASK, stream=True))

    assert provider.requests == [{**ASK, "stream": True}]
    assert "usage_metadata" not in runs[0]["outputs"]


def test_tool_calls_choices_refusals_and_logprobs_are_put_together(client, provider, runs):
    def call(index, **function):
        return {"index": index, "function": function}

    token = {"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": []}
    first, second = chunk({"content": "a"}), chunk({"content": "b"})
    first["choices"][0]["logprobs"] = {"content": [token], "refusal": None}
    second["choices"][0]["logprobs"] = {"content": [{**token, "token": "b"}], "refusal": None}
    provider.stream(
        chunk({"role": "assistant", "tool_calls": [{**call(0, name="f", arguments=""), "id": "t0"}]}),
        chunk({"tool_calls": [{**call(1, name="g", arguments='{"b"'), "id": "t1", "type": "function"}]}),
        first,
        chunk({"tool_calls": [call(0, arguments='{"a":')]}),
        chunk({"tool_calls": [call(1, arguments=": 2}"), call(0, arguments=" 1}")]}),
        second,
        chunk({"role": "assistant", "refusal": "I "}, index=1),
        chunk({"role": "assistant", "refusal": "cannot"}, index=1),
        chunk({"reasoning_content": "be"}, index=1),
        chunk({"reasoning_content": "cause"}, index=1),
        chunk({}, index=1, finish="stop"),
        chunk({}, finish="tool_calls"),
        "[DONE]",
    )

    list(client.chat.completions.create(**ASK, n=2, stream=True))

    one, two = runs[0]["outputs"]["choices"]
    assert one["message"]["tool_calls"] == [
        {"id": "t0", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "t1", "type": "function", "function": {"name": "g", "arguments": '{"b": 2}'}},
    ]
    assert [item["token"] for item in one["logprobs"]["content"]] == ["a", "b"]
    assert (one["finish_reason"], two["finish_reason"]) == ("tool_calls", "stop")
    assert two["message"] == {"role": "assistant", "refusal": "I cannot", "reasoning_content": "because"}


@pytest.mark.parametrize("end", ["close", "with", "collect"])
def test_a_half_consumed_stream_ends_its_run_with_what_came(client, provider, runs, end):
    provider.stream(*HELLO)
    stream = client.chat.completions.create(**ASK, stream=True)
    if end == "with":
        with stream:
            next(stream)
            next(stream)
    else:
        next(stream)
        next(stream)
    if end == "close":
        stream.close()
    assert ("end_time" in runs[0]) is (end != "collect")
    if end == "collect":
        del stream
        gc.collect()

    assert text_of(runs[0]) == "hel"
    assert runs[0].get("error") is None


def test_an_error_is_recorded_and_is_the_sdks_own(client, provider, runs):
    provider.answer({"error": {"message": "no such model", "code": "x"}}, status=404)

    with pytest.raises(openai.NotFoundError, match="no such model"):
        client.chat.completions.create(**ASK)

    assert runs[0]["error"].startswith("NotFoundError(")
    assert "smithkit" not in runs[0]["error"]


@pytest.mark.parametrize("status", [400, 429, 500])
def test_errors_of_the_server_pass(client, provider, runs, status):
    provider.answer({"error": {"message": "bad"}}, status=status)

    with pytest.raises(openai.APIStatusError) as caught:
        client.responses.create(model="gpt-x", input="hi")

    assert caught.value.status_code == status
    assert runs[0]["error"]


def test_an_error_in_the_middle_of_a_stream_keeps_what_came_before(client, provider, runs):
    provider.stream(*HELLO[:2], {"error": {"message": "overloaded"}}, "[DONE]")

    with pytest.raises(openai.APIError, match="overloaded"):
        list(client.chat.completions.create(**ASK, stream=True))

    assert text_of(runs[0]) == "hel"
    assert "overloaded" in runs[0]["error"]


def test_a_connection_that_breaks_ends_the_run_with_what_came(client, provider, runs, drop):
    provider.stream(*HELLO[:3], drop)

    with pytest.raises(Exception, match=r"peer closed|incomplete|Connection"):
        list(client.chat.completions.create(**ASK, stream=True))

    assert text_of(runs[0]) == "hello"
    assert runs[0]["error"]


def test_wrong_arguments_are_the_sdks_affair(client, runs):
    with pytest.raises(TypeError, match="Missing required arguments"):
        client.chat.completions.create(model="gpt-x")
    with pytest.raises(TypeError, match=r"takes 1 arg|positional"):
        client.chat.completions.create("gpt-x")


def test_the_signature_stays(client):
    original = type(client.chat.completions).create

    assert client.chat.completions.create.__name__ == "create"
    assert (
        list(inspect.signature(client.chat.completions.create).parameters)
        == list(inspect.signature(original).parameters)[1:]
    )


def test_parsed_completions_keep_what_was_parsed(client, provider, runs):
    message = {"role": "assistant", "content": '{"text": "hello"}', "refusal": None}
    provider.answer({**COMPLETION, "choices": [{**COMPLETION["choices"][0], "message": message}]})
    holders = [client.beta.chat.completions]
    if hasattr(client.chat.completions, "parse"):
        holders.append(client.chat.completions)

    for completions in holders:
        parsed = completions.parse(**ASK, response_format=Answer)
        assert parsed.choices[0].message.parsed == Answer(text="hello")

    assert len(runs) == len(holders)
    for run in runs:
        assert run["outputs"]["choices"][0]["message"]["parsed"] == {"text": "hello"}
        assert run["outputs"]["usage_metadata"] == USAGE_METADATA


def stream_helper(client):
    return getattr(client.chat.completions, "stream", None) or client.beta.chat.completions.stream


def test_the_stream_helper_is_traced_once(client, provider, runs):
    provider.stream(*HELLO[:-1], chunk(usage=USAGE), "[DONE]")

    with stream_helper(client)(**ASK) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()

    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content == "hello"
    (run,) = runs
    assert text_of(run) == "hello"
    assert run["outputs"]["usage_metadata"] == USAGE_METADATA


def test_the_stream_helper_ends_its_run_with_its_block(client, provider, runs):
    provider.stream(*HELLO)

    with stream_helper(client)(**ASK) as stream:
        for event in stream:
            if event.type == "content.delta" and event.delta:
                break

    assert text_of(runs[0]) == "hel"
    assert runs[0]["end_time"]
    with pytest.raises(LookupError), stream_helper(client)(**ASK) as stream:
        raise LookupError("mine")
    assert runs[1]["error"].startswith("LookupError('mine')")


def test_completions(client, provider, runs):
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    whole = {"id": "x", "object": "text_completion", "created": 1, "model": "m", "usage": usage}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None}
    provider.answer({**whole, "choices": [{**choice, "text": "tea"}]})
    provider.stream(
        {**whole, "choices": [{**choice, "text": "te", "finish_reason": None}], "usage": None},
        {**whole, "choices": [{**choice, "text": "a"}]},
        "[DONE]",
    )

    client.completions.create(model="m", prompt="p")
    list(client.completions.create(model="m", prompt="p", stream=True))

    assert [run["name"] for run in runs] == ["OpenAI", "OpenAI"]
    assert runs[0]["outputs"] == runs[1]["outputs"]
    assert runs[0]["outputs"]["choices"][0]["text"] == "tea"
    assert runs[0]["outputs"]["usage_metadata"]["total_tokens"] == 3
    assert runs[0]["extra"]["metadata"]["ls_model_type"] == "llm"


def item_events(item, *pieces):
    return (
        {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item},
        *({**piece, "sequence_number": 2, "output_index": 0, "item_id": "m1"} for piece in pieces),
    )


STARTED = {**RESPONSE, "status": "in_progress", "output": [], "usage": None}
TEXT = (
    {
        "type": "response.content_part.added",
        "content_index": 0,
        "part": {"type": "output_text", "text": "", "annotations": []},
    },
    {"type": "response.output_text.delta", "content_index": 0, "delta": "hel", "logprobs": []},
    {"type": "response.output_text.delta", "content_index": 0, "delta": "lo", "logprobs": []},
)
RESPONSE_EVENTS = (
    {"type": "response.created", "sequence_number": 0, "response": STARTED},
    *item_events({**MESSAGE_ITEM, "content": [], "status": "in_progress"}, *TEXT),
    {"type": "response.completed", "sequence_number": 9, "response": RESPONSE},
)


def test_responses_plain_and_streamed_are_recorded_alike(client, provider, runs):
    provider.answer(RESPONSE)
    provider.stream(*RESPONSE_EVENTS)

    client.responses.create(model="gpt-x", input="hi", max_output_tokens=3, reasoning={"effort": "low"})
    list(client.responses.create(model="gpt-x", input="hi", stream=True))
    with client.responses.stream(model="gpt-x", input="hi") as stream:
        assert stream.get_final_response().output_text == "hello"

    plain, streamed, helped = runs
    assert plain["outputs"] == streamed["outputs"] == helped["outputs"]
    assert plain["outputs"]["output"][0]["content"][0]["text"] == "hello"
    assert plain["outputs"]["usage_metadata"] == USAGE_METADATA
    metadata = plain["extra"]["metadata"]
    assert metadata["ls_max_tokens"] == 3
    assert metadata["ls_invocation_params"] == {"reasoning": {"effort": "low"}, "use_responses_api": True}


def test_a_response_that_breaks_off_keeps_its_items(client, provider, runs):
    call = {"type": "function_call", "id": "f1", "call_id": "k", "name": "f", "arguments": ""}
    thought = {"type": "reasoning", "id": "t1", "summary": []}
    provider.stream(
        RESPONSE_EVENTS[0],
        *item_events(
            thought, {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": "hm"}
        ),
        *({**event, "output_index": 1} for event in RESPONSE_EVENTS[1:-1]),
        *(
            {**event, "output_index": 2}
            for event in item_events(
                call,
                *({"type": "response.function_call_arguments.delta", "delta": d} for d in ('{"a"', ": 1}")),
            )
        ),
    )

    with client.responses.create(model="gpt-x", input="hi", stream=True) as stream:
        list(stream)

    reasoning, message, function = runs[0]["outputs"]["output"]
    assert reasoning["summary"][0]["text"] == "hm"
    assert message["content"][0]["text"] == "hello"
    assert (function["name"], function["arguments"]) == ("f", '{"a": 1}')


def test_parsed_responses(client, provider, runs):
    content = [{"type": "output_text", "text": '{"text": "hello"}', "annotations": []}]
    provider.answer({**RESPONSE, "output": [{**MESSAGE_ITEM, "content": content}]})

    assert client.responses.parse(model="gpt-x", input="hi", text_format=Answer).output_parsed.text == "hello"

    assert runs[0]["outputs"]["output"][0]["content"][0]["parsed"] == {"text": "hello"}


def test_raw_responses_are_the_sdks_and_recorded_when_they_are_whole(client, provider, runs):
    provider.answer(COMPLETION)
    raw = client.chat.completions.with_raw_response.create(**ASK)
    again = client.with_raw_response.chat.completions.create(**ASK)

    assert raw.headers["content-type"] == again.headers["content-type"] == "application/json"
    assert raw.parse().choices[0].message.content == "hello"
    assert [text_of(run) for run in runs] == ["hello", "hello"]


def test_raw_streams_are_left_alone(client, provider, runs):
    provider.stream(*HELLO)
    raw = client.chat.completions.with_raw_response.create(**ASK, stream=True)

    assert len(list(raw.parse())) == 4
    with client.chat.completions.with_streaming_response.create(**ASK, stream=True) as response:
        assert b"".join(response.iter_bytes()).endswith(b"[DONE]\n\n")
    assert runs == []


def test_an_async_client(with_async, provider, runs):
    provider.answer(COMPLETION)
    provider.stream(*HELLO)

    async def use(client):
        answer = await client.chat.completions.create(**ASK)
        stream = await client.chat.completions.create(**ASK, stream=True)
        assert isinstance(stream, openai.AsyncStream)
        texts = [c.choices[0].delta.content or "" async for c in stream]
        async with await client.chat.completions.create(**ASK, stream=True) as half:
            async for c in half:
                if c.choices[0].delta.content:
                    break
        return answer.choices[0].message.content, "".join(texts)

    assert with_async(use) == ("hello", "hello")
    assert [text_of(run) for run in runs] == ["hello", "hello", "hel"]
    assert all(run["end_time"] and not run.get("error") for run in runs)


def test_an_async_clients_stream_helpers(with_async, provider, runs):
    provider.stream(*HELLO)
    provider.stream(*RESPONSE_EVENTS)

    async def use(client):
        async with stream_helper(client)(**ASK) as stream:
            completion = await stream.get_final_completion()
        async with client.responses.stream(model="gpt-x", input="hi") as stream:
            async for _ in stream:
                pass
        return completion.choices[0].message.content

    assert with_async(use) == "hello"
    assert text_of(runs[0]) == "hello"
    assert runs[1]["outputs"]["usage_metadata"] == USAGE_METADATA


def test_an_async_connection_that_breaks_ends_the_run_with_what_came(with_async, provider, runs, drop):
    provider.stream(*HELLO[:2], drop)

    async def use(client):
        with pytest.raises(Exception, match=r"peer closed|incomplete|Connection"):
            async for _ in await client.chat.completions.create(**ASK, stream=True):
                pass

    with_async(use)
    assert text_of(runs[0]) == "hel"
    assert runs[0]["error"]


def test_runs_stand_below_the_function_that_calls(client, provider, runs):
    provider.stream(*HELLO)

    @traceable
    def chain():
        return "".join(
            c.choices[0].delta.content or "" for c in client.chat.completions.create(**ASK, stream=True)
        )

    assert chain() == "hello"
    assert runs[1]["parent_run_id"] == runs[0]["id"]


def test_a_call_may_say_something_of_its_run(client, provider, runs):
    provider.answer(COMPLETION)

    client.chat.completions.create(**ASK, langsmith_extra={"name": "greet", "tags": ["t"]})
    client.chat.completions.with_streaming_response.create(**ASK, langsmith_extra={"name": "x"})

    assert (runs[0]["name"], runs[0]["tags"]) == ("greet", ["t"])
    assert "langsmith_extra" not in provider.requests[0]


def test_tracing_extra_is_said_of_all_runs(provider, runs):
    provider.answer(COMPLETION)
    extra = {"metadata": {"team": "a"}, "tags": ["t"], "project_name": "p"}
    with openai.OpenAI(base_url=provider.url, api_key="k") as client:
        wrap_openai(client, tracing_extra=extra, chat_name="Greeter")
        client.chat.completions.create(**ASK, metadata={"order": "7"})

    (run,) = runs
    assert (run["name"], run["tags"], run["session_name"]) == ("Greeter", ["t"], "p")
    assert run["extra"]["metadata"]["team"] == "a"
    assert run["extra"]["metadata"]["order"] == "7"


def test_azure_is_named(provider, runs):
    provider.answer(COMPLETION)
    with openai.AzureOpenAI(azure_endpoint=provider.url, api_key="k", api_version="2024") as client:
        wrap_openai(client).chat.completions.create(**ASK)

    assert runs[0]["name"] == "AzureChatOpenAI"
    assert runs[0]["extra"]["metadata"]["ls_provider"] == "azure"


def test_copies_are_traced_too_and_wrapping_twice_is_wrapping_once(client, provider, runs):
    provider.answer(COMPLETION)

    copied = wrap_openai(wrap_openai(client)).with_options(max_retries=1)
    copied.chat.completions.create(**ASK)

    assert isinstance(copied, openai.OpenAI)
    assert copied.max_retries == 1
    assert len(runs) == 1


def test_a_client_in_use_is_traced_from_then_on(provider, runs):
    provider.answer(COMPLETION)
    with openai.OpenAI(base_url=provider.url, api_key="k") as client:
        completions = client.chat.completions
        completions.create(**ASK)
        wrap_openai(client)
        completions.create(**ASK)

    assert len(runs) == 1


def test_wrapping_loads_none_of_the_clients_resources(provider):
    with openai.OpenAI(base_url=provider.url, api_key="k") as client:
        before = set(vars(client))
        wrap_openai(client)
        assert set(vars(client)) == before
        assert client.chat is client.chat


def test_other_clients_stay_untraced(client, provider, runs):
    provider.answer(COMPLETION)
    with openai.OpenAI(base_url=provider.url, api_key="k") as other:
        other.chat.completions.create(**ASK)

    assert runs == []
    assert type(client).__name__ == "OpenAI"


def test_what_is_no_client_is_refused():
    with pytest.raises(TypeError, match="wrap_openai takes an OpenAI or AsyncOpenAI client, not dict"):
        wrap_openai({})
    with pytest.raises(ValueError, match=r"unknown keys \['colour'\]; known are \['client', 'enabled'"):
        wrap_openai(openai.OpenAI(api_key="k"), tracing_extra={"colour": 1})


def test_with_tracing_off_nothing_but_the_call_happens(client, provider, runs):
    provider.answer(COMPLETION)
    provider.stream(*HELLO)

    with tracing_context(enabled=False):
        client.chat.completions.create(**ASK)
        stream = client.chat.completions.create(**ASK, stream=True)

    assert type(stream) is openai.Stream
    assert len(list(stream)) == 4
    assert runs == []
