"""Construction, attributes, composition and the end of the clients."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import warnings

import pytest
import requests

from smithkit import AsyncClient, Client
from smithkit._catalogue import METHODS, OPTIONS
from smithkit.delivery import DeliveryReport
from smithkit.errors import (
    LangSmithMissingAPIKeyWarning,
    LangSmithUserError,
    MissingPackageError,
    MissingPackageWarning,
)
from smithkit.operations import Methods, Request
from smithkit.retry import default_retry
from smithkit.schemas import LangSmithInfo
from smithkit.transport import AsyncTransport

URL = "http://a.example"
OWN_RETRY = default_retry(7)

OPTIONS_OF_THE_API = {
    "api_url": URL,
    "api_key": "k",
    "retry_config": OWN_RETRY,
    "timeout_ms": (1, 2),
    "web_url": "http://web.example",
    "session": requests.Session(),
    "auto_batch_tracing": False,
    "anonymizer": dict,
    "hide_inputs": True,
    "hide_outputs": dict,
    "hide_metadata": False,
    "omit_traced_runtime_info": True,
    "process_buffered_run_ops": list,
    "run_ops_buffer_size": 10,
    "run_ops_buffer_timeout_ms": 5.0,
    "info": {"version": "1.2.3"},
    "api_urls": {URL: "k"},
    "otel_tracer_provider": None,
    "otel_enabled": False,
    "tracing_sampling_rate": 0.5,
    "workspace_id": "w",
    "max_batch_size_bytes": 1000,
    "headers": {"X": "1"},
    "tracing_error_callback": print,
    "disable_prompt_cache": True,
    "cache": False,
}
NEEDS = {
    "process_buffered_run_ops": {"run_ops_buffer_size": 10},
    "run_ops_buffer_size": {"process_buffered_run_ops": list},
}


def test_the_constructor_takes_the_apis_options_and_plugins():
    assert len(OPTIONS_OF_THE_API) == 26
    assert set(inspect.signature(Client.__init__).parameters) == {"self", "plugins", *OPTIONS_OF_THE_API}
    assert next(iter(inspect.signature(Client).parameters)) == "api_url"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::smithkit.errors.MissingPackageWarning")
@pytest.mark.parametrize("option", OPTIONS_OF_THE_API)
@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_each_option_is_accepted(make, option):
    if make is AsyncClient and option == "session":
        with pytest.raises(TypeError, match="no option 'session'"):
            make(URL, session=requests.Session())
        return
    options = {option: OPTIONS_OF_THE_API[option], **NEEDS.get(option, {})}
    if option not in {"api_url", "api_urls"}:
        options["api_url"] = URL

    assert make(**options).api_url == URL


def test_every_option_that_another_package_serves_is_one_of_the_constructor():
    assert set(OPTIONS) <= set(OPTIONS_OF_THE_API)


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_an_unknown_option_is_refused(make):
    with pytest.raises(TypeError, match="tracing_rate"):
        make(URL, tracing_rate=1)


def test_only_the_url_may_be_positional_on_the_synchronous_client():
    with pytest.raises(TypeError):
        Client(URL, "key")


def test_the_asynchronous_client_takes_the_apis_positional_arguments():
    client = AsyncClient(URL, "k", (1, 2, 3, 4), {"max_retries": 5}, "http://web.example")

    assert (client.api_url, client.api_key, client.timeout_ms) == (URL, "k", (1, 2))
    assert client.retry_config.total == 5
    assert client.config.web_url == "http://web.example"


def test_the_asynchronous_client_needs_two_time_limits():
    with pytest.raises(LangSmithUserError, match="connect, read"):
        AsyncClient(URL, timeout_ms=(1,))


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_attributes_tell_what_the_client_was_told(make):
    client = make(
        URL, api_key="k", workspace_id="w", timeout_ms=5, retry_config=OWN_RETRY, web_url="http://web.example"
    )

    assert (client.api_url, client.api_key, client.workspace_id) == (URL, "k", "w")
    assert (client.timeout_ms, client.retry_config) == ((5, 5), OWN_RETRY)
    assert client._host_url == "http://web.example"
    assert client.config.embedded is False


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_the_client_shows_its_url_and_no_secret(make):
    client = make("http://me:s3cret@a.example", api_key="s3cret", headers={"X": "s3cret"})

    assert repr(client) == f"{make.__name__} (API URL: http://a.example)"
    assert "s3cret" not in str(client) + repr(client.config.headers and client)


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_client_cannot_be_pickled_and_says_what_to_do(make):
    with pytest.raises(TypeError, match="Make one in each process"):
        pickle.dumps(make(URL, api_key="k"))


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_what_is_copied_keeps_its_client(make):
    client = make(URL)

    assert copy.copy(client) is client
    assert copy.deepcopy({"client": client})["client"] is client


# ---------------------------------------------------------------- information


def test_information_is_asked_for_once(server, client, answer):
    server.script(answer(body={"version": "1.2.3", "batch_ingest_config": {"size_limit": 5}}))

    assert client.info.version == client.info.version == "1.2.3"
    assert client.info.batch_ingest_config["size_limit"] == 5
    assert [asked.path for asked in server.asked] == ["/info"]


def test_information_is_awaited_on_the_asynchronous_client(server, answer):
    server.script(answer(body={"version": "1.2.3"}))

    async def ask():
        async with AsyncClient(server.url) as client:
            return (await client.info).version, (await client.info).version

    assert asyncio.run(ask()) == ("1.2.3", "1.2.3")
    assert len(server.asked) == 1


def test_a_failed_question_is_asked_again(server, client, answer):
    server.script(500, answer(body={"version": "1.2.3"}))
    with pytest.raises(Exception, match="answered 500"):
        _ = client.info

    assert client.info.version == "1.2.3"


@pytest.mark.parametrize("info", [{"version": "9"}, LangSmithInfo(version="9")])
def test_given_information_is_not_asked_for(server, info):
    assert Client(server.url, info=info).info.version == "9"
    assert server.asked == []


# ---------------------------------------------------------------- composition


def test_the_classes_list_their_methods_before_a_client_is_made(site):
    printed = site.python(
        """
        from smithkit import AsyncClient, Client
        print("read_dataset" in dir(Client), "read_dataset" in dir(AsyncClient), "send" in dir(Client))
        """
    )

    assert printed == "True True True\n"


def test_a_method_of_a_class_is_there_before_a_client_is_made(site):
    assert site.python("from smithkit import Client; print(Client.read_dataset.__name__)") == "read_dataset\n"


@pytest.mark.parametrize("first", ["Client", "AsyncClient", "Mine"])
def test_a_class_of_ones_own_is_a_client(site, first):
    printed = site.python(
        f"""
        from smithkit import AsyncClient, Client

        class Mine(Client):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.mine = True

            def read_dataset(self, **arguments):
                return "mine", super().read_dataset

        {first}("http://a.example")
        mine = Mine("http://a.example", api_key="k")
        print(mine.mine, mine.read_dataset()[0], callable(mine.read_dataset()[1]))
        print(isinstance(mine, Client), repr(mine), callable(mine.list_datasets))
        """
    )

    assert printed == "True mine True\nTrue Mine (API URL: http://a.example) True\n"


@pytest.mark.parametrize("owner", [Client, Client(URL), AsyncClient, AsyncClient(URL)])
def test_what_no_package_has_is_a_plain_attribute_error(owner):
    with pytest.raises(AttributeError, match=r"(Async)?Client has no `read_nonsense`$"):
        _ = owner.read_nonsense

    assert not hasattr(owner, "__nonsense__")


def test_each_known_method_names_a_package(site):
    package = METHODS["pull_prompt"]
    assert package == "prompts"


@pytest.fixture
def without(site):
    """Runs code where only core is installed: the others can neither be found nor imported."""

    def run(code, *packages):
        hide = f"""
            import importlib.abc, importlib.metadata, importlib.util, sys
            hidden = {packages!r}
            class Hide(importlib.abc.MetaPathFinder):
                def find_spec(self, name, path=None, target=None):
                    if name.startswith(tuple("smithkit." + package for package in hidden)):
                        raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
            sys.meta_path.insert(0, Hide())
            spec = importlib.util.find_spec
            importlib.util.find_spec = lambda name: None if name.split(".")[-1] in hidden else spec(name)
            found = importlib.metadata.entry_points
            importlib.metadata.entry_points = lambda **o: [e for e in found(**o) if e.name not in hidden]
            """
        (site.folder / "hide_packages.py").write_text(
            inspect.cleandoc("\n" + hide.replace("\n            ", "\n"))
        )
        return site.python("import hide_packages\n" + inspect.cleandoc(code))

    return run


@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_a_method_of_a_package_that_is_missing_says_how_to_install_it(without, kind):
    code = f"""
        from smithkit import {kind}
        for owner in ({kind}, {kind}("http://a.example")):
            try:
                owner.pull_prompt
            except AttributeError as error:
                print(error)
        """

    assert (
        without(code, "prompts") == f"{kind} has no `pull_prompt`: pip install 'smithkit-core[prompts]'\n" * 2
    )


def test_a_name_of_a_package_that_is_missing_says_how_to_install_it(without):
    code = """
        from smithkit.errors import MissingPackageError
        try:
            from smithkit import traceable
        except ImportError as error:
            print(type(error).__name__, error)
        """

    assert without(code, "tracing") == (
        "MissingPackageError `traceable` needs smithkit-tracing: pip install 'smithkit-core[tracing]'\n"
    )


def test_a_name_that_nobody_has_is_an_attribute_error():
    import smithkit

    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = smithkit.nonsense
    assert {"Client", "traceable", "__version__"} <= set(dir(smithkit))


def test_an_option_of_a_package_that_is_missing_warns_at_the_callers_line(without):
    code = """
        import warnings
        from smithkit import Client
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            Client("http://a.example", hide_inputs=True, disable_prompt_cache=True)
        for warning in seen:
            print(warning.category.__name__, warning.filename, warning.message)
        """

    assert without(code, "tracing", "prompts").splitlines() == [
        (
            "MissingPackageWarning <string> Client(hide_inputs=...) has no effect without smithkit-tracing: "
            "pip install 'smithkit-core[tracing]'"
        ),
        (
            "MissingPackageWarning <string> Client(disable_prompt_cache=...) has no effect without "
            "smithkit-prompts: pip install 'smithkit-core[prompts]'"
        ),
    ]
    assert issubclass(MissingPackageWarning, UserWarning)


def test_the_embedded_backend_without_its_package_says_how_to_install_it(without):
    code = """
        from smithkit import Client
        from smithkit.errors import MissingPackageError
        try:
            Client("sqlite:///runs.db").info
        except MissingPackageError as error:
            print(error)
        print(Client().api_url)
        """

    assert without(code, "server") == (
        "sqlite:///runs.db needs the embedded backend: pip install 'smithkit-core[server]'\n"
        "https://api.smith.langchain.com\n"
    )


def test_the_asynchronous_client_without_httpx2_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "httpx2", None)

    with pytest.raises(MissingPackageError, match=r"smithkit-core\[async\]"):
        AsyncClient(URL)


# ---------------------------------------------------------------- warnings


@pytest.mark.parametrize(
    ("url", "variables", "warned"),
    [
        ("https://api.smith.langchain.com", {"LANGSMITH_TRACING": "true"}, True),
        ("https://eu.api.smith.langchain.com", {"LANGCHAIN_TRACING_V2": "true"}, True),
        ("https://api.smith.langchain.com", {}, False),
        ("https://notlangchain.com", {"LANGSMITH_TRACING": "true"}, False),
        ("https://api.smith.langchain.com", {"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k"}, False),
        (
            "https://api.smith.langchain.com",
            {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "1"},
            False,
        ),
    ],
)
def test_tracing_into_the_cloud_without_a_key_warns(monkeypatch, url, variables, warned):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        Client(url)

    found = [warning for warning in seen if warning.category is LangSmithMissingAPIKeyWarning]
    assert len(found) == warned
    assert all(warning.filename == __file__ for warning in found)


def test_the_deprecated_cache_option_warns():
    with pytest.warns(DeprecationWarning, match="disable_prompt_cache"):
        Client(URL, cache=False)


# ---------------------------------------------------------------- views


class Extra(Methods):
    def where(self):
        return self.config.api_url


@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_a_view_has_the_methods_of_a_class_and_shares_the_client(make):
    client = make(URL)
    view = client.use(Extra)

    assert isinstance(view, Extra)
    assert view.where() == URL
    assert view.session is client.session
    client.api_key = "later"
    assert view.api_key == "later"


def test_views_of_one_class_are_of_one_type():
    class Greetings:
        """Nothing yet."""

    client = Client(URL)

    assert type(client.use(Greetings)) is type(client.use(Greetings))


def test_a_class_for_the_other_client_is_refused():
    class Awaited(AsyncTransport):
        """For an AsyncClient."""

    with pytest.raises(
        LangSmithUserError, match="Awaited derives from AsyncTransport, and so serves AsyncClient"
    ):
        Client(URL).use(Awaited)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # connections of ended loops
def test_an_asynchronous_client_serves_one_event_loop_after_another(server):
    def ask_three_times():
        client = AsyncClient(server.url)

        async def ask():
            return (await client.request_with_retries("GET", "/x")).status_code

        return [asyncio.run(ask()), asyncio.run(ask()), asyncio.run(ask())]

    assert ask_three_times() == [200, 200, 200]
    gc.collect()


def test_a_view_may_be_made_of_a_transport_itself():
    from smithkit.transport import SyncTransport

    class Typed(Extra, SyncTransport):
        """What type checkers are given."""

    assert type(Client(URL).use(Typed)) is Typed


# ---------------------------------------------------------------- sessions and the end


def test_a_session_of_ones_own_is_used_as_it_is(server):
    with requests.Session() as session:
        session.headers["X-Session"] = "mine"
        adapters = dict(session.adapters)
        client = Client(server.url, session=session, api_key="k")
        client.send(Request("GET", "/x"))

        assert client.session is session
        assert dict(session.adapters) == adapters
        assert server.asked[0].headers["x-session"] == "mine"


def test_a_session_with_credentials_keeps_them_from_presigned_urls(server):
    with requests.Session() as session:
        session.auth = ("me", "secret")
        client = Client(server.url, session=session)
        client.send(Request("GET", "/x"))
        client.send(Request("GET", f"{server.url}/file", anonymous=True))

    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert "authorization" not in server.asked[1].headers


class Session(requests.Session):
    closed = False

    def close(self):
        self.closed = True
        super().close()


def test_closing_leaves_a_session_of_ones_own_open():
    session = Session()
    with Client(URL, session=session) as client:
        assert isinstance(client, Client)

    assert not session.closed


def test_closing_closes_the_clients_own_session():
    with Client(URL) as client:
        client.session = session = Session()

    assert session.closed


def test_closing_runs_everything_and_then_raises_the_first_failure():
    client = Client(URL)
    client.session = session = Session()
    done = []

    def fail():
        raise OSError("the disk is full")

    client.state.setdefault("on_close", []).extend([fail, lambda: done.append(True)])
    with pytest.raises(OSError, match="the disk is full"):
        client.close()

    assert done == [True]
    assert session.closed


def test_closing_adds_up_what_packages_have_delivered_within_one_limit_of_time():
    client = Client(URL)
    given = []

    def deliver(seconds):
        given.append(seconds)
        return DeliveryReport(delivered=1, failed=len(given) - 1)

    client.state["deliver"] = [deliver, deliver]
    report = client.close(5)

    assert (report.delivered, report.failed, report.lost, bool(report)) == (2, 1, 1, False)
    assert 5 >= given[0] >= given[1] > 0


def test_the_asynchronous_client_reports_too():
    async def run():
        return await AsyncClient(URL).aclose(5)

    assert asyncio.run(run())


def test_the_asynchronous_client_is_closed_by_its_block():
    done = []

    async def run():
        async with AsyncClient(URL) as client:
            client.state.setdefault("on_close", []).append(lambda: done.append(True))
        return client

    client = asyncio.run(run())

    assert done == [True]
    assert client.session.is_closed


def test_a_blocking_twin_has_the_clients_settings(server):
    async def run():
        async with AsyncClient(server.url, api_key="k", workspace_id="w") as client:
            blocking = client.blocking()
            assert client.blocking() is blocking
            return await asyncio.to_thread(blocking.send, Request("GET", "/x"))

    assert asyncio.run(run()).status_code == 200
    assert server.asked[0].headers["x-api-key"] == "k"
    client = Client(URL)
    assert client.blocking() is client


# ---------------------------------------------------------------- weight and order of modules


def test_importing_the_client_loads_nothing_heavy(site):
    printed = site.python(
        """
        import sys
        before = set(sys.modules)
        import smithkit
        from smithkit import AsyncClient, Client
        heavy = "asyncio contextlib dataclasses httpx2 inspect logging pluggy pydantic re requests ssl typing urllib3 uuid".split()
        print([name for name in heavy if name in set(sys.modules) - before])
        """
    )

    assert printed == "[]\n"


@pytest.mark.slow
def test_each_module_of_core_can_be_imported_first(site):
    import pkgutil

    import smithkit.cli
    import smithkit.transport

    names = [
        module.name
        for package in (smithkit, smithkit.cli, smithkit.transport)
        for module in pkgutil.iter_modules(list(package.__path__)[:1], f"{package.__name__}.")
        if not module.name.endswith("__main__")
    ]
    code = f"""
        import os, sys
        for name in {names!r}:
            child = os.fork()
            if child == 0:
                __import__(name)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0, name
        """

    assert len(names) > 20
    site.python(code)
