"""The contestants, each set up and used as its own documentation shows. Runs in the contestant's environment.

A peer is a function that takes the sink's URL and gives a decorator for functions that are to be traced,
and a function that returns when everything has been sent.
"""

from __future__ import annotations

import functools
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenarios import Wrap

    Peer = tuple[Wrap, Callable[[], object]]

_SERVICE = "bench"


def smithkit(url: str) -> Peer:
    from smithkit import Client, traceable

    os.environ["LANGSMITH_TRACING"] = "true"
    client = Client(url, api_key="key")
    return lambda kind: traceable(kind, client=client), client.flush


def langsmith(url: str) -> Peer:
    from langsmith import Client, traceable

    os.environ["LANGSMITH_TRACING"] = "true"
    client = Client(url, api_key="key")
    return lambda kind: traceable(kind, client=client), client.flush


def langfuse(url: str) -> Peer:
    from langfuse import Langfuse, observe

    client = Langfuse(public_key="pk-lf-key", secret_key="sk-lf-key", base_url=url)  # noqa: S106 - for the sink
    names = {"llm": "generation"}
    return lambda kind: observe(as_type=names.get(kind, kind)), client.flush


def logfire(url: str) -> Peer:
    import logfire

    logfire.configure(
        token="key",  # noqa: S106 - for the sink
        service_name=_SERVICE,
        console=False,
        metrics=False,
        inspect_arguments=False,
        advanced=logfire.AdvancedOptions(base_url=url),
    )
    return lambda _: logfire.instrument(record_return=True), logfire.force_flush


def opentelemetry(url: str) -> Peer:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": _SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer(_SERVICE)
    return functools.partial(_in_span, tracer), functools.partial(provider.force_flush, 600_000)


def _in_span(tracer: Any, kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A span around a call: attributes are scalars, or JSON where the value is none."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__
        names = function.__code__.co_varnames

        @functools.wraps(function)
        def traced(*args: Any) -> Any:
            with tracer.start_as_current_span(name) as span:
                span.set_attribute("kind", kind)
                for argument, value in zip(names, args, strict=False):
                    span.set_attribute(argument, _attribute(value))
                result = function(*args)
                span.set_attribute("result", _attribute(result))
                return result

        return traced

    return decorate


def _attribute(value: Any) -> str | int:
    return value if isinstance(value, str | int) else json.dumps(value)


def bare(url: str) -> Peer:
    """The least that can be done: orjson, zstd and a socket, without a thread or a second thought."""
    import itertools
    import socket
    from urllib.parse import urlsplit

    import orjson
    import zstandard

    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port))
    compressor = zstandard.ZstdCompressor(level=1)
    numbers = itertools.count()
    parts: list[bytes] = []

    def send() -> None:
        body = compressor.compress(b"".join((*parts, b"--b--\r\n")))
        parts.clear()
        connection.sendall(_BARE_HEAD % len(body) + body)
        connection.recv(4096)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__

        def traced(*args: Any) -> Any:
            inputs = orjson.dumps(args)
            result = function(*args)
            run = {"name": name, "start_time": _BARE_TIME, "end_time": _BARE_TIME}
            fields = b"%b\r\n%b\r\n%b" % (orjson.dumps(run), inputs, orjson.dumps(result))
            parts.append(b'--b\r\nname="post.%036x"\r\n\r\n%b\r\n' % (next(numbers), fields))
            if len(parts) == _BARE_RUNS:
                send()
            return result

        return traced

    return lambda _: decorate, send


_BARE_RUNS = 100
_BARE_TIME = "2024-05-06T07:08:09.123456+00:00"
_BARE_HEAD = (
    b"POST /runs/multipart HTTP/1.1\r\nHost: bench\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\n\r\n"
)

PEERS: dict[str, Callable[[str], Peer]] = {
    "bare": bare,
    "smithkit": smithkit,
    "langsmith": langsmith,
    "langfuse": langfuse,
    "logfire": logfire,
    "opentelemetry": opentelemetry,
}
