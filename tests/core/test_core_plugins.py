"""Plugins: found, loaded on their own, composed into the clients, refused with a reason."""

from __future__ import annotations

import asyncio
import json
import os
import threading

import pytest

from smithkit import AsyncClient, Client, _quiet, hooks
from smithkit.errors import LangSmithUserError, PluginConflictError, PluginWarning
from smithkit.operations import Flow, Request, operation
from smithkit.plugins import ClientHooks, manager

URL = "http://a.example"

GREETER = """
    from smithkit.hooks import hookimpl

    class Greetings:
        def greet(self):
            return "hello"

    @hookimpl
    def register_methods(registry):
        registry.add(Greetings)
"""
BROKEN = 'raise RuntimeError("the plugin is broken")'


class Adds:
    """A plugin that adds classes of methods."""

    def __init__(self, *classes, replaces=(), asynchronous=None) -> None:
        self.classes = classes
        self.replaces = replaces
        self.asynchronous = asynchronous

    @hooks.hookimpl
    def register_methods(self, registry):
        for methods in self.classes:
            registry.add(methods, replaces=self.replaces, asynchronous=self.asynchronous)


def record(name):
    return next((record for record in manager().records if record.name == name), None)


# ---------------------------------------------------------------- methods


def test_a_plugins_methods_are_there_while_it_is_registered():
    class Greetings:
        def greet(self):
            return f"hello from {self.api_url}"

    client = Client(URL)
    plugin = hooks.register(Adds(Greetings), "greeter")
    assert client.greet() == Client(URL).greet() == AsyncClient(URL).greet() == f"hello from {URL}"
    assert "greet" in dir(Client)
    assert record("greeter").methods == ["greet"]

    hooks.unregister(plugin)
    assert not hasattr(client, "greet")
    assert not hasattr(Client, "greet")
    assert record("greeter") is None


def test_an_operation_of_a_plugin_serves_both_clients(server, register):
    class Pings:
        @operation
        def ping(self, word: str) -> Flow[int]:
            response = yield Request("GET", "/ping", params={"word": word})
            return response.status_code

    register(Adds(Pings))

    async def ping():
        async with AsyncClient(server.url) as client:
            return await client.ping("b")

    assert Client(server.url).ping("a") == 200
    assert asyncio.run(ping()) == 200
    assert [asked.query["word"] for asked in server.asked] == [["a"], ["b"]]


def test_the_asynchronous_client_may_get_a_class_of_its_own(register):
    class Sync:
        def kind(self):
            return "sync"

    class Async:
        def kind(self):
            return "async"

    register(Adds(Sync, asynchronous=Async))

    assert (Client(URL).kind(), AsyncClient(URL).kind()) == ("sync", "async")


def one(name="greet", said="one"):
    return type("One", (), {name: lambda self: said})


@pytest.mark.parametrize(
    "name", ["send", "close", "use", "session", "state", "api_key", "info", "read_dataset"]
)
def test_a_name_that_is_taken_is_refused_and_both_owners_are_named(name):
    with pytest.raises(PluginConflictError, match=f"'rude'.*{name!r}.*'(smithkit-core|datasets)'"):
        hooks.register(Adds(one(name)), "rude")

    assert record("rude") is None
    assert manager()._hooks.pm.get_plugin("rude") is None


@pytest.mark.parametrize(("first", "second"), [("alpha", "beta"), ("beta", "alpha")])
def test_two_plugins_conflict_in_either_order(register, first, second):
    register(Adds(one()), first)

    with pytest.raises(PluginConflictError, match=f"'{second}'.*'greet'.*'{first}'.*replaces="):
        hooks.register(Adds(one()), second)
    assert Client(URL).greet() == "one"


def test_a_failing_plugin_takes_back_the_classes_that_it_added_before(register):
    class Half:
        @hooks.hookimpl
        def register_methods(self, registry):
            registry.add(one("half"))
            raise RuntimeError("and now it fails")

    with pytest.raises(RuntimeError):
        hooks.register(Half())

    assert not hasattr(Client(URL), "half")
    register(Adds(one("half")))
    assert Client(URL).half() == "one"


def test_a_plugin_may_replace_a_method_and_give_it_back(register):
    register(Adds(one()), "first")
    second = hooks.register(Adds(one(said="two"), replaces={"greet"}), "second")
    assert Client(URL).greet() == "two"
    assert (record("second").methods, manager().registry.methods_of("first")) == (["greet"], [])

    third = hooks.register(Adds(one(said="three"), replaces={"greet"}), "third")
    assert Client(URL).greet() == "three"

    hooks.unregister(third)
    hooks.unregister(second)
    assert Client(URL).greet() == "one"
    with pytest.raises(PluginConflictError, match="'first'"):
        hooks.register(Adds(one()), "fourth")


def test_a_replacing_method_can_call_the_one_that_it_replaces(register):
    class Louder:
        def greet(self):
            return super().greet().upper()

    register(Adds(one()), "first")
    register(Adds(Louder, replaces={"greet"}), "second")

    assert Client(URL).greet() == "ONE"


def test_classes_that_do_not_fit_together_are_refused(register):
    class Base:
        def base(self):
            """Do nothing."""

    class Derived(Base):
        def derived(self):
            """Do nothing."""

    register(Adds(Base), "base")
    with pytest.raises(PluginConflictError, match=r"cannot be composed.*'misfit'"):
        hooks.register(Adds(Base, Derived, replaces={"base"}), "misfit")
    with pytest.raises(PluginConflictError, match="cannot be composed"):
        hooks.register(Adds(type("Number", (int,), {"number": 1}), replaces=set(dir(int))), "number")

    assert Client(URL).base() is None
    assert AsyncClient(URL).base() is None


# ---------------------------------------------------------------- refusals


def test_a_plugin_is_registered_once(register):
    plugin = register(Adds(), "once")

    with pytest.raises(LangSmithUserError, match="already"):
        hooks.register(plugin, "again")
    with pytest.raises(LangSmithUserError, match="'once' is registered already"):
        hooks.register(Adds(), "once")
    with pytest.raises(LangSmithUserError, match="already"):
        Client(URL, plugins=[one_plugin := Adds.__new__(Quiet), one_plugin])


def test_what_is_not_registered_cannot_be_taken_back():
    with pytest.raises(LangSmithUserError, match="is not registered"):
        hooks.unregister(object())


class Quiet:
    @hooks.hookimpl
    def before_request(self):
        """Do nothing."""


class UnknownHook:
    @hooks.hookimpl
    def before_requests(self, request):
        """Do nothing."""


class UnknownArgument:
    @hooks.hookimpl
    def before_request(self, response):
        """Do nothing."""


class Wrapper:
    @hooks.hookimpl(wrapper=True)
    def before_request(self):
        yield


class OldWrapper:
    @hooks.hookimpl(hookwrapper=True)
    def before_request(self):
        yield


class Awaited:
    @hooks.hookimpl
    async def before_request(self):
        """Do nothing."""


class Newer(Quiet):
    smithkit_hook_api = 2


class Odd(Quiet):
    smithkit_hook_api = "one"


REFUSED = [
    (UnknownHook(), "unknown hook 'before_requests'"),
    (UnknownArgument(), "response"),
    (Wrapper(), "may not be a wrapper"),
    (OldWrapper(), "may not be a wrapper"),
    (Awaited(), "async def"),
    (Newer(), "version 2 of the hook API.*upgrade smithkit-core"),
    (Odd(), "version 'one'"),
    (Quiet, r"register Quiet\(\)"),
]


@pytest.mark.parametrize(("plugin", "reason"), REFUSED)
def test_a_plugin_that_is_not_well_made_is_refused_for_the_process(plugin, reason):
    with pytest.raises(LangSmithUserError, match=reason):
        hooks.register(plugin, "Quiet")

    assert not manager()._hooks.pm.is_registered(plugin)
    assert record("Quiet") is None


@pytest.mark.parametrize(("plugin", "reason"), REFUSED)
def test_a_plugin_that_is_not_well_made_is_refused_for_one_client(plugin, reason):
    with pytest.raises(LangSmithUserError, match=reason):
        Client(URL, plugins=[plugin])


def test_a_hook_of_a_newer_core_may_be_optional(register):
    class Forward:
        @hooks.hookimpl(optionalhook=True)
        def hook_of_tomorrow(self, request):
            """Do nothing."""

    register(Forward())


@pytest.mark.parametrize(
    "hook", ["register_methods", "register_commands", "register_routes", "create_embedder", "create_store"]
)
def test_hooks_of_the_process_are_refused_for_one_client(hook):
    plugin = type("Whole", (), {hook: hooks.hookimpl(lambda self: None)})()

    with pytest.raises(LangSmithUserError, match=rf"'{hook}'.*smithkit\.hooks\.register"):
        Client(URL, plugins=[plugin])


# ---------------------------------------------------------------- calling


class Noted:
    def __init__(self, name, calls, error=None) -> None:
        self.name, self.calls, self.error = name, calls, error

    @hooks.hookimpl
    def before_request(self, request):
        self.calls.append(self.name)
        if self.error:
            raise self.error


def test_a_failing_hook_is_named_and_the_others_still_run(server, register, caplog):
    calls = []
    register(Noted("first", calls), "first")
    register(Noted("bad", calls, ZeroDivisionError("by zero")), "bad")
    register(Noted("last", calls), "last")
    client = Client(server.url, plugins=[Noted("own", calls)])

    with pytest.warns(
        PluginWarning, match="before_request hook of plugin 'bad' failed: ZeroDivisionError: by zero"
    ):
        client.send(Request("GET", "/x"))

    assert calls == ["last", "bad", "first", "own"]
    assert len(server.asked) == 1
    assert "Traceback" in caplog.text


def test_a_traceback_is_logged_once_a_minute(register, caplog, monkeypatch):
    monkeypatch.setattr("smithkit.plugins._quiet", _quiet.Quiet())
    register(Noted("bad", [], ZeroDivisionError()), "noisy")
    called = ClientHooks()
    for _ in range(5):
        with pytest.warns(PluginWarning):
            called.notify("before_request", request=None)

    assert len(caplog.records) == 1


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_hook_cannot_swallow_an_interrupt(server, register, stop):
    register(Noted("stop", [], stop()))

    with pytest.raises(stop):
        Client(server.url).send(Request("GET", "/x"))


def test_what_is_registered_later_is_called_earlier_unless_plugins_ask_otherwise(register):
    calls = []

    def plugin(name, **options):
        made = type(name, (), {"before_request": hooks.hookimpl(lambda self: calls.append(name), **options)})
        return register(made())

    plugin("last", trylast=True)
    plugin("one")
    plugin("first", tryfirst=True)
    plugin("two")
    ClientHooks().notify("before_request", request=None)

    assert calls == ["first", "two", "one", "last"]


def test_collect_gives_each_result_with_its_plugin(register):
    class Counts:
        def __init__(self, count) -> None:
            self.count = count

        @hooks.hookimpl
        def process_runs(self, runs):
            return [*runs, self.count]

    register(Counts(1), "one")
    register(Counts(2), "two")

    assert list(ClientHooks().collect("process_runs", runs=[0])) == [("two", [0, 2]), ("one", [0, 1])]


def test_first_stops_at_the_first_result(register):
    class Gives:
        def __init__(self, value) -> None:
            self.value = value

        @hooks.hookimpl
        def serialize(self, value):
            return self.value

    register(Gives("b"), "b")
    register(Gives("a"), "a")
    register(Gives(None), "abstains")

    assert ClientHooks().first("serialize", value=1) == "a"
    assert manager().first("serialize", value=1) == "a"


def test_a_client_sees_plugins_that_come_and_go_later():
    client = Client(URL)
    assert not client.hooks.has("before_request")

    plugin = hooks.register(Quiet())
    assert client.hooks.has("before_request")
    assert client.hooks.count("before_request") == 1

    hooks.unregister(plugin)
    assert not client.hooks.has("before_request")


def test_plugins_of_one_client_are_not_called_for_another(server):
    calls = []
    Client(server.url, plugins=[Noted("own", calls)])
    Client(server.url).send(Request("GET", "/x"))

    assert calls == []


def test_plugins_may_come_and_go_while_hooks_are_called():
    called, stop = ClientHooks(), threading.Event()
    failures = []

    def call():
        try:
            while not stop.is_set():
                called.notify("before_request", request=None)
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        plugin = hooks.register(Quiet())
        assert called.has("before_request")
        hooks.unregister(plugin)
        assert not called.has("before_request")
    stop.set()
    for thread in threads:
        thread.join()

    assert failures == []


# ---------------------------------------------------------------- entry points


def test_an_installed_plugin_is_found(site):
    site.add("greeter", GREETER)

    printed = site.python(
        """
        from smithkit import AsyncClient, Client
        print(Client("http://a.example").greet(), AsyncClient("http://a.example").greet())
        """
    )

    assert printed == "hello hello\n"


def test_a_broken_plugin_is_warned_about_once_and_left_out(site):
    site.add("aaa-broken", BROKEN)
    site.add("greeter", GREETER)

    done = site.run(
        "-c", "from smithkit import Client\nfor _ in range(3): print(Client('http://a.example').greet())"
    )

    assert done.stdout == "hello\n" * 3
    assert done.stderr.count("smithkit plugin 'aaa-broken' (aaa-broken 1.0) is left out") == 1
    assert "RuntimeError: the plugin is broken" in done.stderr


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("smithkit_hook_api = 99", "version 99 of the hook API"),
        (
            "from smithkit.hooks import hookimpl\n@hookimpl\ndef befor_request(): ...",
            "unknown hook 'befor_request'",
        ),
        (
            "from smithkit.hooks import hookimpl\n@hookimpl\ndef before_request(wrong): ...",
            "wrong",
        ),
        (
            (
                "from smithkit.hooks import hookimpl\nclass M:\n    def send(self): ...\n"
                "@hookimpl\ndef register_methods(registry): registry.add(M)"
            ),
            "PluginConflictError: Plugin 'broken' adds the client method 'send', which 'smithkit-core' has",
        ),
        ("from smithkit import Client\nClient('http://a.example')", "made while plugins are loaded"),
    ],
)
def test_the_reason_of_a_failure_is_recorded_and_shown(site, code, reason):
    site.add("broken", code)

    done = site.run("-m", "smithkit.cli", "plugins", "--json")

    records = {record["name"]: record for record in json.loads(done.stdout)}
    assert records["broken"]["status"] == "failed"
    assert reason in records["broken"]["reason"]
    assert records["broken"]["source"] == "broken 1.0"
    assert records["datasets"]["status"] == "loaded"
    assert done.returncode == 1


def test_warnings_made_errors_raise_for_a_broken_plugin_and_then_the_client_works(site):
    site.add("broken", BROKEN)

    printed = site.python(
        """
        import warnings
        warnings.simplefilter("error")
        from smithkit import Client
        try:
            Client("http://a.example")
        except Warning as warning:
            print(type(warning).__name__)
        print(Client("http://a.example").read_dataset.__name__)
        """
    )

    assert printed == "PluginWarning\nread_dataset\n"


def test_an_interrupt_while_plugins_are_loaded_is_not_swallowed_and_they_are_loaded_next_time(site):
    site.add("greeter", GREETER)
    site.add(
        "interrupted",
        """
        import builtins
        builtins.tries = getattr(builtins, "tries", 0) + 1
        if builtins.tries == 1:
            raise KeyboardInterrupt
        """,
    )

    printed = site.python(
        """
        from smithkit import Client
        try:
            Client("http://a.example")
        except KeyboardInterrupt:
            print("interrupted")
        print(Client("http://a.example").greet(), tries)
        """
    )

    assert printed == "interrupted\nhello 2\n"


def test_the_environment_says_which_plugins_are_loaded(site):
    site.add("greeter", GREETER)
    site.add("other", "print('other is imported')")
    show = (
        "from smithkit import Client; from smithkit.plugins import manager; Client('http://a.example');"
        "print(sorted(r.name for r in manager().records if r.status == 'loaded'));"
        "print({r.name: r.reason for r in manager().records if r.status == 'skipped'}.get('other'))"
    )

    assert site.python(show, SMITHKIT_PLUGINS=" greeter ,datasets,") == (
        "['datasets', 'greeter']\nnot in SMITHKIT_PLUGINS\n"
    )
    assert site.python(show, SMITHKIT_PLUGINS="") == "[]\nnot in SMITHKIT_PLUGINS\n"
    without = site.python(show, SMITHKIT_DISABLE_PLUGINS="other, tracing")
    assert "'greeter'" in without
    assert "'tracing'" not in without
    assert without.endswith("in SMITHKIT_DISABLE_PLUGINS\n")


def test_a_missing_method_of_a_plugin_that_is_left_out_says_why(site):
    printed = site.python(
        """
        from smithkit import Client
        try:
            Client("http://a.example").read_dataset
        except AttributeError as error:
            print(error)
        """,
        SMITHKIT_DISABLE_PLUGINS="datasets",
    )

    assert printed == (
        "Client has no `read_dataset`: smithkit-datasets is installed but skipped: in SMITHKIT_DISABLE_PLUGINS\n"
    )


def test_entry_points_are_looked_up_once(site):
    printed = site.python(
        """
        import importlib.metadata
        groups, look_up = [], importlib.metadata.entry_points
        def counted(**options):
            groups.append(options["group"])
            return look_up(**options)
        importlib.metadata.entry_points = counted
        import smithkit
        assert groups == [], "importing smithkit looks nothing up"
        from smithkit import AsyncClient, Client, _quiet, hooks
        Client("http://a.example"), AsyncClient("http://a.example"), Client("http://b.example")
        hooks.register(object())
        dir(Client)
        print(groups.count("smithkit"))
        """
    )

    assert printed == "1\n"


def test_plugins_are_loaded_in_the_order_of_their_names(site):
    for name in ("ccc", "aaa", "bbb"):
        site.add(name, f"print({name!r})")

    printed = site.python("from smithkit import Client; Client('http://a.example')", "-W", "ignore")

    assert printed.split() == ["aaa", "bbb", "ccc"]


def test_of_two_entry_points_with_one_name_the_first_found_counts(site, tmp_path):
    site.add("greeter", GREETER)
    later = type(site)(tmp_path / "later")
    later.add("greeter", BROKEN)
    both = os.pathsep.join((str(site.folder), str(later.folder)))

    assert (
        site.python("from smithkit import Client; print(Client('http://a.example').greet())", PYTHONPATH=both)
        == "hello\n"
    )


def test_a_plugin_may_look_into_the_clients_while_it_is_loaded(site):
    site.add(
        "curious",
        """
        from smithkit import Client
        print(hasattr(Client, "read_dataset_of_tomorrow"), isinstance(dir(Client), list))
        """,
    )
    site.add("greeter", GREETER)

    printed = site.python("from smithkit import Client; print(Client('http://a.example').greet())")

    assert printed == "False True\nhello\n"


def test_many_threads_may_make_the_first_client_at_once(site):
    site.add(
        "slow",
        """
        import time
        from smithkit.hooks import hookimpl
        time.sleep(0.2)

        class Slow:
            def slow(self):
                return "done"

        @hookimpl
        def register_methods(registry):
            registry.add(Slow)
        """,
    )

    printed = site.python(
        """
        import sys, threading
        sys.setswitchinterval(1e-5)
        import smithkit
        barrier, results = threading.Barrier(16), []

        class Quiet:
            pass

        def make(number):
            barrier.wait()
            try:
                if number % 4 == 0:
                    smithkit.hooks.register(Quiet(), f"quiet-{number}")
                elif number % 4 == 1:
                    results.append(smithkit.AsyncClient("http://a.example").slow())
                elif number % 4 == 2:
                    results.append(smithkit.Client.slow.__name__)
                else:
                    results.append(smithkit.Client("http://a.example").slow())
            except BaseException as error:
                results.append(repr(error))

        import smithkit.hooks
        threads = [threading.Thread(target=make, args=(n,)) for n in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(results))
        """
    )

    assert printed.strip() == str(["done"] * 8 + ["slow"] * 4)
