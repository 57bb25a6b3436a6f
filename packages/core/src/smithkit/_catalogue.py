"""Which first-party package holds a method, an option or a name: what to install when it is missing."""

from __future__ import annotations

__all__ = ["METHODS", "NAMES", "OPTIONS", "PACKAGES"]

_TRACING_METHODS = """
create_run update_run batch_ingest_runs multipart_ingest read_run list_runs get_run_stats get_run_url
share_run unshare_run read_run_shared_link run_is_shared read_shared_run list_shared_runs flush
flush_compressed_traces cleanup create_project update_project read_project has_project list_projects
delete_project generate_insights poll_insights list_threads read_thread tracing_stats
tracing_sample_rate compressed_traces otel_exporter tracing_queue submit_post submit_patch
submit_feedback close_tracing recover_runs
"""
_DATASET_METHODS = """
create_dataset has_dataset read_dataset list_datasets delete_dataset diff_dataset_versions
read_dataset_version list_dataset_versions update_dataset_tag read_dataset_openai_finetuning
list_dataset_splits update_dataset_splits read_dataset_shared_schema share_dataset unshare_dataset
read_shared_dataset list_shared_examples list_shared_projects clone_public_dataset create_example
create_examples create_llm_example create_chat_example create_example_from_run read_example
list_examples update_example update_examples delete_example delete_examples upload_csv
upload_dataframe upload_examples_multipart update_examples_multipart upsert_examples_multipart
index_dataset sync_indexed_dataset similar_examples
"""
_PROMPT_METHODS = """
like_prompt unlike_prompt list_prompts get_prompt create_prompt create_commit update_prompt
delete_prompt pull_prompt_commit list_prompt_commits pull_prompt push_prompt
"""
_FEEDBACK_METHODS = """
create_feedback update_feedback read_feedback list_feedback delete_feedback create_feedback_from_token
create_presigned_feedback_token create_presigned_feedback_tokens list_presigned_feedback_tokens
list_feedback_formulas get_feedback_formula_by_id create_feedback_formula update_feedback_formula
delete_feedback_formula create_feedback_config list_feedback_configs update_feedback_config
delete_feedback_config list_annotation_queues create_annotation_queue read_annotation_queue
update_annotation_queue delete_annotation_queue add_runs_to_annotation_queue
delete_run_from_annotation_queue get_run_from_annotation_queue list_runs_from_annotation_queue
add_feedback_categories remove_feedback_categories
"""
_EVALUATION_METHODS = """
evaluate aevaluate evaluate_existing aevaluate_existing evaluate_comparative evaluate_run aevaluate_run
compare_experiments create_comparative_experiment get_experiment_results get_test_results
"""

PACKAGES = ("tracing", "datasets", "prompts", "feedback", "evaluation", "server")
"""The first-party packages beside core."""

METHODS: dict[str, str] = {
    method: package
    for package, methods in (
        ("tracing", _TRACING_METHODS),
        ("datasets", _DATASET_METHODS),
        ("prompts", _PROMPT_METHODS),
        ("feedback", _FEEDBACK_METHODS),
        ("evaluation", _EVALUATION_METHODS),
    )
    for method in methods.split()
}
"""Client method or attribute → package."""

OPTIONS: dict[str, str] = {
    **dict.fromkeys(
        (
            "auto_batch_tracing",
            "anonymizer",
            "hide_inputs",
            "hide_outputs",
            "hide_metadata",
            "omit_traced_runtime_info",
            "process_buffered_run_ops",
            "run_ops_buffer_size",
            "run_ops_buffer_timeout_ms",
            "otel_tracer_provider",
            "otel_enabled",
            "tracing_sampling_rate",
            "max_batch_size_bytes",
            "tracing_error_callback",
        ),
        "tracing",
    ),
    "disable_prompt_cache": "prompts",
    "cache": "prompts",
}
"""Constructor option → package."""

NAMES: dict[str, str] = (
    {
        "AsyncClient": "smithkit.client",
        "Client": "smithkit.client",
        "__version__": "smithkit._version",
        **dict.fromkeys(("expect", "test", "unit"), "smithkit.evaluation"),
    }
    | dict.fromkeys(
        (
            "ContextThreadPoolExecutor",
            "RunTree",
            "configure",
            "get_current_run_tree",
            "get_tracing_context",
            "set_run_metadata",
            "trace",
            "traceable",
            "tracing_context",
            "uuid7",
            "uuid7_from_datetime",
        ),
        "smithkit.tracing",
    )
    | dict.fromkeys(
        (
            "AsyncCache",
            "AsyncPromptCache",
            "Cache",
            "PromptCache",
            "configure_global_async_prompt_cache",
            "configure_global_prompt_cache",
        ),
        "smithkit.prompts",
    )
    | dict.fromkeys(
        (
            "RunEvaluator",
            "aevaluate",
            "aevaluate_existing",
            "evaluate",
            "evaluate_comparative",
            "evaluate_existing",
            "run_evaluator",
        ),
        "smithkit.evaluation",
    )
)
"""Everyday name that `smithkit` re-exports → module that holds it."""
