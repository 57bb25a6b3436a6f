"""Runs that give their output piece by piece: one tree, and every run ended, however the stream ends."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import gc
import inspect
import json
import pickle
from typing import TYPE_CHECKING

import pytest

from smithkit import get_current_run_tree, trace, traceable, tracing_context
from smithkit.tracing import is_traceable_function

if TYPE_CHECKING:
    from collections.abc import Iterator


class Recorder:
    """A client that keeps what it is given, as it was when it was given."""

    def __init__(self) -> None:
        self.runs: dict[str, dict] = {}
        self.ended: list[str] = []

    def submit_post(self, run):
        self.runs[run["id"]] = json.loads(json.dumps(run, default=str))

    def submit_patch(self, run):
        self.runs[run["id"]].update(json.loads(json.dumps(run, default=str)))
        self.ended.append(run["name"])

    def __getitem__(self, name) -> dict:
        (run,) = [run for run in self.runs.values() if run["name"] == name]
        return run


@pytest.fixture
def client():
    return Recorder()


@pytest.fixture(autouse=True)
def _tracing_on():
    with tracing_context(enabled=True):
        yield


@traceable
def body_child():
    return None


@traceable
def consumer_child():
    return None


def count(client, **options):
    @traceable(client=client, **options)
    def numbers(n):
        for i in range(n):
            body_child()
            yield i

    return numbers


def acount(client, **options):
    @traceable(client=client, **options)
    async def numbers(n):
        for i in range(n):
            await asyncio.sleep(0)
            body_child()
            yield i

    return numbers


def test_a_generator_records_its_pieces(client):
    assert list(count(client)(3)) == [0, 1, 2]
    assert client["numbers"]["outputs"] == {"output": [0, 1, 2]}
    assert client["numbers"]["inputs"] == {"n": 3}


def test_what_a_generator_returns_is_its_last_piece(client):
    @traceable("llm", client=client)
    def numbers():
        yield {"tok": 0}
        yield {"tok": 1}
        return "final"

    def outer():
        return (yield from numbers())

    generator = outer()
    assert [next(generator), next(generator)] == [{"tok": 0}, {"tok": 1}]
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "final"
    run = client["numbers"]
    assert run["outputs"] == {"output": [{"tok": 0}, {"tok": 1}, "final"]}
    assert [(event["name"], event["kwargs"]) for event in run["events"]] == [
        ("new_token", {"token": {"tok": 0}})
    ]


def test_an_empty_generator_has_no_output(client):
    assert list(count(client, reduce_fn=sum)(0)) == []
    assert client["numbers"]["outputs"] == {"output": None}


def test_reduce_fn_and_processors_make_the_outputs(client):
    options = {
        "reduce_fn": sum,
        "process_chunk": lambda i: i * 10,
        "process_outputs": lambda total: {"sum": total},
    }
    assert list(count(client, **options)(3)) == [0, 1, 2]
    assert client["numbers"]["outputs"] == {"sum": 30}


def test_a_failing_reduce_fn_leaves_the_list_and_a_failing_process_chunk_a_mark(client, caplog):
    def fail(value):
        raise RuntimeError("no")

    assert list(count(client, reduce_fn=fail)(2)) == [0, 1]
    assert client["numbers"]["outputs"] == {"output": [0, 1]}
    client.runs.clear()
    assert list(count(client, process_chunk=fail)(2)) == [0, 1]
    assert client["numbers"]["outputs"] == {"output": [{"redacted": "process_chunk raised RuntimeError"}] * 2}
    assert len(caplog.records) == 2


def test_the_run_is_current_in_the_body_and_not_in_the_consumer(client):
    with trace("outer", client=client) as outer:
        for _ in count(client)(2):
            consumer_child()
            assert get_current_run_tree() is outer
    runs = list(client.runs.values())
    numbers = client["numbers"]["id"]
    parents = {
        run["name"]: {r["parent_run_id"] for r in runs if r["name"] == run["name"]} for run in runs[1:]
    }
    assert parents["body_child"] == {numbers}
    assert parents["consumer_child"] == {str(outer.id)}


def test_a_context_opened_in_the_body_lasts_over_its_yields_and_not_beyond(client):
    @traceable(client=client)
    def numbers():
        with tracing_context(tags=["inside"]):
            yield 1
            body_child()
            yield 2

    for _ in numbers():
        consumer_child()
    assert client["body_child"]["tags"] == ["inside"]
    assert not any("tags" in run for run in client.runs.values() if run["name"] == "consumer_child")


def test_a_blocks_inside_of_a_body_nest(client):
    @traceable(client=client)
    def numbers():
        with trace("block"):
            yield 1

    list(numbers())
    assert client["block"]["parent_run_id"] == client["numbers"]["id"]


@traceable
def at_module_level():
    yield 1


def test_a_generator_belongs_to_where_it_was_called_not_to_where_it_is_read(client):
    @traceable(client=client)
    def handler():
        return count(client)(2), acount(client)(1)

    async def read(pieces):
        return [piece async for piece in pieces]

    plain, asynchronous = handler()
    assert list(plain) == [0, 1]
    with trace("reader", client=client):
        assert asyncio.run(read(asynchronous)) == [0]
    parents = {run["parent_run_id"] for run in client.runs.values() if run["name"] == "numbers"}
    assert parents == {client["handler"]["id"]}


def test_a_generator_that_was_called_outside_of_everything_belongs_to_its_reader(client):
    made = contextvars.Context().run(count(client), 1)
    with trace("reader", client=client):
        assert list(made) == [0]
    assert client["numbers"]["parent_run_id"] == client["reader"]["id"]


def test_generator_functions_are_methods_and_copies_like_any_function(client):
    class Source:
        @traceable(client=client)
        def method(self, n):
            yield n

        @classmethod
        @traceable(client=client)
        def of_class(cls, n) -> Iterator[object]:
            yield cls, n

        @traceable(client=client)
        @staticmethod
        def static(n) -> Iterator[int]:
            yield n

    source = Source()
    assert list(source.method(1)) == list(Source.method(source, 1)) == [1]
    assert list(source.of_class(2)) == [(Source, 2)]
    assert list(source.static(3)) == [3]
    assert client["of_class"]["inputs"] == {"n": 2}
    assert is_traceable_function(source.method)
    assert is_traceable_function(functools.partial(Source.method, source))
    assert inspect.isgeneratorfunction(source.method)
    assert str(inspect.signature(source.method)) == "(n)"
    assert copy.deepcopy(at_module_level) is at_module_level
    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level  # noqa: S301 - just pickled
    assert "at_module_level" in repr(at_module_level)


@pytest.mark.parametrize("end", ["break", "close", "collect"])
def test_a_generator_that_is_left_early_ends_with_its_pieces(client, end):
    cleaned = []

    @traceable(client=client)
    def numbers():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(get_current_run_tree().name)

    generator = numbers()
    assert next(generator) == 1
    if end == "break":
        for _ in generator:
            break
    if end == "close":
        generator.close()
    del generator
    gc.collect()
    assert cleaned == ["numbers"]
    assert client["numbers"]["outputs"] == {"output": [1, 2] if end == "break" else [1]}
    assert "error" not in client["numbers"]
    assert get_current_run_tree() is None


def test_a_generator_that_is_never_started_makes_no_run(client):
    count(client)(3)
    assert not client.runs


def test_send_and_throw_reach_the_body(client):
    @traceable(client=client)
    def echo():
        got = yield "ready"
        while True:
            try:
                got = yield got
            except KeyError as error:
                got = repr(error)

    generator = echo()
    assert next(generator) == "ready"
    assert generator.send("a") == "a"
    assert generator.throw(KeyError("k")) == "KeyError('k')"
    with pytest.raises(ValueError, match="out"):
        generator.throw(ValueError("out"))
    run = client["echo"]
    assert run["error"].startswith("ValueError('out')")
    assert run["outputs"] == {"output": ["ready", "a", "KeyError('k')"]}


def test_an_error_in_the_body_is_recorded_with_the_pieces_before_it(client):
    @traceable(client=client)
    def numbers():
        yield 1
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        list(numbers())
    assert client["numbers"]["outputs"] == {"output": [1]}
    assert client["numbers"]["error"].startswith("ValueError('late')\n\nTraceback")
    assert "smithkit/tracing/_" not in client["numbers"]["error"]


def test_arguments_that_do_not_fit_a_generator_end_its_run(client):
    with pytest.raises(TypeError):
        list(count(client)())
    assert client["numbers"]["error"].startswith("TypeError")

    async def main():
        with pytest.raises(TypeError):
            _ = [i async for i in acount(client)()]

    client.runs.clear()
    asyncio.run(main())
    assert client["numbers"]["error"].startswith("TypeError")


def test_generators_pass_everything_through_while_tracing_is_off(client):
    async def main():
        numbers = acount(client)(3)
        assert await anext(numbers) == 0
        with pytest.raises(KeyError):
            await numbers.athrow(KeyError)
        numbers = acount(client)(3)
        assert await anext(numbers) == 0
        await numbers.aclose()
        return [i async for i in acount(client)(3)]

    with tracing_context(enabled=False):
        assert list(count(client)(3)) == [0, 1, 2]
        assert asyncio.run(main()) == [0, 1, 2]
    assert not client.runs


def test_an_async_generator_records_its_pieces_in_one_tree(client):
    @traceable(client=client)
    async def outer():
        got = []
        async for i in acount(client, reduce_fn=sum)(3):
            consumer_child()
            got.append(i)
        return got

    assert asyncio.run(outer()) == [0, 1, 2]
    assert client["numbers"]["outputs"] == {"output": 3}
    assert client["numbers"]["parent_run_id"] == client["outer"]["id"]
    parents = {(run["name"], run.get("parent_run_id")) for run in client.runs.values()}
    assert ("body_child", client["numbers"]["id"]) in parents
    assert ("consumer_child", client["outer"]["id"]) in parents
    assert len(parents) == 4


def test_asend_and_athrow_reach_the_body(client):
    @traceable(client=client)
    async def echo():
        got = yield "ready"
        while True:
            try:
                got = yield got
            except KeyError as error:
                got = repr(error)

    async def main():
        generator = echo()
        assert await anext(generator) == "ready"
        assert await generator.asend("a") == "a"
        assert await generator.athrow(KeyError("k")) == "KeyError('k')"
        with pytest.raises(ValueError, match="out"):
            await generator.athrow(ValueError("out"))

    asyncio.run(main())
    assert client["echo"]["error"].startswith("ValueError('out')")


@pytest.mark.parametrize("end", ["break", "aclose", "shutdown"])
def test_an_async_generator_that_is_left_early_ends_with_its_pieces(client, end):
    kept = []

    async def main():
        numbers = acount(client)(5)
        if end == "break":
            async for _ in numbers:
                break
            del numbers
            gc.collect()
            await asyncio.sleep(0.01)
            assert client.ended[-1] == "numbers"
        else:
            await anext(numbers)
            if end == "aclose":
                await numbers.aclose()
            else:
                kept.append(numbers)

    asyncio.run(main())
    assert client["numbers"]["outputs"] == {"output": [0]}
    assert "error" not in client["numbers"]


def test_a_cancelled_consumer_ends_the_stream(client):
    @traceable(client=client)
    async def slow():
        yield 1
        await asyncio.sleep(60)
        yield 2

    async def consume():
        async for _ in slow():
            pass

    async def main():
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert client["slow"]["error"].startswith("CancelledError")
    assert client["slow"]["outputs"] == {"output": [1]}


def test_each_piece_may_be_asked_for_from_another_task(client):
    async def main():
        numbers = acount(client)(3)
        got = []
        for _ in range(3):
            task = asyncio.create_task(anext(numbers), context=contextvars.copy_context())
            got.append(await task)
            assert get_current_run_tree() is None
        await numbers.aclose()
        return got

    assert asyncio.run(main()) == [0, 1, 2]
    children = [run for run in client.runs.values() if run["name"] == "body_child"]
    assert {run["parent_run_id"] for run in children} == {client["numbers"]["id"]}


class Stream:
    """What clients of model providers return: an iterator with a life of its own."""

    def __init__(self, items) -> None:
        self.items = iter(items)
        self.closed = False
        self.response = "headers"

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> str:
        body_child()
        return next(self.items)

    def close(self):
        self.closed = True


def streaming(client, **options):
    @traceable("llm", client=client, reduce_fn=lambda chunks: {"text": "".join(chunks)}, **options)
    def call(make):
        return make()

    return call


@pytest.mark.parametrize("end", ["exhaust", "close", "with", "collect"])
def test_an_iterator_that_a_function_returns_is_traced_to_its_end(client, end):
    inner = Stream(["a", "b"])
    stream = streaming(client)(lambda: inner)
    assert stream.response == "headers"
    assert next(stream) == "a"
    assert not client.ended or client.ended == ["body_child"]
    if end == "exhaust":
        assert list(stream) == ["b"]
    elif end == "close":
        stream.close()
    elif end == "with":
        with stream as same:
            assert same is stream
    del stream
    gc.collect()
    assert client["call"]["outputs"] == {"text": "ab" if end == "exhaust" else "a"}
    assert client["call"]["events"][0]["name"] == "new_token"
    assert inner.closed is (end in {"close", "with"})
    children = [run for run in client.runs.values() if run["name"] == "body_child"]
    assert {run["parent_run_id"] for run in children} == {client["call"]["id"]}


def test_an_iterator_that_fails_ends_its_run_with_the_error(client):
    def broken():
        yield "a"
        raise OSError("reset")

    stream = streaming(client)(broken)
    with pytest.raises(OSError, match="reset"):
        list(stream)
    assert client["call"]["error"].startswith("OSError('reset')")
    assert client["call"]["outputs"] == {"text": "a"}


def test_reduce_fn_leaves_plain_results_alone(client):
    @traceable(client=client, reduce_fn=sum)
    def f():
        return [1, 2]

    assert f() == [1, 2]
    assert client["f"]["outputs"] == {"output": [1, 2]}


@pytest.mark.parametrize("end", ["exhaust", "aclose", "with"])
def test_an_async_iterator_that_a_function_returns_is_traced_to_its_end(client, end):
    async def pieces():
        yield "a"
        yield "b"

    @traceable("llm", client=client, reduce_fn="".join)
    async def call():
        return pieces()

    async def main():
        stream = await call()
        assert await anext(stream) == "a"
        if end == "exhaust":
            assert [piece async for piece in stream] == ["b"]
        elif end == "aclose":
            await stream.aclose()
        else:
            async with stream as same:
                assert same is stream

    asyncio.run(main())
    assert client["call"]["outputs"] == {"output": "ab" if end == "exhaust" else "a"}
    assert client.ended.count("call") == 1
