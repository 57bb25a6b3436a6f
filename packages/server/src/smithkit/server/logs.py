"""The server's log: lines of text or of JSON, without what clients send."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import orjson
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["LogFormat", "set_up_logs"]

LogFormat = Literal["text", "json"]

# Whose messages say nothing of requests: the engine hides the values of statements.
_PLAIN_SPOKEN = (OSError, SQLAlchemyError)


def set_up_logs(kind: LogFormat = "text", *, access: bool = False, stream: TextIO | None = None) -> None:
    """Write the log of this process's server.

    Args:
        kind: Lines of text, or one JSON object a line.
        access: Whether every request has a line.
        stream: Where to; standard error by default.

    Example:
        >>> set_up_logs("json", access=True)
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter() if kind == "json" else _TextFormatter())
    for name, level in (("smithkit.server", logging.WARNING), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
    logging.getLogger("smithkit.server.access").setLevel(logging.INFO if access else logging.WARNING)


class _Formatter(logging.Formatter):
    """Tells of exceptions where they happened, and their message only where it repeats nothing of a request."""

    def formatException(self, ei: object) -> str:  # noqa: N802 - the base class's name
        error = ei[1] if isinstance(ei, tuple) else None
        return _describe(error) if isinstance(error, BaseException) else ""


class _TextFormatter(_Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")


class _JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return orjson.dumps(told).decode()


def _describe(error: BaseException) -> str:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{_describe(cause)}\nand then\n" if cause is not None else ""
    message = f": {error}" if isinstance(error, _PLAIN_SPOKEN) else ""
    kind = type(error)
    return (
        before
        + "".join(traceback.format_tb(error.__traceback__))
        + f"{kind.__module__}.{kind.__qualname__}{message}"
    )
