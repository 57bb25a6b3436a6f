"""However a program spreads its work, there is one tree, and every run ends once with what it has."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import gc
import threading
from collections import Counter

import pytest

from smithkit import (
    ContextThreadPoolExecutor,
    RunTree,
    get_current_run_tree,
    trace,
    traceable,
    tracing_context,
)


@pytest.fixture
def client(make_recorder):
    return make_recorder()


@pytest.fixture(autouse=True)
def _on(client):
    with tracing_context(enabled=True, client=client):
        yield
        assert get_current_run_tree() is None


@pytest.fixture
def tree(client):
    """Gives the tree as (name, name of the parent) pairs, counted; every run has to have ended once."""

    def read():
        ended = Counter(patch["id"] for patch in client.patches)
        assert ended == Counter(post["id"] for post in client.posts)
        assert set(ended.values()) == {1}
        assert len({post["trace_id"] for post in client.posts}) == 1
        names = {post["id"]: post["name"] for post in client.posts}
        for post in client.posts:
            above = [segment[22:] for segment in post["dotted_order"].split(".")]
            assert above[0] == post["trace_id"]
            assert above[-2:-1] == ([post["parent_run_id"]] if "parent_run_id" in post else [])
        return Counter((post["name"], names.get(post.get("parent_run_id"))) for post in client.posts)

    return read


@pytest.fixture
def run_of(client):
    """Gives the recorded run of a name."""

    def find(name):
        (run,) = [run for run in client.runs if run["name"] == name]
        return run

    return find


@traceable
def leaf():
    return 1


@traceable
async def aleaf():
    await asyncio.sleep(0)
    return 1


@traceable
async def branch():
    await asyncio.sleep(0)
    leaf()
    return await aleaf()


ONE_BRANCH = {("branch", "root"): 1, ("leaf", "branch"): 1, ("aleaf", "branch"): 1}


def branches(number):
    return Counter({("root", None): 1, **{pair: count * number for pair, count in ONE_BRANCH.items()}})


# ------------------------------------------------------------------ tasks


async def by_create_task():
    tasks = [asyncio.create_task(branch()) for _ in range(3)]
    for task in tasks:
        await task


async def by_gather():
    await asyncio.gather(*(branch() for _ in range(3)))


async def by_task_group():
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(branch())


async def by_wait_for():
    for _ in range(3):
        await asyncio.wait_for(branch(), 10)


async def by_as_completed():
    for done in asyncio.as_completed([branch() for _ in range(3)]):
        await done


async def by_shield():
    for _ in range(3):
        await asyncio.shield(branch())


async def by_nested_tasks():
    async def spread():
        await asyncio.create_task(branch())

    await asyncio.gather(*(asyncio.create_task(spread()) for _ in range(3)))


async def by_a_task_from_a_thread():
    loop = asyncio.get_running_loop()

    def submit():
        return asyncio.run_coroutine_threadsafe(branch(), loop).result(10)

    for _ in range(3):
        await asyncio.to_thread(submit)


@pytest.mark.parametrize(
    "spread",
    [
        by_create_task,
        by_gather,
        by_task_group,
        by_wait_for,
        by_as_completed,
        by_shield,
        by_nested_tasks,
        by_a_task_from_a_thread,
    ],
)
def test_tasks_stay_below_the_run_that_started_them(tree, spread):
    @traceable(name="root")
    async def root():
        await spread()
        assert get_current_run_tree().name == "root"

    asyncio.run(root())
    assert tree() == branches(3)


def test_a_task_that_outlives_its_parent_stays_below_it(tree):
    tasks = []

    @traceable
    async def root():
        tasks.append(asyncio.create_task(branch()))

    async def main():
        await root()
        await tasks[0]

    asyncio.run(main())
    assert tree() == branches(1)


def test_a_cancelled_task_ends_its_runs_where_they_are(tree, run_of):
    @traceable
    async def slow():
        leaf()
        await asyncio.sleep(60)

    @traceable
    async def root():
        task = asyncio.create_task(slow())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        leaf()

    asyncio.run(root())
    assert tree() == {("root", None): 1, ("slow", "root"): 1, ("leaf", "slow"): 1, ("leaf", "root"): 1}
    assert run_of("slow")["error"].startswith("CancelledError")
    assert "error" not in run_of("root")


def test_a_timeout_ends_what_it_interrupts(tree, run_of):
    @traceable
    async def slow():
        async with trace("block"):
            await asyncio.sleep(60)

    @traceable
    async def root():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await slow()

    asyncio.run(root())
    assert tree() == {("root", None): 1, ("slow", "root"): 1, ("block", "slow"): 1}
    assert "CancelledError" in run_of("slow")["error"]
    assert "CancelledError" in run_of("block")["error"]


def test_a_group_whose_task_fails_ends_the_others_and_is_recorded_whole(tree, run_of):
    @traceable
    async def failing():
        raise ValueError("one")

    @traceable
    async def waiting():
        await asyncio.sleep(60)

    @traceable
    async def root():
        async with asyncio.TaskGroup() as group:
            group.create_task(waiting())
            group.create_task(failing())

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(root())
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert tree() == {("root", None): 1, ("failing", "root"): 1, ("waiting", "root"): 1}
    assert run_of("root")["error"].startswith("ExceptionGroup(")
    assert "ValueError: one" in run_of("root")["error"]
    assert run_of("waiting")["error"].startswith("CancelledError")


def test_callbacks_of_loop_and_task_run_below_what_registered_them(tree):
    @traceable
    async def root():
        loop = asyncio.get_running_loop()
        seen = asyncio.Event()
        loop.call_soon(leaf)
        loop.call_later(0, leaf)
        task = asyncio.create_task(aleaf())
        task.add_done_callback(lambda task: (leaf(), seen.set()))
        await seen.wait()
        await asyncio.sleep(0.01)

    asyncio.run(root())
    assert tree() == {("root", None): 1, ("leaf", "root"): 3, ("aleaf", "root"): 1}


# ------------------------------------------------------------------ threads


def test_threads_of_the_loop_stay_below_the_run(tree):
    @traceable
    async def root():
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(leaf)
        context = contextvars.copy_context()
        await loop.run_in_executor(None, functools.partial(context.run, leaf))
        with ContextThreadPoolExecutor() as pool:
            await asyncio.gather(*(loop.run_in_executor(pool, leaf) for _ in range(3)))

    asyncio.run(root())
    assert tree() == {("root", None): 1, ("leaf", "root"): 5}


def test_a_pool_that_copies_the_context_stays_below_the_run(tree):
    barrier = threading.Barrier(2)

    @traceable
    def meet(number):
        barrier.wait(10)
        leaf()
        return number

    @traceable
    def root():
        with ContextThreadPoolExecutor(2) as pool:
            assert list(pool.map(meet, [1, 2])) == [1, 2]
            done = [pool.submit(leaf) for _ in range(4)]
            assert not concurrent.futures.wait(done).not_done
            future = pool.submit(leaf)
            future.add_done_callback(lambda future: None)

    root()
    assert tree() == {
        ("root", None): 1,
        ("meet", "root"): 2,
        ("leaf", "meet"): 2,
        ("leaf", "root"): 5,
    }


def test_a_worker_keeps_nothing_of_the_call_before(client):
    with ContextThreadPoolExecutor(1) as pool:
        with trace("first"):
            pool.submit(leaf).result()
        with trace("second"):
            pool.submit(leaf).result()
        assert pool.submit(get_current_run_tree).result() is None
    leaves = [post["parent_run_id"] for post in client.posts if post["name"] == "leaf"]
    assert leaves == [post["id"] for post in client.posts if post["name"] != "leaf"]


def test_a_plain_thread_is_given_its_parent(tree):
    def work(parent):
        with tracing_context(parent=parent, enabled=True):
            leaf()
        leaf(langsmith_extra={"parent": parent})
        with trace("block", parent=parent):
            leaf()

    @traceable
    def root(run_tree=None):
        thread = threading.Thread(target=work, args=[run_tree])
        thread.start()
        thread.join()
        copied = threading.Thread(target=contextvars.copy_context().run, args=[leaf])
        copied.start()
        copied.join()

    root()
    assert tree() == {("root", None): 1, ("leaf", "root"): 3, ("block", "root"): 1, ("leaf", "block"): 1}


def test_what_is_said_in_one_thread_is_not_said_in_another(client):
    inside, outside = threading.Event(), threading.Event()

    def look():
        inside.wait(10)
        found.append(get_current_run_tree())
        outside.set()

    found = []
    thread = threading.Thread(target=look)
    thread.start()
    with trace("here"):
        inside.set()
        outside.wait(10)
    thread.join()
    assert found == [None]


# ------------------------------------------------------------------ generators


@traceable
def numbers():
    try:
        for i in range(5):
            leaf()
            yield i
    finally:
        leaf()


@traceable
async def anumbers():
    try:
        for i in range(5):
            await aleaf()
            yield i
    finally:
        leaf()


def broken_off(generator):
    for _ in generator:
        break


def closed(generator):
    next(generator)
    generator.close()


def collected(generator):
    next(generator)
    del generator
    gc.collect()


def thrown_into(generator):
    next(generator)
    with pytest.raises(KeyError):
        generator.throw(KeyError("k"))


def left_by_an_error(generator):
    def read():
        for _ in generator:
            raise KeyError("k")

    with pytest.raises(KeyError):
        read()


@pytest.mark.parametrize("end", [broken_off, closed, collected, thrown_into, left_by_an_error])
def test_a_generator_that_is_left_early_ends_with_its_pieces(tree, run_of, end):
    @traceable
    def root():
        end(numbers())
        gc.collect()
        assert get_current_run_tree().name == "root"

    root()
    assert tree() == {("root", None): 1, ("numbers", "root"): 1, ("leaf", "numbers"): 2}
    assert run_of("numbers")["outputs"] == {"output": [0]}
    assert ("error" in run_of("numbers")) is (end is thrown_into)


async def abroken_off(generator):
    async for _ in generator:
        break
    del generator
    gc.collect()
    await asyncio.sleep(0.01)  # the loop closes it


async def aclosed(generator):
    await anext(generator)
    await generator.aclose()


async def athrown_into(generator):
    await anext(generator)
    with pytest.raises(KeyError):
        await generator.athrow(KeyError("k"))


async def closed_elsewhere(generator):
    await anext(generator)
    await asyncio.create_task(generator.aclose(), context=contextvars.Context())


async def read_in_tasks(generator):
    await asyncio.create_task(anext(generator), context=contextvars.Context())
    await generator.aclose()


@pytest.mark.parametrize("end", [abroken_off, aclosed, athrown_into, closed_elsewhere, read_in_tasks])
def test_an_async_generator_that_is_left_early_ends_with_its_pieces(tree, run_of, end):
    @traceable
    async def root():
        await end(anumbers())
        assert get_current_run_tree().name == "root"

    asyncio.run(root())
    assert tree() == {
        ("root", None): 1,
        ("anumbers", "root"): 1,
        ("aleaf", "anumbers"): 1,
        ("leaf", "anumbers"): 1,
    }
    assert run_of("anumbers")["outputs"] == {"output": [0]}
    assert ("error" in run_of("anumbers")) is (end is athrown_into)


def test_an_async_generator_whose_reader_is_cancelled_ends_with_its_pieces(tree, run_of):
    @traceable
    async def endless():
        yield 0
        await asyncio.sleep(60)

    @traceable
    async def read():
        async for _ in endless():
            pass

    @traceable
    async def root():
        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(root())
    assert tree() == {("root", None): 1, ("read", "root"): 1, ("endless", "read"): 1}
    assert run_of("endless")["outputs"] == {"output": [0]}
    assert run_of("endless")["error"].startswith("CancelledError")


def test_async_generators_that_the_loop_leaves_behind_end_once(tree):
    """The loop closes them when it ends, in an order of its own."""
    kept = []

    @traceable
    async def root():
        for _ in range(20):
            kept.append(anumbers())
            await anext(kept[-1])

    asyncio.run(root())
    assert tree() == {
        ("root", None): 1,
        ("anumbers", "root"): 20,
        ("aleaf", "anumbers"): 20,
        ("leaf", "anumbers"): 20,
    }


def test_an_async_generator_without_a_loop_ends_when_it_is_collected(tree, run_of):
    """As in programs that drive coroutines by hand, or whose loop was closed without its generators."""

    @traceable
    async def plain():
        yield 0
        yield 1

    def step(awaitable):
        with pytest.raises(StopIteration) as stop:
            awaitable.__await__().send(None)
        return stop.value.value

    @traceable
    def root():
        generator = plain()
        assert step(anext(generator)) == 0
        del generator
        gc.collect()

    root()
    assert tree() == {("root", None): 1, ("plain", "root"): 1}
    assert run_of("plain")["outputs"] == {"output": [0]}


@pytest.mark.parametrize("end", ["collected", "cancelled", "failed"])
def test_an_async_iterator_that_a_function_returned_ends_however_it_is_left(tree, run_of, end):
    async def tokens():
        leaf()
        yield "a"
        if end == "failed":
            raise ValueError("late")
        await asyncio.sleep(60)

    @traceable(reduce_fn="".join)
    async def call():
        return tokens()

    async def read():
        async for _ in await call():
            if end == "collected":
                break

    @traceable
    async def root():
        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        if end == "cancelled":
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        gc.collect()

    asyncio.run(root())
    assert tree() == {("root", None): 1, ("call", "root"): 1, ("leaf", "call"): 1}
    assert run_of("call")["outputs"] == {"output": "a"}
    assert ("error" in run_of("call")) is (end != "collected")


def test_interleaved_generators_stay_apart(tree):
    @traceable
    def source(name):
        for i in range(3):
            with trace(f"block of {name}"):
                yield i
                leaf()

    @traceable
    def root():
        return list(zip(source("a"), source("b"), strict=True))

    root()
    found = tree()
    assert found["source", "root"] == 2
    assert found["block of a", "source"] == found["block of b", "source"] == 3
    assert (found["leaf", "block of a"], found["leaf", "block of b"]) == (3, 3)


def test_generators_in_generators_nest(tree):
    @traceable
    def outer():
        yield from numbers()

    @traceable
    async def aouter():
        async for i in anumbers():
            yield i

    @traceable
    async def root():
        assert list(outer()) == [i async for i in aouter()] == [0, 1, 2, 3, 4]

    asyncio.run(root())
    found = tree()
    assert found["numbers", "outer"] == found["anumbers", "aouter"] == 1
    assert (found["leaf", "numbers"], found["aleaf", "anumbers"]) == (6, 5)


def test_a_generator_may_be_read_in_threads(tree):
    @traceable
    def root():
        generator = numbers()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert [pool.submit(next, generator).result() for _ in range(5)] == [0, 1, 2, 3, 4]
            assert pool.submit(list, generator).result() == []

    root()
    assert tree() == {("root", None): 1, ("numbers", "root"): 1, ("leaf", "numbers"): 6}


def test_a_body_that_is_read_when_its_handler_has_returned_stays_below_it(tree):
    @traceable
    async def handler():
        return anumbers()

    async def serve():
        body = await handler()
        return [i async for i in body]

    @traceable
    async def root():
        assert await asyncio.create_task(serve(), context=contextvars.copy_context()) == [0, 1, 2, 3, 4]

    asyncio.run(root())
    assert tree()["anumbers", "handler"] == 1


# ------------------------------------------------------------------ blocks


def test_blocks_nest_and_each_gives_back_what_was_before(tree):
    with trace("root") as root:
        with tracing_context(tags=["a"]):
            with trace("middle") as middle, tracing_context(metadata={"m": 1}):
                leaf()
                assert get_current_run_tree() is middle
            assert get_current_run_tree() is root
        with tracing_context(parent=middle):
            leaf()
        assert get_current_run_tree() is root
        leaf()
    assert tree() == {
        ("root", None): 1,
        ("middle", "root"): 1,
        ("leaf", "middle"): 2,
        ("leaf", "root"): 1,
    }


def test_blocks_that_end_in_another_order_leave_nothing_current(tree):
    def block(name):
        with trace(name):
            yield

    with trace("root"):
        first, second = block("first"), block("second")
        next(first)
        next(second)
        first.close()
        second.close()
        leaf()
    assert tree()["leaf", "root"] == 1


def test_an_exception_in_every_place_ends_every_run_once(tree, run_of):
    @traceable
    def failing():
        raise ValueError("deep")

    @traceable
    async def afailing():
        failing()

    @traceable
    async def agenerator():
        yield 1
        await afailing()

    @traceable
    async def root():
        async with trace("block"):
            async for _ in agenerator():
                pass

    with pytest.raises(ValueError, match="deep"):
        asyncio.run(root())
    assert tree() == {
        ("root", None): 1,
        ("block", "root"): 1,
        ("agenerator", "block"): 1,
        ("afailing", "agenerator"): 1,
        ("failing", "afailing"): 1,
    }
    assert all(
        run["error"].startswith("ValueError('deep')") for run in map(run_of, ["root", "block", "failing"])
    )


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_pass_through_and_end_the_run(tree, run_of, kind):
    @traceable
    def root():
        raise kind

    with pytest.raises(kind):
        root()
    assert tree() == {("root", None): 1}
    assert run_of("root")["error"].startswith(kind.__name__)


def test_a_context_of_its_own_starts_a_trace_of_its_own(client):
    with trace("here"):
        contextvars.Context().run(lambda: leaf(langsmith_extra={"client": client}))
        with tracing_context(parent=False, client=client):
            leaf()
    assert [post.get("parent_run_id") for post in client.posts] == [None, None]


def test_runs_made_by_hand_are_parents_too(tree):
    root = RunTree(name="root", client=get_client())
    root.post()
    with tracing_context(parent=root):
        leaf()
        asyncio.run(aleaf())
    child = root.create_child("child")
    child.post()
    leaf(langsmith_extra={"parent": child})
    child.end()
    child.patch()
    root.end()
    root.patch()
    assert tree() == {
        ("root", None): 1,
        ("leaf", "root"): 1,
        ("aleaf", "root"): 1,
        ("child", "root"): 1,
        ("leaf", "child"): 1,
    }


def get_client():
    from smithkit import get_tracing_context

    return get_tracing_context()["client"]
