"""Tokens: whoever has one may give one run feedback with one key, for a while, and do nothing else.

A token is a signature of what it is for, in the form of a UUID: 122 bits that nobody can guess or make
without the workspace's secret. The store keeps what was signed and a digest of the token, never the token.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson

from smithkit.server.domain.jsons import dump
from smithkit.server.domain.times import format_time, now
from smithkit.server.errors import ApiError, unprocessable
from smithkit.server.services.feedback_items import make_feedback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smithkit.server.domain.runs import Row
    from smithkit.server.limits import Limits
    from smithkit.server.services.feedback import FeedbackService
    from smithkit.server.store import Store

__all__ = ["RateLimiter", "TokenService", "handle_of"]

_LONGEST = 366 * 24 * 3600 * 1_000_000
_CALLERS = 10_000


class RateLimiter:
    """Lets each caller do something so many times a minute; a pause earns more.

    Args:
        per_minute: How many times.

    Example:
        >>> limiter = RateLimiter(1)
        >>> limiter.wait("a"), limiter.wait("b"), limiter.wait("a") > 0
        (0.0, 0.0, True)
    """

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60
        self._most = float(per_minute)
        self._left: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def wait(self, caller: object) -> float:
        """Take one, and tell for how many seconds the caller must wait instead: 0 for none."""
        moment = time.monotonic()
        left, since = self._left.pop(caller, (self._most, moment))
        left = min(self._most, left + (moment - since) * self._rate)
        allowed = left >= 1
        self._left[caller] = (left - 1 if allowed else left, moment)
        if len(self._left) > _CALLERS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class TokenService:
    """Makes tokens and takes feedback by them.

    Args:
        store: Where their records lie; its workspace's secret signs.
        feedback: Takes the feedback.
        limits: Says how often a token may be used.
    """

    def __init__(self, store: Store, feedback: FeedbackService, limits: Limits) -> None:
        self._store = store
        self._feedback = feedback
        self._limiter = RateLimiter(limits.token_uses)

    async def create(self, wanted: Sequence[Row], base_url: str) -> list[dict[str, Any]]:
        """Make tokens.

        Args:
            wanted: `run_id`, `key`, `feedback_id`, `config` and `expires_at` (microseconds) of each.
            base_url: URL of this API, as its caller sees it.

        Returns:
            The tokens as the API shows them.

        Raises:
            ApiError: 422, one ends in the past or in more than a year.
        """
        moment = now()
        for one in wanted:
            if not moment < one["expires_at"] <= moment + _LONGEST:
                raise unprocessable("expires_at: must be in the future, and within a year")
        rows = [self._record(one, moment) for one in wanted]
        await self._store.feedback.add_tokens(rows)
        return [self._render(row, base_url) for row in rows]

    async def find(self, run_id: UUID, limit: int, offset: int, base_url: str) -> list[dict[str, Any]]:
        """Read a run's tokens that have not expired."""
        rows = await self._store.feedback.find_tokens(run_id, limit, offset)
        return [self._render(row, base_url) for row in rows]

    async def use(self, token: str, told: Row) -> None:
        """Take the feedback that a token is for; what the same token gave before is replaced.

        Args:
            token: The token, as it stands in the URL.
            told: Score, value, comment, correction, metadata; a run or key must be those of the token.

        Raises:
            ApiError: 403, forged, expired, or for another run or key; 422; 429.
        """
        row = await self._check(token)
        for name, own in (("run_id", str(row["run_id"])), ("key", row["key"]), ("feedback_key", row["key"])):
            if told.get(name) is not None and str(told[name]) != own:
                raise ApiError(403, f"{name}: the token is for another one")
        body = {name: told.get(name) for name in ("score", "value", "comment", "correction")}
        body |= {
            "run_id": str(row["run_id"]),
            "key": row["key"],
            "feedback_source": {"type": "api", "metadata": told.get("metadata") or {}},
            "feedback_config": None if row["config"] is None else orjson.loads(row["config"]),
        }
        await self._feedback.put(make_feedback(row["feedback_id"], body))

    async def _check(self, token: str) -> Row:
        try:
            signature = UUID(token)
        except ValueError:
            raise _invalid() from None
        row = await self._store.feedback.find_token(handle_of(signature))
        if row is None or not hmac.compare_digest(signature.bytes, self._sign(row).bytes):
            raise _invalid()
        if row["expires_at"] <= now():
            raise ApiError(403, "The feedback token has expired; ask for a new one")
        wait = self._limiter.wait(signature)
        if wait:
            raise ApiError(429, "The feedback token is used too often", {"retry-after": str(int(wait) + 1)})
        return row

    def _record(self, wanted: Row, moment: int) -> Row:
        row = {
            "run_id": wanted["run_id"],
            "key": wanted["key"],
            "feedback_id": wanted["feedback_id"] or uuid4(),
            "config": None if wanted["config"] is None else dump(wanted["config"]).decode(),
            "expires_at": wanted["expires_at"],
            "created_at": moment,
        }
        return {"handle": handle_of(self._sign(row)), **row}

    def _sign(self, row: Row) -> UUID:
        """The token of a record."""
        names = ("run_id", "key", "feedback_id", "config", "expires_at", "created_at")
        message = b"feedback token\n" + orjson.dumps([str(row[name]) for name in names])
        digest = hmac.new(self._store.workspace.secret, message, hashlib.sha256).digest()
        return UUID(bytes=digest[:16], version=4)

    def _render(self, row: Row, base_url: str) -> dict[str, Any]:
        token = self._sign(row)
        return {
            "id": token,
            "url": f"{base_url}/feedback/tokens/{token}",
            "expires_at": format_time(row["expires_at"]),
        }


def handle_of(token: UUID) -> bytes:
    """Give what the store knows a token by."""
    return hashlib.sha256(token.bytes).digest()


def _invalid() -> ApiError:
    return ApiError(403, "The feedback token is not valid")
