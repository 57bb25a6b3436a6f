"""Nothing that is to be hidden leaves the process, on any path."""

from __future__ import annotations

import pytest

from smithkit.hooks import hookimpl
from smithkit.tracing.anonymizer import create_anonymizer

CANARY = "canary-5f1d"


def boom(value):
    raise ValueError(CANARY)


class Bare(BaseException):
    pass


def bare(value):
    raise Bare(CANARY)


def sent(server, text):
    return any(text.encode() in request.body for request in server.received)


def ids(request):
    return [request.json["id"]] if request.path == "/runs" else [key for _, key in request.runs]


def mask(value):
    return {"masked": True}


def secret_run(factory):
    return factory(
        inputs={"x": CANARY},
        outputs={"y": [CANARY]},
        events=[{"name": "new_token", "time": "t", "kwargs": {"token": CANARY}}],
        extra={"metadata": {"m": CANARY}},
        error=f"ValueError('{CANARY}')\n\nTraceback (most recent call last):\nValueError: {CANARY}",
    )


HIDDEN = [
    {"hide_inputs": True, "hide_outputs": True, "hide_metadata": True},
    {"hide_inputs": mask, "hide_outputs": mask, "hide_metadata": mask},
    {"hide_inputs": boom, "hide_outputs": boom, "hide_metadata": boom},
    {"anonymizer": mask, "hide_metadata": True},
    {"anonymizer": boom, "hide_metadata": boom},
    {"hide_inputs": bare, "hide_outputs": bare, "hide_metadata": bare},
    {"anonymizer": create_anonymizer([{"pattern": CANARY}]), "hide_metadata": True},
    {"anonymizer": create_anonymizer([{"pattern": CANARY}], everywhere=True)},
    {"anonymizer": create_anonymizer(boom, everywhere=True)},
    {"anonymizer": create_anonymizer(bare), "hide_metadata": bare},
]


@pytest.mark.parametrize("options", HIDDEN)
@pytest.mark.parametrize("batching", [True, False])
def test_no_byte_of_it_is_sent(  # noqa: PLR0917
    server, make_client, run_factory, end_factory, options, batching, caplog
):
    client = make_client(**options, auto_batch_tracing=batching)
    run = secret_run(run_factory)
    client.submit_post(dict(run))
    client.submit_patch(
        {
            **end_factory(run),
            **{name: run[name] for name in ("inputs", "outputs", "events", "extra", "error")},
        }
    )
    client.multipart_ingest(create=[secret_run(run_factory)], update=[secret_run(run_factory)])
    client.batch_ingest_runs(create=[secret_run(run_factory)])
    client.flush()
    assert len(server.received) >= 3
    assert not sent(server, CANARY)
    assert CANARY not in caplog.text
    assert run["inputs"] == {"x": CANARY}
    assert run["extra"] == {"metadata": {"m": CANARY}}


def test_a_failing_function_leaves_a_marker_and_is_reported(server, make_client, run_factory):
    told = []
    client = make_client(hide_inputs=boom, tracing_error_callback=told.append)
    client.submit_post(run_factory())
    client.flush()
    [run] = server.runs().values()
    assert set(run["inputs"]) == {"redacted"}
    assert isinstance(told[0], ValueError)


def test_the_anonymizer_gets_a_copy(server, make_client, run_factory):
    def clear(value):
        value["list"].clear()
        return value

    inputs = {"list": [1]}
    make_client(anonymizer=clear).submit_post(run_factory(inputs=inputs))
    assert inputs == {"list": [1]}


class Plugin:
    def __init__(self, act) -> None:
        self.act = act

    @hookimpl
    def process_runs(self, runs):
        return self.act(runs)


def test_process_runs_changes_and_drops(server, make_client, run_factory):
    def act(runs):
        return [{**run, "tags": ["seen"]} for run in runs if run["name"] != "drop"]

    client = make_client(plugins=[Plugin(act)])
    client.submit_post(run_factory())
    client.submit_post(run_factory(name="drop"))
    client.flush()
    [run] = server.runs().values()
    assert run["tags"] == ["seen"]
    stats = client.tracing_stats()
    assert (stats.sent, stats.dropped) == (1, 1)


@pytest.mark.parametrize(
    "act", [boom, bare, lambda runs: 5, lambda runs: [1], lambda runs: runs.clear() or [None]]
)
def test_a_failing_process_runs_leaves_markers(server, make_client, run_factory, act, caplog):
    told = []
    client = make_client(plugins=[Plugin(act)], tracing_error_callback=told.append)
    for _ in range(3):
        client.submit_post(secret_run(run_factory))
    client.flush()
    for run in server.runs().values():
        assert set(run["inputs"]) == set(run["outputs"]) == {"redacted"}
        assert set(run["extra"]["metadata"]) >= {"redacted"}
        assert run["events"] == []
        assert run["error"].startswith("[redacted]")
    assert not sent(server, CANARY)
    assert client.tracing_stats().sent == len(told) == 3
    assert len(caplog.records) == 1
    assert CANARY not in caplog.text


def test_process_runs_gets_a_copy_and_cannot_move_a_run(server, make_client, run_factory):
    def act(runs):
        runs[0]["inputs"]["list"].clear()
        return [{"name": "renamed"}]

    inputs = {"list": [1]}
    run = run_factory(inputs=inputs)
    client = make_client(plugins=[Plugin(act)])
    client.submit_post(dict(run))
    client.flush()
    assert inputs == {"list": [1]}
    assert [key for _, key in server.runs()] == [run["id"]]


def test_plugins_after_one_that_failed_do_not_get_the_run(make_client, run_factory):
    class Spy:
        runs = None

        @hookimpl(trylast=True)
        def process_runs(self, runs):
            self.runs = runs

    spy = Spy()
    make_client(plugins=[spy, Plugin(boom)]).submit_post(run_factory())
    assert spy.runs is None


def test_export_runs_gets_each_batch(server, make_client, run_factory):
    class Sink:
        def __init__(self) -> None:
            self.ids = []

        @hookimpl
        def export_runs(self, batch):
            self.ids += [run["id"] for run in batch]

    sink = Sink()
    client = make_client(plugins=[sink])
    run = run_factory()
    client.submit_post(dict(run))
    client.flush()
    assert sink.ids == [run["id"]]


def test_serialize_hook_is_asked_first(server, make_client, run_factory):
    class Point:
        pass

    class Codec:
        @hookimpl
        def serialize(self, value):
            return {"point": 1} if isinstance(value, Point) else None

    client = make_client(plugins=[Codec()])
    client.submit_post(run_factory(inputs={"p": Point(), "s": {1}}))
    client.flush()
    [run] = server.runs().values()
    assert run["inputs"] == {"p": {"point": 1}, "s": [1]}


def test_buffered_runs_are_processed_in_lists(server, make_client, run_factory, end_factory):
    sizes = []

    def process(runs):
        sizes.append(len(runs))
        return [{**run, "tags": ["buffered"]} for run in runs]

    client = make_client(process_buffered_run_ops=process, run_ops_buffer_size=2)
    run, other = run_factory(), run_factory()
    client.submit_post(dict(run))
    client.submit_patch(end_factory(run))
    client.submit_post(dict(other))
    client.flush()
    assert sorted(sizes) == [1, 2]
    assert all(run["tags"] == ["buffered"] for run in server.runs().values())


@pytest.mark.parametrize("batching", [True, False])
@pytest.mark.parametrize("act", [boom, bare, lambda runs: [], lambda runs: runs[::-1], lambda runs: None])
def test_a_failing_buffer_function_leaves_markers(server, make_client, run_factory, act, batching, caplog):  # noqa: PLR0917
    told = []
    client = make_client(
        process_buffered_run_ops=act,
        run_ops_buffer_size=2,
        tracing_error_callback=told.append,
        auto_batch_tracing=batching,
    )
    runs = [secret_run(run_factory), secret_run(run_factory)]
    for run in runs:
        client.submit_post(dict(run))
    client.multipart_ingest(create=[secret_run(run_factory), secret_run(run_factory)])
    client.flush()
    assert not sent(server, CANARY)
    assert len(told) == 2
    assert len([one for request in server.received for one in ids(request)]) == 4
    assert CANARY not in caplog.text
    assert client.tracing_stats().failed == 0


def test_sampling_keeps_whole_traces(server, make_client, run_factory, end_factory):
    client = make_client(tracing_sampling_rate=0)
    root = run_factory()
    child = run_factory(trace_id=root["id"], dotted_order=root["dotted_order"] + ".x")
    client.submit_post(dict(root))
    client.submit_post(dict(child))
    client.submit_patch(end_factory(child))
    client.submit_patch(end_factory(root))
    client.flush()
    assert server.received == []
    assert client.tracing_stats().sampled_out == 4
    assert client.tracing_sample_rate == 0
