"""The methods of `AsyncClient`; see `checkers.py` for what the comments mean."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import assert_type

from smithkit import AsyncClient
from smithkit.schemas import Dataset, Feedback, ListedPromptCommit, Prompt, PromptCommit, Run

RUN_ID = "0190a5b2-7f6e-7000-8000-000000000001"


async def operations(client: AsyncClient) -> None:
    """An operation is awaited."""
    assert_type(client.read_dataset(dataset_name="questions"), Awaitable[Dataset])
    assert_type(await client.read_dataset(dataset_name="questions"), Dataset)
    assert_type(await client.read_run(RUN_ID), Run)
    assert_type(await client.get_prompt("owner/prompt"), Prompt | None)
    assert_type(await client.pull_prompt_commit("owner/prompt"), PromptCommit)
    assert_type(await client.read_feedback(RUN_ID), Feedback)
    async with client as same:
        assert_type(same, AsyncClient)
    await client.aclose()


async def wrong_operations(client: AsyncClient) -> None:
    """Misuse each kind of argument, and forget to await."""
    await client.get_prompt("owner/prompt", "commit")  # wrong: call-arg reportCallIssue
    await client.read_dataset(dataset="questions")  # wrong: call-arg reportCallIssue
    await client.read_dataset(dataset_name=1)  # wrong: arg-type reportArgumentType
    await client.get_prompt()  # wrong: call-arg reportCallIssue
    _ = client.read_feedback(RUN_ID).score  # wrong: attr-defined reportAttributeAccessIssue
    await client.reed_dataset(dataset_name="questions")  # wrong: attr-defined reportAttributeAccessIssue


async def paginated(client: AsyncClient) -> None:
    """A paginated method gives an asynchronous iterator, which is not awaited."""
    assert_type(client.list_datasets(limit=3), AsyncIterator[Dataset])
    assert_type(client.list_prompt_commits("owner/prompt"), AsyncIterator[ListedPromptCommit])
    async for feedback in client.list_feedback(run_ids=[RUN_ID]):
        assert_type(feedback, Feedback)


async def wrong_paginated(client: AsyncClient) -> None:
    """Misuse the arguments, and the iterator."""
    client.list_datasets("questions")  # wrong: call-arg reportCallIssue
    client.list_datasets(limit="3")  # wrong: arg-type reportArgumentType
    await client.list_datasets()  # wrong: misc reportGeneralTypeIssues
    list(client.list_datasets())  # wrong: call-overload reportArgumentType
