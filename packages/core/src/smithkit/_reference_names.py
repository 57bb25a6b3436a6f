"""Names of the reference client that stand elsewhere in smithkit, or under another name.

`smithkit.compat` reads this table. Private names are in it because LangChain and others import them.
"""

from __future__ import annotations

__all__ = ["ALIASES"]

_TRACING = "smithkit.tracing"
_LANGSMITH = "smithkit.tracing._langsmith"

ALIASES: dict[str, dict[str, str]] = {
    "langsmith": {
        "EvaluationResult": "smithkit.evaluation.schemas:EvaluationResult",
        "EvaluationResults": "smithkit.evaluation.schemas:EvaluationResults",
        "as_runnable": f"{_TRACING}:as_runnable",
        "get_cached_client": f"{_TRACING}:get_cached_client",
        "get_tracing_context": f"{_LANGSMITH}:get_tracing_context",
        "is_traceable_function": f"{_TRACING}:is_traceable_function",
        "tracing_is_enabled": f"{_LANGSMITH}:tracing_is_enabled",
    },
    "langsmith.address": {
        "AgentAddress": f"{_LANGSMITH}:AgentAddress",
        "ensure_agent": f"{_LANGSMITH}:ensure_agent",
    },
    "langsmith.client": {
        "ID_TYPE": "smithkit.schemas:ID_TYPE",
        "RUN_TYPE_T": f"{_TRACING}:RunType",
    },
    "langsmith.env": {
        "get_langchain_env_var_metadata": f"{_LANGSMITH}:get_langchain_env_var_metadata",
        "get_runtime_environment": "smithkit.runtime:runtime_environment",
    },
    "langsmith.run_helpers": {
        "_PARENT_RUN_TREE": f"{_LANGSMITH}:current_run",
        "_set_tracing_context": f"{_LANGSMITH}:set_tracing_context",
        "LangSmithExtra": f"{_TRACING}:LangSmithExtra",
        "SupportsLangsmithExtra": f"{_TRACING}:Traceable",
        "get_run_tree_context": f"{_TRACING}:get_current_run_tree",
        "get_tracing_context": f"{_LANGSMITH}:get_tracing_context",
        "is_async": f"{_TRACING}:is_async",
        "tracing_is_enabled": f"{_LANGSMITH}:tracing_is_enabled",
    },
    "langsmith.run_trees": {
        "_CLIENT": f"{_TRACING}._default_client:_client",
    },
    "langsmith.utils": {
        "ContextThreadPoolExecutor": f"{_TRACING}:ContextThreadPoolExecutor",
        "get_env_var": f"{_LANGSMITH}:get_env_var",
        "get_tracer_project": f"{_LANGSMITH}:get_tracer_project",
        "is_truish": f"{_LANGSMITH}:is_truish",
        "tracing_is_enabled": f"{_LANGSMITH}:tracing_is_enabled",
    },
}
"""Reference module → name → ``module:name`` of smithkit's own."""
