"""Payloads as stored: JSON bytes word for word, compressed when that pays.

Most payloads are short, and what they have in common is what clients write around the texts. So a dictionary
has it already.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smithkit.server.domain.runs import RunChange

__all__ = ["pack", "pack_all", "pack_payloads", "unpack"]

_WORTHWHILE = 128
_LEVEL = 1
# No JSON text starts with these, so packed and plain payloads tell themselves apart.
_MAGIC = b"\x28\xb5\x2f\xfd"
_WITH_COMMON = b"\x01"

# Part of what is stored: never change it, but add another one with another mark. What is commonest stands last.
_COMMON = (
    b'{"context":"","documents":[{"page_content":"","type":"Document","metadata":{"source":"'
    b'"error":null,"response_metadata":{"finish_reason":"stop","model_name":"gpt-4o-mini","system_fingerprint":"fp_'
    b'"invocation_params":{"model":"gpt-4o","temperature":0.0,"max_tokens":1024,"stream":false,"stop":null,"_type":"openai-chat"}'
    b'"ls_provider":"openai","ls_model_name":"gpt-4o-mini","ls_model_type":"chat","ls_temperature":0.0,"ls_max_tokens":'
    b'"lc":1,"type":"constructor","id":["langchain","schema","messages","HumanMessage"],"kwargs":{"content":"'
    b'"AIMessage","additional_kwargs":{},"tool_calls":[{"name":"","args":{},"id":"call_","type":"tool_call"}],"invalid_tool_calls":[]'
    b'{"generations":[[{"text":"","generation_info":{"finish_reason":"stop","logprobs":null},"type":"ChatGeneration","message":{'
    b'"token_usage":{"completion_tokens":0,"prompt_tokens":0,"total_tokens":0,"completion_tokens_details":{"reasoning_tokens":0}}'
    b'{"id":"chatcmpl-","object":"chat.completion","created":17,"choices":[{"index":0,"message":{"role":"assistant","content":"'
    b'"function":{"name":"","arguments":"{}"},"description":"","parameters":{"type":"object","properties":{'
    b'"input":"","output":"","question":"","answer":"","query":"","text":"","result":"","name":"","args":[],"kwargs":{}'
    b'[{"name":"start","time":"2025-01-01T00:00:00.000000+00:00"},{"name":"end","time":"20'
    b'{"name":"new_token","time":"2025-01-01T00:00:00.000000+00:00","kwargs":{"token":"'
    b'"revision_id":"","langgraph_step":1,"langgraph_node":"agent","langgraph_triggers":["'
    b'"thread_id":"","session_id":"","user_id":"","ls_method":"traceable","LANGSMITH_PROJECT":"","LANGSMITH_TRACING":"true"'
    b'{"metadata":{},"runtime":{"sdk":"langsmith-py","sdk_version":"0.4.0","library":"langsmith","platform":"macOS-15.0-arm64-arm-64bit'
    b'Windows-11 Linux-6.8.0-x86_64-with-glibc2.36","runtime":"python","py_implementation":"CPython","runtime_version":"3.12.3",'
    b'"langchain_version":null,"langchain_core_version":"0.3.0","thread_count":3,"cpu":{"time":{"sys":0.5,"user":2.0},'
    b'"ctx_switches":{"voluntary":1000.0,"involuntary":0.0},"percent":0.0},"mem":{"rss":100000000.0}},"metadata":{"'
    b'"input_token_details":{"cache_read":0,"audio":0},"output_token_details":{"reasoning":0,"audio":0},'
    b'"}],"usage_metadata":{"input_tokens":100,"output_tokens":100,"total_tokens":200,"total_cost":0.001}}'
    b'{"messages":[{"role":"system","content":"You are a helpful assistant. '
    b'"},{"role":"assistant","content":"{"messages":[{"role":"user","content":"'
)

# Neither compressors nor decompressors may be shared between threads.
_local = threading.local()


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    common = zstandard.ZstdCompressionDict(_COMMON, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    common.precompute_compress(level=_LEVEL)
    return common


def pack(data: bytes) -> bytes:
    """Compress JSON, unless it is short or does not shrink.

    Example:
        >>> pack(b"{}")
        b'{}'
    """
    if len(data) < _WORTHWHILE:
        return data
    return _shorter(data, _compressor().compress(data))


def pack_all(data: Sequence[bytes]) -> list[bytes]:
    """Compress many at once, without keeping other threads from running meanwhile.

    Example:
        >>> pack_all([b"{}"])
        [b'{}']
    """
    long: list[bytes | bytearray | memoryview[int]] = [one for one in data if len(one) >= _WORTHWHILE]
    if not long:
        return list(data)
    frames = iter(_compressor().multi_compress_to_buffer(long))
    return [one if len(one) < _WORTHWHILE else _shorter(one, next(frames).tobytes()) for one in data]


def pack_payloads(changes: Iterable[RunChange]) -> None:
    """Compress the payloads of changes where they are."""
    places = [(change.payloads, name) for change in changes for name in change.payloads]
    for (payloads, name), packed in zip(places, pack_all([one[name] for one, name in places]), strict=True):
        payloads[name] = packed


def _shorter(data: bytes, frame: bytes) -> bytes:
    packed = _WITH_COMMON + frame
    return packed if len(packed) < len(data) else data


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary())
    compressor: zstandard.ZstdCompressor = _local.compressor
    return compressor


def unpack(data: bytes) -> bytes:
    """Give the JSON back that was packed.

    Example:
        >>> unpack(pack(b"[" + b"1," * 1000 + b"1]"))[:4]
        b'[1,1'
    """
    if data.startswith(_WITH_COMMON):
        if not hasattr(_local, "decompressor"):
            _local.decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary())
        unpacked: bytes = _local.decompressor.decompress(data[len(_WITH_COMMON) :])
        return unpacked
    return zstandard.decompress(data) if data.startswith(_MAGIC) else data
