"""Which ranker finds better sources? Both answer the same questions, as experiments, and are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from retrieval import Assistant

    from smithkit import Client
    from smithkit.evaluation import ExperimentResults
    from smithkit.schemas import Dataset

DATASET = "quickstart questions"


def dataset_of(client: Client, questions: Path) -> Dataset:
    """The questions as a dataset, made of their file the first time."""
    if client.has_dataset(dataset_name=DATASET):
        return client.read_dataset(dataset_name=DATASET)
    return client.upload_csv(questions, input_keys=["question"], output_keys=["expected"], name=DATASET)


def first_source(outputs: dict[str, Any], reference_outputs: dict[str, Any]) -> bool:
    """Whether the first source is the expected one."""
    return outputs["sources"][:1] == [reference_outputs["expected"]]


def recall_at_5(outputs: dict[str, Any], reference_outputs: dict[str, Any]) -> bool:
    """Whether the expected source is among the first five."""
    return reference_outputs["expected"] in outputs["sources"][:5]


def measure(client: Client, dataset: Dataset, assistant: Assistant, name: str) -> ExperimentResults:
    """Let an assistant answer the questions of a dataset, and judge its sources."""

    def answer(inputs: dict[str, Any]) -> dict[str, Any]:
        return assistant.ask(inputs["question"])

    return client.evaluate(
        answer,
        data=dataset,
        evaluators=[first_source, recall_at_5],
        experiment_prefix=name,
        progress=False,
    )
