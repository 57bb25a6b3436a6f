"""What `tracing_context`, `configure` and `trace` say to the runs inside of them."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from smithkit import (
    RunTree,
    configure,
    get_current_run_tree,
    get_tracing_context,
    set_run_metadata,
    trace,
    traceable,
    tracing_context,
)
from smithkit.tracing import _default_client


@pytest.fixture
def client(make_recorder):
    return make_recorder()


@pytest.fixture(autouse=True)
def _nothing_stays_current():
    yield
    assert get_current_run_tree() is None
    configure(client=None, enabled=None, project_name=None, tags=None, metadata=None)


@traceable
def step():
    return None


def test_a_block_gives_project_tags_metadata_and_client_to_roots(client):
    with tracing_context(enabled=True, client=client, project_name="p", tags=["t"], metadata={"m": 1}):
        step()
    (post,) = client.posts
    assert (post["session_name"], post["tags"]) == ("p", ["t"])
    assert post["extra"]["metadata"] == {"m": 1, "ls_method": "traceable"}


def test_a_block_inside_of_a_run_keeps_parent_and_project_and_adds_tags(client):
    with (
        tracing_context(enabled=True, client=client),
        trace("outer", project_name="outer-p", tags=["o"], metadata={"mo": 1}) as outer,
    ):
        with tracing_context(project_name="ignored", tags=["t"], metadata={"m": 1}):
            step()
        step()
    _, inside, after = client.posts
    assert inside["parent_run_id"] == after["parent_run_id"] == str(outer.id)
    assert inside["session_name"] == "outer-p"
    assert (inside["tags"], after["tags"]) == (["o", "t"], ["o"])
    assert inside["extra"]["metadata"] == {"mo": 1, "m": 1, "ls_method": "traceable"}
    assert after["extra"]["metadata"] == {"mo": 1, "ls_method": "traceable"}


def test_what_is_left_out_is_not_said_inside(client):
    with (
        tracing_context(enabled=True, project_name="p", tags=["t"], metadata={"m": 1}, client=client),
        tracing_context(),
    ):
        context = get_tracing_context()
    assert context["enabled"] is True
    assert {name for name, value in context.items() if value is not None} == {"enabled"}


def test_a_block_may_cut_the_tree(client):
    with (
        tracing_context(enabled=True, client=client),
        trace("outer"),
        tracing_context(parent=False, client=client),
    ):
        step()
    assert "parent_run_id" not in client.posts[1]


def test_a_block_continues_the_trace_of_another_process(client):
    up = RunTree(name="up", project_name="dist", tags=["up-tag"], extra={"metadata": {"u": 1}})
    for parent in (up.to_headers(), {k.upper().encode(): v.encode() for k, v in up.to_headers().items()}):
        with tracing_context(parent=parent, client=client):
            assert get_tracing_context()["distributed_parent_id"] == str(up.id)
            step()
    for post in client.posts:
        assert post["parent_run_id"] == post["trace_id"] == str(up.id)
        assert post["session_name"] == "dist"
        assert post["tags"] == ["up-tag"]
        assert post["extra"]["metadata"] == {"u": 1, "ls_method": "traceable"}
    assert len(client.posts) == 2


def test_a_parent_without_project_takes_the_blocks(client):
    headers = {"langsmith-trace": RunTree(name="up").dotted_order}
    with tracing_context(parent=headers, project_name="here", client=client):
        step()
    assert client.posts[0]["session_name"] == "here"


def test_headers_without_a_trace_change_nothing(client):
    with (
        tracing_context(enabled=True, client=client),
        trace("outer") as outer,
        tracing_context(parent={"host": "h"}),
    ):
        assert get_current_run_tree() is outer


def test_a_context_can_be_repeated_elsewhere(client):
    with tracing_context(enabled=True, client=client), trace("outer", tags=["t"], metadata={"m": 1}):
        context = get_tracing_context()
    with tracing_context(**context):
        step()
    outer, inner = client.posts
    assert inner["parent_run_id"] == outer["id"]
    assert inner["tags"] == ["t"]


def test_configure_sets_defaults_for_roots(client):
    configure(client=client, enabled=True, project_name="p", tags=["t"], metadata={"m": 1})
    step()
    configure(tags=None)
    step()
    first, second = client.posts
    assert (first["session_name"], first["tags"]) == ("p", ["t"])
    assert first["extra"]["metadata"]["m"] == second["extra"]["metadata"]["m"] == 1
    assert "tags" not in second


def test_configure_changes_the_block_that_it_is_called_in():
    with tracing_context(enabled=False, project_name="p"):
        configure(enabled="local", tags=["t"])
        context = get_tracing_context()
    assert (context["enabled"], context["project_name"], context["tags"]) == ("local", "p", ["t"])


def test_the_client_is_looked_for_from_the_call_outwards(make_recorder):
    call, decorator, context, parent, configured = (make_recorder() for _ in range(5))
    configure(client=configured, enabled=True)

    def f():
        return None

    bare, decorated = traceable(f), traceable(client=decorator)(f)
    with tracing_context(client=context):
        decorated(langsmith_extra={"client": call})
        decorated()
        bare()
    with trace("parent", client=parent):
        bare()
    bare()
    assert [len(c.posts) for c in (call, decorator, context, parent, configured)] == [1, 1, 1, 2, 1]


def test_one_default_client_is_made_for_the_process(monkeypatch, client):
    made = []

    def make():
        made.append(1)
        return client

    monkeypatch.setattr("smithkit.Client", make, raising=False)
    monkeypatch.setattr(_default_client, "_client", None)
    with tracing_context(enabled=False):
        step()
    assert not made
    with tracing_context(enabled=True):
        step()
        step()
    assert made == [1]
    assert len(client.posts) == 2


def test_a_client_that_cannot_be_made_does_not_break_the_program(monkeypatch, caplog):
    made = []

    def make():
        made.append(1)
        raise ValueError("bad settings")

    monkeypatch.setattr("smithkit.Client", make, raising=False)
    monkeypatch.setattr(_default_client, "_client", None)
    monkeypatch.setattr(_default_client, "_failed_at", -1e9)
    with tracing_context(enabled=True):
        step()
        step()
    assert made == [1]
    assert "no client could be made" in caplog.text


def test_set_run_metadata_outside_of_a_run_does_nothing():
    set_run_metadata(a=1)


def test_trace_sends_a_block(client):
    run_id = uuid.uuid4()
    with (
        tracing_context(enabled=True, metadata={"x": "context"}, tags=["a"]),
        trace(
            "block",
            "retriever",
            inputs={"q": 1},
            client=client,
            project_name="p",
            tags=["b", "a"],
            metadata={"x": 1, "y": 2},
            extra={"beside": 1, "metadata": {"z": 3}},
            run_id=run_id,
        ) as run,
    ):
        assert get_current_run_tree() is run
        run.end(outputs={"docs": []}, metadata={"late": True})
    (post,), (patch,) = client.posts, client.patches
    assert (post["id"], post["run_type"], post["inputs"]) == (str(run_id), "retriever", {"q": 1})
    assert post["tags"] == ["a", "b"]
    assert post["extra"] == {"beside": 1, "metadata": {"x": "context", "y": 2, "z": 3, "ls_method": "trace"}}
    assert patch["outputs"] == {"docs": []}
    assert patch["extra"]["metadata"]["late"] is True


def test_trace_records_errors_and_passes_them_on(client):
    with tracing_context(enabled=True, client=client):
        with pytest.raises(KeyError), trace("bad"):
            raise KeyError("zz")
        with pytest.raises(KeyError), trace("expected", exceptions_to_handle=(KeyError,)):
            raise KeyError("zz")
    bad, expected = client.patches
    assert bad["error"].startswith("KeyError('zz')\n\nTraceback (most recent call last):")
    assert "outputs" not in bad
    assert "error" not in expected


def test_trace_gives_a_run_that_is_not_sent_while_tracing_is_off(client):
    with trace("off", client=client) as run:
        run.end(outputs={"a": 1})
        assert get_current_run_tree() is None
        step()
    assert not client.posts
    assert not client.patches


def test_a_block_that_cannot_be_traced_is_run_all_the_same(client, caplog):
    with tracing_context(enabled=True, client=client), trace("block", inputs=3, run_id="nonsense") as run:
        run.end(outputs={"a": 1})
    assert not client.posts
    assert "not traced" in caplog.text


def test_trace_has_a_parent_of_choice(client):
    up = RunTree(name="up")
    with tracing_context(enabled=True, client=client), trace("outer"):
        with trace("a", parent=up):
            pass
        with trace("b", parent="ignore"):
            pass
    _, a, b = client.posts
    assert a["parent_run_id"] == str(up.id)
    assert "parent_run_id" not in b


def test_trace_works_asynchronously(client):
    async def main():
        with tracing_context(enabled=True, client=client):
            async with trace("outer") as outer:
                await asyncio.gather(*(inner() for _ in range(2)))
            assert get_current_run_tree() is None
            return outer

    async def inner():
        async with trace("inner"):
            await asyncio.sleep(0)

    outer = asyncio.run(main())
    assert [post.get("parent_run_id") for post in client.posts] == [None, str(outer.id), str(outer.id)]


def test_blocks_in_interleaved_generators_do_not_leave_a_stale_run(client):
    def numbers(name):
        with trace(name, client=client):
            yield name

    with tracing_context(enabled=True):
        first, second = numbers("first"), numbers("second")
        next(first)
        next(second)
        first.close()
        second.close()
    assert all("error" not in patch for patch in client.patches)
    assert len(client.patches) == 2
