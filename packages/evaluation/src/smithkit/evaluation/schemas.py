"""Schemas of evaluation.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic evaluates the annotation
from typing import Any
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import BaseModel, ConfigDict

__all__ = ["ComparativeExperiment"]


class ComparativeExperiment(BaseModel):
    """A comparison of experiments on one dataset.

    Attributes:
        id: Its id.
        name: Its name.
        description: A text for people.
        tenant_id: Id of the workspace that it belongs to.
        created_at: When it was made.
        modified_at: When it was last changed.
        reference_dataset_id: The dataset that the experiments ran on.
        extra: Further facts.
        experiments_info: The experiments.
        feedback_stats: Statistics of the feedback, by key.
    """

    model_config = ConfigDict(extra="allow")

    id: UUID
    name: str | None = None
    description: str | None = None
    tenant_id: UUID
    created_at: datetime
    modified_at: datetime
    reference_dataset_id: UUID
    extra: dict[str, Any] | None = None
    experiments_info: list[dict[str, Any]] | None = None
    feedback_stats: dict[str, Any] | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """Free-form facts about it, which stand in `extra`."""
        return (self.extra or {}).get("metadata") or {}
