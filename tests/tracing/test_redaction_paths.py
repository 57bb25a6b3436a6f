"""A secret that is to be hidden appears in no byte that leaves the process, on any path."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from urllib.parse import unquote

import pytest

from smithkit import AsyncClient, RunTree, trace, traceable, tracing_context
from smithkit.hooks import hookimpl
from smithkit.tracing.anonymizer import create_anonymizer, secrets_anonymizer
from smithkit.tracing.spool import Spool

CANARY = "sk-canary-0123456789abcdef"
INFO = {
    "version": "1",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
    "instance_flags": {"zstd_compression_enabled": True},
}


def with_info(**changes):
    info = json.loads(json.dumps(INFO))
    info["batch_ingest_config"]["use_multipart_endpoint"] = changes.get("multipart", True)
    info["instance_flags"]["zstd_compression_enabled"] = changes.get("zstd", True)
    return {"info": info}


WAYS = {
    "zstd": with_info(),
    "plain": with_info(zstd=False),
    "json": with_info(multipart=False),
    "direct": {"auto_batch_tracing": False},
    "buffered": {"process_buffered_run_ops": lambda runs: runs, "run_ops_buffer_size": 2},
}


def mask(value):
    return {"masked": True}


def failing(value):
    raise KeyError(CANARY, value)


def replaced(value):
    return json.loads(json.dumps(value).replace(CANARY, "x"))


RULES = {
    "hidden": {"hide_inputs": True, "hide_outputs": True, "hide_metadata": True},
    "functions": {"hide_inputs": mask, "hide_outputs": mask, "hide_metadata": mask},
    "failing functions": {"hide_inputs": failing, "hide_outputs": failing, "hide_metadata": failing},
    "own anonymizer": {"anonymizer": replaced, "hide_metadata": True},
    "failing anonymizer": {"anonymizer": failing, "hide_metadata": failing},
    "rules": {"anonymizer": create_anonymizer([{"pattern": CANARY}], everywhere=True)},
    "preset": {"anonymizer": secrets_anonymizer()},
    "failing replacer": {"anonymizer": create_anonymizer(failing, everywhere=True)},
}


class Witness:
    """A plugin that keeps what plugins are told."""

    def __init__(self) -> None:
        self.told = []

    @hookimpl
    def process_runs(self, runs):
        self.told.append(repr(runs))

    @hookimpl
    def export_runs(self, batch):
        self.told.append(repr(batch))

    @hookimpl
    def on_tracing_error(self, error, runs):
        self.told.append("".join(traceback.format_exception(error)) + repr(runs))


class Speaking:
    """An object that shows the secret in all its forms."""

    def __repr__(self) -> str:
        return f"<{CANARY}>"


@traceable
def works(text, other=None):
    return {"answer": text, "usage_metadata": {"input_tokens": 3, "note": text}}


@traceable
def fails(text):
    raise ValueError(f"cannot cope with {text}")


@traceable(run_type="llm")
def streams(text):
    yield text
    yield Speaking()


@traceable
async def works_later(text):
    await asyncio.sleep(0)
    return [text]


@traceable(run_type="llm")
async def streams_later(text):
    yield {"token": text}
    raise RuntimeError(text)


async def later():
    await works_later(CANARY)
    with pytest.raises(RuntimeError):
        async for _ in streams_later(CANARY):
            pass


def program(client, run_factory, end_factory):
    """Everything by which data may leave."""
    with tracing_context(enabled=True, client=client, metadata={"m": CANARY}):
        works(CANARY, other=Speaking())
        list(streams(CANARY))
        half = streams(CANARY)
        next(half)
        half.close()
        with pytest.raises(ValueError, match="cope"):
            fails(CANARY)
        asyncio.run(later())
        with trace("block", inputs={"x": CANARY}, metadata={"y": CANARY}) as run:
            run.add_event(f"saw {CANARY}")
            run.end(outputs={"z": {CANARY: Speaking()}} if not named(client) else {"z": Speaking()})
        with pytest.raises(ValueError, match="in a block"), trace("failing block"):
            raise ValueError(f"in a block: {CANARY}")
    tree = RunTree(name="tree", client=client, inputs={"x": CANARY}, extra={"metadata": {"m": CANARY}})
    tree.post()
    headers = [tree.to_headers(), tree.create_child("child", extra={"metadata": {"m": CANARY}}).to_headers()]
    tree.end(outputs={"y": [CANARY]}, error=f"Odd('{CANARY}')\n\n{CANARY}", metadata={"late": CANARY})
    tree.patch()
    copies = RunTree(
        name="copied",
        client=client,
        inputs={"x": CANARY},
        replicas=[{"project_name": "a"}, {"project_name": "b"}],
    )
    copies.post()
    copies.patch()
    client.create_run(
        "made", {"x": CANARY}, "llm", error=CANARY, serialized={"name": "m", "kwargs": {"k": CANARY}}
    )
    client.update_run(copies.id, outputs={"x": CANARY}, extra={"metadata": {"m": CANARY}})
    for ingest in (client.multipart_ingest, client.batch_ingest_runs):
        run = run_factory(
            inputs={"x": CANARY}, events=[{"name": "e", "time": "t", "kwargs": {"token": CANARY}}]
        )
        ingest(create=[run], update=[end_factory(run, outputs={"y": CANARY}, error=repr(ValueError(CANARY)))])
    return headers


def named(client):
    """Whether keys are left as they are: those of dictionaries are no texts to an anonymizer."""
    return client._pipeline.options.anonymizer is not None


def seen(server, headers):
    """All that a server or another service sees."""
    bodies = b"".join(request.body for request in server.received).decode("utf-8", "replace")
    return bodies + unquote(repr([request.headers for request in server.received])) + unquote(repr(headers))


@pytest.mark.parametrize("way", WAYS)
def test_without_rules_it_is_everywhere(server, make_client, run_factory, end_factory, way):
    """What the tests below look at shows the secret, if nothing hides it."""
    witness = Witness()
    client = make_client(**WAYS[way], plugins=[witness])
    headers = program(client, run_factory, end_factory)
    client.flush()
    assert all(CANARY in unquote(repr(one)) for one in headers)
    assert CANARY in seen(server, ())
    assert CANARY in "".join(witness.told)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rules", RULES)
def test_no_byte_of_it_leaves(server, make_client, run_factory, end_factory, way, rules, caplog):  # noqa: PLR0917
    caplog.set_level(logging.DEBUG)
    witness = Witness()
    client = make_client(**WAYS[way], **RULES[rules], plugins=[witness])
    headers = program(client, run_factory, end_factory)
    client.flush()
    assert len(server.received) > 2
    assert CANARY not in seen(server, headers)
    assert CANARY not in "".join(witness.told)
    assert CANARY not in caplog.text


@pytest.mark.parametrize("rules", [None, *RULES])
def test_no_byte_of_it_is_spooled(server, make_client, run_factory, end_factory, rules, tmp_path):  # noqa: PLR0917
    server.answer = lambda request, number: (
        401 if "batch" in request.path or "multipart" in request.path else 202
    )
    client = make_client(**RULES.get(rules, {}), plugins=[Spool(tmp_path)])
    client.multipart_ingest = client.batch_ingest_runs = lambda **_: None
    program(client, run_factory, end_factory)
    client.close_tracing(5)
    spooled = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(spooled) > 1000
    assert (CANARY.encode() in spooled) is (rules is None)


@pytest.mark.parametrize("rules", RULES)
def test_the_asynchronous_client_hides_too(server, rules):
    async def write():
        async with AsyncClient(server.url, api_key="k", info=INFO, **RULES[rules]) as client:
            extra = {"metadata": {"m": CANARY}}
            await client.create_run("r", {"x": CANARY}, "chain", error=CANARY, extra=extra)
            await client.update_run(
                "a0000000-0000-4000-8000-000000000001", outputs={"x": CANARY}, events=[CANARY]
            )

    asyncio.run(write())
    assert len(server.received) == 2
    assert CANARY not in seen(server, ())


def test_the_asynchronous_client_asks_process_runs(server):
    class Dropping:
        @hookimpl
        def process_runs(self, runs):
            return [{**run, "inputs": {}} for run in runs if run["name"] != "drop"]

    async def write():
        async with AsyncClient(server.url, api_key="k", info=INFO, plugins=[Dropping()]) as client:
            await client.create_run("keep", {"x": CANARY}, "chain")
            await client.create_run("drop", {"x": CANARY}, "chain")

    asyncio.run(write())
    [request] = server.received
    assert request.json["inputs"] == {}


def test_the_first_ingested_run_meets_the_hooks(server, make_client, run_factory):
    witness = Witness()
    make_client(plugins=[witness]).multipart_ingest(create=[run_factory()])
    assert len(witness.told) == 1


# ---------------------------------------------------------------- what stays


def sent_run(server):
    [run] = server.runs().values()
    return run


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (f"ValueError('{CANARY}')", "ValueError"),
        (f"Odd('{CANARY}')\n\nTraceback (most recent call last):\napp.Odd: {CANARY}", "Odd"),
        (f"{CANARY.replace('-', '_')}(1)\n\nTraceback (most recent call last):\napp.Odd: 1", "[redacted]"),
        (CANARY, "[redacted]"),
        ("<Broken>", "[redacted]"),
    ],
)
def test_of_an_error_the_type_stays(server, make_client, run_factory, error, kept):
    client = make_client(hide_inputs=True)
    client.submit_post(run_factory(error=error))
    client.flush()
    assert sent_run(server)["error"] == kept


def test_the_error_of_a_traced_function_keeps_its_type(server, make_client):
    class TooSoonToTell(Exception):  # noqa: N818
        pass

    @traceable
    def fail():
        raise TooSoonToTell(CANARY)

    client = make_client(hide_outputs=True)
    with tracing_context(enabled=True, client=client), pytest.raises(TooSoonToTell):
        fail()
    client.flush()
    assert [run["error"] for run in server.runs().values()] == ["TooSoonToTell"]


def test_an_anonymizer_leaves_the_rest_of_an_error(server, make_client, run_factory):
    client = make_client(anonymizer=create_anonymizer([{"pattern": CANARY, "replace": "x"}]))
    client.submit_post(run_factory(error=f"ValueError('{CANARY} is wrong')"))
    client.flush()
    assert sent_run(server)["error"] == "ValueError('x is wrong')"


def test_events_keep_their_names_and_times(server, make_client, run_factory):
    client = make_client(anonymizer=create_anonymizer([{"pattern": r"\d+"}]))
    event = {"name": "new_token", "time": "2024-05-06T07:08:09Z", "kwargs": {"token": "7"}}
    client.submit_post(run_factory(events=[event]))
    client.flush()
    assert sent_run(server)["events"] == [{**event, "kwargs": {"token": "[redacted]"}}]


@pytest.mark.parametrize("rules", ["hidden", "functions"])
def test_of_token_usage_the_numbers_stay(server, make_client, run_factory, rules):
    client = make_client(**{**RULES[rules], "hide_metadata": None})
    usage = {"input_tokens": 3, "output_cost": 0.5, "details": {"cached": 1, "x": CANARY}, "note": CANARY}
    client.submit_post(run_factory(extra={"metadata": {"usage_metadata": usage, "kept": 1}}))
    client.flush()
    metadata = sent_run(server)["extra"]["metadata"]
    assert metadata["usage_metadata"] == {"input_tokens": 3, "output_cost": 0.5, "details": {"cached": 1}}
    assert metadata["kept"] == 1


def test_metadata_is_left_alone_by_an_anonymizer_that_does_not_go_everywhere(
    server, make_client, run_factory
):
    client = make_client(anonymizer=create_anonymizer([{"pattern": "secret"}]))
    client.submit_post(run_factory(inputs={"x": "secret"}, extra={"metadata": {"thread": "secret"}}))
    client.flush()
    run = sent_run(server)
    assert (run["inputs"], run["extra"]["metadata"]["thread"]) == ({"x": "[redacted]"}, "secret")


def attachment_bytes(server):
    return b"".join(request.body for request in server.received)


@pytest.mark.parametrize(
    "options", [{"hide_inputs": True}, {"hide_outputs": True}, {"anonymizer": secrets_anonymizer()}]
)
@pytest.mark.parametrize("batching", [True, False])
def test_attachments_are_hidden(server, make_client, run_factory, options, batching):
    client = make_client(**options, auto_batch_tracing=batching)
    client.submit_post(run_factory(attachments={"note": ("text/plain", CANARY.encode())}))
    client.flush()
    assert len(server.received) == 1
    assert CANARY.encode() not in attachment_bytes(server)
    assert b"c2stY2FuYXJ5" not in attachment_bytes(server)


def test_attachments_that_hold_no_text_are_left_alone(server, make_client, run_factory):
    client = make_client(anonymizer=secrets_anonymizer())
    client.submit_post(run_factory(attachments={"image": ("image/png", b"\x89PNG")}))
    client.flush()
    assert b"\x89PNG" in attachment_bytes(server)


def test_feedback_that_travels_with_runs_is_anonymised(server, make_client, run_factory):
    client = make_client(anonymizer=secrets_anonymizer())
    run = run_factory()
    feedback = {
        "id": run["id"],
        "trace_id": run["id"],
        "key": "k",
        "score": 1,
        "comment": f"it said {CANARY}",
    }
    client.submit_feedback(feedback)
    client.flush()
    assert CANARY.encode() not in attachment_bytes(server)
    assert b"it said [api key]" in attachment_bytes(server)
    assert feedback["comment"] == f"it said {CANARY}"


def test_headers_keep_place_tags_and_project_when_metadata_is_hidden(make_client):
    client = make_client(hide_metadata=True)
    run = RunTree(name="r", client=client, tags=["t"], project_name="p", extra={"metadata": {"m": CANARY}})
    headers = run.to_headers()
    assert headers["baggage"] == "langsmith-tags=t,langsmith-project=p"
    assert run.metadata == {"m": CANARY}


def test_headers_without_a_client_follow_the_environment(monkeypatch):
    monkeypatch.setenv("LANGSMITH_HIDE_METADATA", "true")
    monkeypatch.setattr("smithkit.tracing._default_client._client", None)
    run = RunTree(name="r", extra={"metadata": {"m": CANARY}})
    assert CANARY not in unquote(repr(run.to_headers()))


# ---------------------------------------------------------------- the traced program


def test_a_function_that_hides_cannot_change_what_the_program_gets(make_client):
    def hide(value):
        value.clear()
        return value

    @traceable
    def answer():
        return {"a": 1}

    client = make_client(hide_outputs=hide)
    with tracing_context(enabled=True, client=client):
        assert answer() == {"a": 1}


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("rule", ["hide_inputs", "anonymizer", "process_runs"])
def test_interrupts_pass_and_send_nothing(server, make_client, run_factory, interrupt, rule):
    def stop(value):
        raise interrupt

    class Plugin:
        process_runs = staticmethod(hookimpl(lambda runs: stop(runs)))  # noqa: PLW0108 - the hook's argument

    client = make_client(**({"plugins": [Plugin()]} if rule == "process_runs" else {rule: stop}))
    with pytest.raises(interrupt):
        client.submit_post(run_factory(inputs={"x": CANARY}))
    client.flush()
    assert server.received == []


class Odd(BaseException):
    pass


@pytest.mark.parametrize("error", [ValueError, Odd, asyncio.CancelledError, GeneratorExit])
def test_callbacks_that_fail_in_any_way_do_not_reach_the_program(server, make_client, error, caplog):
    def fail(*args, **kwargs):
        raise error(CANARY)

    class Value:
        __str__ = __repr__ = fail

    class Plugin:
        on_tracing_error = staticmethod(hookimpl(lambda error: fail()))

    @traceable(process_inputs=fail, process_outputs=fail)
    def answer(value):
        return value

    @traceable(process_chunk=fail, reduce_fn=fail)
    def stream():
        yield 1

    client = make_client(tracing_error_callback=fail, anonymizer=fail)
    with tracing_context(enabled=True, client=client):
        value = Value()
        assert answer(value, langsmith_extra={"on_end": fail}) is value
        assert list(stream()) == [1]
    client.submit_post({"inputs": {"x": value}, **place()})
    client.flush()
    assert CANARY.encode() not in attachment_bytes(server)
    assert CANARY not in caplog.text
    assert {run["name"] for run in server.runs().values()} >= {"answer", "stream", "r"}


def place():
    key = "a0000000-0000-4000-8000-000000000001"
    return {
        "id": key, "trace_id": key, "dotted_order": f"20240506T070809123456Z{key}", "name": "r",
        "run_type": "chain", "start_time": "2024-05-06T07:08:09.123456+00:00", "session_name": "p",
    }  # fmt: skip


def test_a_failing_serialize_hook_leaves_a_marker_and_is_reported_once_a_minute(
    server, make_client, run_factory, caplog
):
    class Secret:
        def __str__(self) -> str:
            return CANARY

    class Codec:
        @hookimpl
        def serialize(self, value):
            raise ValueError(CANARY)

    told = []
    client = make_client(plugins=[Codec()], tracing_error_callback=told.append)
    client.submit_post(run_factory(inputs={"a": Secret(), "b": "kept"}))
    client.submit_post(run_factory(inputs={"a": Secret()}))
    client.flush()
    assert CANARY.encode() not in attachment_bytes(server)
    assert {"b": "kept"}.items() <= next(iter(server.runs().values()))["inputs"].items()
    assert [type(error) for error in told] == [ValueError, ValueError]
    assert len(caplog.records) == 1
    assert CANARY not in caplog.text
