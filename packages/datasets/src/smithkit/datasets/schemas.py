"""Schemas of datasets and examples.

Models of the server's answers keep fields that they do not know (``extra="allow"``): a newer server
never breaks an older client.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - pydantic evaluates the annotation
from typing import Any, NotRequired, Protocol, runtime_checkable
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import TypedDict  # pydantic wants it before Python 3.12

from smithkit.attachments import Attachment, AttachmentInfo  # noqa: TC001 - pydantic evaluates the annotations

__all__ = [
    "AttachmentsOperations",
    "BaseMessageLike",
    "DataType",
    "Dataset",
    "DatasetBase",
    "DatasetDiffInfo",
    "DatasetShareSchema",
    "DatasetTransformation",
    "DatasetVersion",
    "Example",
    "ExampleBase",
    "ExampleCreate",
    "ExampleSearch",
    "ExampleUpdate",
    "ExampleUpdateWithAttachments",
    "ExampleUploadWithAttachments",
    "ExampleUpsertWithAttachments",
    "UpsertExamplesResponse",
]

_NO_DATASET = UUID(int=0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


class DatasetVersion(BaseModel):
    """A state of a dataset: every write makes one.

    Attributes:
        tags: Names of this version, such as ``"latest"``.
        as_of: When it came to be; what `as_of` arguments take.
    """

    model_config = ConfigDict(extra="allow")

    tags: list[str] | None = None
    as_of: datetime


class DatasetDiffInfo(BaseModel):
    """What is different between two versions of a dataset.

    Attributes:
        examples_modified: Ids of examples that were changed.
        examples_added: Ids of those that came.
        examples_removed: Ids of those that went.
    """

    model_config = ConfigDict(extra="allow")

    examples_modified: list[UUID]
    examples_added: list[UUID]
    examples_removed: list[UUID]


class DatasetShareSchema(TypedDict, total=False):
    """How a dataset is shared.

    Attributes:
        dataset_id: The dataset's id.
        share_token: Whoever has it may read the dataset.
        url: The link that holds it.
    """

    dataset_id: UUID
    share_token: UUID
    url: str


class ExampleBase(BaseModel):
    """What every form of a stored example has.

    Attributes:
        dataset_id: The dataset that it belongs to.
        inputs: What is given to the program under test.
        outputs: What is expected of it.
        metadata: Free-form facts; ``dataset_split`` lists the splits that it is in.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    dataset_id: UUID
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class Example(ExampleBase):
    """An example as the server holds it.

    Attributes:
        id: Its id.
        created_at: When it was made.
        modified_at: When it was last changed.
        source_run_id: The run that it was made of.
        attachments: Its files, name → URL and reader.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)  # readers

    dataset_id: UUID = _NO_DATASET
    id: UUID
    created_at: datetime = _EPOCH
    modified_at: datetime | None = None
    source_run_id: UUID | None = None
    attachments: dict[str, AttachmentInfo] | None = None

    _host_url: str | None = PrivateAttr(default=None)
    _tenant_id: UUID | None = PrivateAttr(default=None)

    def __init__(self, *, _host_url: str | None = None, _tenant_id: UUID | None = None, **data: Any) -> None:
        super().__init__(**data)
        self._host_url = _host_url
        self._tenant_id = _tenant_id

    @property
    def url(self) -> str | None:
        """Its page in the web application; None where the client did not tell the host."""
        if self._host_url is None:
            return None
        path = f"/datasets/{self.dataset_id}/e/{self.id}"
        return f"{self._host_url}{'' if self._tenant_id is None else f'/o/{self._tenant_id}'}{path}"


class ExampleSearch(ExampleBase):
    """An example that `similar_examples` found.

    Attributes:
        id: Its id.
    """

    id: UUID


class ExampleCreate(BaseModel):
    """An example to be made.

    Attributes:
        id: Its id; by default a new one. With an id of yours, sending it twice makes it once.
        created_at: When it was made, by default now.
        inputs: What is given to the program under test.
        outputs: What is expected of it.
        metadata: Free-form facts.
        split: Split, or list of splits, that it is in.
        attachments: Files, name → (MIME type, bytes or path).
        use_source_run_io: Take inputs and outputs of the source run.
        use_source_run_attachments: Names of attachments to take of it.
        source_run_id: The run that it is made of.
    """

    id: UUID | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    split: str | list[str] | None = None
    attachments: dict[str, Attachment | tuple[str, bytes] | tuple[str, Path]] | None = None
    use_source_run_io: bool = False
    use_source_run_attachments: list[str] | None = None
    source_run_id: UUID | None = None


class ExampleUpsertWithAttachments(ExampleCreate):
    """An example to be made, or to be replaced where it is there already.

    Attributes:
        dataset_id: The dataset that it belongs to.
    """

    dataset_id: UUID


class AttachmentsOperations(BaseModel):
    """What becomes of the attachments that an example has; what is neither renamed nor retained goes.

    Attributes:
        rename: Old name → new name.
        retain: Names that stay as they are.
    """

    rename: dict[str, str] = Field(default_factory=dict)
    retain: list[str] = Field(default_factory=list)


class ExampleUpdate(BaseModel):
    """A change to an example; what is None stays as it is.

    Attributes:
        id: The example's id.
        dataset_id: The dataset that it belongs to.
        inputs: New inputs.
        outputs: New outputs.
        metadata: New metadata.
        split: Its splits from now on.
        attachments: New files, in place of those that it has.
        attachments_operations: What becomes of those that it has.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    dataset_id: UUID | None = None
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    split: str | list[str] | None = None
    attachments: dict[str, Attachment | tuple[str, bytes] | tuple[str, Path]] | None = None
    attachments_operations: AttachmentsOperations | None = None


ExampleUploadWithAttachments = ExampleCreate
"""`ExampleCreate`."""
ExampleUpdateWithAttachments = ExampleUpdate
"""`ExampleUpdate`."""


class UpsertExamplesResponse(TypedDict):
    """What an upload brought in.

    Attributes:
        count: How many examples.
        example_ids: Their ids.
        as_of: The dataset's version since then, where the server tells.
    """

    count: int
    example_ids: list[str]
    as_of: NotRequired[str | None]


@runtime_checkable
class BaseMessageLike(Protocol):
    """A chat message as LangChain has it.

    Attributes:
        content: Its text.
        additional_kwargs: What else the provider gave.
        type: Whose it is: ``human``, ``ai``, ``system`` …
    """

    content: str
    additional_kwargs: dict[Any, Any]

    @property
    def type(self) -> str:
        """Whose it is."""
        ...
