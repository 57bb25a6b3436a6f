"""Methods that are written once and serve both clients."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import enum
import inspect
import pydoc
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit import AsyncClient, Client
from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid, exactly_one
from smithkit.errors import LangSmithError, LangSmithNotFoundError, LangSmithResponseError, LangSmithUserError
from smithkit.operations import (
    Flow,
    Methods,
    Page,
    PageFlow,
    Request,
    Response,
    adrive,
    drive,
    operation,
    paginated,
)
from smithkit.paging import PAGE_SIZE, check_limit, offset_pages
from smithkit.schemas import LangSmithInfo

URL = "http://a.example"


class Things(Methods):
    """Methods of a third party."""

    closed = False

    @operation
    def read_thing(self, name: str, *, deep: bool = False) -> Flow[str]:
        """Read a thing.

        Args:
            name: Its name.
            deep: Whether with all its parts.
        """
        response = yield Request("GET", f"/things/{name}", params={"deep": deep})
        return response.json()["name"]

    @operation
    def read_or_make(self) -> Flow[str]:
        """Look, and make what is missing."""
        try:
            yield Request("GET", "/things/x")
        except LangSmithNotFoundError:
            yield 0.0
            yield Request("POST", "/things", json={})
            return "made"
        return "found"

    @paginated
    def list_things(self, *, limit: int | None = None) -> PageFlow[int]:
        """List things."""
        try:
            yield from offset_pages("/things", parse=int, limit=limit)
        finally:
            Things.closed = True

    @paginated
    def list_stubbornly(self) -> PageFlow[str]:
        """List, and go on after each failure."""
        failures = 0
        for path in ("/a", "/b", "/c"):
            try:
                response = yield Request("GET", path)
            except LangSmithNotFoundError:
                failures += 1
                if path == "/b":
                    yield Page(["a page after two failures"])
            else:
                yield Page([response.url])
        yield Page([f"{failures} failures"])


@pytest.fixture
def things(client):
    Things.closed = False
    return client.use(Things)


def asynchronously(server, function):
    """Run a coroutine function on an asynchronous client's view."""

    async def run():
        async with AsyncClient(server.url) as client:
            return await function(client.use(Things))

    Things.closed = False
    return asyncio.run(run())


def test_an_operation_gives_its_result(server, things, answer):
    server.at("/things/x", answer(body={"name": "x"}))

    assert things.read_thing("x", deep=True) == "x"
    assert server.asked[0].query == {"deep": ["True"]}


def test_the_same_operation_is_awaited_on_the_asynchronous_client(server, answer):
    server.at("/things/x", answer(body={"name": "x"}))

    async def read(things):
        awaitable = things.read_thing("x")
        assert inspect.isawaitable(awaitable)
        assert inspect.iscoroutinefunction(things.read_thing)
        return await awaitable

    assert asynchronously(server, read) == "x"


def test_errors_are_thrown_into_the_flow(server, things, answer):
    server.at("/things/x", answer(404))

    assert things.read_or_make() == "made"
    assert asynchronously(server, lambda things: things.read_or_make()) == "made"
    assert [asked.method for asked in server.asked] == ["GET", "POST"] * 2


def test_errors_that_the_flow_does_not_catch_reach_the_caller(server, things, answer):
    server.at("/things/x", answer(409))

    with pytest.raises(LangSmithError):
        things.read_or_make()
    with pytest.raises(LangSmithError):
        asynchronously(server, lambda things: things.read_or_make())


@pytest.mark.parametrize("missing", [["/a"], ["/a", "/b"], ["/a", "/b", "/c"]])
def test_a_paginated_flow_may_go_on_after_any_number_of_failures(server, things, answer, missing):
    for path in missing:
        server.at(path, answer(404))

    items = list(things.list_stubbornly())

    async def collect(things):
        return [item async for item in things.list_stubbornly()]

    assert items[-1] == f"{len(missing)} failures"
    assert asynchronously(server, collect) == items


def test_nothing_is_sent_before_the_first_item_is_asked_for(server, things, answer):
    server.at("/things", answer(body=[]))
    iterator = things.list_things()
    assert server.asked == []

    assert list(iterator) == []
    assert len(server.asked) == 1


def test_a_page_is_fetched_when_its_first_item_is_asked_for(server, things, answer):
    server.at("/things", answer(body=list(range(PAGE_SIZE))))
    iterator = things.list_things()
    for _ in range(PAGE_SIZE):
        next(iterator)
    assert len(server.asked) == 1

    next(iterator)
    assert [asked.query["offset"] for asked in server.asked] == [["0"], [str(PAGE_SIZE)]]


def test_closing_early_closes_the_flow(server, things, answer):
    server.at("/things", answer(body=list(range(PAGE_SIZE))))
    iterator = things.list_things()
    next(iterator)
    iterator.close()

    assert Things.closed
    assert len(server.asked) == 1


def test_closing_early_closes_the_asynchronous_flow(server, answer):
    server.at("/things", answer(body=list(range(PAGE_SIZE))))

    async def look(things):
        iterator = things.list_things()
        await anext(iterator)
        await iterator.aclose()

    asynchronously(server, look)

    assert Things.closed


def test_a_failing_page_closes_the_flow(server, things, answer):
    server.at("/things", answer(500))

    with pytest.raises(LangSmithError):
        list(things.list_things())
    assert Things.closed


@pytest.mark.parametrize("call", ["read_thing", "list_things"])
@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_wrong_arguments_are_reported_by_the_call_itself(make, call):
    method = getattr(make(URL).use(Things), call)
    if inspect.iscoroutinefunction(method):
        with pytest.raises(TypeError, match="nonsense"):
            method(nonsense=1).send(None)
    else:
        with pytest.raises(TypeError, match="nonsense"):
            method(nonsense=1)


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_bound_methods_keep_name_documentation_and_arguments(make):
    method = make(URL).use(Things).read_thing

    assert method.__name__ == "read_thing"
    assert inspect.getdoc(method).startswith("Read a thing.")
    assert list(inspect.signature(method).parameters) == ["name", "deep"]
    assert inspect.signature(method).parameters["deep"].default is False
    assert "Its name." in pydoc.plain(pydoc.render_doc(method))


def test_on_the_class_a_method_is_its_flow():
    assert inspect.isgeneratorfunction(Things.read_thing)
    assert list(inspect.signature(Things.read_thing).parameters) == ["self", "name", "deep"]
    assert next(iter(inspect.signature(Client.read_dataset).parameters)) == "self"
    assert "read_dataset" in pydoc.plain(pydoc.render_doc(Client.read_dataset))
    assert "list_things" in pydoc.plain(pydoc.render_doc(Things))


def test_annotations_of_flows_can_be_evaluated():
    assert inspect.get_annotations(Things.read_thing, eval_str=True)["return"].__args__[2] is str
    assert inspect.get_annotations(Things.list_things, eval_str=True)["return"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interrupt_closes_the_flow_at_once(stop):
    closed = []

    def flow():
        try:
            yield 1
        finally:
            closed.append(True)

    def interrupt(step):
        raise stop

    async def ainterrupt(step):
        raise stop

    held, aheld = flow(), flow()
    with pytest.raises(stop):
        drive(held, interrupt)
    with pytest.raises(stop):
        adrive(aheld, ainterrupt).send(None)
    assert closed == [True, True]


def test_a_cancelled_task_closes_the_flow_at_once():
    closed = []

    def flow():
        try:
            yield 1
        finally:
            closed.append(True)

    async def cancel():
        held = flow()
        task = asyncio.create_task(adrive(held, lambda step: asyncio.Event().wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert closed == [True]


def pages_of(items, limit, offset=0):
    """(items given, requests made) of offset paging over a list."""
    asked = []
    flow = offset_pages("/x", {"a": None}, parse=lambda item: item, limit=limit, offset=offset)
    given = []
    answer = None
    while True:
        try:
            step = flow.send(answer)
        except StopIteration:
            return given, asked
        answer = None
        if isinstance(step, Page):
            given.extend(step.items)
        else:
            asked.append(step.params)
            start, size = step.params["offset"], step.params["limit"]
            answer = Response(200, {}, repr(items[start : start + size]).encode(), "http://a.example")


@given(st.integers(0, 350), st.one_of(st.none(), st.integers(0, 400)), st.integers(0, 120))
def test_paging_gives_each_item_once_and_never_more_than_asked_for(count, limit, offset):
    items = list(range(count))
    given, asked = pages_of(items, limit, offset)

    assert given == items[offset:][:limit]
    size = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
    assert all(params["limit"] == size for params in asked)
    needed = 0 if limit == 0 else len(given) // size + 1
    assert len(asked) <= needed


@pytest.mark.parametrize("arguments", [{"limit": -1}, {"offset": -1}])
def test_negative_limits_are_refused(arguments):
    with pytest.raises(LangSmithUserError, match="0 or more, not -1"):
        next(offset_pages("/x", parse=int, **arguments))


def test_no_limit_and_none_at_all_are_limits():
    check_limit(None)
    check_limit(0)


def test_a_list_that_is_no_list_is_a_typed_error():
    response = Response(200, {}, b'{"detail": "x"}', "http://me:secret@a.example/x?secret")

    with pytest.raises(LangSmithResponseError, match="a JSON object where a list") as caught:
        rows(response)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "JSON list"),
        (None, "JSON null"),
        ("x", "JSON text"),
        (1, "JSON scalar"),
        ({"version": ["secret"]}, "version"),
    ],
)
def test_an_answer_of_another_form_names_the_fields_and_not_their_values(data, said):
    with pytest.raises(LangSmithResponseError, match=said) as caught:
        parse(LangSmithInfo, data)
    assert "secret" not in str(caught.value)


def test_fields_that_this_version_does_not_know_are_kept():
    assert parse(LangSmithInfo, {"version": "1", "new_field": 2}).new_field == 2


@given(st.text())
def test_what_is_no_uuid_never_becomes_part_of_a_path(text):
    try:
        made = as_uuid(text, "run_id")
    except LangSmithUserError as error:
        assert "run_id must be a UUID" in str(error)  # noqa: PT017 - one of two allowed outcomes
    else:
        assert len(str(made)) == 36


def test_exactly_one_argument_may_be_given():
    exactly_one(a=1, b=None)
    with pytest.raises(ValueError, match="exactly one of a, b; got a and b"):
        exactly_one(a=1, b=0)
    with pytest.raises(ValueError, match="got none"):
        exactly_one(a=None, b=None)


@pytest.mark.parametrize("query", [{"a": [1, 2], "b": None, "c": True, "d": "x y&z", "e": ""}])
def test_query_parameters_repeat_lists_and_leave_out_none(server, make_client, query):
    make_client(server.url).send(Request("GET", "/x", params=query))

    assert server.asked[0].query == {"a": ["1", "2"], "c": ["True"], "d": ["x y&z"], "e": [""]}


@pytest.mark.parametrize(
    ("base", "path", "asked"),
    [
        ("", "/info", "/info"),
        ("/", "info", "/info"),
        ("", "/commits/-/x/", "/commits/-/x/"),
        ("/api", "/info", "/api/info"),
        ("/api", "/api/info", "/api/info"),
        ("/api/v1", "api/info", "/api/info"),
        ("/v1", "/v1/platform/x", "/v1/v1/platform/x"),
    ],
)
def test_paths_are_joined_to_the_base_url(server, make_client, base, path, asked):
    make_client(server.url + base).send(Request("GET", path))

    assert server.asked[0].path == asked


def test_request_with_retries_takes_a_slash_at_the_end_off(server, make_client):
    make_client(server.url).request_with_retries("GET", "/info/")

    assert server.asked[0].path == "/info"


def test_json_bodies_may_hold_the_apis_scalars(server, client):
    class Color(enum.Enum):
        RED = "red"

    moment = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    values = [uuid.UUID(int=1), decimal.Decimal("1.5"), moment, moment.date(), Color.RED, {1}, (2,)]
    client.send(Request("POST", "/x", json=[*values, LangSmithInfo(version="1")]))

    sent = server.asked[0].json()
    assert sent[:7] == [
        "00000000-0000-0000-0000-000000000001",
        "1.5",
        "2026-01-02T00:00:00+00:00",
        "2026-01-02",
        "red",
        [1],
        [2],
    ]
    assert sent[7]["version"] == "1"
    assert server.asked[0].headers["content-type"] == "application/json"


def test_a_shortcut_answers_before_the_flow_and_leaves_to_it_what_it_does_not_know(api):
    class Greeting(Methods):
        @operation
        def greet(self, name, *, loud=False):
            """Greet."""
            return (yield Request("GET", f"/greet/{name}")).json() + "!" * loud

        @greet.shortcut
        def _known(self, name, *, loud=False):
            return f"{name} is known{'!' * loud}" if name == "Ada" else None

    api.answer("GET", "/greet/Bob", "hello")
    client, aclient = api.client().use(Greeting), api.async_client().use(Greeting)

    async def main():
        return [await aclient.greet("Ada"), await aclient.greet("Bob", loud=True)]

    assert [client.greet("Ada", loud=True), client.greet("Bob")] == ["Ada is known!", "hello"]
    assert asyncio.run(main()) == ["Ada is known", "hello!"]
    assert Greeting.greet.__doc__ == "Greet."
