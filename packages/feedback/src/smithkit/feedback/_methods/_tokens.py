"""Client methods of tokens, by which people without a key give feedback."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smithkit.answers import parse, rows
from smithkit.arguments import as_uuid
from smithkit.config import CLOUD_URL
from smithkit.feedback import _creation
from smithkit.operations import Flow, Methods, PageFlow, Request, operation, paginated
from smithkit.paging import offset_pages

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from smithkit.feedback.schemas import FeedbackConfig, FeedbackIngestToken

__all__ = ["TokenMethods"]

_LIFETIME = timedelta(hours=3)
_API_OF_WEB_HOST = {
    "smith.langchain.com": CLOUD_URL,
    "eu.smith.langchain.com": "https://eu.api.smith.langchain.com",
}


class TokenMethods(Methods):
    """Methods of tokens: a token gives one run feedback with one key, and no other right."""

    @operation
    def create_presigned_feedback_token(
        self,
        run_id: UUID | str,
        feedback_key: str,
        *,
        expiration: datetime | timedelta | None = None,
        feedback_config: FeedbackConfig | None = None,
        feedback_id: UUID | str | None = None,
    ) -> Flow[FeedbackIngestToken]:
        """Make a URL by which anybody can give one run feedback with one key, from a browser too.

        Args:
            run_id: The run.
            feedback_key: The key.
            expiration: When it ends, or after how long (whole minutes count). Default: 3 hours.
            feedback_config: What the scores of the key mean.
            feedback_id: Id of the feedback; used again, the token changes it. Default: a new one.

        Returns:
            The token and its URL.

        Raises:
            ValueError: `expiration` is neither a time nor a duration.
            LangSmithUserError: An id is not a UUID.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> client.create_presigned_feedback_token(run_id, "thumbs").url  # doctest: +SKIP

        ``POST /feedback/tokens``
        """
        body = {
            **_wanted(run_id, feedback_key, feedback_config),
            "id": uuid.uuid4() if feedback_id is None else as_uuid(feedback_id, "feedback_id"),
            **_expiry(expiration),
        }
        response = yield Request("POST", "/feedback/tokens", json=body)
        return _token(response.json())

    @operation
    def create_presigned_feedback_tokens(
        self,
        run_id: UUID | str,
        feedback_keys: Sequence[str],
        *,
        expiration: datetime | timedelta | None = None,
        feedback_configs: Sequence[FeedbackConfig | None] | None = None,
    ) -> Flow[list[FeedbackIngestToken]]:
        """Make tokens for several keys of a run, at every endpoint that the client writes to.

        Args:
            run_id: The run.
            feedback_keys: The keys.
            expiration: When they end, or after how long (whole minutes count). Default: 3 hours.
            feedback_configs: What the scores of each key mean, in the same order.

        Returns:
            The tokens of each endpoint, in the order of the keys.

        Raises:
            ValueError: Keys and configs are not of one length, or `expiration` is neither a time nor a duration.
            LangSmithUserError: The id is not a UUID.
            LangSmithError: A server refused, or could not be asked.

        Example:
            >>> up, down = client.create_presigned_feedback_tokens(run_id, ["up", "down"])  # doctest: +SKIP

        ``POST /feedback/tokens``
        """
        configs = [None] * len(feedback_keys) if feedback_configs is None else feedback_configs
        if len(configs) != len(feedback_keys):
            raise ValueError(
                f"feedback_configs has {len(configs)} items for {len(feedback_keys)} feedback_keys: give one each."
            )
        expiry = {"expires_in": None, "expires_at": None, **_expiry(expiration)}
        body = [
            {**_wanted(run_id, key, config), **expiry}
            for key, config in zip(feedback_keys, configs, strict=True)
        ]
        tokens: list[FeedbackIngestToken] = []
        for endpoint in self.config.write_endpoints or (None,):
            response = yield Request("POST", "/feedback/tokens", json=body, endpoint=endpoint)
            tokens += map(_token, rows(response))
        return tokens

    @paginated
    def list_presigned_feedback_tokens(
        self, run_id: UUID | str, *, limit: int | None = None
    ) -> PageFlow[FeedbackIngestToken]:
        """List the tokens of a run.

        Args:
            run_id: The run.
            limit: Most tokens to give; None for all.

        Yields:
            Tokens.

        Raises:
            LangSmithUserError: The id is not a UUID, or `limit` is negative.
            LangSmithError: The server refused, or could not be asked.

        Example:
            >>> [token.url for token in client.list_presigned_feedback_tokens(run_id)]  # doctest: +SKIP

        ``GET /feedback/tokens``
        """
        run = {"run_id": as_uuid(run_id, "run_id")}
        yield from offset_pages("/feedback/tokens", run, parse=_token, limit=limit)

    @operation
    def create_feedback_from_token(
        self,
        token_or_url: UUID | str,
        score: float | None = None,
        *,
        value: float | str | dict[str, Any] | None = None,
        correction: dict[str, Any] | None = None,
        comment: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Flow[None]:
        """Give the feedback that a token is for.

        Args:
            token_or_url: The token, or its URL.
            score: A number or truth; four digits after the point are kept.
            value: What is said beside or in place of a score.
            correction: What the run should have answered.
            comment: A text for people.
            metadata: Facts about where the feedback comes from.

        Raises:
            ValueError: The URL is one of a LangSmith cloud that this client does not use.
            LangSmithUserError: It is no token.
            LangSmithError: The server refused (the token is not valid, or has expired), or could not be asked.

        Example:
            >>> client.create_feedback_from_token(token.url, 1, comment="helpful")  # doctest: +SKIP

        ``POST /feedback/tokens/{token}``
        """
        token = _token_of(token_or_url, self.config.api_url)
        body = {
            "score": _creation.rounded(score),
            "value": value,
            "correction": correction,
            "comment": comment,
            "metadata": metadata,
        }
        yield Request("POST", f"/feedback/tokens/{token}", json=body)


def _wanted(run_id: UUID | str, key: str, config: FeedbackConfig | None) -> dict[str, Any]:
    return {"run_id": as_uuid(run_id, "run_id"), "feedback_key": key, "feedback_config": config}


def _expiry(expiration: datetime | timedelta | None) -> dict[str, Any]:
    """When a token ends, as the API takes it."""
    if expiration is None:
        expiration = _LIFETIME
    if isinstance(expiration, datetime):
        return {"expires_at": expiration.isoformat()}
    if not isinstance(expiration, timedelta):
        raise ValueError(f"expiration must be a datetime or a timedelta, not {type(expiration).__name__}.")  # noqa: TRY004 - the API's own error
    hours, seconds = divmod(expiration.seconds, 3600)
    return {"expires_in": {"days": expiration.days, "hours": hours, "minutes": seconds // 60}}


def _token_of(token_or_url: UUID | str, api_url: str) -> UUID:
    """The token that is meant, if this client's API can have made it."""
    parts = urlsplit(str(token_or_url))
    home = _API_OF_WEB_HOST.get(parts.hostname or "")
    if home is not None and home != api_url:
        raise ValueError(f"The token belongs to {home}, and this client uses {api_url}.")
    return as_uuid(parts.path.rstrip("/").rpartition("/")[2], "token_or_url")


def _token(row: Any) -> FeedbackIngestToken:
    from smithkit.feedback.schemas import FeedbackIngestToken

    return parse(FeedbackIngestToken, row)
