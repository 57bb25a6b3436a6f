"""Runs leave as OpenTelemetry spans: beside the API, alone, or through a provider of the program's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from opentelemetry import trace as otel
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from smithkit import Client, traceable
from smithkit import trace as block
from smithkit.errors import LangSmithUserError, MissingPackageError
from smithkit.tracing import RunTree, tracing_context
from smithkit.tracing._w3c import span_id_of, trace_id_of
from smithkit.tracing.otel import OtelExporter, _settings
from smithkit.tracing.otel._attributes import attributes_of
from smithkit.tracing.otel._open_runs import OpenRuns


@pytest.fixture(autouse=True)
def _no_otel_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _global_provider_untouched():
    before = otel.get_tracer_provider()
    yield
    assert otel.get_tracer_provider() is before
    assert not otel.get_current_span().get_span_context().is_valid


@pytest.fixture
def memory():
    return InMemorySpanExporter()


@pytest.fixture
def provider(memory):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    return provider


@pytest.fixture
def only(monkeypatch):
    monkeypatch.setenv("LANGSMITH_OTEL_ONLY", "true")


@pytest.fixture
def traced(provider, make_client, only):
    """A client whose runs go through `provider` alone; traces within the test."""
    client = make_client(otel_tracer_provider=provider)
    with tracing_context(enabled=True, client=client, project_name="shop"):
        yield client


@pytest.fixture
def spans(traced, memory):
    """The spans of the runs so far: name → span."""

    def read():
        traced.flush()
        return {span.name: span for span in memory.get_finished_spans()}

    return read


def posted(server):
    """The spans that a server got."""
    messages = [
        ExportTraceServiceRequest.FromString(request.body)
        for request in server.received
        if request.path.endswith("/v1/traces")
    ]
    return [
        span
        for message in messages
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def text(span, name):
    return next(pair.value.string_value for pair in span.attributes if pair.key == name)


@traceable(run_type="tool")
def leaf(x):
    return x


@traceable
def root(x):
    return leaf(x)


# ---------------------------------------------------------------------- where spans go


def test_runs_travel_both_ways(make_client, server):
    client = make_client(otel_enabled=True)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.flush()

    assert sorted(request.path for request in server.received) == ["/otel/v1/traces", "/runs/multipart"]
    runs = next(request for request in server.received if request.path.startswith("/runs")).runs
    assert {text(span, "langsmith.span.id") for span in posted(server)} == {key for _, key in runs}
    assert isinstance(client.otel_exporter, OtelExporter)


def test_alone_nothing_but_spans_is_sent(make_client, server, only):
    client = make_client(otel_enabled=True, info=None)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.create_run("untracked", {}, "chain")
    client.flush()

    assert {request.path for request in server.received} == {"/otel/v1/traces"}
    assert {span.name for span in posted(server)} == {"root", "leaf"}


def test_the_environment_asks_for_spans(make_client, server, monkeypatch):
    monkeypatch.setenv("LANGSMITH_OTEL_ENABLED", "true")

    assert make_client().otel_exporter is not None
    assert make_client(otel_enabled=False).otel_exporter is None


def test_without_being_asked_for_there_is_no_exporter(client):
    assert client.otel_exporter is None


def test_the_servers_own_endpoint_gets_key_and_project(make_client, server, only, monkeypatch):
    monkeypatch.setenv("LANGSMITH_PROJECT", "läden")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue%20sky")
    client = make_client(otel_enabled=True)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.flush()

    (request,) = server.received
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["x-api-key"] == "lsv2-key"
    assert request.headers["langsmith-project"] == "l%C3%A4den"
    assert request.headers["x-team"] == "blue sky"


def test_a_collector_elsewhere_gets_its_headers_and_never_the_key(
    make_client, server, other_server, only, monkeypatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{other_server.url}/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    client = make_client(otel_enabled=True)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.flush()

    (request,) = other_server.received
    assert server.received == []
    assert request.path == "/v1/traces"
    assert request.headers["authorization"] == "Basic abc"
    assert request.headers["content-encoding"] == "gzip"
    assert "lsv2-key" not in str(request.headers)


def test_a_traces_endpoint_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector/custom")

    assert _settings.url() == "http://collector/custom"


def test_what_is_refused_is_counted_and_told_without_the_key(make_client, server, only, caplog):
    server.answer = lambda request, number: 401
    errors = []
    client = make_client(otel_enabled=True, tracing_error_callback=errors.append)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.flush()

    stats = client.tracing_stats()
    assert (stats.failed, stats.sent, stats.queued) == (4, 0, 0)
    assert "lsv2-key" not in caplog.text + str(errors)
    assert errors[0].status_code == 401


def test_what_is_refused_of_an_accepted_request_is_counted(make_client, server, only):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    answer.partial_success.error_message = "too old"
    server.answer = lambda request, number: (200, {}, answer.SerializeToString())
    errors = []
    client = make_client(otel_enabled=True, tracing_error_callback=errors.append)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.flush()

    stats = client.tracing_stats()
    assert (stats.sent, stats.failed, stats.queued) == (2, 2, 0)
    assert "1 spans were not accepted: too old" in str(errors[0])


def test_a_busy_collector_is_tried_again(make_client, server, only):
    server.answer = lambda request, number: 503 if number == 1 else 200
    client = make_client(otel_enabled=True)

    with tracing_context(enabled=True, client=client):
        root(1)
    client.flush()

    assert (client.tracing_stats().sent, len(server.received)) == (4, 2)


def test_runs_with_credentials_of_their_own_do_not_leave_as_spans(make_client, server, run_factory, caplog):
    client = make_client(otel_enabled=True)

    client.submit_post(run_factory(api_key="theirs", end_time="2024-05-06T07:08:10"))
    client.flush()

    assert {request.path for request in server.received} == {"/runs/multipart"}


def test_runs_with_credentials_of_their_own_are_dropped_where_spans_are_all(
    make_client, server, run_factory, only
):
    client = make_client(otel_enabled=True)

    client.submit_post(run_factory(api_key="theirs", end_time="2024-05-06T07:08:10"))
    client.flush()

    assert server.received == []
    assert client.tracing_stats().dropped == 1


def test_without_batching_runs_leave_as_spans_too(make_client, server, only, run_factory, end_factory):
    client = make_client(otel_enabled=True, auto_batch_tracing=False)
    run = run_factory()
    key = run["id"]
    end = {"id": key, "end_time": "2024-05-06T07:08:10+00:00", "outputs": {"answer": 1}}

    client.submit_post(run)
    client.submit_patch(end)
    client.flush()

    (span,) = posted(server)
    assert text(span, "gen_ai.completion") == '{"answer":1}'
    assert span.trace_id.hex() == key.replace("-", "")


def test_both_ways_to_one_server_give_one_run_each(tmp_path):
    client = Client(f"sqlite:///{tmp_path / 'runs.db'}", otel_enabled=True)

    with tracing_context(enabled=True, client=client, project_name="shop"):
        root(1)
    client.flush()

    runs = {run.name: run for run in client.list_runs(project_name="shop")}
    assert sorted(runs) == ["leaf", "root"]
    assert client.tracing_stats().sent == 8
    assert "runtime" in runs["root"].extra
    client.close()


def test_spans_alone_give_the_same_runs(tmp_path, only):
    client = Client(f"sqlite:///{tmp_path / 'runs.db'}", otel_enabled=True)

    @traceable(run_type="llm", tags=["a", "b"], metadata={"k": {"nested": 1}})
    def model(question):
        raise ValueError(question)

    with (
        tracing_context(enabled=True, client=client, project_name="shop"),
        pytest.raises(ValueError, match="why"),
    ):
        model("why")
    client.flush()

    (run,) = client.list_runs(project_name="shop")
    assert (run.name, run.run_type, run.tags, run.inputs) == ("model", "llm", ["a", "b"], {"question": "why"})
    assert run.error.startswith("ValueError('why')\n\nTraceback")
    assert run.metadata["k"] == {"nested": 1}
    client.close()


# ---------------------------------------------------------------------- what spans say


def test_a_span_has_the_runs_ids_times_and_parent(traced, spans):
    with block("outer") as outer:
        leaf(1)

    found = spans()
    parent, child = found["outer"], found["leaf"]
    assert parent.context.trace_id == trace_id_of(str(outer.id))
    assert parent.context.span_id == span_id_of(str(outer.id))
    assert parent.parent is None
    assert child.parent.span_id == parent.context.span_id
    assert abs(parent.start_time - outer.start_time.timestamp() * 1e9) < 2000
    assert abs(parent.end_time - outer.end_time.timestamp() * 1e9) < 2000
    assert parent.status.status_code is StatusCode.OK
    assert parent.instrumentation_scope.name == "smithkit.tracing"


def test_a_failure_is_status_event_and_attribute(traced, spans):
    with pytest.raises(KeyError), block("fails"):
        raise KeyError("lost")

    span = spans()["fails"]
    (event,) = span.events
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == event.attributes["exception.type"] == "KeyError"
    assert event.attributes["exception.message"] == "lost"
    assert "Traceback" in event.attributes["exception.stacktrace"]


def test_a_models_run_speaks_the_conventions_of_generative_ai(traced, spans):
    with block(
        "call",
        "llm",
        inputs={
            "messages": [
                {"role": "user", "content": "weather?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c1", "function": {"name": "look", "arguments": '{"in": "Rome"}'}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "sun"},
            ]
        },
        metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o", "thread_id": "t1"},
        extra={
            "invocation_params": {
                "temperature": 0.5,
                "max_tokens": 9,
                "stop": ["x"],
                "tools": [{"name": "look"}],
            }
        },
    ) as run:
        usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
        usage |= {"input_token_details": {"cache_read": 2}, "output_token_details": {"reasoning": 3}}
        message = {"role": "assistant", "content": "sunny"}
        run.end(
            outputs={
                "id": "r1",
                "model": "gpt-4o-2024",
                "choices": [{"message": message, "finish_reason": "stop"}],
                "usage_metadata": usage,
            }
        )

    span = spans()["call"]
    given = dict(span.attributes)
    assert span.kind is SpanKind.CLIENT
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.response.id": "r1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "gen_ai.conversation.id": "t1",
        "gen_ai.tool.definitions": '[{"name":"look"}]',
        "langsmith.span.kind": "llm",
        "langsmith.trace.session_name": "shop",
    }
    assert {name: given[name] for name in expected} == expected
    assert json.loads(given["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "weather?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"in": "Rome"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sun"}]},
    ]
    assert json.loads(given["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "sunny"}], "finish_reason": "stop"}
    ]


def test_the_provider_is_guessed_from_the_model_where_nobody_says_it():
    run = {"id": "1", "run_type": "llm", "extra": {"metadata": {"ls_model_name": "claude-sonnet"}}}

    assert attributes_of(run)["gen_ai.provider.name"] == "anthropic"


def test_a_tools_run_names_tool_arguments_and_result(traced, spans):
    leaf(1)

    given = spans()["leaf"].attributes
    assert given["gen_ai.operation.name"] == "execute_tool"
    assert (given["gen_ai.tool.name"], given["gen_ai.tool.call.arguments"]) == ("leaf", '{"x":1}')
    assert given["gen_ai.tool.call.result"] == '{"output":1}'


def test_only_what_the_rules_leave_gets_out(make_client, provider, memory, only):
    client = make_client(
        otel_tracer_provider=provider,
        hide_inputs=True,
        hide_outputs=lambda outputs: {"masked": True},
        hide_metadata=lambda metadata: {"kept": 1},
        omit_traced_runtime_info=True,
    )
    secret = {"secret": "s3cret"}
    with (
        tracing_context(enabled=True, client=client),
        block("b", "llm", inputs=secret, metadata=secret) as run,
    ):
        run.end(outputs=secret)
    client.flush()

    (span,) = memory.get_finished_spans()
    assert "s3cret" not in span.to_json()
    assert span.attributes["gen_ai.completion"] == '{"masked":true}'


def test_an_event_of_a_stream_is_an_event_of_the_span(traced, spans):
    @traceable(run_type="llm")
    def stream():
        yield "a"

    assert list(stream()) == ["a"]

    (event,) = spans()["stream"].events
    assert (event.name, event.attributes["token"]) == ("new_token", "a")


# ---------------------------------------------------------------------- nesting


def test_a_run_inside_a_span_is_its_child_and_keeps_its_own_tree(traced, spans, provider):
    tracer = provider.get_tracer("program")

    with tracer.start_as_current_span("server"):
        root(1)

    found = spans()
    assert found["root"].parent.span_id == found["server"].context.span_id
    assert found["leaf"].parent.span_id == found["root"].context.span_id
    assert len({span.context.trace_id for span in found.values()}) == 1
    dotted_order = found["root"].attributes["langsmith.span.dotted_order"]
    assert "." not in dotted_order
    assert found["leaf"].attributes["langsmith.span.dotted_order"].startswith(dotted_order + ".")


def test_a_span_inside_a_run_is_its_child(traced, spans, provider):
    tracer = provider.get_tracer("program")

    @traceable
    def outer():
        with tracer.start_as_current_span("between"):
            return leaf(1)

    outer()

    found = spans()
    assert found["between"].parent.span_id == found["outer"].context.span_id
    assert found["leaf"].parent.span_id == found["between"].context.span_id
    assert len({span.context.trace_id for span in found.values()}) == 1
    assert (
        found["leaf"].attributes["langsmith.span.parent_id"] == found["outer"].attributes["langsmith.span.id"]
    )
    state = found["between"].context.trace_state["smithkit"]
    assert state == found["outer"].attributes["langsmith.span.id"].replace("-", "")


def test_a_run_in_a_bare_thread_stays_in_its_parents_trace(traced, spans, provider):
    def work(parent):
        leaf(1, langsmith_extra={"parent": parent, "client": traced})

    @traceable
    def outer(run_tree: RunTree):
        thread = threading.Thread(target=work, args=(run_tree,))
        with tracing_context(enabled=True):
            thread.start()
            thread.join()

    with provider.get_tracer("program").start_as_current_span("server"):
        outer()

    found = spans()
    assert found["leaf"].parent.span_id == found["outer"].context.span_id
    assert found["leaf"].context.trace_id == found["server"].context.trace_id


def test_headers_name_the_span_where_it_stands(traced, spans, provider):
    @traceable
    def calls(run_tree: RunTree):
        return run_tree.to_headers()

    with provider.get_tracer("program").start_as_current_span("server"):
        headers = calls()

    found = spans()
    own = found["calls"].context
    assert headers["traceparent"] == f"00-{own.trace_id:032x}-{own.span_id:016x}-01"
    assert own.trace_id == found["server"].context.trace_id
    assert headers["tracestate"].startswith("smithkit=")


def test_a_trace_that_was_not_drawn_leaves_no_mark(make_client, provider, memory):
    client = make_client(otel_tracer_provider=provider, tracing_sampling_rate=0.0)
    with tracing_context(enabled=True, client=client), block("dropped"):
        assert not otel.get_current_span().get_span_context().is_valid
    client.flush()

    assert memory.get_finished_spans() == ()


def current_span():
    return otel.get_current_span().get_span_context().span_id


def test_between_the_pieces_of_a_generator_the_consumers_span_is_current(traced):
    @traceable
    def pieces():
        yield current_span()
        yield current_span()

    outside = current_span()
    seen = [(inside, current_span()) for inside in pieces()]

    assert [own for own, _ in seen] == [seen[0][0]] * 2
    assert {other for _, other in seen} == {outside}
    assert seen[0][0] != outside


def test_the_same_holds_for_a_returned_iterator(traced):
    @traceable(reduce_fn=list)
    def pieces():
        return (current_span() for _ in range(2))

    outside = current_span()
    stream = pieces()
    assert current_span() == outside
    insides = []
    for inside in stream:
        insides.append(inside)
        assert current_span() == outside

    assert len(set(insides)) == 1
    assert insides[0] != outside


def test_the_same_holds_for_coroutines_and_async_generators(traced):
    import asyncio

    @traceable
    async def one():
        await asyncio.sleep(0)
        return current_span()

    @traceable
    async def pieces():
        yield current_span()
        yield current_span()

    async def main():
        outside = current_span()
        first, second = await asyncio.gather(one(), one())
        assert len({first, second, outside}) == 3
        insides = []
        async for inside in pieces():
            insides.append(inside)
            assert current_span() == outside
        assert len(set(insides)) == 1

    asyncio.run(main())


def test_without_export_opentelemetry_sees_nothing_of_runs(client):
    with tracing_context(enabled=True, client=client), block("b"):
        assert not otel.get_current_span().get_span_context().is_valid


# ---------------------------------------------------------------------- life


def test_a_run_that_does_not_end_is_exported_when_its_time_is_up(traced_open):
    ended, lost = traced_open(ttl=0.0)

    assert (len(ended), lost) == (1, [])


def test_runs_that_do_not_end_have_no_more_room_than_they_may(traced_open):
    ended, lost = traced_open(ttl=3600.0, capacity=10)

    assert (ended, len(lost)) == ([], 1)


@pytest.fixture
def traced_open(run_factory):
    from smithkit.tracing._serialize import dumps
    from smithkit.tracing.pipeline._snapshot import run_op

    def take(ttl, capacity=1_000_000):
        return OpenRuns(ttl, capacity).take([run_op("post", run_factory(), dumps, None, with_runtime=False)])

    return take


def test_an_open_run_is_neither_sent_nor_lost(traced, memory, run_factory):
    traced.submit_post(run_factory())
    traced.flush()

    stats = traced.tracing_stats()
    assert (stats.queued, stats.sent, stats.dropped) == (1, 0, 0)
    assert memory.get_finished_spans() == ()


@pytest.mark.parametrize("value", ["soon", "1h"])
def test_a_time_to_live_that_is_no_number_is_refused(make_client, monkeypatch, value):
    monkeypatch.setenv("LANGSMITH_OTEL_SPAN_TTL_SECONDS", value)

    with pytest.raises(LangSmithUserError, match="number of seconds"):
        make_client(otel_enabled=True)


def test_what_is_no_provider_is_refused(make_client):
    with pytest.raises(LangSmithUserError, match="TracerProvider, not a str"):
        make_client(otel_tracer_provider="provider")


def test_without_the_extra_the_error_names_the_cure(make_client, monkeypatch):
    monkeypatch.setattr(_settings, "_MODULES", ("opentelemetry.missing.module",))

    with pytest.raises(MissingPackageError, match=r"pip install 'smithkit-tracing\[otel\]'"):
        make_client(otel_enabled=True)


FORKS = """
import os
from smithkit import Client, traceable

client = Client()

@traceable(client=client)
def root(name):
    return name

root("parent")
child = os.fork()
root("child" if child == 0 else "after")
client.flush()
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""

PROGRAM = """
from opentelemetry import trace
from smithkit import traceable

@traceable
def root(x):
    return x

root(1)
assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
"""


@pytest.fixture
def variables(server, tmp_path):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_OTEL_ENABLED": "true",
        "LANGSMITH_OTEL_ONLY": "true",
        "LANGSMITH_ENDPOINT": server.url,
        "LANGSMITH_API_KEY": "key",
    }


@pytest.mark.slow
def test_spans_of_a_program_that_just_ends_arrive(server, variables):
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], env=variables, check=True, timeout=60)

    assert [span.name for span in posted(server)] == ["root"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_parent_and_child_of_a_fork_export_their_own_spans(server, variables):
    subprocess.run([sys.executable, "-c", FORKS], env=variables, check=True, timeout=60)

    outputs = sorted(text(span, "gen_ai.completion") for span in posted(server))
    assert outputs == ['{"output":"after"}', '{"output":"child"}', '{"output":"parent"}']
