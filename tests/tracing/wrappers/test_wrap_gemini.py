"""A wrapped Gemini client does what it did before, and each of its calls is a run."""

from __future__ import annotations

import asyncio
import gc

import pytest

from smithkit import tracing_context
from smithkit.tracing.wrappers import wrap_gemini

genai = pytest.importorskip("google.genai")
errors, types = genai.errors, genai.types

USAGE = {
    "promptTokenCount": 100,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 5,
    "cachedContentTokenCount": 40,
    "totalTokenCount": 125,
}
USAGE_METADATA = {
    "input_tokens": 100,
    "output_tokens": 25,
    "total_tokens": 125,
    "input_token_details": {"cache_read": 40},
    "output_token_details": {"reasoning": 5},
}


def answer(*parts, finish="STOP", **fields):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-x-001", "responseId": "r1", **fields}


HELLO = answer({"text": "hello"}, usageMetadata=USAGE)
CHUNKS = (answer({"text": "hel"}, finish=None), answer({"text": "lo"}, usageMetadata=USAGE))


@pytest.fixture
def client(provider):
    return wrap_gemini(genai.Client(api_key="secret-key", http_options={"base_url": provider.url}))


def test_a_response_is_recorded_with_its_tokens(client, provider, runs):
    provider.answer(HELLO)
    config = types.GenerateContentConfig(
        temperature=0.3,
        max_output_tokens=9,
        stop_sequences=["x"],
        top_k=3,
        system_instruction="be kind",
        http_options={"headers": {"X-Key": "canary"}},
    )

    response = client.models.generate_content(model="gemini-x", contents="hi", config=config)

    assert type(response) is types.GenerateContentResponse
    assert response.text == "hello"
    (run,) = runs
    assert (run["name"], run["run_type"]) == ("ChatGoogleGenerativeAI", "llm")
    assert run["inputs"] == {
        "messages": [{"role": "user", "content": "hi"}],
        "model": "gemini-x",
        "config": {
            "temperature": 0.3,
            "max_output_tokens": 9,
            "stop_sequences": ["x"],
            "top_k": 3.0,
            "system_instruction": "be kind",
        },
    }
    assert run["outputs"] == {
        "role": "assistant",
        "content": "hello",
        "finish_reason": "STOP",
        "model_version": "gemini-x-001",
        **({"response_id": "r1"} if "response_id" in types.GenerateContentResponse.model_fields else {}),
        "usage_metadata": USAGE_METADATA,
    }
    assert run["extra"]["metadata"] == {
        "ls_method": "traceable",
        "ls_provider": "google",
        "ls_model_type": "chat",
        "ls_model_name": "gemini-x",
        "ls_temperature": 0.3,
        "ls_max_tokens": 9,
        "ls_stop": ["x"],
        "ls_invocation_params": {"top_k": 3.0},
        "usage_metadata": USAGE_METADATA,
    }
    assert "canary" not in str(runs)
    assert "secret-key" not in str(runs)


def test_thoughts_calls_and_images_of_an_answer(client, provider, runs):
    provider.answer(
        answer(
            {"text": "hm", "thought": True},
            {"text": "see"},
            {"functionCall": {"name": "f", "args": {"a": 1}}},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
        )
    )

    client.models.generate_content(model="gemini-x", contents="hi")

    outputs = runs[0]["outputs"]
    assert outputs["content"][:3] == [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
    ]
    assert outputs["content"][3]["type"] == "executable_code"
    assert outputs["tool_calls"] == [
        {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    ]


def test_several_candidates(client, provider, runs):
    first = answer({"text": "a"})
    second = {
        "content": {"role": "model", "parts": [{"text": "b"}]},
        "finishReason": "MAX_TOKENS",
        "index": 1,
    }
    provider.answer({**first, "candidates": [*first["candidates"], second]})

    client.models.generate_content(model="gemini-x", contents="hi", config={"candidate_count": 2})

    assert [found["content"] for found in runs[0]["outputs"]["candidates"]] == ["a", "b"]
    assert runs[0]["outputs"]["content"] == "a"


def test_a_prompt_that_was_blocked(client, provider, runs):
    provider.answer({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}})

    client.models.generate_content(model="gemini-x", contents="hi")

    assert runs[0]["outputs"]["prompt_feedback"] == {"block_reason": "SAFETY"}
    assert runs[0]["outputs"]["usage_metadata"]["input_tokens"] == 3


@pytest.mark.parametrize("as_dictionaries", [False, True])
def test_contents_are_recorded_as_messages(client, provider, runs, as_dictionaries):
    provider.answer(HELLO)
    call = types.FunctionCall(id="k1", name="f", args={"a": 1})
    result = types.FunctionResponse(id="k1", name="f", response={"r": 2})
    contents = [
        types.Content(
            role="user",
            parts=[
                types.Part(text="look"),
                types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png"),
                types.Part.from_bytes(data=b"RIFF", mime_type="audio/wav"),
                types.Part.from_uri(file_uri="https://files.test/a.pdf", mime_type="application/pdf"),
            ],
        ),
        types.Content(role="model", parts=[types.Part(function_call=call)]),
        types.Content(role="user", parts=[types.Part(function_response=result)]),
    ]
    if as_dictionaries:
        contents = [content.model_dump(exclude_none=True, by_alias=True) for content in contents]

    client.models.generate_content(model="gemini-x", contents=contents)

    look, asked, answered = runs[0]["inputs"]["messages"]
    file = look["content"].pop()
    assert file.pop("fileUri", None) or file["file_uri"] == "https://files.test/a.pdf"
    assert look == {
        "role": "user",
        "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
            {"type": "media", "mime_type": "audio/wav", "data": "UklGRg=="},
        ],
    }
    assert asked["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert answered == {"role": "tool", "name": "f", "tool_call_id": "k1", "content": {"r": 2}}


def test_parts_side_by_side_are_one_message(client, provider, runs):
    provider.answer(HELLO)

    client.models.generate_content(model="gemini-x", contents=["a", types.Part(text="b")])

    assert runs[0]["inputs"]["messages"] == [{"role": "user", "content": "ab"}]


def test_functions_as_tools_are_named_and_called_by_the_sdk(client, provider, runs):
    provider.answer(answer({"functionCall": {"name": "weather", "args": {"city": "Paris"}}}))
    provider.answer(HELLO)

    def weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    response = client.models.generate_content(model="gemini-x", contents="hi", config={"tools": [weather]})

    assert response.text == "hello"
    assert runs[0]["inputs"]["config"]["tools"] == [{"function": "weather"}]
    assert runs[0]["outputs"]["content"] == "hello"


def test_a_stream_is_recorded_as_an_answer_that_was_not_streamed(client, provider, runs):
    provider.answer(HELLO)
    provider.stream(*CHUNKS)

    client.models.generate_content(model="gemini-x", contents="hi")
    texts = [chunk.text for chunk in client.models.generate_content_stream(model="gemini-x", contents="hi")]

    assert texts == ["hel", "lo"]
    assert runs[0]["outputs"] == runs[1]["outputs"]
    assert [event["name"] for event in runs[1]["events"]] == ["new_token"]


@pytest.mark.parametrize("end", ["close", "collect"])
def test_a_half_consumed_stream_ends_its_run_with_what_came(client, provider, runs, end):
    provider.stream(*CHUNKS)
    stream = client.models.generate_content_stream(model="gemini-x", contents="hi")
    next(stream)
    if end == "close":
        stream.close()
    del stream
    gc.collect()

    assert runs[0]["outputs"]["content"] == "hel"
    assert runs[0]["end_time"]
    assert runs[0].get("error") is None


def test_errors_are_recorded_and_are_the_sdks_own(client, provider, runs):
    provider.answer({"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}, status=400)

    with pytest.raises(errors.ClientError, match="bad"):
        client.models.generate_content(model="gemini-x", contents="hi")
    with pytest.raises(errors.ClientError, match="bad"):
        list(client.models.generate_content_stream(model="gemini-x", contents="hi"))
    with pytest.raises(TypeError, match="contents"):
        client.models.generate_content(model="gemini-x")

    assert all("ClientError" in run["error"] for run in runs[:2])


def test_a_connection_that_breaks_ends_the_run_with_what_came(client, provider, runs, drop):
    provider.stream(CHUNKS[0], drop)

    with pytest.raises(Exception, match=r"peer closed|incomplete|Connection"):
        list(client.models.generate_content_stream(model="gemini-x", contents="hi"))

    assert runs[0]["outputs"]["content"] == "hel"
    assert runs[0]["error"]


def test_chats_are_traced(client, provider, runs):
    provider.answer(HELLO)
    provider.stream(*CHUNKS)
    chat = client.chats.create(model="gemini-x")

    assert chat.send_message("one").text == "hello"
    assert "".join(chunk.text for chunk in chat.send_message_stream("two")) == "hello"

    assert [len(run["inputs"]["messages"]) for run in runs] == [1, 3]
    assert [run["outputs"]["content"] for run in runs] == ["hello", "hello"]


@pytest.mark.filterwarnings(  # what Google's package does where aiohttp is installed
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning"
)
def test_an_async_client(provider, runs):
    provider.answer(HELLO)
    provider.stream(*CHUNKS)

    async def main():
        client = genai.Client(api_key="k", http_options={"base_url": provider.url})
        models = wrap_gemini(client).aio.models
        response = await models.generate_content(model="gemini-x", contents="hi")
        chunks = await models.generate_content_stream(model="gemini-x", contents="hi")
        texts = [chunk.text async for chunk in chunks]
        stream = await models.generate_content_stream(model="gemini-x", contents="hi")
        async for _ in stream:
            break
        await stream.aclose()
        if hasattr(client.aio, "aclose"):  # the oldest release has none
            await client.aio.aclose()
        return response.text, texts

    assert asyncio.run(main()) == ("hello", ["hel", "lo"])
    assert [run["outputs"]["content"] for run in runs] == ["hello", "hello", "hel"]
    assert all(run["end_time"] and not run.get("error") for run in runs)


def test_wrapping_twice_is_wrapping_once(client, provider, runs):
    provider.answer(HELLO)

    assert wrap_gemini(client) is client
    client.models.generate_content(model="gemini-x", contents="hi", langsmith_extra={"name": "greet"})

    assert [run["name"] for run in runs] == ["greet"]


def test_with_tracing_off_nothing_but_the_call_happens(client, provider, runs):
    provider.answer(HELLO)

    with tracing_context(enabled=False):
        assert client.models.generate_content(model="gemini-x", contents="hi").text == "hello"

    assert runs == []


def test_what_is_no_client_is_refused():
    with pytest.raises(TypeError, match=r"wrap_gemini takes a google\.genai\.Client, not str"):
        wrap_gemini("client")
