"""Requests and answers of OTLP/HTTP, as protobuf and as JSON: both become the same message."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from smithkit.server.domain.jsons import load
from smithkit.server.errors import ApiError, bad_request

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JSON", "PROTOBUF", "decode", "encode_answer", "media_type"]

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")


def media_type(content_type: str) -> str:
    """The encoding that a request has, and its answer gets.

    Args:
        content_type: The request's Content-Type.

    Raises:
        ApiError: 415, it is neither of OTLP's.

    Example:
        >>> media_type("application/json; charset=utf-8")
        'application/json'
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in {PROTOBUF, JSON}:
        raise ApiError(415, f"Content-Type {kind!r} is not OTLP/HTTP; use {PROTOBUF} or {JSON}")
    return kind


def decode(body: bytes | bytearray, kind: str) -> ExportTraceServiceRequest:
    """Read a request.

    Args:
        body: Its body, decompressed.
        kind: Its encoding, as `media_type` gives it.

    Raises:
        ApiError: 400, it is not what it says.

    Example:
        >>> len(decode(b'{"resourceSpans": [{}]}', JSON).resource_spans)
        1
    """
    message = ExportTraceServiceRequest()
    try:
        if kind == PROTOBUF:
            message.ParseFromString(bytes(body))
        else:
            json_format.ParseDict(_with_binary_ids(load(body)), message, ignore_unknown_fields=True)
    except (
        *(DecodeError, json_format.ParseError, binascii.Error, RecursionError),
        *(ValueError, TypeError, AttributeError, KeyError),  # what the parser raises for the wrong shape
    ) as error:
        raise bad_request(f"The body is not an OTLP trace request: {error!s:.500}") from None
    return message


def encode_answer(kind: str, rejected: int = 0, reason: str = "") -> bytes:
    """Write the answer to an accepted request.

    Args:
        kind: Its encoding.
        rejected: How many of the spans were not accepted.
        reason: Why.

    Example:
        >>> encode_answer(JSON)
        b'{}'
    """
    answer = ExportTraceServiceResponse()
    if rejected:
        answer.partial_success.rejected_spans = rejected
        answer.partial_success.error_message = reason
    if kind == PROTOBUF:
        return bytes(answer.SerializeToString())
    return str(json_format.MessageToJson(answer, indent=None)).encode()


def _with_binary_ids(value: Any) -> dict[str, Any]:
    """OTLP's JSON has ids as hexadecimal digits where protobuf's has base64."""
    if not isinstance(value, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - refused like any other wrong shape
    for span in _spans(value):
        _recode(span)
        for link in _list(span.get("links")):
            _recode(link)
    return value


def _recode(holder: Any) -> None:
    for name in _IDS:
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()


def _spans(value: Any) -> Iterator[dict[str, Any]]:
    for resource in _named(value, "resourceSpans", "resource_spans"):
        for scope in _named(resource, "scopeSpans", "scope_spans"):
            for span in _named(scope, "spans", "spans"):
                if isinstance(span, dict):
                    yield span


def _named(holder: Any, *names: str) -> list[Any]:
    if not isinstance(holder, dict):
        return []
    return next((found for name in names if (found := _list(holder.get(name)))), [])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
