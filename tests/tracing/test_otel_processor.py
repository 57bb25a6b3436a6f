"""Spans of a tracer provider of the program's own arrive as runs."""

from __future__ import annotations

import pytest
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from smithkit import Client, traceable
from smithkit import trace as block
from smithkit.tracing import tracing_context
from smithkit.tracing._w3c import span_id_of
from smithkit.tracing.otel import OtelSpanProcessor, SmithkitSpanProcessor

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    client = Client(f"sqlite:///{tmp_path_factory.mktemp('spans') / 'runs.db'}")
    yield client
    client.close()


@pytest.fixture
def project(request):
    return request.node.name


@pytest.fixture
def provider(client, project):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SmithkitSpanProcessor(client, project=project))
    return provider


@pytest.fixture
def tracer(provider):
    return provider.get_tracer("program")


@pytest.fixture
def runs(client, project):
    """The runs so far: name → run."""

    def read(project=project):
        client.flush()
        if not client.has_project(project):
            return {}
        return {run.name: run for run in client.list_runs(project_name=project)}

    return read


@traceable
def leaf(x):
    return x


def test_a_span_is_a_run_with_all_that_it_says(tracer, runs):
    given = CHAT | {
        "gen_ai.prompt": '{"q": 1}',
        "gen_ai.completion": '{"a": 2}',
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        "stops": ("a", "b"),
    }
    with tracer.start_as_current_span("chat gpt", attributes=given) as span:
        span.add_event("retry", {"attempt": 2})

    run = runs()["chat gpt"]
    assert (run.run_type, run.inputs, run.outputs, run.status) == ("llm", {"q": 1}, {"a": 2}, "success")
    assert (run.prompt_tokens, run.completion_tokens) == (3, 4)
    assert run.metadata["stops"] == ["a", "b"]
    assert run.events[0]["kwargs"] == {"attempt": 2}
    assert span_id_of(str(run.id)) == span.get_span_context().span_id
    assert run.extra["otel"]["scope"] == "program"
    assert run.end_time > run.start_time


def test_a_failure_is_the_runs_error(tracer, runs):
    with pytest.raises(ValueError, match="boom"), tracer.start_as_current_span("chat", attributes=CHAT):
        raise ValueError("boom")

    run = runs()["chat"]
    assert run.status == "error"
    assert run.error.startswith("ValueError: boom\n\nTraceback")


def test_spans_nest_as_they_do(tracer, runs):
    start = tracer.start_as_current_span
    with start("agent", attributes=CHAT), start("chat", attributes=CHAT):
        pass

    found = runs()
    assert found["chat"].parent_run_id == found["agent"].id
    assert found["chat"].trace_id == found["agent"].id
    assert found["chat"].dotted_order.startswith(found["agent"].dotted_order + ".")


def test_a_span_inside_a_run_is_its_child_and_goes_with_it(tracer, client, runs):
    chat = tracer.start_as_current_span("chat", attributes=CHAT)
    with tracing_context(enabled=True, client=client, project_name="of the run"), block("outer"), chat:
        pass

    found = runs("of the run")
    assert found["chat"].parent_run_id == found["outer"].id
    assert runs() == {}


def test_a_run_inside_a_span_is_its_child(tracer, client, runs):
    start = tracer.start_as_current_span
    with tracing_context(enabled=True, client=client), start("agent", attributes=CHAT), block("between"):
        leaf(1)
        with start("chat", attributes=CHAT):
            leaf(2)

    found = runs()
    assert set(found) == {"agent", "between", "chat", "leaf"}
    assert found["between"].parent_run_id == found["agent"].id
    assert found["chat"].parent_run_id == found["between"].id
    assert found["leaf"].trace_id == found["agent"].id


def test_spans_of_others_stay_with_them(tracer, client, project, runs):
    with tracing_context(enabled=True, client=client, project_name=project), block("outer"):
        start = tracer.start_as_current_span
        with start("GET /users/42", attributes={"url.full": "https://a"}), start("chat", attributes=CHAT):
            pass
        with start("SELECT", attributes={"db.statement": "secret"}):
            pass

    found = runs()
    assert set(found) == {"outer", "chat"}
    assert found["chat"].parent_run_id == found["outer"].id


def test_known_libraries_are_let_through_by_their_name(provider, runs):
    for scope in (
        "opentelemetry.instrumentation.openai",
        "openinference.instrumentation.dspy",
        "aiohttp",
        "requests",
    ):
        with provider.get_tracer(scope).start_as_current_span(scope):
            pass

    assert set(runs()) == {"opentelemetry.instrumentation.openai", "openinference.instrumentation.dspy"}


def test_what_a_span_turns_out_to_be_counts_too(tracer, runs):
    with tracer.start_as_current_span("late") as span:
        span.set_attributes(CHAT)

    assert set(runs()) == {"late"}


def test_a_filter_of_ones_own_decides(client, project, runs):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(
        SmithkitSpanProcessor(client, project=project, span_filter=lambda span: span.name == "mine")
    )
    tracer = provider.get_tracer("program")
    with tracer.start_as_current_span("mine"), tracer.start_as_current_span("theirs", attributes=CHAT):
        pass

    assert set(runs()) == {"mine"}


def test_a_filter_that_fails_lets_nothing_through_and_breaks_nothing(client, project, runs):
    def broken(span):
        raise RuntimeError("broken")

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SmithkitSpanProcessor(client, project=project, span_filter=broken))
    with provider.get_tracer("program").start_as_current_span("chat", attributes=CHAT):
        pass

    assert runs() == {}


def test_the_clients_rules_hold_for_spans(tmp_path):
    client = Client(f"sqlite:///{tmp_path / 'runs.db'}", hide_inputs=True)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SmithkitSpanProcessor(client, project="shop"))
    given = CHAT | {"gen_ai.input.messages": '[{"role": "user", "content": "s3cret"}]'}
    with provider.get_tracer("program").start_as_current_span("chat", attributes=given):
        pass
    client.flush()

    (run,) = client.list_runs(project_name="shop")
    assert "s3cret" not in str(run)
    client.close()


def test_spans_that_were_not_drawn_are_left_out(client, project, runs):
    provider = TracerProvider(shutdown_on_exit=False, sampler=ALWAYS_OFF)
    provider.add_span_processor(SmithkitSpanProcessor(client, project=project))
    with provider.get_tracer("program").start_as_current_span("chat", attributes=CHAT):
        pass

    assert runs() == {}


def test_runs_that_pass_the_same_provider_do_not_come_back(tmp_path):
    provider = TracerProvider(shutdown_on_exit=False)
    client = Client(f"sqlite:///{tmp_path / 'runs.db'}", otel_tracer_provider=provider)
    provider.add_span_processor(SmithkitSpanProcessor(client))
    chat = provider.get_tracer("program").start_as_current_span("chat", attributes=CHAT)
    with tracing_context(enabled=True, client=client, project_name="shop"), block("outer", "llm"), chat:
        leaf(1)
    client.flush()

    found = {run.name: run for run in client.list_runs(project_name="shop")}
    assert len(list(client.list_runs(project_name="shop"))) == 3
    assert found["chat"].parent_run_id == found["outer"].id
    assert found["leaf"].parent_run_id == found["chat"].id
    client.close()


def test_nothing_stays_of_spans_that_have_ended(tracer, provider):
    (processor,) = provider._active_span_processor._span_processors
    with tracer.start_as_current_span("agent", attributes=CHAT), tracer.start_as_current_span("GET"):
        pass

    assert (processor._places, processor._bridge.spans) == ({}, {})


def test_flushing_the_provider_sends_the_runs(provider, tracer, client):
    with tracer.start_as_current_span("chat", attributes=CHAT):
        pass

    assert provider.force_flush()
    stats = client.tracing_stats()
    assert stats.sent == stats.submitted


def test_the_name_of_langsmiths_own_package_is_known():
    assert OtelSpanProcessor is SmithkitSpanProcessor


def test_the_global_provider_stays_what_it_is(provider):
    assert otel.get_tracer_provider() is not provider
