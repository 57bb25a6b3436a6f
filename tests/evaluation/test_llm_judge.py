"""A language model as judge, asked with the real clients of openai and anthropic on an endpoint of this machine."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smithkit.evaluation import LLMJudge
from smithkit.evaluation._judges import _loop

openai = pytest.importorskip("openai")
anthropic = pytest.importorskip("anthropic")

PROMPT = [
    {"role": "system", "content": "You judge. Answer with {{braces}}."},
    {"role": "user", "content": "{inputs.name} became {outputs}; wanted: {reference_outputs.answer}"},
]


class Provider:
    """Answers in the format of either provider with what the test says, and keeps the requests."""

    def __init__(self) -> None:
        self.requests = []
        self.verdict = {"reasoning": "It is.", "score": True}
        self.changes = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                outer.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                answer = outer.message() if "messages" in self.path else outer.completion()
                data = json.dumps(answer | outer.changes).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def completion(self):
        message = {"role": "assistant", "content": json.dumps(self.verdict), "refusal": None}
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
        return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}

    def message(self):
        call = {"type": "tool_use", "id": "t", "name": "verdict", "input": self.verdict}
        about = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [call]}
        return about | {"stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 1}}

    def stop(self):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def provider():
    provider = Provider()
    yield provider
    provider.stop()


def client_of(name, provider):
    package = openai if "OpenAI" in name else anthropic
    return getattr(package, name)(api_key="k", base_url=provider.url, max_retries=0)


CLIENTS = ["OpenAI", "AsyncOpenAI", "Anthropic", "AsyncAnthropic"]


def upper(inputs: dict) -> dict:
    return {"answer": inputs["name"].upper()}


async def aupper(inputs: dict) -> dict:
    return upper(inputs)


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("waiting", [False, True])
def test_every_client_judges_in_threads_and_in_tasks(client, dataset, provider, name, waiting):
    asked = client_of(name, provider)
    judge = LLMJudge(asked, "m", PROMPT, key="right", max_tokens=9)

    async def run():
        if waiting:
            results = await client.aevaluate(aupper, data="names", evaluators=[judge])
        else:
            results = await asyncio.to_thread(client.evaluate, upper, data="names", evaluators=[judge])
        if not name.startswith("Async"):
            asked.close()
        elif waiting:
            await asked.close()
        else:
            asyncio.run_coroutine_threadsafe(asked.close(), _loop()).result()
        return results

    results = asyncio.run(run())
    found = [row["evaluation_results"]["results"][0] for row in results]
    assert [(one.key, one.score, one.comment) for one in found] == [("right", True, "It is.")] * 4
    first = provider.requests[0]
    said = [first.get("system", first["messages"][0]["content"]), first["messages"][-1]["content"]]
    assert said == ["You judge. Answer with {braces}.", 'ada became {"answer": "ADA"}; wanted: ADA']
    assert (first["max_tokens"], first["model"]) == (9, "m")
    judging = list(client.list_runs(project_name="evaluators", is_root=True))
    assert {run.id for run in judging} == {one.source_run_id for one in found}
    assert {run.name for run in judging} == {"right"}
    project = client.read_project(project_name=results.experiment_name, include_stats=True)
    assert project.feedback_stats["right"]["avg"] == 1.0


def judged(provider, scale, name="OpenAI"):
    from types import SimpleNamespace

    run = SimpleNamespace(inputs={}, outputs={"answer": "{inputs} {nothing}"})
    judge = LLMJudge(client_of(name, provider), "m", "{outputs.answer}", scale=scale)
    [result] = judge.evaluate_run(run)["results"]
    return result.score, result.value


@pytest.mark.parametrize("name", ["OpenAI", "Anthropic"])
@pytest.mark.parametrize(
    ("scale", "verdict", "expected"),
    [
        ("boolean", False, (False, None)),
        ("continuous", 0.25, (0.25, None)),
        ((1, 5), 5, (5, None)),
        (["good", "bad"], "bad", (None, "bad")),
        ({"good": 1, "bad": 0}, "good", (1, "good")),
    ],
)
def test_verdicts_are_of_the_scale(provider, name, scale, verdict, expected):
    provider.verdict = {"reasoning": "so", "score": verdict}
    assert judged(provider, scale, name) == expected
    assert "{inputs} {nothing}" in json.dumps(provider.requests[0]["messages"]), "filled in once"


@pytest.mark.parametrize(
    ("scale", "verdict"),
    [
        ("boolean", {"score": 1}),
        ("continuous", {"score": 1.5}),
        ("continuous", {"score": True}),
        (["a", "b"], {"score": "c"}),
        ("boolean", {}),
        ("boolean", []),
    ],
)
def test_what_is_no_verdict_is_an_error(provider, scale, verdict):
    provider.verdict = verdict
    with pytest.raises(ValueError, match="gave no verdict"):
        judged(provider, scale)


def test_refusals_and_cut_answers_are_errors_of_rows(client, dataset, provider):
    message = {"role": "assistant", "content": None, "refusal": "I will not"}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    provider.changes = {"choices": [choice]}
    judge = LLMJudge(client_of("OpenAI", provider), "m", "{outputs}", key="right")
    for row in client.evaluate(upper, data="names", evaluators=[judge]):
        [result] = row["evaluation_results"]["results"]
        assert (result.key, result.score, "I will not" in result.comment) == ("right", None, True)
    provider.changes = {"stop_reason": "max_tokens"}
    with pytest.raises(ValueError, match="max_tokens"):
        judged(provider, "boolean", "Anthropic")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"client": object()}, TypeError, "openai or anthropic"),
        ({"prompt": "{answer}"}, ValueError, "names {answer}"),
        ({"prompt": 3}, TypeError, "prompt must be"),
        ({"prompt": [{"role": "user"}]}, TypeError, "prompt must be"),
        ({"scale": "high"}, TypeError, "scale must be"),
        ({"scale": 3}, TypeError, "scale must be"),
        ({"scale": (5, 1)}, ValueError, "greater"),
        ({"scale": ["one"]}, ValueError, "two choices"),
    ],
)
def test_wrong_arguments_are_refused(provider, arguments, error, message):
    given = {"client": client_of("OpenAI", provider), "model": "m", "prompt": "{outputs}"} | arguments
    with pytest.raises(error, match=message):
        LLMJudge(**given)
