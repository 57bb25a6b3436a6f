"""Spans as the LangSmith client sends them: one zstd-compressed multipart body for a hundred finished runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import zstandard
from spans import span

__all__ = ["HEADERS", "body", "run"]

_BOUNDARY = "0123456789abcdef0123456789abcdef"
HEADERS = {
    "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
    "Content-Encoding": "zstd",
    "User-Agent": "langsmith-py/0.7.3",
}
_RUNTIME = {
    "sdk": "langsmith-py",
    "sdk_version": "0.7.3",
    "library": "langsmith",
    "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
    "runtime": "python",
    "py_implementation": "CPython",
    "runtime_version": "3.11.7",
    "langchain_version": None,
    "langchain_core_version": None,
    "thread_count": 3,
    "cpu": {"time": {"sys": 0.31, "user": 2.04}, "percent": 0.0},
    "mem": {"rss": 81231872.0},
}


@lru_cache(maxsize=16)
def _root(number: int) -> dict[str, Any]:
    return span(number)


def _segment(one: dict[str, Any]) -> str:
    return f"{datetime.fromtimestamp(one['start'] / 1e6, UTC):%Y%m%dT%H%M%S%f}Z{one['id']}"


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat()


def run(one: dict[str, Any], project: str) -> dict[str, Any]:
    """A span as a run, payloads included."""
    root = _root(one["trace"])
    order = _segment(root) if one["parent"] is None else f"{_segment(root)}.{_segment(one)}"
    inputs, outputs = one["tokens"]
    usage = {"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs}
    return {
        "id": str(one["id"]),
        "trace_id": str(root["id"]),
        "dotted_order": order,
        "parent_run_id": None if one["parent"] is None else str(root["id"]),
        "name": one["name"],
        "run_type": one["kind"],
        "start_time": _time(one["start"]),
        "end_time": _time(one["end"]),
        "session_name": project,
        "tags": [one["tag"]],
        "error": one["error"],
        "inputs": {"messages": [{"role": "user", "content": one["question"]}]},
        "outputs": {
            "messages": [{"role": "assistant", "content": one["answer"]}],
            "usage_metadata": {**usage, "total_cost": one["cost"]},
        },
        "extra": {"runtime": _RUNTIME, "metadata": {"user": one["user"], "revision_id": "v1.4.2"}},
    }


def body(batch: list[dict[str, Any]], project: str) -> bytes:
    """A request's body."""
    parts: list[bytes] = []
    for one in batch:
        whole = run(one, project)
        payloads = {name: whole.pop(name) for name in ("inputs", "outputs", "extra", "error")}
        parts.append(_part(f"post.{one['id']}", whole))
        parts += [
            _part(f"post.{one['id']}.{name}", value) for name, value in payloads.items() if value is not None
        ]
    parts.append(f"--{_BOUNDARY}--\r\n".encode())
    return zstandard.ZstdCompressor(level=1).compress(b"".join(parts))


def _part(name: str, value: Any) -> bytes:
    data = json.dumps(value, separators=(",", ":")).encode()
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        f"Content-Type: application/json; length={len(data)}\r\n\r\n"
    )
    return head.encode() + data + b"\r\n"
