"""Every error that smithkit raises.

Names that the LangSmith API's users already catch keep their names::

    LangSmithError
    ├── not sent
    │   ├── LangSmithUserError            the call's own arguments or settings are wrong
    │   │   ├── MissingPackageError       the method or option lives in a package that is not installed
    │   │   └── PluginConflictError       two plugins register a client method of one name
    │   └── LangSmithConnectionError      the server could not be reached, or did not answer in time
    ├── sent and not understood
    │   └── LangSmithResponseError        the answer is not what the API promises (a proxy's page, cut JSON)
    ├── refused
    │   ├── LangSmithAuthError            401
    │   ├── LangSmithNotFoundError        404, or a name that nobody has
    │   ├── LangSmithRequestTimeout       408
    │   ├── LangSmithConflictError        409
    │   ├── LangSmithRateLimitError       429
    │   └── LangSmithAPIError             500
    └── LangSmithExceptionGroup           several endpoints failed, each in its own way

A refusal without a class of its own (400, 403, 413, 422, 502, 503 …) is a plain `LangSmithError`;
`status_code` tells which. Catch `LangSmithError` to catch everything::

    try:
        client.read_run(run_id)
    except LangSmithNotFoundError:
        ...
    except LangSmithError as error:
        print(error.status_code, error)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from smithkit.operations import Response

__all__ = [
    "LangSmithAPIError",
    "LangSmithAuthError",
    "LangSmithBetaWarning",
    "LangSmithConflictError",
    "LangSmithConnectionError",
    "LangSmithError",
    "LangSmithExceptionGroup",
    "LangSmithMissingAPIKeyWarning",
    "LangSmithNotFoundError",
    "LangSmithRateLimitError",
    "LangSmithRequestTimeout",
    "LangSmithResponseError",
    "LangSmithUserError",
    "LangSmithWarning",
    "MissingPackageError",
    "MissingPackageWarning",
    "PluginConflictError",
    "PluginWarning",
]


class LangSmithError(Exception):
    """Base of all errors.

    Attributes:
        status_code: HTTP status of the answer, or None when there was none.
        retry_after: Seconds that the server asked to wait, or None.
        response: The answer that refused, a `smithkit.operations.Response`, or None. It knows its request
            and so the key: it is left behind when the error is pickled.
    """

    def __init__(
        self, *args: object, status_code: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(*args)
        self.status_code = status_code
        self.retry_after = retry_after
        self.response: Response | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__ | {"response": None})


def _restore(kind: type[LangSmithError], args: tuple[Any, ...], state: dict[str, Any]) -> LangSmithError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class LangSmithUserError(LangSmithError):
    """The call's own arguments or settings are wrong; nothing was sent (or a 403 that a setting cures)."""


class MissingPackageError(LangSmithUserError, ImportError):
    """What was asked for lives in a package that is not installed; the message holds the cure."""


class PluginConflictError(LangSmithUserError):
    """Two plugins register a method of the same name."""


class LangSmithConnectionError(LangSmithError):
    """The server could not be reached, or did not answer in time."""


class LangSmithResponseError(LangSmithError):
    """The server answered with something that the API does not promise."""


class LangSmithAuthError(LangSmithError):
    """401: the key is missing, wrong or revoked."""


class LangSmithNotFoundError(LangSmithError):
    """404, or a look-up by name that found nothing."""


class LangSmithRequestTimeout(LangSmithError):  # noqa: N818 - the API's known name
    """408: the server gave up waiting for the request."""


class LangSmithConflictError(LangSmithError):
    """409: what is to be created exists already."""


class LangSmithRateLimitError(LangSmithError):
    """429: too many requests; `retry_after` says how long to wait where the server told."""


class LangSmithAPIError(LangSmithError):
    """500: the server failed."""


class LangSmithExceptionGroup(LangSmithError):  # noqa: N818 - the API's known name
    """Several endpoints failed.

    Attributes:
        exceptions: What each endpoint raised, in the order of the endpoints.
    """

    def __init__(self, message: str, exceptions: Sequence[Exception]) -> None:
        super().__init__(f"{message}: " + "; ".join(f"{type(e).__name__}: {e}" for e in exceptions))
        self.exceptions = list(exceptions)


class LangSmithWarning(UserWarning):
    """Base of smithkit's warnings."""


class LangSmithMissingAPIKeyWarning(LangSmithWarning):
    """Tracing is on, the endpoint is LangSmith's cloud, and there is no key."""


class LangSmithBetaWarning(UserWarning):
    """The method is in beta: it may change."""


class PluginWarning(LangSmithWarning):
    """A plugin could not be loaded, or one of its hooks failed."""


class MissingPackageWarning(LangSmithWarning):
    """An option was given whose package is not installed, so that it has no effect."""
