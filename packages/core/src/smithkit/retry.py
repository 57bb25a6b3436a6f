"""Which requests are sent again, when, and for how long.

The policy is urllib3's `Retry`: by default three more attempts for connection failures, read
time-outs and the statuses 408, 425, 502, 503 and 504, after 0, 1 and 2 seconds with some jitter, for
every HTTP method (the API's writes are idempotent by the ids that the client gives). A `Retry-After`
header is honoured, also on 413 and 429. `Attempts` walks through a policy for one request and is
shared by the synchronous, the asynchronous and the in-process transport.
"""

from __future__ import annotations

import math
import random
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, ProtocolError
from urllib3.response import HTTPResponse
from urllib3.util import Retry

from smithkit.errors import (
    LangSmithAPIError,
    LangSmithConnectionError,
    LangSmithError,
    LangSmithRateLimitError,
    LangSmithRequestTimeout,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RETRIED_STATUSES", "ApplicationRetries", "Attempts", "default_retry", "policy", "retry_after"]

RETRIED_STATUSES = (408, 425, 502, 503, 504)
"""Statuses that may pass by themselves."""
_JITTER_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 120.0


def default_retry(total: int = 3) -> Retry:
    """The default policy.

    Args:
        total: How often a request is sent again at most.

    Returns:
        A policy for `Client(retry_config=...)`.

    Example:
        >>> default_retry().total
        3
    """
    return Retry(
        total=total,
        allowed_methods=None,
        status_forcelist=RETRIED_STATUSES,
        backoff_factor=0.5,
        backoff_jitter=_JITTER_SECONDS,
        raise_on_redirect=False,
        raise_on_status=False,
        respect_retry_after_header=True,
    )


def policy(config: Retry | Mapping[str, Any] | None) -> Retry:
    """The policy that a client's `retry_config` means.

    Args:
        config: A `Retry`, a mapping with ``max_retries`` (as `AsyncClient` takes it), or None.
    """
    if config is None:
        return default_retry()
    if isinstance(config, Retry):
        return config
    return default_retry(int(config.get("max_retries", 3)))


class Attempts:
    """The attempts at one request: asks the policy whether and when there is another.

    Args:
        retry: The policy.
        method: HTTP method of the request.
        url: Its URL.
        deadline: Seconds from now after which no further attempt starts; None for no limit.
    """

    def __init__(self, retry: Retry, method: str, url: str, deadline: float | None = None) -> None:
        self._retry = retry.new()
        self._method = method
        self._url = url
        self._ends = None if deadline is None else time.monotonic() + deadline

    def after_response(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait before the next attempt, or None if the answer stands.

        Args:
            status: HTTP status of the answer.
            headers: Its headers.
        """
        if not self._retry.is_retry(self._method, status, headers.get("retry-after") is not None):
            return None
        if not self._spend(response=HTTPResponse(status=status)):
            return None
        asked = retry_after(headers) if self._retry.respect_retry_after_header else None
        return self._wait(self._retry.get_backoff_time() if asked is None else asked)

    def after_error(self, *, sent: bool) -> float | None:
        """Seconds to wait before the next attempt, or None if the failure stands.

        Args:
            sent: Whether the server may have seen the request (a read time-out, a dropped answer).
        """
        error = ProtocolError("no answer") if sent else ConnectTimeoutError("no connection")
        return self._wait(self._retry.get_backoff_time()) if self._spend(error=error) else None

    def _spend(self, **outcome: Any) -> bool:
        try:
            self._retry = self._retry.increment(self._method, self._url, **outcome)
        except MaxRetryError:
            return False
        except (ProtocolError, ConnectTimeoutError):  # the policy excludes this method or kind of failure
            return False
        return True

    def _wait(self, seconds: float) -> float | None:
        seconds = min(seconds, _LONGEST_WAIT_SECONDS)
        if self._ends is not None and time.monotonic() + seconds >= self._ends:
            return None
        return seconds


class ApplicationRetries:
    """Pauses of `request_with_retries`, above the transport's own retries.

    Args:
        retry_on: Error classes to try again on, beside connection errors, 408, 429 and 500.
    """

    _ALWAYS: tuple[type[BaseException], ...] = (
        LangSmithConnectionError,
        LangSmithRequestTimeout,
        LangSmithAPIError,
    )
    _RATE_LIMIT_SECONDS = 30.0

    def __init__(self, retry_on: tuple[type[BaseException], ...] = ()) -> None:
        self._retry_on = (*self._ALWAYS, *retry_on)

    def after(self, error: LangSmithError, attempt: int) -> float | None:
        """Seconds to wait after an error, or None if it stands.

        Args:
            error: What the attempt raised.
            attempt: Its number, from 0.
        """
        if isinstance(error, LangSmithRateLimitError):
            asked = self._RATE_LIMIT_SECONDS if error.retry_after is None else error.retry_after
            return min(asked * 2.0**attempt, _LONGEST_WAIT_SECONDS) + random.random()  # noqa: S311 - jitter
        if isinstance(error, self._retry_on):
            return min(2.0**attempt, _LONGEST_WAIT_SECONDS) + random.random() / 2  # noqa: S311 - jitter
        return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait; None if it does not, or not in a way that HTTP knows.

    Args:
        headers: Headers of its answer, their names in any or in lower case.

    Example:
        >>> retry_after({"retry-after": "30"})
        30.0
    """
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(0.0, seconds)
