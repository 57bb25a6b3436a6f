"""What is raised when, and that messages say what to do and never a secret."""

from __future__ import annotations

import json
import pickle
import re
import threading

import pytest

from smithkit import Client, errors
from smithkit.auth import BearerAuth
from smithkit.errors import (
    LangSmithAPIError,
    LangSmithAuthError,
    LangSmithConflictError,
    LangSmithConnectionError,
    LangSmithError,
    LangSmithExceptionGroup,
    LangSmithNotFoundError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
    LangSmithResponseError,
    LangSmithUserError,
    MissingPackageError,
)
from smithkit.operations import Request, Response, without_secrets
from smithkit.transport._status import check_status

CLASSES = {
    400: LangSmithError,
    401: LangSmithAuthError,
    403: LangSmithError,
    404: LangSmithNotFoundError,
    405: LangSmithError,
    407: LangSmithError,
    408: LangSmithRequestTimeout,
    409: LangSmithConflictError,
    413: LangSmithError,
    422: LangSmithError,
    429: LangSmithRateLimitError,
    500: LangSmithAPIError,
    501: LangSmithError,
    502: LangSmithError,
    503: LangSmithError,
    504: LangSmithError,
}


def refused(status, body=b"", headers=None, secrets=(), url="http://a.example/runs"):
    with pytest.raises(LangSmithError) as caught:
        check_status("GET", Response(status, headers or {}, body, url), secrets)
    return caught.value


@pytest.mark.parametrize(("status", "kind"), CLASSES.items())
def test_each_status_has_its_class(  # noqa: PLR0917 - fixtures
    server, make_client, answer, quick, status, kind
):
    server.script(answer(status, body={"detail": "the reason"}, headers={"Retry-After": "0"}))
    quick = quick.new(respect_retry_after_header=False)

    with pytest.raises(LangSmithError) as caught:
        make_client(server.url, api_key="top-secret-key", retry_config=quick).send(
            Request("GET", "/x", params={"q": "1"})
        )

    error = caught.value
    assert type(error) is kind
    assert error.status_code == status
    assert error.retry_after == 0
    assert error.response.status_code == status
    assert f"GET {server.url}/x answered {status}: the reason" in str(error)
    assert "top-secret-key" not in str(error)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_acceptances_raise_nothing(server, make_client, status):
    server.script(status)

    assert make_client(server.url).send(Request("GET", "/x")).status_code == status


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (401, "LANGSMITH_API_KEY"),
        (403, "LANGSMITH_WORKSPACE_ID"),
        (407, "HTTPS_PROXY"),
        (413, "send less"),
        (429, "wait"),
    ],
)
def test_messages_hold_the_cure(status, cure):
    assert cure in str(refused(status))


def test_a_key_of_an_organization_wants_a_workspace():
    body = json.dumps({"error": "org_scoped_key_requires_workspace"}).encode()
    error = refused(403, body)

    assert type(error) is LangSmithUserError
    assert error.status_code == 403
    assert "LANGSMITH_WORKSPACE_ID" in str(error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"detail": "d", "message": "m"}', "d"),
        (b'{"message": "m", "error": "e"}', "m"),
        (b'{"error": "e"}', "e"),
        (b'{"detail": [{"loc": ["body"]}]}', '[{"loc": ["body"]}]'),
        (b'{"other": 1}', '{"other": 1}'),
        (b"[1]", "[1]"),
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
        (b"", "answered 400:"),
    ],
)
def test_the_servers_own_words_are_told(body, said):
    assert said in str(refused(400, body))


def test_long_details_are_cut():
    assert len(str(refused(500, b"x" * 100_000))) < 1200


def test_what_the_server_repeats_of_the_credentials_is_masked(server, make_client, answer):
    server.script(answer(401, body={"detail": "Invalid token token-12345 and key key-12345"}))
    client = make_client(
        server.url, plugins=[BearerAuth("token-12345")], headers={"x-service-key": "key-12345"}
    )

    with pytest.raises(LangSmithAuthError) as caught:
        client.send(Request("GET", "/x"))

    assert "Invalid token *** and key ***" in str(caught.value)


def test_messages_leave_out_the_query_and_the_password_of_a_url():
    url = "https://me:s3cret@bucket.example/file?X-Amz-Signature=s3cret#s3cret"

    assert "s3cret" not in str(refused(404, url=url))
    assert "https://bucket.example/file" in str(refused(404, url=url))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:s@a.example:1/x?q#f", "https://a.example:1/x"),
        ("http://a.example/x@y", "http://a.example/x@y"),
        ("me:s@proxy.example:3128", "proxy.example:3128"),
        ("/relative?q=1", "/relative"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_urls_are_shown_without_secrets(url, shown):
    assert without_secrets(url) == shown


@pytest.mark.parametrize("failure", ["drop", "refused", "scheme", "not json"])
def test_no_failure_shows_the_query_or_the_password_of_a_url(  # noqa: PLR0917 - fixtures
    server, make_client, answer, quick, free_port, failure
):
    base = {"refused": f"http://127.0.0.1:{free_port}", "scheme": "ftp://a.example"}.get(failure, server.url)
    server.script(answer(200, body=b"<html>") if failure == "not json" else answer(drop=True))
    path = base.replace("://", "://me:s3cret@") + "/file?signature=s3cret"
    client = make_client(server.url, retry_config=quick)
    if failure == "scheme":
        client = make_client(path, retry_config=quick)
        path = "/file?signature=s3cret"

    with pytest.raises(LangSmithError) as caught:
        client.send(Request("GET", path, anonymous=True)).json()

    shown = caught.value
    assert "s3cret" not in str(shown)
    assert shown.__cause__ is None or "s3cret" not in repr(shown.__cause__)


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b"", b'{"cut": ', b"\xff\xfe"])
def test_an_answer_that_is_not_json_is_told_with_its_kind_and_start(server, make_client, answer, body):
    server.script(answer(200, body=body, headers={"Content-Type": "text/html"}))
    response = make_client(server.url).send(Request("GET", "/info"))

    with pytest.raises(
        LangSmithResponseError, match=r"text/html where JSON was expected.*base URL"
    ) as caught:
        response.json()

    assert caught.value.status_code == 200


@pytest.mark.parametrize("body", [["not", "an object"], "text", None, 3, {"version": ["1"]}])
def test_server_information_of_another_form_is_a_typed_error(server, client, answer, body):
    server.script(answer(200, body=body))

    with pytest.raises(LangSmithResponseError):
        _ = client.info


def test_an_unreachable_server_is_told_with_the_cure(make_client, quick, free_port):
    client = make_client(f"http://127.0.0.1:{free_port}", api_key="k", retry_config=quick)

    with pytest.raises(LangSmithConnectionError, match=r"cannot be reached.*endpoint") as caught:
        client.send(Request("GET", "/info"))

    assert caught.value.status_code is None


def test_a_host_that_nobody_knows_is_told_with_the_cure(make_client, quick):
    with pytest.raises(LangSmithConnectionError, match="cannot be reached"):
        make_client("http://nobody.invalid", retry_config=quick).send(Request("GET", "/info"))


@pytest.mark.parametrize("url", ["ftp://a.example", "a.example", "htp://a.example", "http://", "http://:80"])
def test_a_url_that_cannot_be_asked_is_the_callers_error(make_client, url):
    with pytest.raises(LangSmithError, match="endpoint") as caught:
        make_client(url, api_key="top-secret").send(Request("GET", "/info"))

    assert "top-secret" not in str(caught.value)


def test_the_scheme_of_a_server_that_speaks_plain_http(server, make_client, quick):
    with pytest.raises(LangSmithConnectionError):
        make_client(server.url.replace("http:", "https:"), retry_config=quick).send(Request("GET", "/info"))


def test_a_read_time_out_is_told(server, make_client, answer, quick):
    release = threading.Event()
    server.script(answer(hold=release))
    client = make_client(server.url, timeout_ms=(5000, 100), retry_config=quick.new(total=1))
    try:
        with pytest.raises(LangSmithConnectionError, match="no answer in time; see timeout_ms"):
            client.send(Request("GET", "/x"))
        assert len(server.asked) == 2
    finally:
        release.set()


def test_a_cut_body_is_told(server, make_client, answer, quick):
    server.script(answer(cut=True, body="x" * 1000))

    with pytest.raises(LangSmithConnectionError, match="broke off"):
        make_client(server.url, retry_config=quick).send(Request("GET", "/x"))

    assert len(server.asked) == 4


def test_a_proxy_that_wants_credentials_is_told(make_server, make_client, monkeypatch):
    proxy = make_server(407)
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("://", "://me:s3cret@"))

    with pytest.raises(LangSmithError, match="proxy wants credentials") as caught:
        make_client("http://a.example", api_key="k").send(Request("GET", "/info"))

    assert caught.value.status_code == 407
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "cure"), [(407, "wants credentials"), (403, "NO_PROXY"), (502, "NO_PROXY")]
)
def test_a_proxy_that_refuses_a_tunnel_is_told(  # noqa: PLR0917 - fixtures
    make_server, make_client, monkeypatch, quick, status, cure
):
    proxy = make_server(status)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("://", "://me:s3cret@"))

    with pytest.raises(LangSmithConnectionError, match=rf"the proxy refused.*{cure}") as caught:
        make_client("https://a.example", api_key="k", retry_config=quick).send(Request("GET", "/info"))

    assert "s3cret" not in str(caught.value)
    assert len(proxy.asked) == (4 if status == 502 else 1)


def test_a_proxy_that_is_down_is_told(make_client, monkeypatch, quick, free_port):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port}")

    with pytest.raises(LangSmithConnectionError, match=r"proxy|cannot be reached"):
        make_client("http://a.example", retry_config=quick).send(Request("GET", "/info"))


def test_what_cannot_be_json_is_refused_before_it_is_sent(server, make_client):
    with pytest.raises(LangSmithUserError, match="object cannot be sent as JSON"):
        make_client(server.url).send(Request("POST", "/x", json={"value": object()}))

    assert server.asked == []


@pytest.mark.parametrize(
    "error",
    [
        LangSmithError("m", status_code=502, retry_after=1.5),
        LangSmithNotFoundError("m", status_code=404),
        MissingPackageError("m"),
        LangSmithExceptionGroup("two failed", [LangSmithAPIError("a"), ValueError("b")]),
    ],
)
def test_errors_survive_the_way_between_processes(error):
    error.add_note("a note")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - made here

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.status_code == error.status_code
    assert copy.retry_after == error.retry_after
    assert copy.__notes__ == ["a note"]


def test_a_pickled_error_leaves_the_answer_and_so_the_key_behind(server):
    server.script(404)

    with pytest.raises(LangSmithNotFoundError) as caught:
        Client(server.url, api_key="top-secret").send(Request("GET", "/x"))

    pickled = pickle.dumps(caught.value)
    assert b"top-secret" not in pickled
    assert pickle.loads(pickled).response is None  # noqa: S301 - made here


def test_a_group_names_all_its_errors():
    group = LangSmithExceptionGroup("two failed", [LangSmithAPIError("a"), ValueError("b")])

    assert str(group) == "two failed: LangSmithAPIError: a; ValueError: b"
    assert [str(error) for error in group.exceptions] == ["a", "b"]


def test_the_tree_in_the_documentation_is_the_tree_of_the_classes():
    drawn = {"LangSmithError", *re.findall(r"[├└]── ([A-Z]\w+)", errors.__doc__)}
    parents = {
        name: getattr(errors, name).__mro__[1].__name__
        for name in errors.__all__
        if issubclass(getattr(errors, name), LangSmithError)
    }
    refused = {name for status, kind in CLASSES.items() if (name := kind.__name__) != "LangSmithError"}

    assert drawn == set(parents)
    assert {name for name, parent in parents.items() if parent == "LangSmithUserError"} == {
        "MissingPackageError",
        "PluginConflictError",
    }
    for name in refused:
        status = next(status for status, kind in CLASSES.items() if kind.__name__ == name)
        assert re.search(rf"[├└]── {name} +{status}\b", errors.__doc__)
