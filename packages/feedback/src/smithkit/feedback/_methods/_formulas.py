"""Client methods of formulas, which work feedback out from other feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import offset_pages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from smithkit.feedback.schemas import FeedbackFormula, FeedbackFormulaWeightedVariable

__all__ = ["FormulaMethods"]


class FormulaMethods(Methods):
    """Methods of feedback formulas."""

    @operation
    def create_feedback_formula(
        self,
        *,
        feedback_key: str,
        aggregation_type: Literal["sum", "avg"],
        formula_parts: Sequence[FeedbackFormulaWeightedVariable | Mapping[str, Any]],
        dataset_id: UUID | str | None = None,
        session_id: UUID | str | None = None,
    ) -> Flow[FeedbackFormula]:
        """Have a feedback worked out from the others of a run.

        Args:
            feedback_key: Key of the result.
            aggregation_type: ``sum`` of the weighted scores, or ``avg``: divided by the sum of the weights.
            formula_parts: From 1 to 50 keys with their weights.
            dataset_id: Only for experiments on this dataset.
            session_id: Only for runs of this project.

        Returns:
            The formula.

        Raises:
            pydantic.ValidationError: The parts or the aggregation are none; it is a ValueError.
            LangSmithUserError: An id is not a UUID.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> parts = [{"part_type": "weighted_key", "weight": 0.7, "key": "correctness"}]
            >>> client.create_feedback_formula(
            ...     feedback_key="overall", aggregation_type="avg", formula_parts=parts
            ... )  # doctest: +SKIP

        ``POST /feedback/formulas``
        """
        from smithkit.feedback.schemas import FeedbackFormulaCreate

        formula = FeedbackFormulaCreate.model_validate(
            {
                "feedback_key": feedback_key,
                "aggregation_type": aggregation_type,
                "formula_parts": list(formula_parts),
                "dataset_id": None if dataset_id is None else as_uuid(dataset_id, "dataset_id"),
                "session_id": None if session_id is None else as_uuid(session_id, "session_id"),
            }
        )
        body = formula.model_dump(mode="json", exclude_none=True)
        return _formula((yield Request("POST", "/feedback/formulas", json=body)).json())

    @operation
    def update_feedback_formula(
        self,
        feedback_formula_id: UUID | str,
        *,
        feedback_key: str,
        aggregation_type: Literal["sum", "avg"],
        formula_parts: Sequence[FeedbackFormulaWeightedVariable | Mapping[str, Any]],
    ) -> Flow[FeedbackFormula]:
        """Change how a formula works; what it is for stays.

        Args:
            feedback_formula_id: Its id.
            feedback_key: Key of the result.
            aggregation_type: ``sum`` or ``avg``, see `create_feedback_formula`.
            formula_parts: From 1 to 50 keys with their weights.

        Returns:
            The formula.

        Raises:
            pydantic.ValidationError: The parts or the aggregation are none; it is a ValueError.
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such formula.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.update_feedback_formula(
            ...     formula.id, feedback_key="overall", aggregation_type="sum", formula_parts=parts
            ... )  # doctest: +SKIP

        ``PUT /feedback/formulas/{id}``
        """
        from smithkit.feedback.schemas import FeedbackFormulaUpdate

        formula = FeedbackFormulaUpdate.model_validate(
            {
                "feedback_key": feedback_key,
                "aggregation_type": aggregation_type,
                "formula_parts": list(formula_parts),
            }
        )
        body = formula.model_dump(mode="json")
        return _formula((yield Request("PUT", _path(feedback_formula_id), json=body)).json())

    @operation
    def get_feedback_formula_by_id(self, feedback_formula_id: UUID | str) -> Flow[FeedbackFormula]:
        """Read a formula.

        Args:
            feedback_formula_id: Its id.

        Returns:
            The formula.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such formula.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.get_feedback_formula_by_id(formula_id).formula_parts  # doctest: +SKIP

        ``GET /feedback/formulas/{id}``
        """
        return _formula((yield Request("GET", _path(feedback_formula_id))).json())

    @paginated
    def list_feedback_formulas(
        self,
        *,
        dataset_id: UUID | str | None = None,
        session_id: UUID | str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> PageFlow[FeedbackFormula]:
        """List formulas.

        Args:
            dataset_id: Only those for experiments on this dataset.
            session_id: Only those for runs of this project.
            limit: Most formulas to give; None for all.
            offset: Formulas to leave out at the start.

        Yields:
            Formulas, oldest first.

        Raises:
            LangSmithUserError: An id is not a UUID, or a negative `limit` or `offset`.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [formula.feedback_key for formula in client.list_feedback_formulas()]  # doctest: +SKIP

        ``GET /feedback/formulas``
        """
        filters = {
            "dataset_id": None if dataset_id is None else as_uuid(dataset_id, "dataset_id"),
            "session_id": None if session_id is None else as_uuid(session_id, "session_id"),
        }
        yield from offset_pages("/feedback/formulas", filters, parse=_formula, limit=limit, offset=offset)

    @operation
    def delete_feedback_formula(self, feedback_formula_id: UUID | str) -> Flow[None]:
        """Remove a formula, and the feedback that it gave.

        Args:
            feedback_formula_id: Its id.

        Raises:
            LangSmithUserError: The id is not a UUID.
            LangSmithNotFoundError: There is no such formula.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_feedback_formula(formula.id)  # doctest: +SKIP

        ``DELETE /feedback/formulas/{id}``
        """
        yield Request("DELETE", _path(feedback_formula_id))


def _path(formula_id: UUID | str) -> str:
    return f"/feedback/formulas/{as_uuid(formula_id, 'feedback_formula_id')}"


def _formula(row: Any) -> FeedbackFormula:
    from smithkit.feedback.schemas import FeedbackFormula

    return parse(FeedbackFormula, row)
