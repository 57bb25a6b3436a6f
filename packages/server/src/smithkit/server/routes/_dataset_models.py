"""Bodies of requests about datasets and examples."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired
from uuid import UUID, uuid4

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, RootModel
from typing_extensions import TypedDict

from smithkit.server.domain.example_schemas import check_schema
from smithkit.server.domain.fields import Body, Json, JsonText, Moment
from smithkit.server.domain.jsons import dump
from smithkit.server.routes._queries import LARGEST_OFFSET, Page, Piece, Query
from smithkit.server.store import ExampleChange, ExampleOrder, FileOperations

__all__ = [
    "AsOf",
    "Clone",
    "Comparison",
    "DatasetCreate",
    "DatasetList",
    "DatasetShare",
    "DatasetUpdate",
    "Ends",
    "ExampleBodies",
    "ExampleBody",
    "ExampleDeletion",
    "ExampleIds",
    "ExampleList",
    "ExperimentRows",
    "Search",
    "SharedProjects",
    "SplitChange",
    "TagChange",
    "Upload",
    "VersionList",
    "WhichVersion",
]

_KINDS = "kv|llm|chat"
_SPLIT = "dataset_split"


def _schema(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is not None:
        check_schema(value)
    return value


def _splits(value: Any) -> Any:
    if value is None or value == []:
        return None
    return [value] if isinstance(value, str) else value


def _metadata(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is not None and _SPLIT in value:
        splits = _splits(value[_SPLIT])
        if splits is None:
            return {name: own for name, own in value.items() if name != _SPLIT}
        if not isinstance(splits, list) or not all(isinstance(split, str) and split for split in splits):
            raise ValueError(f"{_SPLIT} must be a text or a list of texts")
        return {**value, _SPLIT: splits}
    return value


_Name = Annotated[str, Field(min_length=1, max_length=4096)]
_Schema = Annotated[Json | None, AfterValidator(_schema)]
_Ids = Annotated[list[UUID], Field(max_length=100_000)]


class _Transformation(Body):
    model_config = ConfigDict(extra="allow")

    path: Annotated[list[str], Field(max_length=100)]
    transformation_type: _Name


class _Dataset(Body):
    description: str | None = None
    inputs_schema_definition: _Schema = None
    outputs_schema_definition: _Schema = None
    transformations: list[_Transformation] | None = None
    metadata: Json | None = None

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set; null sets nothing, except that it takes schemas away."""
        given = self.model_dump(
            exclude_none=True, include={"id", "name", "description", "data_type", "created_at"}
        )
        for name, column in (
            ("inputs_schema_definition", "inputs_schema"),
            ("outputs_schema_definition", "outputs_schema"),
            ("transformations", "transformations"),
        ):
            if name in self.model_fields_set:
                value = self.model_dump(include={name})[name]
                given[column] = None if value is None else dump(value).decode()
        if self.metadata is not None:
            given["metadata"] = dump(self.metadata).decode()
        return given


class DatasetCreate(_Dataset):
    """Body of ``POST /datasets``, and of the fields of ``POST /datasets/upload``."""

    id: UUID | None = None
    name: _Name
    data_type: Annotated[str, Field(pattern=rf"^(?:{_KINDS})$")] | None = None
    created_at: Moment = None
    extra: Json | None = None

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set."""
        inner = (self.extra or {}).get("metadata")
        if self.metadata is None and isinstance(inner, dict):
            self.metadata = inner
        return super().columns()


class DatasetUpdate(_Dataset):
    """Body of ``PATCH /datasets/{id}``."""

    name: _Name | None = None
    data_type: Annotated[str, Field(pattern=rf"^(?:{_KINDS})$")] | None = None


class DatasetShare(Body):
    """Body of ``PUT /datasets/{id}/share``."""

    share_token: UUID | None = None


class TagChange(Body):
    """Body of ``PUT /datasets/{id}/tags``."""

    as_of: _Name
    tag: _Name


class DatasetList(Page):
    """Query of ``GET /datasets``."""

    id: list[UUID] | None = None
    name: str | None = None
    name_contains: Piece | None = None
    data_type: str | None = None
    metadata: JsonText | None = None


class VersionList(Page):
    """Query of ``GET /datasets/{id}/versions``."""

    search: Piece | None = None


class WhichVersion(Query):
    """Query of ``GET /datasets/{id}/version``: a time or a tag."""

    as_of: str | None = None
    tag: str | None = None


class AsOf(Query):
    """Query of what is read as it was then: a time or a tag."""

    as_of: str | None = None


class Ends(Query):
    """Query of ``GET /datasets/{id}/versions/diff``: times or tags."""

    from_version: str
    to_version: str


class ExampleList(Page):
    """Query of ``GET /examples``."""

    dataset: list[UUID] | None = None
    id: list[UUID] | None = None
    as_of: str | None = None
    order: ExampleOrder | None = None
    random_seed: str = ""
    splits: list[str] | None = None
    metadata: JsonText | None = None
    filter: str | None = None
    select: list[str] | None = None


class ExampleIds(Query):
    """Query of ``DELETE /examples``."""

    example_ids: list[UUID] | None = None


class SharedProjects(Page):
    """Query of ``GET /public/{token}/datasets/sessions``."""

    id: list[UUID] | None = None
    name: str | None = None
    name_contains: Piece | None = None


class Upload(TypedDict):
    """Body of ``POST /datasets/upload``; other fields are those of `DatasetCreate`."""

    file: bytes
    input_keys: NotRequired[list[str]]
    output_keys: NotRequired[list[str]]
    name: NotRequired[str]


class SplitChange(Body):
    """Body of ``PUT /datasets/{id}/splits``."""

    split_name: _Name
    examples: _Ids
    remove: bool = False


class Clone(Body):
    """Body of ``POST /datasets/clone``."""

    source_dataset_id: UUID
    target_dataset_id: UUID
    as_of: _Name | None = None
    examples: _Ids | None = None
    split: Annotated[list[_Name] | None, BeforeValidator(_splits)] = None


class Comparison(Body):
    """Body of ``POST /datasets/comparative``."""

    id: UUID | None = None
    name: _Name
    experiment_ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)]
    reference_dataset_id: UUID
    description: str | None = None
    created_at: Moment = None
    extra: Json | None = None

    def columns(self) -> dict[str, Any]:
        """Give the columns that the client has set."""
        given = self.model_dump(exclude_none=True, include={"id", "name", "description", "created_at"})
        given["dataset_id"] = self.reference_dataset_id
        return given if self.extra is None else given | {"extra": dump(self.extra).decode()}


class ExperimentRows(Body):
    """Body of ``POST /datasets/{id}/runs``."""

    session_ids: Annotated[list[UUID], Field(max_length=100, default_factory=list)]
    offset: Annotated[int, Field(ge=0, le=LARGEST_OFFSET)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    preview: bool = False
    comparative_experiment_id: UUID | None = None
    filters: dict[UUID, list[str]] | None = None


class Search(Body):
    """Body of ``POST /datasets/{id}/search``."""

    inputs: Json
    limit: Annotated[int, Field(ge=1, le=10_000)] = 5
    filter: str | None = None


class _Operations(Body):
    retain: Annotated[list[str], Field(default_factory=list)]
    rename: Annotated[dict[str, _Name], Field(default_factory=dict)]


class ExampleBody(Body):
    """An example in a request: a new one, or what changes in one."""

    id: UUID | None = None
    dataset_id: UUID | None = None
    created_at: Moment = None
    inputs: Json | None = None
    outputs: Json | None = None
    metadata: Annotated[Json | None, AfterValidator(_metadata)] = None
    split: Annotated[list[_Name] | None, BeforeValidator(_splits)] = None
    source_run_id: UUID | None = None
    use_source_run_io: bool | None = None
    use_source_run_attachments: list[str] | None = None
    attachments_operations: _Operations | None = None

    def change(self, *, example_id: UUID | None = None, dataset_id: UUID | None = None) -> ExampleChange:
        """Turn the body into what a store is asked.

        Args:
            example_id: The example, when the path names it.
            dataset_id: Its dataset, when the path names it.
        """
        operations = self.attachments_operations
        return ExampleChange(
            id=example_id or self.id or uuid4(),
            dataset_id=dataset_id or self.dataset_id,
            created_at=self.created_at,
            inputs=None if self.inputs is None else dump(self.inputs),
            outputs=None if self.outputs is None else dump(self.outputs),
            metadata=self.metadata,
            split=self.split,
            source_run_id=self.source_run_id,
            run_io=bool(self.use_source_run_io),
            run_files=[name.removeprefix("attachment.") for name in self.use_source_run_attachments or ()],
            operations=None if operations is None else FileOperations(operations.retain, operations.rename),
        )


class ExampleBodies(RootModel[Annotated[list[ExampleBody], Field(max_length=100_000)]]):
    """Body of ``POST`` and ``PATCH /examples/bulk``."""


class ExampleDeletion(Body):
    """Body of ``POST /v1/platform/datasets/examples/delete``."""

    example_ids: _Ids
    hard_delete: bool = False
