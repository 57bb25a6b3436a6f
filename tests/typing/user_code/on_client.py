"""The methods of `Client`; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_type

from smithkit import Client
from smithkit.schemas import (
    Dataset,
    Feedback,
    LangSmithInfo,
    ListedPromptCommit,
    ListPromptsResponse,
    Prompt,
    PromptCommit,
    Run,
    Thread,
)

RUN_ID = "0190a5b2-7f6e-7000-8000-000000000001"


def core(client: Client) -> None:
    """Use what core gives."""
    assert_type(client.info, LangSmithInfo)
    assert_type(client.api_url, str)
    with client as same:
        assert_type(same, Client)
    client.close()
    client.request_with_retries("FETCH", "/info")  # wrong: arg-type reportArgumentType


def operations(client: Client) -> None:
    """An operation returns its result."""
    assert_type(client.read_run(RUN_ID), Run)
    assert_type(client.share_run(RUN_ID), str)
    assert_type(client.read_run_shared_link(RUN_ID), str | None)
    assert_type(client.list_threads(project_name="shop"), list[Thread])
    client.read_thread("t", project_name="shop")  # wrong: call-arg reportCallIssue
    assert_type(client.read_dataset(dataset_name="questions"), Dataset)
    assert_type(client.has_dataset(dataset_name="questions"), bool)
    assert_type(client.get_prompt("owner/prompt"), Prompt | None)
    assert_type(client.pull_prompt_commit("owner/prompt"), PromptCommit)
    assert_type(client.list_prompts(query="sales"), ListPromptsResponse)
    assert_type(client.read_feedback(RUN_ID), Feedback)
    client.delete_prompt("owner/prompt")


def wrong_operations(client: Client) -> None:
    """Misuse each kind of argument."""
    client.read_dataset("questions")  # wrong: call-arg reportCallIssue
    client.read_dataset(dataset="questions")  # wrong: call-arg reportCallIssue
    client.read_dataset(dataset_name=1)  # wrong: arg-type reportArgumentType
    client.get_prompt()  # wrong: call-arg reportCallIssue
    client.get_prompt("owner/prompt", "commit")  # wrong: call-arg reportCallIssue
    client.reed_dataset(dataset_name="questions")  # wrong: attr-defined reportAttributeAccessIssue
    _ = client.read_dataset(dataset_name="qa").nmae  # wrong: attr-defined reportAttributeAccessIssue


def paginated(client: Client) -> None:
    """A paginated method gives an iterator."""
    assert_type(client.list_datasets(limit=3), Iterator[Dataset])
    assert_type(client.list_feedback(run_ids=[RUN_ID]), Iterator[Feedback])
    assert_type(client.list_prompt_commits("owner/prompt"), Iterator[ListedPromptCommit])
    for run in client.list_runs(project_name="shop"):
        assert_type(run, Run)
    assert_type(next(client.list_datasets()).name, str)


def wrong_paginated(client: Client) -> None:
    """Misuse the arguments, and the iterator."""
    client.list_datasets("questions")  # wrong: call-arg reportCallIssue
    client.list_datasets(limt=3)  # wrong: call-arg reportCallIssue
    client.list_datasets(limit="3")  # wrong: arg-type reportArgumentType
    len(client.list_datasets())  # wrong: arg-type reportArgumentType
