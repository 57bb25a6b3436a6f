"""Nothing of the traced program is kept alive: once a call is over and sent, all that it held can be collected."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import gc
import threading
import weakref
from typing import ClassVar

import pytest

from smithkit import (
    ContextThreadPoolExecutor,
    RunTree,
    get_current_run_tree,
    trace,
    traceable,
    tracing_context,
)
from smithkit.tracing.middleware import TracingMiddleware, WSGITracingMiddleware


class Thing:
    """An argument, a result, or what an exception holds: something whose end can be seen."""

    living: ClassVar[weakref.WeakSet[Thing]] = weakref.WeakSet()

    def __init__(self, name: str) -> None:
        self.name = name
        self.itself = self  # only a collection ends it
        Thing.living.add(self)

    def __repr__(self) -> str:
        return f"<{self.name}>"


class BrokenError(Exception):
    """An exception that holds things, in itself and in its traceback's frames."""

    def __init__(self) -> None:
        super().__init__("failed")
        self.thing = Thing("in exception")
        exceptions.add(self)


exceptions: weakref.WeakSet[BrokenError] = weakref.WeakSet()
runs: weakref.WeakSet[RunTree] = weakref.WeakSet()


def note() -> None:
    """Remember the current run, weakly."""
    run = get_current_run_tree()
    assert run is not None
    runs.add(run)


@pytest.fixture(params=["in the background", pytest.param("at once", marks=pytest.mark.slow)])
def client(request, make_client):
    return make_client(auto_batch_tracing=request.param == "in the background")


@pytest.fixture(autouse=True, scope="module")
def _quick_collections():
    """What was there before cannot be garbage of these tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def left():
    """What is still alive."""
    gc.collect()
    return [*Thing.living, *runs, *exceptions]


@pytest.fixture
def check_that_nothing_is_left(soon):
    def check():
        # A collection that has just begun in another thread makes this thread's do nothing.
        with contextlib.suppress(AssertionError):
            soon(lambda: not left(), timeout=2)
        assert left() == []

    return check


@pytest.fixture(autouse=True)
def _nothing_is_left(client, check_that_nothing_is_left):
    Thing.living.clear()
    runs.clear()
    exceptions.clear()
    with tracing_context(enabled=True, client=client, project_name="p"):
        yield
    client.flush()
    check_that_nothing_is_left()


# ------------------------------------------------------------------ what is traced


@traceable
def call(thing, *more, **named):
    note()
    local = Thing("local")
    return {"result": Thing("result"), "name": local.name}


@traceable
def failing_call(thing):
    note()
    local = Thing("local of a failed call")
    raise BrokenError from ValueError(local.name)


@traceable
async def acall(thing):
    note()
    await asyncio.sleep(0)
    return [Thing("result")]


@traceable
async def failing_acall(thing):
    note()
    local = Thing("local of a failed call")
    await asyncio.sleep(0)
    raise BrokenError from ValueError(local.name)


@traceable
def pieces(thing, number=3):
    note()
    for _ in range(number):
        yield Thing("piece")


@traceable
async def apieces(thing, number=3):
    note()
    for _ in range(number):
        await asyncio.sleep(0)
        yield Thing("piece")


@traceable(reduce_fn=lambda chunks: {"chunks": chunks})
def stream(thing):
    note()
    return iter([Thing("chunk"), Thing("chunk")])


# ------------------------------------------------------------------ paths


def plain():
    call(Thing("argument"), Thing("more"), named=Thing("named"))


def with_extra():
    call(Thing("argument"), langsmith_extra={"metadata": {"thing": Thing("metadata")}, "tags": ["t"]})


def failed():
    with pytest.raises(BrokenError):
        failing_call(Thing("argument"))


def nested():
    @traceable
    def outer(thing):
        note()
        call(thing)
        failed()
        return thing

    outer(Thing("argument"))


def method():
    class Owner:
        def __init__(self) -> None:
            self.thing = Thing("of the owner")

        @traceable
        def run(self, thing):
            note()
            return thing

    Owner().run(Thing("argument"))


def callbacks():
    seen = []

    def on_end(run):
        seen.append(run.outputs)

    call(Thing("argument"), langsmith_extra={"on_end": on_end})
    processed = traceable(process_inputs=dict, process_outputs=lambda output: {"seen": output})(
        lambda thing: thing
    )
    processed(Thing("argument"))


def coroutine():
    asyncio.run(acall(Thing("argument")))


def failed_coroutine():
    with pytest.raises(BrokenError):
        asyncio.run(failing_acall(Thing("argument")))


def gathered():
    async def main():
        await asyncio.gather(
            *(acall(Thing("argument")) for _ in range(3)),
            failing_acall(Thing("argument")),
            return_exceptions=True,
        )

    asyncio.run(main())


def cancelled():
    @traceable
    async def slow(thing):
        note()
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(slow(Thing("argument")))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def never_awaited():
    coroutine = acall(Thing("argument"))
    coroutine.close()


def generator():
    assert len(list(pieces(Thing("argument")))) == 3


def generator_left_early():
    for _ in pieces(Thing("argument")):
        break
    unfinished = pieces(Thing("argument"))
    next(unfinished)
    unfinished.close()


def generator_never_started():
    pieces(Thing("argument"))


def failed_generator():
    @traceable
    def failing(thing):
        note()
        yield Thing("piece")
        raise BrokenError

    with pytest.raises(BrokenError):
        list(failing(Thing("argument")))


def generator_with_blocks():
    @traceable
    def made(thing):
        with trace("inside"), tracing_context(tags=["t"]):
            note()
            yield Thing("piece")

    first, second = made(Thing("argument")), made(Thing("argument"))
    next(first)
    next(second)
    first.close()
    second.close()


def async_generator():
    async def main():
        return [piece.name async for piece in apieces(Thing("argument"))]

    assert len(asyncio.run(main())) == 3


def async_generator_left_early():
    async def main():
        async for _ in apieces(Thing("argument")):
            break
        closed = apieces(Thing("argument"))
        await anext(closed)
        await closed.aclose()

    asyncio.run(main())


def failed_async_generator():
    @traceable
    async def failing(thing):
        note()
        yield Thing("piece")
        raise BrokenError

    async def main():
        with pytest.raises(BrokenError):
            [piece async for piece in failing(Thing("argument"))]

    asyncio.run(main())


def returned_iterator():
    assert len(list(stream(Thing("argument")))) == 2
    next(stream(Thing("argument")))


def block():
    with trace("block", inputs={"thing": Thing("input")}, metadata={"thing": Thing("metadata")}) as run:
        note()
        run.end(outputs={"thing": Thing("output")})


def failed_block():
    def fail(thing):
        with trace("block", inputs={"thing": thing}):
            note()
            raise BrokenError

    with pytest.raises(BrokenError):
        fail(Thing("argument"))


def async_block():
    async def main():
        async with trace("block", inputs={"thing": Thing("input")}):
            note()
            await acall(Thing("argument"))

    asyncio.run(main())


def run_tree():
    run = RunTree(name="root", inputs={"thing": Thing("input")}, client=current_client())
    runs.add(run)
    run.post()
    child = run.create_child("child", inputs={"thing": Thing("input")})
    runs.add(child)
    child.post()
    child.end(outputs={"thing": Thing("output")})
    child.patch()
    run.end(error="no", metadata={"thing": Thing("metadata")})
    run.patch()


def attachment():
    run = RunTree(name="root", attachments={"a": ("text/plain", b"data")}, client=current_client())
    run.attachments["b"] = ("text/plain", b"more", Thing("beside an attachment"))
    runs.add(run)
    run.post()
    run.end()
    run.patch()


def replicas():
    updates = {"extra": {"metadata": {"thing": Thing("in an update")}}}
    with tracing_context(replicas=[{"project_name": "copy"}, {"updates": updates}], client=current_client()):
        call(Thing("argument"))


def contexts():
    with tracing_context(metadata={"thing": Thing("metadata")}, tags=["t"]), trace("outer"):
        note()
        with tracing_context(parent=get_current_run_tree()):
            call(Thing("argument"))
        with tracing_context(parent=False, enabled=True, client=current_client()):
            call(Thing("argument"))


def distributed():
    headers = RunTree(name="up").to_headers()
    with tracing_context(parent=headers, client=current_client()):
        note()
        call(Thing("argument"))


def executor():
    with ContextThreadPoolExecutor(2) as pool, trace("outer"):
        note()
        assert len(list(pool.map(call, [Thing("argument"), Thing("argument")]))) == 2
        with pytest.raises(BrokenError):
            pool.submit(failing_call, Thing("argument")).result()


def threads():
    with trace("outer"):
        note()
        thread = threading.Thread(target=contextvars.copy_context().run, args=[call, Thing("argument")])
        thread.start()
        thread.join()

        async def main():
            await asyncio.to_thread(call, Thing("argument"))

        asyncio.run(main())


def generator_read_in_threads():
    made = pieces(Thing("argument"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        while pool.submit(next, made, None).result() is not None:
            pass


def web_applications():
    headers = RunTree(name="up").to_headers()

    async def app(scope, receive, send):
        note()
        async for _ in apieces(Thing("argument")):
            pass

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(TracingMiddleware(app)({"type": "http", "headers": pairs}, None, None))

    def wsgi(environ, start_response):
        note()
        return (piece.name.encode() for piece in pieces(Thing("argument")))

    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    body = WSGITracingMiddleware(wsgi)(environ, None)
    assert next(iter(body)) == b"piece"
    body.close()


def local_runs():
    with tracing_context(enabled="local"):
        call(Thing("argument"))
        with trace("block", inputs={"thing": Thing("input")}):
            note()


def untraced():
    @traceable
    def off(thing):
        return thing

    with tracing_context(enabled=False):
        off(Thing("argument"))
        with trace("block", inputs={"thing": Thing("input")}) as run:
            runs.add(run)


def untraceable():
    class Odd(dict):
        def get(self, *args):
            raise BrokenError

    call(Thing("argument"), langsmith_extra={"run_id": "nonsense", "parent": Odd()})


def current_client():
    from smithkit import get_tracing_context

    return get_tracing_context()["client"]


PATHS = [
    plain,
    with_extra,
    failed,
    nested,
    method,
    callbacks,
    coroutine,
    failed_coroutine,
    gathered,
    cancelled,
    never_awaited,
    generator,
    generator_left_early,
    generator_never_started,
    failed_generator,
    generator_with_blocks,
    async_generator,
    async_generator_left_early,
    failed_async_generator,
    returned_iterator,
    block,
    failed_block,
    async_block,
    run_tree,
    attachment,
    replicas,
    contexts,
    distributed,
    executor,
    threads,
    generator_read_in_threads,
    web_applications,
    local_runs,
    untraced,
    untraceable,
]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_nothing_is_kept(path):
    path()


def test_nothing_is_kept_while_the_server_does_not_answer(server, make_client, check_that_nothing_is_left):
    answer = threading.Event()

    def wait(request, number):
        answer.wait(10)
        return 202

    server.answer = wait
    with tracing_context(client=make_client(), project_name="p", enabled=True):
        for path in (plain, failed, generator, run_tree, replicas):
            path()
    check_that_nothing_is_left()
    answer.set()


def test_these_tests_see_what_is_kept():
    kept = []

    @traceable
    def keeping(thing):
        note()
        kept.append(get_current_run_tree())

    keeping(Thing("argument"))
    gc.collect()
    assert [thing.name for thing in Thing.living] == ["argument"]
    assert len(runs) == 1
    kept.clear()
