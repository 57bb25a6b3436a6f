"""A home of its own for each test, and both clients against an API in memory."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from smithkit.testing import FakeAPI

# How long an example takes says something of the machine, not of the code.
settings.register_profile("smithkit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("smithkit")


class Both:
    """Calls a method of `Client`, or of `AsyncClient` in a loop of its own; iterators become lists."""

    def __init__(self, api: FakeAPI, kind: str) -> None:
        self.api = api
        self.kind = kind
        self.client = api.client() if kind == "Client" else api.async_client()

    def __call__(self, method: str, *args: Any, take: int | None = None, **kwargs: Any) -> Any:
        if self.kind == "AsyncClient":
            return asyncio.run(self._acall(method, args, kwargs, take))
        result = getattr(self.client, method)(*args, **kwargs)
        return list(itertools.islice(result, take)) if hasattr(result, "__next__") else result

    async def _acall(self, method, args, kwargs, take):
        result = getattr(self.client, method)(*args, **kwargs)
        if not hasattr(result, "__anext__"):
            return await result
        items = []
        while take is None or len(items) < take:
            try:
                items.append(await anext(result))
            except StopAsyncIteration:
                break
        await result.aclose()
        return items

    def sent(self):
        """What was asked: (method, path) each, but for the look-up of the workspace's id."""
        return [
            (request.method, request.path)
            for request in self.api.requests
            if (request.path, dict(request.query)) != ("/sessions", {"limit": ["1"]})
        ]

    def last(self):
        """The last request."""
        return self.api.requests[-1]


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path, monkeypatch):
    """No test, and no process that it starts, touches the files of whoever runs the tests."""
    monkeypatch.setenv("SMITHKIT_HOME", str(tmp_path / "smithkit-home"))


@pytest.fixture
def api():
    return FakeAPI()


@pytest.fixture(params=["Client", "AsyncClient"])
def both(request, api, monkeypatch):
    async def no_sleep(seconds):
        pass

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("asyncio.sleep", no_sleep)
    return Both(api, request.param)
