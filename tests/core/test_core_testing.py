"""The API in memory, the schema facade and what else is for users' own code."""

from __future__ import annotations

import asyncio

import pytest

from smithkit import schemas, testing
from smithkit.errors import LangSmithAPIError, LangSmithNotFoundError
from smithkit.operations import Request
from smithkit.retry import default_retry
from smithkit.runtime import runtime_environment
from smithkit.testing import FakeAPI
from smithkit.workspace import settings, tenant_id

WORKSPACE = "a0000000-0000-4000-8000-000000000001"


@pytest.fixture
def api():
    return FakeAPI()


def sync_get(api, path, **options):
    return api.client(**options).send(Request("GET", path))


def async_get(api, path, **options):
    async def get():
        async with api.async_client(**options) as client:
            return await client.send(Request("GET", path))

    return asyncio.run(get())


BOTH = pytest.mark.parametrize("get", [sync_get, async_get])


@BOTH
def test_it_answers_what_it_was_told(api, get):
    api.answer("GET", "/info", {"version": "1"}, status=202, headers={"X-A": "b"})
    response = get(api, "/info")

    assert (response.status_code, response.json(), response.headers["x-a"]) == (202, {"version": "1"}, "b")


@BOTH
def test_several_answers_are_given_in_turn_and_the_last_one_again(api, get):
    for number in (1, 2):
        api.answer("GET", "/x", number)

    assert [get(api, "/x").json() for _ in range(3)] == [1, 2, 2]


@BOTH
def test_bytes_are_sent_as_they_are(api, get):
    api.answer("GET", "/x", b"\x00\x01")

    assert get(api, "/x").content == b"\x00\x01"


@BOTH
def test_what_it_was_not_told_is_a_404(api, get):
    with pytest.raises(LangSmithNotFoundError, match="no answer to GET /nowhere"):
        get(api, "/nowhere")


@BOTH
def test_statuses_are_errors_as_on_a_real_server(api, get):
    api.answer("GET", "/x", {"detail": "no"}, status=500)

    with pytest.raises(LangSmithAPIError, match="answered 500: no"):
        get(api, "/x")


@BOTH
def test_retries_ask_again(api, get):
    api.answer("GET", "/x", status=503)
    api.answer("GET", "/x", "done")
    quick = default_retry().new(backoff_factor=0, backoff_jitter=0)

    assert get(api, "/x", retry_config=quick).json() == "done"


@BOTH
def test_it_records_what_it_was_asked(api, get):
    api.answer("GET", "/x")
    get(api, "/x?a=1&a=2&b=", api_key="k", workspace_id="w")

    (asked,) = api.requests
    assert (asked.method, asked.path, asked.query) == ("GET", "/x", {"a": ["1", "2"], "b": [""]})
    assert (asked.headers["X-API-Key"], asked.headers["x-tenant-id"], asked.body) == ("k", "w", b"")


@pytest.mark.parametrize(
    "body", [{"json": {"a": 1}}, {"content": b'{"a": 1}'}, {"content": [b'{"a"', b": 1}"]}]
)
def test_it_records_bodies(api, body):
    api.answer("POST", "/x")
    api.client().send(Request("POST", "/x", **body))

    assert api.requests[0].json() == {"a": 1}
    assert '"a"' not in repr(api.requests[0])


def test_the_methods_of_the_packages_work_on_it(api):
    api.answer("GET", "/sessions", [{"id": WORKSPACE, "name": "p", "start_time": "2026-01-01T00:00:00Z"}])

    assert api.client().has_project("p")


def test_names_that_testing_does_not_have_are_attribute_errors():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = testing.nonsense
    assert callable(testing.capture_runs)


# ---------------------------------------------------------------- workspace


def test_the_workspace_is_looked_up_once_for_its_credentials(api):
    client = api.client()
    api.answer("GET", "/sessions", [{"tenant_id": WORKSPACE}])

    def look_up():
        from smithkit.operations import drive

        return drive(tenant_id(client), client.perform)

    assert str(look_up()) == str(look_up()) == WORKSPACE
    assert len(api.requests) == 1
    client.api_key = "another"
    look_up()
    assert len(api.requests) == 2


@pytest.mark.parametrize("answer", [[], [{}], {"detail": "x"}, [{"tenant_id": "no id"}], [1]])
def test_a_workspace_that_cannot_be_found_is_none_and_looked_for_again(api, answer):
    from smithkit.operations import drive

    client = api.client()
    api.answer("GET", "/sessions", answer)
    api.answer("GET", "/sessions", [{"tenant_id": WORKSPACE}])

    assert drive(tenant_id(client), client.perform) is None
    assert str(drive(tenant_id(client), client.perform)) == WORKSPACE


def test_settings_are_read_once(api):
    from smithkit.operations import drive

    client = api.client()
    api.answer(
        "GET", "/settings", {"id": "1", "display_name": "d", "created_at": "2026-01-01T00:00:00Z", "new": 1}
    )

    assert drive(settings(client), client.perform) is drive(settings(client), client.perform)
    assert len(api.requests) == 1


# ---------------------------------------------------------------- schemas, runtime


def test_schemas_of_all_packages_are_in_one_place():
    from smithkit.datasets.schemas import Dataset
    from smithkit.tracing.schemas import Run

    assert schemas.Dataset is Dataset
    assert schemas.Run is Run
    assert {"Dataset", "LangSmithInfo", "Run"} <= set(dir(schemas))
    assert schemas.__all__ == dir(schemas)


def test_each_schema_has_one_home():
    names = [name for module in schemas._modules() for name in module.__all__]

    assert len(names) == len(set(names))


def test_a_schema_that_nobody_has_says_what_to_install():
    with pytest.raises(AttributeError, match=r"'Nonsense': pip install 'smithkit-core\[all\]'"):
        _ = schemas.Nonsense


def test_nothing_is_imported_before_a_schema_is_asked_for(site):
    assert site.python("import sys, smithkit.schemas; print('pydantic' in sys.modules)") == "False\n"


def test_the_runtime_describes_itself_anew_each_time():
    described = runtime_environment()
    described["sdk"] = "changed"

    assert runtime_environment()["sdk"] == "smithkit-py"
    assert {"runtime", "runtime_version", "platform", "sdk_version"} <= set(described)
    assert all(described.values())


def test_the_commit_of_a_build_service_is_told(site):
    printed = site.python(
        "from smithkit.runtime import runtime_environment; print(runtime_environment()['GITHUB_SHA'])",
        GITHUB_SHA="abc123",
    )

    assert printed == "abc123\n"
