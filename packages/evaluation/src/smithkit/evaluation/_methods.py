"""Client methods of evaluation."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.operations import Flow, Methods, Request, operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from smithkit.evaluation.schemas import ComparativeExperiment

__all__ = ["AsyncEvaluationMethods", "EvaluationMethods"]


class EvaluationMethods(Methods):
    """Evaluation of datasets: the methods of `Client`."""

    @operation
    def create_comparative_experiment(
        self,
        name: str,
        experiments: Sequence[UUID | str],
        *,
        reference_dataset: UUID | str | None = None,
        description: str | None = None,
        created_at: dt.datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        id: UUID | str | None = None,  # noqa: A002 - the API's own name
    ) -> Flow[ComparativeExperiment]:
        """Create a comparison of experiments on one dataset; feedback of comparisons belongs to it.

        Args:
            name: Its name.
            experiments: Ids of the experiments, at least one.
            reference_dataset: Id of the dataset. Default: that of the first experiment.
            description: A text for people.
            created_at: When it was made. Default: now.
            metadata: Free-form facts about it.
            id: Its id. Default: a new one.

        Returns:
            The comparison.

        Raises:
            ValueError: There are no experiments, or the first has no dataset.
            LangSmithUserError: An id is not a UUID.
            LangSmithNotFoundError: There is no such experiment.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.create_comparative_experiment("old or new", [old.id, new.id])  # doctest: +SKIP

        ``GET /sessions/{id}`` without `reference_dataset`, ``POST /datasets/comparative``
        """
        from smithkit.evaluation.schemas import ComparativeExperiment

        if not experiments:
            raise ValueError("experiments is empty: a comparison needs at least one.")
        experiment_ids = [as_uuid(experiment, "experiments") for experiment in experiments]
        body = {
            "id": uuid.uuid4() if id is None else as_uuid(id, "id"),
            "name": name,
            "experiment_ids": experiment_ids,
            "reference_dataset_id": (
                (yield from _dataset_of(experiment_ids[0]))
                if reference_dataset is None
                else as_uuid(reference_dataset, "reference_dataset")
            ),
            "description": description,
            "created_at": created_at or dt.datetime.now(dt.UTC),
            "extra": {} if metadata is None else {"metadata": metadata},
        }
        response = yield Request("POST", "/datasets/comparative", json=body)
        return parse(ComparativeExperiment, response.json())


class AsyncEvaluationMethods(EvaluationMethods):
    """Evaluation of datasets: the methods of `AsyncClient`."""


def _dataset_of(experiment_id: UUID) -> Flow[UUID]:
    """The dataset that an experiment ran on."""
    params = {"limit": 1, "include_stats": False}
    response = yield Request("GET", f"/sessions/{experiment_id}", params=params)
    experiment = response.json()
    dataset_id = experiment.get("reference_dataset_id") if isinstance(experiment, dict) else None
    if dataset_id is None:
        raise ValueError(
            f"The project {experiment_id} has no dataset, so it is no experiment. Give reference_dataset."
        )
    return as_uuid(dataset_id, "reference_dataset_id")
