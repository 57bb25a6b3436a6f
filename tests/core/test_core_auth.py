"""Who a request comes from, and that credentials go nowhere else."""

from __future__ import annotations

import base64

import pytest

from smithkit import Client, hooks
from smithkit.auth import BearerAuth
from smithkit.errors import LangSmithError, LangSmithUserError
from smithkit.operations import Request


def test_key_and_workspace_are_sent(server, make_client):
    make_client(server.url, api_key="k", workspace_id="w").send(Request("GET", "/info"))

    assert server.asked[0].headers["x-api-key"] == "k"
    assert server.asked[0].headers["x-tenant-id"] == "w"


def test_without_a_key_no_key_is_sent(server, make_client):
    make_client(server.url).send(Request("GET", "/info"))

    assert not {"x-api-key", "x-tenant-id", "authorization"} & set(server.asked[0].headers)


def test_key_and_workspace_may_be_set_later(server, client):
    client.api_key, client.workspace_id = "later", "other"
    client.send(Request("GET", "/info"))

    assert server.asked[0].headers["x-api-key"] == "later"
    assert server.asked[0].headers["x-tenant-id"] == "other"


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key", "X-API-KEY"])
def test_custom_headers_never_replace_credentials(server, make_client, name):
    client = make_client(
        server.url, api_key="k", workspace_id="w", headers={name: "x", "x-tenant-id": "x", "X-Mine": "m"}
    )
    client.send(Request("GET", "/info"))

    headers = server.asked[0].headers
    assert (headers["x-api-key"], headers["x-tenant-id"], headers["x-mine"]) == ("k", "w", "m")


def test_a_custom_header_takes_the_place_of_a_default_one(server, make_client):
    make_client(server.url, headers={"user-agent": "mine", "ACCEPT": "text/html"}).send(
        Request("GET", "/info")
    )

    assert server.asked[0].headers["user-agent"] == "mine"
    assert server.asked[0].headers["accept"] == "text/html"


@pytest.mark.parametrize("token", ["token", lambda: "token"], ids=["text", "function"])
def test_a_bearer_token_takes_the_keys_place(server, make_client, token):
    client = make_client(server.url, api_key="k", workspace_id="w", plugins=[BearerAuth(token)])
    client.send(Request("GET", "/info"))

    headers = server.asked[0].headers
    assert headers["authorization"] == "Bearer token"
    assert "x-api-key" not in headers
    assert headers["x-tenant-id"] == "w"


def test_a_bearer_token_is_asked_for_anew_for_each_request(server):
    tokens = iter(["one", "two"])
    client = Client(server.url, plugins=[BearerAuth(lambda: next(tokens))])
    client.send(Request("GET", "/info"))
    client.send(Request("GET", "/info"))

    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer one", "Bearer two"]


def test_authenticate_is_asked_in_order_and_the_first_answer_counts(server, register):
    class Abstains:
        @hooks.hookimpl(tryfirst=True)
        def authenticate(self):
            return None

    class Answers:
        @hooks.hookimpl
        def authenticate(self, config):
            return {"X-Signed": config.api_url}

    register(Answers())
    register(Abstains())
    Client(server.url, api_key="k").send(Request("GET", "/info"))

    assert server.asked[0].headers["x-signed"] == server.url
    assert "x-api-key" not in server.asked[0].headers


@pytest.mark.parametrize("error", [RuntimeError("vault is sealed"), LangSmithUserError("no token")])
def test_nothing_is_sent_when_authenticate_fails(server, make_client, error):
    seen = []

    class Vault:
        @hooks.hookimpl
        def authenticate(self):
            raise error

        @hooks.hookimpl
        def on_request_error(self, error):
            seen.append(error)

    with pytest.raises(type(error), match=str(error)):
        make_client(server.url, api_key="k", plugins=[Vault()]).send(Request("GET", "/info"))

    assert server.asked == []
    assert seen == [error]


def test_an_absolute_url_of_the_own_origin_gets_credentials(server, client):
    client.send(Request("GET", f"{server.url}/elsewhere"))

    assert server.asked[0].headers["x-api-key"] == "key-of-client"


def test_another_origin_gets_neither_credentials_nor_custom_headers(make_server, make_client):
    own, other = make_server(), make_server()
    client = make_client(
        own.url,
        api_key="k",
        workspace_id="w",
        headers={"Cookie": "session", "X-Gateway": "secret"},
        plugins=[BearerAuth("token")],
    )
    client.send(Request("GET", f"{other.url}/file"))

    sent = other.asked[0].headers
    assert not {"x-api-key", "x-tenant-id", "authorization", "cookie", "x-gateway"} & set(sent)


def test_an_anonymous_request_gets_no_headers_of_the_client(server, make_client):
    client = make_client(server.url, api_key="k", workspace_id="w", headers={"X-Mine": "m"})
    client.send(Request("GET", f"{server.url}/file", anonymous=True))

    assert not {"x-api-key", "x-tenant-id", "x-mine"} & set(server.asked[0].headers)


def test_redirects_are_not_followed_with_credentials(make_server, make_client, answer):
    other = make_server()
    own = make_server(answer(307, headers={"Location": f"{other.url}/info?token=secret"}))

    with pytest.raises(LangSmithError, match="redirects to") as caught:
        make_client(own.url, api_key="k").send(Request("GET", "/info"))

    assert other.asked == []
    assert "secret" not in str(caught.value)


def test_redirects_of_anonymous_requests_are_followed(make_server, make_client, answer):
    other = make_server()
    own = make_server(answer(307, headers={"Location": f"{other.url}/file"}))
    make_client(own.url, api_key="k").send(Request("GET", f"{own.url}/x", anonymous=True))

    assert "x-api-key" not in other.asked[0].headers


def test_each_write_endpoint_gets_its_own_key(make_server, make_client):
    first, second, third = make_server(), make_server(), make_server()
    client = make_client(api_urls={first.url: "k1", f"{second.url}/api": "k2", third.url: ""})
    for request in (
        Request("POST", "/runs", json={}),
        Request("POST", "/runs", json={}, endpoint=f"{second.url}/api"),
        Request("POST", "/runs", json={}, endpoint=third.url),
        Request("GET", f"{second.url}/above-its-path"),
    ):
        client.send(request)

    assert first.asked[0].headers["x-api-key"] == "k1"
    assert [asked.headers.get("x-api-key") for asked in second.asked] == ["k2", "k2"]
    assert "x-api-key" not in third.asked[0].headers


def test_endpoints_on_one_host_keep_their_keys_apart(server, make_client):
    urls = {f"{server.url}/api/v1": "long", f"{server.url}/api": "short", f"{server.url}/api/v1x": "other"}
    client = make_client(api_urls=urls)
    for endpoint in urls:
        client.send(Request("GET", "/info", endpoint=endpoint))

    assert [asked.headers["x-api-key"] for asked in server.asked] == ["long", "short", "other"]


def test_netrc_never_replaces_headers(server, make_client, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    make_client(server.url, plugins=[BearerAuth("token")]).send(Request("GET", "/info"))
    make_client(server.url, api_key="k").send(Request("GET", "/info"))

    assert server.asked[0].headers["authorization"] == "Bearer token"
    assert "authorization" not in server.asked[1].headers


def test_user_and_password_of_the_url_are_sent_as_basic_authorization(server, make_client):
    url = server.url.replace("http://", "http://me:s%40cret@")
    make_client(url, api_key="k").send(Request("GET", "/info"))

    expected = base64.b64encode(b"me:s@cret").decode()
    assert server.asked[0].headers["authorization"] == f"Basic {expected}"
    assert server.asked[0].headers["x-api-key"] == "k"


@pytest.mark.parametrize("key", ["top-secret\nX-Evil: 1", "top-secret\u2026", "top-secret\r"])
def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(server, make_client, key):
    client = make_client(server.url, plugins=[BearerAuth(key)])

    with pytest.raises(LangSmithUserError, match="'Authorization'") as caught:
        client.send(Request("GET", "/info"))

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert server.asked == []
