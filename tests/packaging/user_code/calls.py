"""A user's calls; see `tests/typing/checkers.py` for what the comments mean."""

from __future__ import annotations

from typing import assert_type

from smithkit import AsyncClient, Client
from smithkit.schemas import LangSmithInfo

client = Client("https://langsmith.example", api_key="key")

client.pull_prompt_commit("owner/prompt")  # needs: prompts
client.read_dataset(dataset_name="questions")  # needs: datasets
client.read_run("0190a5b2-7f6e-7000-8000-000000000001")  # needs: tracing
client.create_feedback(key="correct", score=1)  # needs: feedback
client.create_comparative_experiment("compare", [])  # needs: evaluation

client.pull_prompt_commit(1)  # needs: prompts; wrong: arg-type reportArgumentType
client.read_dataset(dataset="questions")  # needs: datasets; wrong: call-arg reportCallIssue
client.pull_promt_commit("owner/prompt")  # wrong: attr-defined reportAttributeAccessIssue
Client(api_kee="key")  # wrong: call-arg reportCallIssue
Client(timeout_ms="soon")  # wrong: arg-type reportArgumentType


def url_of(some: Client) -> str:
    """Read what core itself has."""
    assert_type(some.info, LangSmithInfo)
    return some.api_url


async def main() -> None:
    """Await what the synchronous client returns."""
    async_client = AsyncClient("https://langsmith.example", api_key="key")
    await async_client.pull_prompt_commit("owner/prompt")  # needs: prompts
    await async_client.read_run("0190a5b2-7f6e-7000-8000-000000000001")  # needs: tracing
    await async_client.pull_promt_commit("owner/prompt")  # wrong: attr-defined reportAttributeAccessIssue
    await async_client.aclose()
