"""Client methods of feedback configs: what the scores of a key mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.answers import parse, rows
from smithkit.errors import LangSmithNotFoundError, LangSmithUserError
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import offset_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.feedback.schemas import FeedbackCategory, FeedbackConfig, FeedbackConfigSchema

__all__ = ["ConfigMethods"]


class ConfigMethods(Methods):
    """Methods of feedback configs."""

    @operation
    def create_feedback_config(
        self,
        feedback_key: str,
        *,
        feedback_config: FeedbackConfig,
        is_lower_score_better: bool | None = False,
    ) -> Flow[FeedbackConfigSchema]:
        """Say what the scores of a key mean; the server checks feedback against it.

        Args:
            feedback_key: The key.
            feedback_config: A range of numbers, categories, or anything.
            is_lower_score_better: Whether a lower score is the better one.

        Returns:
            The config; one that is there already and says the same is given as it is.

        Raises:
            LangSmithConflictError: The key has a config that says something else.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> scale = {"type": "continuous", "min": 0, "max": 1}
            >>> client.create_feedback_config("helpfulness", feedback_config=scale)  # doctest: +SKIP

        ``POST /feedback-configs``
        """
        body = {
            "feedback_key": feedback_key,
            "feedback_config": feedback_config,
            "is_lower_score_better": is_lower_score_better,
        }
        response = yield Request("POST", "/feedback-configs", json=body)
        return _config(response.json())

    @paginated
    def list_feedback_configs(
        self,
        *,
        feedback_key: Sequence[str] | None = None,
        name_contains: str | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> PageFlow[FeedbackConfigSchema]:
        """List feedback configs, by key.

        Args:
            feedback_key: Only those of these keys.
            name_contains: Only those whose key has this in it.
            limit: Most configs to give; None for all.
            offset: Configs to leave out at the start.

        Yields:
            Configs.

        Raises:
            LangSmithUserError: A negative `limit` or `offset`.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [config.feedback_key for config in client.list_feedback_configs()]  # doctest: +SKIP

        ``GET /feedback-configs``
        """
        filters = {"key": feedback_key, "name_contains": name_contains}
        yield from offset_pages("/feedback-configs", filters, parse=_config, limit=limit, offset=offset)

    @operation
    def update_feedback_config(
        self,
        feedback_key: str,
        *,
        feedback_config: FeedbackConfig | None = None,
        is_lower_score_better: bool | None = None,
    ) -> Flow[FeedbackConfigSchema]:
        """Change a feedback config; what is not given stays as it is.

        Args:
            feedback_key: The key.
            feedback_config: What its scores mean from now on.
            is_lower_score_better: Whether a lower score is the better one.

        Returns:
            The config.

        Raises:
            LangSmithNotFoundError: The key has no config.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.update_feedback_config("latency", is_lower_score_better=True)  # doctest: +SKIP

        ``PATCH /feedback-configs``
        """
        response = yield _change(feedback_key, feedback_config, is_lower_score_better=is_lower_score_better)
        return _config(response.json())

    @operation
    def delete_feedback_config(self, feedback_key: str) -> Flow[None]:
        """Remove a feedback config; feedback that was given stays.

        Args:
            feedback_key: The key.

        Raises:
            LangSmithNotFoundError: The key has no config.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.delete_feedback_config("helpfulness")  # doctest: +SKIP

        ``DELETE /feedback-configs``
        """
        yield Request("DELETE", "/feedback-configs", params={"feedback_key": feedback_key})

    @operation
    def add_feedback_categories(
        self, feedback_key: str, categories: Sequence[FeedbackCategory]
    ) -> Flow[FeedbackConfigSchema]:
        """Add categories to a categorical config; one whose value is there gets the new label.

        Args:
            feedback_key: The key.
            categories: The categories.

        Returns:
            The config.

        Raises:
            LangSmithUserError: The config is not categorical.
            LangSmithNotFoundError: The key has no config.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> new = [{"value": 2, "label": "great"}]
            >>> client.add_feedback_categories("tone", new)  # doctest: +SKIP

        ``GET /feedback-configs``, ``PATCH /feedback-configs``
        """
        present = yield from _categories(feedback_key)
        merged = {category.get("value"): category for category in (*present, *categories)}
        response = yield _change(feedback_key, {"type": "categorical", "categories": list(merged.values())})
        return _config(response.json())

    @operation
    def remove_feedback_categories(
        self, feedback_key: str, categories: Sequence[FeedbackCategory | float | str]
    ) -> Flow[FeedbackConfigSchema]:
        """Remove categories from a categorical config; feedback that was given stays.

        Args:
            feedback_key: The key.
            categories: The categories, or their values or labels.

        Returns:
            The config.

        Raises:
            LangSmithUserError: The config is not categorical, or lacks one of the categories.
            LangSmithNotFoundError: The key has no config.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> client.remove_feedback_categories("tone", ["great"])  # doctest: +SKIP

        ``GET /feedback-configs``, ``PATCH /feedback-configs``
        """
        present = yield from _categories(feedback_key)
        left = list(present)
        for unwanted in categories:
            name = unwanted.get("value") if isinstance(unwanted, dict) else unwanted
            found = next((one for one in left if name in (one.get("value"), one.get("label"))), None)
            if found is None:
                raise LangSmithUserError(f"{feedback_key!r} has no category {name!r}.")
            left.remove(found)
        response = yield _change(feedback_key, {"type": "categorical", "categories": left})
        return _config(response.json())


def _change(key: str, config: FeedbackConfig | None, *, is_lower_score_better: bool | None = None) -> Request:
    body: dict[str, Any] = {"feedback_key": key}
    if config is not None:
        body["feedback_config"] = config
    if is_lower_score_better is not None:
        body["is_lower_score_better"] = is_lower_score_better
    return Request("PATCH", "/feedback-configs", json=body)


def _categories(key: str) -> Flow[list[FeedbackCategory]]:
    """The categories of a key's config."""
    response = yield Request("GET", "/feedback-configs", params={"key": [key], "limit": 1, "offset": 0})
    found = [config for config in map(_config, rows(response)) if config.feedback_key == key]
    if not found:
        raise LangSmithNotFoundError(f"{key!r} has no feedback config: make one with create_feedback_config.")
    config = found[0].feedback_config
    if config.get("type") != "categorical":
        raise LangSmithUserError(f"The config of {key!r} is {config.get('type')}: it has no categories.")
    return config.get("categories") or []


def _config(row: Any) -> FeedbackConfigSchema:
    from smithkit.feedback.schemas import FeedbackConfigSchema

    return parse(FeedbackConfigSchema, row)
