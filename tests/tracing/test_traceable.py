"""What `traceable` records of a call, and what it leaves of the function."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import logging
import pickle
import threading
import uuid
import weakref

import pytest

from smithkit import ContextThreadPoolExecutor, get_current_run_tree, traceable, tracing_context
from smithkit.tracing import RunTree, _report, ensure_traceable, is_traceable_function, set_run_metadata


@pytest.fixture
def client(make_recorder):
    return make_recorder()


@pytest.fixture(autouse=True)
def _tracing_on():
    with tracing_context(enabled=True):
        yield


def test_a_call_is_posted_with_its_inputs_and_patched_with_its_outputs(client):
    @traceable(client=client)
    def add(a, b=5, *rest, scale=1, **more):
        assert not client.patches
        return a + b

    assert add(1, extra=[2]) == 6
    (post,), (patch,) = client.posts, client.patches
    assert post["inputs"] == {"a": 1, "b": 5, "rest": [], "scale": 1, "extra": [2]}
    assert (post["name"], post["run_type"], post["session_name"]) == ("add", "chain", "default")
    assert post["extra"] == {"metadata": {"ls_method": "traceable"}}
    assert post["dotted_order"].endswith(post["id"])
    assert post["trace_id"] == post["id"]
    assert patch["outputs"] == {"output": 6}
    assert patch["end_time"] >= post["start_time"]
    assert "inputs" not in patch
    assert "error" not in patch


def test_nested_calls_make_one_tree_and_inherit_tags_and_metadata(client):
    @traceable("tool", tags=["in", "both"], metadata={"m_in": 1})
    def inner(x):
        return x

    @traceable(client=client, tags=["out", "both"], metadata={"m_out": 1}, project_name="p")
    def outer(x):
        return inner(x)

    outer(1)
    root, child = client.runs
    assert child["parent_run_id"] == root["id"]
    assert child["trace_id"] == root["id"]
    assert child["dotted_order"] == f"{root['dotted_order']}.{child['dotted_order'].rpartition('.')[2]}"
    assert child["session_name"] == "p"
    assert child["tags"] == ["out", "both", "in"]
    assert child["extra"]["metadata"] == {"m_out": 1, "ls_method": "traceable", "m_in": 1}
    assert root["extra"]["metadata"] == {"m_out": 1, "ls_method": "traceable"}


def test_recursion_does_not_pile_up_tags(client):
    @traceable(client=client, tags=["t"])
    def down(n):
        return n and down(n - 1)

    down(3)
    assert [run["tags"] for run in client.runs] == [["t"]] * 4


def test_later_mutation_of_inputs_is_not_recorded(client):
    @traceable(client=client)
    def clear(items):
        items.clear()

    clear([1, 2])
    assert client.run["inputs"] == {"items": [1, 2]}


def test_methods_record_neither_self_nor_cls(client):
    class Shop:
        @traceable(client=client)
        def method(self, x):
            return type(self).__name__, x

        @classmethod
        @traceable(client=client)
        def of_class(cls, x) -> tuple:
            return cls.__name__, x

        @traceable(client=client)
        @classmethod
        def of_class_inside(cls, x) -> tuple:
            return cls.__name__, x

        @staticmethod
        @traceable(client=client)
        def static(x) -> int:
            return x

        @traceable(client=client)
        @staticmethod
        def static_inside(x) -> int:
            return x

    shop = Shop()
    assert shop.method(1) == ("Shop", 1)
    assert shop.of_class(1) == shop.of_class_inside(1) == ("Shop", 1)
    assert shop.static(1) == Shop.static_inside(1) == 1
    assert [run["inputs"] for run in client.runs] == [{"x": 1}] * 5


def test_bound_methods_partials_callable_objects_and_builtins_are_traced(client):
    class Adder:
        def __init__(self, n) -> None:
            self.n = n

        def __call__(self, x) -> int:
            return x + self.n

        def add(self, x):
            return x + self.n

    def pair(a, b):
        return [a, b]

    assert traceable(client=client)(Adder(1))(2) == 3
    assert traceable(client=client)(Adder(1).add)(2) == 3
    assert traceable(client=client)(functools.partial(pair, 1))(b=2) == [1, 2]
    assert traceable(client=client)(max)(1, 3) == 3
    assert [(run["name"], run["inputs"]) for run in client.runs] == [
        ("Adder", {"x": 2}),
        ("add", {"x": 2}),
        ("pair", {"b": 2}),
        ("max", {"args": [1, 3], "kwargs": {}}),
    ]


def test_the_functions_identity_is_kept():
    @traceable
    def f(a: int, *, b: str = "x") -> str:
        """Doc."""
        return b * a

    @traceable
    async def g():
        return 1

    @traceable
    def gen():
        yield 1

    @traceable
    async def agen():
        yield 1

    assert (f.__name__, f.__doc__) == ("f", "Doc.")
    assert str(inspect.signature(f)) == "(a: 'int', *, b: 'str' = 'x') -> 'str'"
    assert f.__wrapped__(2) == "xx"
    assert inspect.iscoroutinefunction(g)
    assert inspect.isgeneratorfunction(gen)
    assert inspect.isasyncgenfunction(agen)
    assert is_traceable_function(f)
    assert is_traceable_function(functools.partial(f, 1))
    assert not is_traceable_function(f.__wrapped__)
    assert ensure_traceable(f) is f
    assert is_traceable_function(ensure_traceable(len, name="length"))


def test_it_is_used_bare_with_a_run_type_or_with_keywords(client):
    def f():
        return None

    with tracing_context(enabled=True, client=client):
        traceable(f)()
        traceable("llm")(f)()
        traceable(run_type="tool", name="n")(f)()
    assert [(run["name"], run["run_type"]) for run in client.runs] == [
        ("f", "chain"),
        ("f", "llm"),
        ("n", "tool"),
    ]


def test_misuse_is_warned_of():
    with pytest.warns(UserWarning, match="no run type"):
        traceable("nonsense")
    with pytest.warns(UserWarning, match="one positional"):
        traceable("llm", "another")
    with pytest.warns(DeprecationWarning, match="extra"):
        traceable(extra={"a": 1})
    with pytest.raises(TypeError, match="decorates functions"):
        traceable(3)


def test_arguments_that_do_not_fit_raise_the_functions_own_error(client):
    @traceable(client=client)
    def f(a):
        return a

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        f()
    assert client.run["inputs"] == {"args": [], "kwargs": {}}
    assert client.run["error"].startswith("TypeError(")


def test_langsmith_extra_speaks_for_one_call(client):
    ended = []
    run_id, example = uuid.uuid4(), uuid.uuid4()

    @traceable(name="deco", tags=["d"], metadata={"k": "deco", "only_d": 1}, project_name="deco-p")
    def f(x, config=None):
        return config

    with tracing_context(enabled=True, tags=["ctx"], metadata={"k": "ctx"}):
        f(
            1,
            config={"kept": True},
            langsmith_extra={
                "name": "call",
                "run_id": run_id,
                "client": client,
                "tags": ["call"],
                "project_name": "call-p",
                "metadata": {"k": "call", "only_c": 1},
                "reference_example_id": example,
                "run_extra": {"beside": "v"},
                "on_end": lambda run: ended.append(run.outputs),
            },
        )
    run = client.run
    assert (run["id"], run["name"], run["session_name"]) == (str(run_id), "call", "call-p")
    assert run["tags"] == ["call", "ctx", "d"]
    assert run["extra"] == {
        "beside": "v",
        "metadata": {"k": "deco", "only_c": 1, "only_d": 1, "ls_method": "traceable"},
    }
    assert run["reference_example_id"] == str(example)
    assert run["inputs"] == {"x": 1, "config": {"kept": True}}
    assert ended == [{"kept": True}]


def test_a_config_that_the_function_does_not_take_is_dropped(client):
    @traceable(client=client)
    def f(x):
        return x

    @traceable(client=client)
    def g(**kw):
        return kw

    assert f(1, config={"tags": []}) == 1
    assert g(config=1) == {"config": 1}
    with tracing_context(enabled=False):
        assert f(1, config={}) == 1


def test_the_parent_of_a_call_may_be_named(client):
    root = RunTree(name="root", client=client, project_name="rp")

    @traceable(client=client)
    def f():
        return None

    @traceable(client=client)
    def outer():
        f(langsmith_extra={"parent": "ignore"})

    for parent in (root, root.to_headers(), root.dotted_order):
        f(langsmith_extra={"parent": parent})
    f(langsmith_extra={"run_tree": root})
    assert [run["parent_run_id"] for run in client.runs] == [str(root.id)] * 4
    client.posts.clear()
    client.patches.clear()
    outer()
    assert all("parent_run_id" not in run for run in client.runs)


def test_a_nonsensical_parent_is_ignored(client, caplog):
    @traceable(client=client)
    def f():
        return 1

    assert f(langsmith_extra={"parent": "not a dotted order"}) == 1
    assert f(langsmith_extra={"parent": object()}) == 1
    assert all("parent_run_id" not in run for run in client.runs)
    assert len(caplog.records) == 2


def test_a_reference_example_belongs_to_the_root_alone(client):
    @traceable
    def inner():
        return None

    @traceable(client=client)
    def outer():
        inner(langsmith_extra={"reference_example_id": uuid.uuid4()})

    outer(langsmith_extra={"reference_example_id": uuid.uuid4()})
    root, child = client.runs
    assert "reference_example_id" in root
    assert "reference_example_id" not in child


def test_a_run_tree_parameter_receives_the_run(client):
    @traceable(client=client)
    def f(x, run_tree=None):
        return run_tree

    @traceable(client=client)
    def g(x, *, run_tree):
        return run_tree

    class C:
        @traceable(client=client)
        def m(self, run_tree, x=1):
            return run_tree

    assert isinstance(f(1), RunTree)
    assert isinstance(g(1), RunTree)
    assert isinstance(C().m(), RunTree)
    assert f(1, run_tree="mine") == "mine"
    assert client.runs[0]["inputs"] == {"x": 1}
    with tracing_context(enabled=False):
        assert g(1) is None


def test_the_run_can_be_changed_from_inside(client):
    @traceable(client=client)
    def f(x):
        set_run_metadata(found=x)
        run = get_current_run_tree()
        run.set(outputs={"forced": True}, usage_metadata={"input_tokens": 7})
        run.add_tags(["late"])
        run.add_event("hello")
        run.name = "renamed"
        return "ignored"

    assert f("k") == "ignored"
    run = client.run
    assert run["outputs"] == {"forced": True}
    assert run["extra"]["metadata"]["found"] == "k"
    assert run["extra"]["metadata"]["usage_metadata"] == {"input_tokens": 7}
    assert run["tags"] == ["late"]
    assert run["events"][0]["message"] == "hello"
    assert run["name"] == "renamed"


def test_token_usage_in_the_outputs_goes_to_the_metadata_and_not_to_children(client):
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}

    @traceable("llm", client=client)
    def model():
        return {"text": "hi", "usage_metadata": usage}

    @traceable
    def child():
        return None

    @traceable(client=client)
    def counted():
        get_current_run_tree().set(usage_metadata=usage)
        child()

    model()
    counted()
    first, second, third = client.runs
    assert first["extra"]["metadata"]["usage_metadata"] == usage
    assert second["extra"]["metadata"]["usage_metadata"] == usage
    assert "usage_metadata" not in third["extra"]["metadata"]


def test_results_become_dictionaries(client):
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        a: int
        b: str | None = None

    @traceable(client=client)
    def f(value):
        return value

    for value in ({"a": 1}, Model(a=1), [1], None):
        assert f(value, langsmith_extra={"metadata": {}}) is value
    assert [patch["outputs"] for patch in client.patches] == [
        {"a": 1},
        {"a": 1},
        {"output": [1]},
        {"output": None},
    ]


def test_processors_make_what_is_recorded(client):
    @traceable(
        client=client,
        process_inputs=lambda inputs: {"n": len(inputs)},
        process_outputs=lambda output: type(output).__name__,
        _invocation_params_fn=lambda inputs: {"ls_model_name": inputs["a"]},
    )
    def f(a, b):
        return [a, b]

    assert f("x", "y") == ["x", "y"]
    assert client.run["inputs"] == {"n": 2}
    assert client.run["outputs"] == {"output": "list"}
    assert client.run["extra"]["metadata"]["ls_model_name"] == "x"


def test_a_failing_processor_sends_nothing_of_what_it_was_given(client, caplog):
    def fail(value):
        raise RuntimeError("no canary here")

    @traceable(client=client, process_inputs=fail, process_outputs=fail)
    def f(secret):
        return {"secret": secret}

    assert f("canary") == {"secret": "canary"}
    assert f("canary") == {"secret": "canary"}
    assert "canary" not in json.dumps(client.runs)
    assert client.runs[0]["inputs"] == {"redacted": "process_inputs raised RuntimeError"}
    assert client.runs[0]["outputs"] == {"redacted": "process_outputs raised RuntimeError"}
    assert len(caplog.records) == 2  # once a minute for each cause
    assert {record.name for record in caplog.records} == {"smithkit.tracing"}


def test_failing_callbacks_are_reported_and_not_raised(client, caplog):
    def fail(run):
        raise RuntimeError("callback")

    @traceable(client=client, _invocation_params_fn=fail)
    def f():
        return 1

    assert f(langsmith_extra={"on_end": fail, "_on_success": fail}) == 1
    assert client.run["outputs"] == {"output": 1}
    assert len(caplog.records) == 3


def test_a_client_that_fails_does_not_break_the_function(caplog):
    class Broken:
        def submit_post(self, run):
            raise OSError("post")

        def submit_patch(self, run):
            raise OSError("patch")

    @traceable(client=Broken())
    def f():
        return 1

    assert f() == 1
    assert len(caplog.records) == 2


def test_what_is_wrong_in_langsmith_extra_is_ignored(client, caplog):
    @traceable(client=client)
    def f():
        return 1

    assert f(langsmith_extra={"run_id": "nonsense", "reference_example_id": 3}) == 1
    assert f(langsmith_extra="nonsense") == 1
    assert len(client.runs) == 2
    assert "an id that was given" in caplog.text
    assert "not a dictionary" in caplog.text


def test_a_call_that_cannot_be_traced_is_made_all_the_same(client, caplog):
    @traceable(client=client)
    def f():
        return 1

    @traceable(client=client)
    def g(run_tree):
        return run_tree

    assert f(langsmith_extra={"metadata": 3}) == 1
    assert g(langsmith_extra={"metadata": 3}) is None
    assert not client.runs
    assert "not traced" in caplog.text


def test_an_exception_is_recorded_without_the_packages_frames_and_goes_on_untouched(client):
    @traceable(client=client)
    def inner():
        raise ValueError("kaput")

    @traceable(client=client)
    def outer():
        try:
            inner()
        except ValueError as error:
            raise KeyError("outer") from error

    with pytest.raises(KeyError) as caught:
        outer()
    assert isinstance(caught.value.__cause__, ValueError)
    first, second = client.runs
    assert first["outputs"] == second["outputs"] == {"output": None}
    assert second["error"].startswith("ValueError('kaput')\n\nTraceback (most recent call last):\n")
    assert "The above exception was the direct cause" in first["error"]
    assert "kaput" in first["error"]
    assert "smithkit/tracing/_" not in first["error"] + second["error"]
    assert 'raise ValueError("kaput")' in second["error"]


def test_an_exception_whose_repr_fails_is_recorded(client):
    class OddError(Exception):
        def __repr__(self) -> str:
            raise RuntimeError

        __str__ = __repr__

    @traceable(client=client)
    def f():
        raise OddError

    with pytest.raises(OddError):
        f()
    assert client.run["error"].startswith("<OddError>")


def test_exceptions_to_handle_are_no_errors(client):
    @traceable(client=client, exceptions_to_handle=(StopIteration, KeyError))
    def f():
        raise KeyError("normal")

    with pytest.raises(KeyError):
        f()
    assert "error" not in client.run
    assert client.run["outputs"] == {"output": None}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_end_the_run_and_pass(client, kind):
    @traceable(client=client)
    def f():
        raise kind

    with pytest.raises(kind):
        f()
    assert client.run["error"].startswith(kind.__name__)
    assert get_current_run_tree() is None


def test_nothing_keeps_an_exceptions_frames_alive(client):
    class Local:
        pass

    seen = []

    @traceable(client=client)
    def f():
        local = Local()
        seen.append(weakref.ref(local))
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        f()
    import gc

    gc.collect()
    assert seen[0]() is None


def test_a_run_is_free_once_it_is_sent(client):
    seen = []

    @traceable(client=client)
    def f(x):
        seen.append(weakref.ref(get_current_run_tree()))

    f(1)
    assert seen[0]() is None


def test_a_deep_recursion_error_is_recorded(client):
    @traceable(client=client)
    def f():
        def g():
            return g()

        return g()

    with pytest.raises(RecursionError):
        f()
    assert client.run["error"].startswith("RecursionError(")


def test_coroutines_nest_over_tasks(client):
    @traceable
    async def leaf(n):
        await asyncio.sleep(0)
        return n

    @traceable(client=client)
    async def root():
        task = asyncio.create_task(leaf(1))
        return [await task, *await asyncio.gather(leaf(2), leaf(3))]

    async def main():
        result = await root()
        assert get_current_run_tree() is None
        return result

    assert asyncio.run(main()) == [1, 2, 3]
    top, *leaves = client.runs
    assert {run["parent_run_id"] for run in leaves} == {top["id"]}
    assert top["outputs"] == {"output": [1, 2, 3]}


def test_concurrent_roots_do_not_mix(client):
    @traceable
    async def leaf(n):
        await asyncio.sleep(0)

    @traceable(client=client)
    async def root(n):
        await asyncio.gather(leaf(n), leaf(n))

    async def main():
        await asyncio.gather(*(root(n) for n in range(5)))

    asyncio.run(main())
    roots = {run["id"]: run["inputs"]["n"] for run in client.runs if "parent_run_id" not in run}
    assert len(roots) == 5
    for run in client.runs:
        if "parent_run_id" in run:
            assert roots[run["parent_run_id"]] == run["inputs"]["n"]


def test_a_cancelled_task_ends_its_run(client):
    @traceable(client=client)
    async def f():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(f())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert client.run["error"].startswith("CancelledError(")
    assert "end_time" in client.run


def test_a_coroutine_that_is_thrown_away_ends_its_run_and_leaves_the_context(client):
    @traceable(client=client)
    async def f():
        await asyncio.sleep(60)

    coroutine = f()

    async def start():
        return coroutine.send(None)

    asyncio.run(start())
    before = get_current_run_tree()
    coroutine.close()
    assert client.run["error"].startswith("GeneratorExit(")
    assert get_current_run_tree() is before


def test_threads_join_the_tree_through_the_context_executor(client):
    @traceable
    def leaf(n):
        return threading.current_thread().name, n

    @traceable(client=client)
    def root(pool_type):
        with pool_type(max_workers=3) as pool:
            return [n for _, n in pool.map(leaf, range(20))] + [pool.submit(leaf, n=9).result()[1]]

    assert root(ContextThreadPoolExecutor) == [*range(20), 9]
    top, *leaves = client.runs
    assert len(leaves) == 21
    assert {run["parent_run_id"] for run in leaves} == {top["id"]}


def test_attachments_leave_the_inputs(client):
    from smithkit.schemas import Attachment

    sent = []
    client.submit_post = sent.append

    def f(text: str, img: Attachment, other: Attachment | None = None):
        return len(img.data)

    assert traceable(client=client)(f)("hello", Attachment(mime_type="image/png", data=b"\x89P")) == 2
    assert sent[0]["inputs"] == {"text": "hello", "other": None}
    assert sent[0]["attachments"]["img"][1] == b"\x89P"
    assert sent[0]["dangerously_allow_filesystem"] is False
    assert client.patches[0]["events"][0]["message"] == ["img"]
    assert "attachments" not in client.patches[0]


def test_a_client_of_another_kind_is_called_by_its_public_methods():
    calls = []

    class Duck:
        def create_run(self, name, inputs, run_type, **more):
            calls.append(("create", name, more["id"]))

        def update_run(self, run_id, **more):
            calls.append(("update", run_id, more["outputs"]))

    @traceable(client=Duck())
    def f():
        return 1

    f()
    (_, name, run_id), update = calls
    assert name == "f"
    assert update == ("update", run_id, {"output": 1})


def test_an_asynchronous_client_is_awaited(caplog):
    calls = []

    class Asynchronous:
        async def create_run(self, **run):
            calls.append("create")

        async def update_run(self, **run):
            calls.append("update")
            raise OSError("gone")

    @traceable(client=Asynchronous())
    def f():
        return 1

    assert f() == 1

    async def main():
        f()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert calls == ["create", "update"] * 2
    assert "asynchronous client" in caplog.text


def test_many_threads_trace_at_once(client):
    @traceable(client=client)
    def f(n):
        return n

    def work():
        with tracing_context(enabled=True):
            for n in range(50):
                f(n)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run["id"] for run in client.posts}) == 400
    assert len(client.patches) == 400


def test_reports_come_once_a_minute_with_a_count(caplog, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("smithkit._quiet.time.monotonic", lambda: now[0])
    for _ in range(3):
        _report.report("cause", ValueError("x"))
    now[0] += 61
    _report.report("cause")
    assert [record.getMessage() for record in caplog.records] == [
        "cause: ValueError",
        "cause (2 more of these since the last report)",
    ]
    assert caplog.records[0].levelno == logging.WARNING


@traceable
def module_level(x):
    return x


def test_a_traced_function_can_be_pickled():
    assert pickle.loads(pickle.dumps(module_level)) is module_level  # noqa: S301
