"""What a `RunTree` holds, and in which form.

A run is made on every traced call, so it is a slotted class that keeps ids as text and times as
integers, and turns them into UUIDs and datetimes when somebody asks. What few runs have (events,
attachments, a reference example …) lives in one dictionary that most runs never get.
"""

# ruff: noqa: SLF001 - the modules that make and send runs share a run's slots

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from smithkit.tracing import _identity
from smithkit.tracing._context import current_replicas, default_project
from smithkit.tracing._rare import Rare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from smithkit.tracing._context import Scope
    from smithkit.tracing._types import WriteReplica
    from smithkit.tracing.run_trees import RunTree

__all__ = ["RunFields", "nanoseconds"]

# What a patch has to repeat because it changed after the post.
TOUCHED_INPUTS = 1
TOUCHED_TAGS = 2
TOUCHED_EXTRA = 4
TOUCHED_REFERENCE = 8

_NOT_COPIED = {"__weakref__", "left_for", "ls_client"}


class RunFields:
    """The fields of `RunTree`."""

    __slots__ = (
        "__weakref__",
        "_end",
        "_extra",
        "_forced",
        "_inputs",
        "_local",
        "_metadata",
        "_op",
        "_outputs",
        "_parent_id",
        "_posted",
        "_rare",
        "_shown",
        "_start",
        "_start_text",
        "_tags",
        "_touched",
        "dotted_order",
        "error",
        "id_text",
        "left_for",
        "ls_client",
        "name",
        "parent_run",
        "run_type",
        "session_name",
        "trace_id_text",
    )

    serialized = Rare["dict[str, Any] | None"](lambda: None)
    events = Rare["list[dict[str, Any]]"](list)
    attachments = Rare["dict[str, Any]"](dict)
    child_runs = Rare["list[RunTree]"](list)
    replicas = Rare["Sequence[WriteReplica] | None"](lambda: None)
    distributed_parent_id = Rare["str | None"](lambda: None)
    dangerously_allow_filesystem = Rare["bool"](lambda: False)
    address = Rare["None"](lambda: None)  # what newer LangChain asks each run for: smithkit's have projects

    id_text: str
    trace_id_text: str
    dotted_order: str
    session_name: str
    ls_client: Any
    parent_run: RunTree | None
    left_for: Scope | RunTree | None  # set by `restore` alone
    error: str | None
    _outputs: dict[str, Any] | None
    _start: int
    _end: int | None
    _rare: dict[str, Any] | None
    _extra: dict[str, Any] | None
    _shown: dict[str, Any] | None
    _start_text: str | None
    _op: Any  # what the pipeline has of it since it began

    def __init__(
        self,
        *,
        name: str | None = None,
        run_type: str = "chain",
        id: UUID | str | None = None,  # noqa: A002 - the API's name
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        extra: Mapping[str, Any] | None = None,
        error: str | None = None,
        serialized: dict[str, Any] | None = None,
        events: Iterable[dict[str, Any]] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        reference_example_id: UUID | str | None = None,
        parent_run_id: UUID | str | None = None,
        tags: Sequence[str] | None = None,
        attachments: Mapping[str, Any] | None = None,
        parent_run: RunTree | None = None,
        parent_dotted_order: str | None = None,
        session_name: str | None = None,
        session_id: UUID | str | None = None,
        ls_client: Any = None,
        dotted_order: str | None = None,
        trace_id: UUID | str | None = None,
        dangerously_allow_filesystem: bool | None = False,
        replicas: Sequence[WriteReplica] | None = None,
        project_name: str | None = None,
        project_id: UUID | str | None = None,
        client: Any = None,
        **ignored: Any,
    ) -> None:
        start = time.time_ns() if start_time is None else nanoseconds(start_time)
        self._rare = None
        self._op = None
        self._local = False
        self._posted = False
        self._forced = False
        self._touched = 0
        self._shown = None
        self.name = name or _name_of(serialized)
        self.run_type = run_type
        self.parent_run = parent_run
        self._start = start if parent_run is None else max(start, parent_run._start)
        self._start_text = None
        self.id_text = _identity.new_id(self._start) if id is None else _identity.parse_id(id)
        self._place(parent_run_id, parent_dotted_order, dotted_order, trace_id)
        self._end = None if end_time is None else nanoseconds(end_time)
        self._inputs = dict(inputs or {})
        self._outputs = None if outputs is None else dict(outputs)
        self._tags = None if not tags else list(tags)
        self.error = error
        self._metadata = dict((extra or {}).get("metadata") or {})
        self._extra = {**extra, "metadata": self._metadata} if extra else None
        named = session_name or project_name
        self.session_name = named or (
            parent_run.session_name if parent_run is not None else default_project()
        )
        found = (
            client if client is not None else ls_client if ls_client is not None else ignored.get("_client")
        )
        self.ls_client = found if found is not None or parent_run is None else parent_run.ls_client
        if replicas is None:
            replicas = (parent_run.replicas if parent_run is not None else None) or current_replicas()
        rare = {
            "serialized": serialized,
            "events": list(events or ()),
            "attachments": dict(attachments or {}),
            "replicas": replicas,
            "dangerously_allow_filesystem": bool(dangerously_allow_filesystem),
            "session_id": _id_text(session_id if session_id is not None else project_id),
            "reference_example_id": _id_text(reference_example_id),
        }
        self._rare = {key: value for key, value in rare.items() if value} or None

    def _place(
        self,
        parent_run_id: UUID | str | None,
        parent_dotted_order: str | None,
        dotted_order: str | None,
        trace_id: UUID | str | None,
    ) -> None:
        """Set ids and dotted order by what is known of the parent."""
        parent = self.parent_run
        above = parent_dotted_order if parent is None else parent.dotted_order
        segment = _identity.dotted_segment(self._start, self.id_text)
        self.dotted_order = dotted_order or (f"{above}.{segment}" if above else segment)
        ids = [part[-36:] for part in self.dotted_order.split(".")]
        known = _id_text(parent_run_id)
        if parent is not None:
            known = parent.id_text
        self._parent_id = known or (ids[-2] if len(ids) > 1 else None)
        self.trace_id_text = ids[0] if trace_id is None else _identity.parse_id(trace_id)

    @property
    def id(self) -> UUID:
        """The run's id."""
        return _uuid(self.id_text)

    @id.setter  # noqa: A003 - see `__init__`
    def id(self, value: UUID | str) -> None:
        self.id_text = _identity.parse_id(value)

    @property
    def trace_id(self) -> UUID:
        """Id of the root run."""
        return _uuid(self.trace_id_text)

    @trace_id.setter
    def trace_id(self, value: UUID | str) -> None:
        self.trace_id_text = _identity.parse_id(value)

    @property
    def parent_run_id(self) -> UUID | None:
        """Id of the parent, None for a root."""
        return None if self._parent_id is None else _uuid(self._parent_id)

    @parent_run_id.setter
    def parent_run_id(self, value: UUID | str | None) -> None:
        self._parent_id = _id_text(value)

    @property
    def parent_dotted_order(self) -> str | None:
        """The parent's dotted order, None for a root."""
        return self.dotted_order.rpartition(".")[0] or None

    @property
    def start_time(self) -> datetime:
        """When the run started, in UTC."""
        return _identity.to_datetime(self._start)

    @start_time.setter
    def start_time(self, value: datetime | str) -> None:
        self._start = nanoseconds(value)
        self._start_text = None

    @property
    def end_time(self) -> datetime | None:
        """When the run ended, in UTC."""
        return None if self._end is None else _identity.to_datetime(self._end)

    @end_time.setter
    def end_time(self, value: datetime | str | None) -> None:
        self._end = None if value is None else nanoseconds(value)

    @property
    def session_id(self) -> UUID | None:
        """Id of the project, where it is known by that."""
        text = (self._rare or {}).get("session_id")
        return None if text is None else _uuid(text)

    @session_id.setter
    def session_id(self, value: UUID | str | None) -> None:
        self._rare = {**(self._rare or {}), "session_id": _id_text(value)}

    @property
    def reference_example_id(self) -> UUID | None:
        """Example of a dataset that the run answers."""
        text = (self._rare or {}).get("reference_example_id")
        return None if text is None else _uuid(text)

    @reference_example_id.setter
    def reference_example_id(self, value: UUID | str | None) -> None:
        self._rare = {**(self._rare or {}), "reference_example_id": _id_text(value)}
        self._touched |= TOUCHED_REFERENCE

    @property
    def inputs(self) -> dict[str, Any]:
        """What the run was called with; a key set, replaced or deleted here is sent with the patch."""
        if self._posted and self._shown is None:
            self._shown = dict(self._inputs)
        return self._inputs

    @inputs.setter
    def inputs(self, value: Mapping[str, Any] | None) -> None:
        self._inputs = dict(value or {})
        self._touched |= TOUCHED_INPUTS

    @property
    def outputs(self) -> dict[str, Any] | None:
        """What the run gave."""
        return self._outputs

    @outputs.setter
    def outputs(self, value: Mapping[str, Any] | None) -> None:
        self._outputs = None if value is None else dict(value)

    @property
    def tags(self) -> list[str]:
        """The run's labels."""
        self._touched |= TOUCHED_TAGS
        if self._tags is None:
            self._tags = []
        return self._tags

    @tags.setter
    def tags(self, value: Sequence[str] | None) -> None:
        self._tags = None if value is None else list(value)
        self._touched |= TOUCHED_TAGS

    @property
    def extra(self) -> dict[str, Any]:
        """Further data, ``metadata`` among it."""
        self._touched |= TOUCHED_EXTRA
        if self._extra is None:
            self._extra = {"metadata": self._metadata}
        return self._extra

    @extra.setter
    def extra(self, value: Mapping[str, Any] | None) -> None:
        self._extra = {"metadata": {}, **(value or {})}
        self._touched |= TOUCHED_EXTRA

    @property
    def metadata(self) -> dict[str, Any]:
        """The run's metadata: ``extra["metadata"]``."""
        self._touched |= TOUCHED_EXTRA
        return self.metadata_now()

    @property
    def client(self) -> Any:
        """The client that the run is sent with; None where none can be made."""
        if self.ls_client is not None:
            return self.ls_client
        from smithkit.tracing._default_client import default_client

        return default_client()

    @client.setter
    def client(self, value: Any) -> None:
        self.ls_client = value

    @property
    def _client(self) -> Any:
        """`ls_client` by the name that LangChain 0.3 knows."""
        return self.ls_client

    @_client.setter
    def _client(self, value: Any) -> None:
        self.ls_client = value

    def metadata_now(self) -> dict[str, Any]:
        """The metadata, read only: a change made to what this returns may not be sent."""
        if self._extra is not None:
            metadata = self._extra.get("metadata")
            if not isinstance(metadata, dict):
                metadata = self._extra["metadata"] = dict(metadata or {})
            self._metadata = metadata
        return self._metadata

    def tags_now(self) -> list[str] | None:
        """The tags, read only."""
        return self._tags

    def inherited_metadata(self) -> dict[str, Any]:
        """The metadata that children get: all but the token usage, which would count twice."""
        metadata = self.metadata_now()
        if "usage_metadata" in metadata:
            return {key: value for key, value in metadata.items() if key != "usage_metadata"}
        return metadata

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        exclude_none: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        """The run's fields, without client, parent object and children.

        Args:
            mode: ``"json"`` gives ids and times as text.
            include: Fields to give, by default all.
            exclude: Fields that stay out.
            exclude_none: Whether fields without a value stay out.

        Returns:
            Field names to values.

        Example:
            >>> from smithkit.tracing import RunTree
            >>> RunTree(name="a", inputs={"x": 1}).model_dump()["inputs"]
            {'x': 1}
        """
        names = (
            "id", "name", "start_time", "run_type", "end_time", "error", "serialized", "outputs",
            "reference_example_id", "parent_run_id", "parent_dotted_order", "session_name", "session_id",
            "dotted_order", "trace_id",
        )  # fmt: skip
        fields = {name: getattr(self, name) for name in names}
        if mode == "json":
            fields = {name: _plain(value) for name, value in fields.items()}
        fields["extra"] = {**(self._extra or {}), "metadata": dict(self.metadata_now())}
        fields["inputs"] = dict(self._inputs)
        fields["tags"] = list(self._tags or ())
        fields["events"] = list((self._rare or {}).get("events", ()))
        fields["attachments"] = dict((self._rare or {}).get("attachments", ()))
        wanted = (fields.keys() if include is None else set(include)) - set(exclude or ())
        return {
            name: value
            for name, value in fields.items()
            if name in wanted and (value is not None or not exclude_none)
        }

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(id={self.id_text!r}, name={self.name!r}, run_type={self.run_type!r}, "
            f"dotted_order={self.dotted_order!r})"
        )

    def __getstate__(self) -> Any:
        """Everything but the client: it owns threads and connections, which neither copy nor travel."""
        slots = [name for name in RunFields.__slots__ if name not in _NOT_COPIED]
        return {name: getattr(self, name) for name in slots}

    def __setstate__(self, state: Any) -> None:
        self.ls_client = None
        for name, value in state.items():
            setattr(self, name, value)


def nanoseconds(when: datetime | str) -> int:
    """Nanoseconds since the epoch, of a datetime or ISO 8601 text."""
    return _identity.from_iso(when) if isinstance(when, str) else _identity.from_datetime(when)


def _uuid(text: str) -> UUID:
    import uuid

    return uuid.UUID(text)


def _id_text(value: UUID | str | None) -> str | None:
    return None if value is None else _identity.parse_id(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value) if type(value).__name__ == "UUID" else value


def _name_of(serialized: Mapping[str, Any] | None) -> str:
    if serialized:
        if serialized.get("name"):
            return str(serialized["name"])
        if serialized.get("id"):
            return str(serialized["id"][-1])
    return "Unnamed"
