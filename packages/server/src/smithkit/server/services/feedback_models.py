"""The JSON of configs and formulas."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from smithkit.server.domain.fields import Body

__all__ = ["FeedbackConfig", "FormulaPart"]

_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Category(Body):
    value: _Number
    label: str | None = None


class FeedbackConfig(Body):
    """What the scores of a key mean."""

    type: Literal["continuous", "categorical", "freeform"]
    min: _Number | None = None
    max: _Number | None = None
    categories: Annotated[list[_Category], Field(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.type == "categorical" and self.categories is None:
            raise ValueError("a categorical config needs categories")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min is {self.min:g} and max {self.max:g}: min must not be the larger")
        for name in ("value", "label"):
            told = [getattr(one, name) for one in self.categories or () if getattr(one, name) is not None]
            if len(set(told)) < len(told):
                raise ValueError(f"two categories have the same {name}")
        return self


class FormulaPart(Body):
    """A key in a formula, with its weight."""

    part_type: Literal["weighted_key"] = "weighted_key"
    weight: _Number
    key: Annotated[str, Field(min_length=1)]

    def model_post_init(self, _context: Any) -> None:
        """Insist on a weight that sums can bear."""
        if math.fabs(self.weight) > 1e9:  # noqa: PLR2004 - beyond any sense
            raise ValueError("weight must be from -1e9 to 1e9")
