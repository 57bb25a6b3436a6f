"""Tracing: runs of a program, sent to the LangSmith API without slowing it.

Names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.tracing._context import (
        configure,
        get_current_run_tree,
        get_tracing_context,
        set_run_metadata,
        tracing_context,
        tracing_enabled,
    )
    from smithkit.tracing._default_client import get_cached_client
    from smithkit.tracing._executor import ContextThreadPoolExecutor
    from smithkit.tracing._identity import uuid7, uuid7_from_datetime
    from smithkit.tracing._langchain import as_runnable
    from smithkit.tracing._methods import AsyncTracingMethods, TracingMethods
    from smithkit.tracing._trace import trace
    from smithkit.tracing._traceable import ensure_traceable, is_async, is_traceable_function, traceable
    from smithkit.tracing._types import AuthHeaders, LangSmithExtra, RunType, Traceable, WriteReplica
    from smithkit.tracing.run_trees import RunTree
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_context": (
                "configure",
                "get_current_run_tree",
                "get_tracing_context",
                "set_run_metadata",
                "tracing_context",
                "tracing_enabled",
            ),
            "_default_client": ("get_cached_client",),
            "_executor": ("ContextThreadPoolExecutor",),
            "_identity": ("uuid7", "uuid7_from_datetime"),
            "_langchain": ("as_runnable",),
            "_methods": ("AsyncTracingMethods", "TracingMethods"),
            "_trace": ("trace",),
            "_traceable": ("ensure_traceable", "is_async", "is_traceable_function", "traceable"),
            "_types": ("AuthHeaders", "LangSmithExtra", "RunType", "Traceable", "WriteReplica"),
            "run_trees": ("RunTree",),
        },
    )

__all__ = [
    "AsyncTracingMethods",
    "AuthHeaders",
    "ContextThreadPoolExecutor",
    "LangSmithExtra",
    "RunTree",
    "RunType",
    "Traceable",
    "TracingMethods",
    "WriteReplica",
    "as_runnable",
    "configure",
    "ensure_traceable",
    "get_cached_client",
    "get_current_run_tree",
    "get_tracing_context",
    "is_async",
    "is_traceable_function",
    "set_run_metadata",
    "trace",
    "traceable",
    "tracing_context",
    "tracing_enabled",
    "uuid7",
    "uuid7_from_datetime",
]
