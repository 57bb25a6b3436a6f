"""Column types that differ between databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict
from uuid import UUID

from sqlalchemy import BigInteger, Integer, LargeBinary, Uuid
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, TextClause
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

__all__ = ["Guid", "Number", "only_where"]

Number = Integer().with_variant(BigInteger(), "postgresql")
"""The type of numbers that count up. SQLite's have 64 bits anyhow, and count by themselves under this name alone."""


class _Partial(TypedDict):
    sqlite_where: ColumnElement[bool] | TextClause
    postgresql_where: ColumnElement[bool] | TextClause


def only_where(condition: ColumnElement[bool] | TextClause) -> _Partial:
    """Restrict an index to some rows: arguments of `Index`."""
    return {"sqlite_where": condition, "postgresql_where": condition}


class Guid(TypeDecorator[UUID]):
    """A UUID: 16 bytes in SQLite, the native type elsewhere.

    Example:
        >>> from sqlalchemy import Column
        >>> Column("id", Guid()).type.python_type
        <class 'uuid.UUID'>
    """

    impl = LargeBinary(16)
    cache_ok = True

    @property
    def python_type(self) -> type[UUID]:
        """The type of its values."""
        return UUID

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type for a database."""
        return dialect.type_descriptor(LargeBinary(16) if dialect.name == "sqlite" else Uuid())

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """Turn a UUID into what the driver takes."""
        return value.bytes if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Turn what the driver gives into a UUID."""
        return UUID(bytes=value) if value is not None and dialect.name == "sqlite" else value
