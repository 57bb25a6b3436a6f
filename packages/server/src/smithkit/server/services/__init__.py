"""The rules of the API, between routes and stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smithkit.server.services.commits import CommitService
from smithkit.server.services.comparisons import ComparisonService
from smithkit.server.services.dataset_sharing import DatasetSharingService
from smithkit.server.services.datasets import DatasetService
from smithkit.server.services.directories import DirectoryService
from smithkit.server.services.examples import ExampleService
from smithkit.server.services.experiments import ExperimentService
from smithkit.server.services.feedback import FeedbackService
from smithkit.server.services.feedback_tokens import TokenService
from smithkit.server.services.files import FileService
from smithkit.server.services.fine_tuning import FineTuningService
from smithkit.server.services.ingest import IngestService
from smithkit.server.services.insights import InsightsService
from smithkit.server.services.prompts import PromptService
from smithkit.server.services.queues import QueueService
from smithkit.server.services.run_groups import RunGroupService
from smithkit.server.services.run_views import RunViewService
from smithkit.server.services.runs import RunService
from smithkit.server.services.search import SearchService
from smithkit.server.services.sessions import SessionService
from smithkit.server.services.sharing import SharingService
from smithkit.server.services.spans import SpanService
from smithkit.server.services.threads import ThreadService

if TYPE_CHECKING:
    from smithkit.server.body import Budget
    from smithkit.server.domain.embeddings import Embedder
    from smithkit.server.limits import Limits
    from smithkit.server.store import Store

__all__ = [
    "CommitService",
    "ComparisonService",
    "DatasetService",
    "DatasetSharingService",
    "DirectoryService",
    "ExampleService",
    "ExperimentService",
    "FeedbackService",
    "FileService",
    "FineTuningService",
    "IngestService",
    "InsightsService",
    "PromptService",
    "QueueService",
    "RunService",
    "RunViewService",
    "SearchService",
    "Services",
    "SessionService",
    "SharingService",
    "SpanService",
    "ThreadService",
    "TokenService",
    "make_services",
]


@dataclass(frozen=True, slots=True)
class Services:
    """What routes call, for one workspace; `Workspaces` has those of each."""

    store: Store
    limits: Limits
    budget: Budget
    commits: CommitService
    comparisons: ComparisonService
    datasets: DatasetService
    dataset_sharing: DatasetSharingService
    directories: DirectoryService
    examples: ExampleService
    experiments: ExperimentService
    feedback: FeedbackService
    files: FileService
    fine_tuning: FineTuningService
    ingest: IngestService
    insights: InsightsService
    prompts: PromptService
    queues: QueueService
    run_groups: RunGroupService
    run_views: RunViewService
    runs: RunService
    search: SearchService
    sessions: SessionService
    spans: SpanService
    sharing: SharingService
    threads: ThreadService
    tokens: TokenService


def make_services(store: Store, limits: Limits, budget: Budget, embedder: Embedder | None = None) -> Services:
    """Build the services on an open store.

    Args:
        store: The open store.
        limits: The caps.
        budget: Bytes in memory, shared by all requests.
        embedder: Makes vectors of texts for few-shot search, where a plugin gives one.

    Returns:
        The services.
    """
    files = FileService(store, limits)
    runs = RunService(store, files, limits)
    views = RunViewService(store, runs)
    feedback = FeedbackService(store)
    examples = ExampleService(store, files)
    prompts = PromptService(store)
    commits = CommitService(store, prompts, runs)
    return Services(
        store=store,
        limits=limits,
        budget=budget,
        commits=commits,
        comparisons=ComparisonService(store),
        datasets=DatasetService(store),
        dataset_sharing=DatasetSharingService(store),
        directories=DirectoryService(store, prompts, commits),
        examples=examples,
        experiments=ExperimentService(store, examples, runs, views),
        feedback=feedback,
        files=files,
        fine_tuning=FineTuningService(store),
        ingest=IngestService(store, limits),
        insights=InsightsService(store),
        prompts=prompts,
        queues=QueueService(store, runs),
        run_groups=RunGroupService(store, runs),
        run_views=views,
        runs=runs,
        search=SearchService(store, examples, embedder),
        sessions=SessionService(store, limits),
        spans=SpanService(store),
        sharing=SharingService(store, runs),
        threads=ThreadService(store, views),
        tokens=TokenService(store, feedback, limits),
    )
