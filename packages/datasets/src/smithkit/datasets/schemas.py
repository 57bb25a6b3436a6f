"""Schemas of datasets.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic evaluates the annotation
from enum import StrEnum
from typing import Any
from uuid import UUID  # noqa: TC003 - pydantic evaluates the annotation

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

__all__ = ["DataType", "Dataset", "DatasetBase", "DatasetTransformation"]


class DataType(StrEnum):
    """What the examples of a dataset look like.

    Attributes:
        kv: Objects with any keys.
        llm: A prompt and its completion, both text.
        chat: Messages and their answer.
    """

    kv = "kv"
    llm = "llm"
    chat = "chat"


class DatasetTransformation(TypedDict, total=False):
    """A change that the server makes to examples when they are added.

    Attributes:
        path: Where in the example, outermost key first.
        transformation_type: What is done there, such as ``"remove_extra_fields"``.
    """

    path: list[str]
    transformation_type: str


class DatasetBase(BaseModel):
    """What every form of a dataset has.

    Attributes:
        name: Its name, unique in the workspace.
        description: A text for people.
        data_type: What its examples look like.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    description: str | None = None
    data_type: DataType | None = None


class Dataset(DatasetBase):
    """A dataset as the server holds it.

    Attributes:
        id: Its id.
        created_at: When it was made.
        modified_at: When it was last changed.
        example_count: How many examples it has.
        session_count: How many experiments ran on it.
        last_session_start_time: When the latest of them started.
        inputs_schema: JSON schema of the inputs; the server calls it ``inputs_schema_definition``.
        outputs_schema: JSON schema of the outputs; the server calls it ``outputs_schema_definition``.
        transformations: Changes that the server makes to added examples.
        metadata: Free-form facts about it.
    """

    id: UUID
    created_at: datetime
    modified_at: datetime | None = None
    example_count: int | None = None
    session_count: int | None = None
    last_session_start_time: datetime | None = None
    inputs_schema: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasChoices("inputs_schema", "inputs_schema_definition")
    )
    outputs_schema: dict[str, Any] | None = Field(
        default=None, validation_alias=AliasChoices("outputs_schema", "outputs_schema_definition")
    )
    transformations: list[DatasetTransformation] | None = None
    metadata: dict[str, Any] | None = None

    _host_url: str | None = PrivateAttr(default=None)
    _tenant_id: UUID | None = PrivateAttr(default=None)
    _public_path: str | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        _host_url: str | None = None,
        _tenant_id: UUID | None = None,
        _public_path: str | None = None,
        **data: Any,
    ) -> None:
        super().__init__(**data)
        self._host_url = _host_url
        self._tenant_id = _tenant_id
        self._public_path = _public_path

    @property
    def url(self) -> str | None:
        """Its page in the web application; None where the client did not tell the host."""
        if self._host_url is None:
            return None
        if self._public_path is not None:
            return f"{self._host_url}{self._public_path}"
        if self._tenant_id is not None:
            return f"{self._host_url}/o/{self._tenant_id}/datasets/{self.id}"
        return f"{self._host_url}/datasets/{self.id}"
