"""`RunTree`: one run and its place in a trace."""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

from smithkit.tracing import _identity
from smithkit.tracing._context import joined
from smithkit.tracing._run_fields import RunFields, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    # Inside of the class `dict` is a method.
    Data = dict[str, Any]
    Headers = dict[str, str]

__all__ = ["RunTree"]

_USAGE_KEYS = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "input_token_details",
        "output_token_details",
        "input_cost",
        "output_cost",
        "total_cost",
        "input_cost_details",
        "output_cost_details",
    }
)


class RunTree(RunFields):
    """One run: what was called, with what, what came out, and where in which trace.

    Runs are made by `traceable` and `trace`. Make one by hand to trace what neither can wrap: `post` it
    when the work starts, `end` and `patch` it when the work is done. Nothing here raises because the
    server or the network fails.

    Unknown keyword arguments are ignored; `project_name`, `project_id` and `client` are other names of
    `session_name`, `session_id` and `ls_client`.

    Args:
        name: What the run is called; by default the name in `serialized`, else ``"Unnamed"``.
        run_type: ``chain``, ``llm``, ``tool``, ``retriever``, ``embedding``, ``prompt`` or ``parser``.
        id: The run's id, by default a new version 7 UUID of the start time.
        start_time: When it started, by default now; never before the parent's start.
        end_time: When it ended.
        extra: Further data; ``extra["metadata"]`` is the run's metadata.
        error: Text of what went wrong.
        serialized: Description of the called object (``llm`` and ``prompt`` runs).
        events: Things that happened on the way, each with ``name`` and ``time``.
        inputs: What it was called with.
        outputs: What it gave.
        reference_example_id: Example of a dataset that the run answers.
        parent_run_id: Id of the parent, when there is no `parent_run`.
        tags: Labels.
        attachments: Name → (MIME type, bytes or path).
        parent_run: The parent.
        parent_dotted_order: The parent's `dotted_order`, when there is no `parent_run`.
        session_name: The project; by default the parent's, else the one configured.
        session_id: The project's id, in place of its name.
        ls_client: Client to send with; by default the parent's, else the one configured.
        dotted_order: Place in the trace, by default made of the parent's, start time and id.
        trace_id: Id of the root run.
        dangerously_allow_filesystem: Whether attachments may be paths, which are read and uploaded.
        replicas: Places to write the run to, in place of its project and the client's endpoint (see
            `WriteReplica`); by default the parent's, the context's, or what ``LANGSMITH_RUNS_ENDPOINTS`` names.

    Example:
        >>> from smithkit.tracing import RunTree
        >>> run = RunTree(name="shop", inputs={"item": "tea"}, project_name="demo")
        >>> step = run.create_child("price", run_type="tool", inputs={"item": "tea"})
        >>> step.end(outputs={"price": 3})
        >>> step.trace_id == run.id, step.dotted_order.startswith(run.dotted_order)
        (True, True)
    """

    __slots__ = ()

    def create_child(
        self,
        name: str,
        run_type: str = "chain",
        *,
        run_id: UUID | str | None = None,
        serialized: Data | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        error: str | None = None,
        reference_example_id: UUID | str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        tags: Sequence[str] | None = None,
        extra: Mapping[str, Any] | None = None,
        attachments: Mapping[str, Any] | None = None,
    ) -> RunTree:
        """Make a run below this one: same trace, project and client. It is not posted yet.

        Args:
            name: What the child is called.
            run_type: See `RunTree`, as for the other arguments.
            run_id: The child's id.
            serialized: Description of the called object.
            inputs: What it was called with.
            outputs: What it gave.
            error: Text of what went wrong.
            reference_example_id: Example that it answers.
            start_time: When it started, by default now; never before this run's start.
            end_time: When it ended.
            tags: Labels; the parent's are not inherited.
            extra: Further data.
            attachments: Name → (MIME type, bytes or path).

        Returns:
            The child; it is in `child_runs` too.

        Example:
            >>> RunTree(name="a").create_child("b").name
            'b'
        """
        child = RunTree(
            name=name,
            run_type=run_type,
            id=run_id,
            serialized=serialized,
            inputs=inputs,
            outputs=outputs,
            error=error,
            reference_example_id=reference_example_id,
            start_time=start_time,
            end_time=end_time,
            tags=tags,
            extra=extra,
            attachments=attachments,
            parent_run=self,
            session_id=self.session_id,
            dangerously_allow_filesystem=self.dangerously_allow_filesystem,
        )
        child._local = self._local
        self.child_runs.append(child)
        return child

    def end(
        self,
        *,
        outputs: Mapping[str, Any] | None = None,
        error: str | None = None,
        end_time: datetime | str | None = None,
        events: Iterable[Data] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Note how the run ended; `patch` sends it.

        Args:
            outputs: What it gave, merged into the outputs that it has.
            error: Text of what went wrong.
            end_time: When it ended, by default now.
            events: Further events.
            metadata: Further metadata.
        """
        self._end = time.time_ns() if end_time is None else nanoseconds(end_time)
        if outputs is not None:
            self.add_outputs(outputs)
        if error is not None:
            self.error = error
        if events is not None:
            self.add_event(events)
        if metadata:
            self.add_metadata(metadata)

    def set(
        self,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        tags: Sequence[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        usage_metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace what tracing noted by itself.

        Args:
            inputs: In place of the arguments.
            outputs: In place of the traced function's result, which is not recorded then.
            tags: In place of the tags.
            metadata: Further metadata.
            usage_metadata: Tokens and costs of a model call: ``input_tokens``, ``output_tokens``,
                ``total_tokens``, ``input_token_details``, ``output_token_details``, ``input_cost``,
                ``output_cost``, ``total_cost``, ``input_cost_details``, ``output_cost_details``.

        Raises:
            ValueError: `usage_metadata` has another key.

        Example:
            >>> run = RunTree(name="model", run_type="llm")
            >>> run.set(usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
            >>> run.metadata["usage_metadata"]["total_tokens"]
            7
        """
        if usage_metadata is not None:
            unknown = sorted(set(usage_metadata) - _USAGE_KEYS)
            if unknown:
                raise ValueError(
                    f"usage_metadata has unknown keys {unknown}; known are {sorted(_USAGE_KEYS)}"
                )
            self.add_metadata({"usage_metadata": dict(usage_metadata)})
        if inputs is not None:
            self.inputs = dict(inputs)
        if outputs is not None:
            self._outputs = dict(outputs)
            self._forced = True
        if tags is not None:
            self.tags = list(tags)
        if metadata:
            self.add_metadata(metadata)

    def add_tags(self, tags: Sequence[str] | str) -> None:
        """Add labels, each once."""
        self.tags = joined(self._tags, (tags,) if isinstance(tags, str) else tags) or []

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata; it replaces values of the same key."""
        self.metadata.update(metadata)

    def add_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Merge outputs into those that the run has."""
        self._outputs = {**(self._outputs or {}), **outputs}

    def add_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Merge inputs into those that the run has."""
        self.inputs = {**self._inputs, **inputs}

    def add_event(self, events: str | Data | Iterable[str | Data]) -> None:
        """Note that something happened.

        Args:
            events: A message, an event (``name``, ``time`` and more), or several of them.
        """
        several: Iterable[Any] = [events] if isinstance(events, (str, dict)) else events
        for event in several:
            if isinstance(event, str):
                now = _identity.iso(time.time_ns())
                self.events.append({"name": "event", "time": now, "message": event})
            else:
                self.events.append(dict(event))

    def post(self, exclude_child_runs: bool = True) -> None:  # noqa: FBT001, FBT002 - the API's known signature
        """Send that the run has started. Failures are logged, not raised.

        Args:
            exclude_child_runs: Whether `child_runs` stay out; False posts each of them too.
        """
        from smithkit.tracing._sending import send_post

        send_post(self)
        if not exclude_child_runs:
            for child in self.child_runs:
                child.post(exclude_child_runs=False)

    def patch(self, *, exclude_inputs: bool = False) -> None:
        """Send how the run ended; a missing end time is now. Failures are logged, not raised.

        Args:
            exclude_inputs: Whether inputs stay out even if they changed.
        """
        from smithkit.tracing._sending import send_patch

        send_patch(self, exclude_inputs=exclude_inputs)

    def get_url(self) -> str:
        """The run's page; the client may have to ask the server for the project's id.

        Raises:
            LangSmithError: The server did not tell, or there is no client.
        """
        client = self.client
        if client is None:
            from smithkit.errors import LangSmithUserError

            raise LangSmithUserError(
                "No client could be made: give RunTree(client=…) or configure(client=…)."
            )
        return str(client.get_run_url(run=self))

    def to_headers(
        self, headers: Mapping[str, str] | None = None, *, traceparent: bool | None = None
    ) -> Headers:
        """Headers for a request to a service that continues this trace.

        Args:
            headers: Headers that the request has already; they are in the result, and items of ``baggage``
                that are not ours stay in it.
            traceparent: Whether to write W3C's ``traceparent`` too, for services that speak OpenTelemetry.
                By default where runs are exported as spans (``LANGSMITH_OTEL_ENABLED``): the header names
                this run's span, which has to exist.

        Returns:
            ``langsmith-trace`` with the place in the trace; ``baggage`` with the run's own metadata, tags
            and project where it has some. Of these, what would make the header longer than 8192 bytes
            stays out, which is logged.

        Example:
            >>> run = RunTree(name="up", project_name="demo")
            >>> sorted(run.to_headers())
            ['baggage', 'langsmith-trace']
            >>> run.to_headers({"baggage": "user=u1"})["baggage"]
            'user=u1,langsmith-project=demo'
        """
        from smithkit.tracing._propagation import to_headers

        return to_headers(self, headers, traceparent=traceparent)

    @classmethod
    def from_headers(cls, headers: Mapping[Any, Any], **kwargs: Any) -> RunTree | None:
        """The caller's run, of the headers of its request: a parent for runs here.

        Headers come from outside: only place in the trace, metadata, tags and project are read, what
        cannot be parsed or is too long is ignored, and so are names that tell of runs themselves
        (``usage_metadata``, ``ls_…``, ``__…``). Endpoints, keys, files and replicas are never taken.

        Args:
            headers: Names to values, text or bytes, in any case.
            **kwargs: Fields of the `RunTree`; metadata in `extra` wins over the headers'.

        Returns:
            The run, named ``parent``, which is not to be posted; None without a valid
            ``langsmith-trace`` header.

        Example:
            >>> up = RunTree(name="up")
            >>> RunTree.from_headers(up.to_headers()).id == up.id
            True
        """
        from smithkit.tracing._propagation import from_headers

        return from_headers(headers, **kwargs)

    @classmethod
    def from_dotted_order(cls, dotted_order: str, **kwargs: Any) -> RunTree:
        """A run of another process, of its place in its trace: a parent for runs here.

        Args:
            dotted_order: The run's `dotted_order`.
            **kwargs: Fields of the `RunTree`.

        Returns:
            The run, named ``parent``, which is not to be posted.

        Raises:
            ValueError: It is not a dotted order.

        Example:
            >>> up = RunTree(name="up")
            >>> RunTree.from_dotted_order(up.dotted_order).trace_id == up.trace_id
            True
        """
        from smithkit.tracing._propagation import remote_run

        return remote_run(dotted_order, **kwargs)

    @classmethod
    def from_runnable_config(cls, config: Mapping[str, Any] | None, **kwargs: Any) -> RunTree | None:
        """The run that LangChain traces a step with: a parent for runs here.

        `traceable` and `trace` find it by themselves. Use this where you make runs by hand.

        Args:
            config: The `RunnableConfig` that the step was given; None for the one that is current.
            **kwargs: Fields of the `RunTree` that differ.

        Returns:
            The run, which LangChain posts and patches; None where the config has no tracer.

        Example:
            >>> RunTree.from_runnable_config({"callbacks": []}) is None
            True
        """
        from smithkit.tracing._langchain import run_of_config

        return run_of_config(config, **kwargs)

    @classmethod
    def model_construct(cls, _fields_set: Any = None, **values: Any) -> RunTree:
        """Make a run of what `model_dump` gave."""
        return cls(**values)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> RunTree:
        """A copy of the run, with the same client.

        Args:
            update: Fields that differ.
            deep: Whether inputs, outputs and all else are copied too.
        """
        made = copy.deepcopy(self) if deep else copy.copy(self)
        made.ls_client = self.ls_client
        for name, value in (update or {}).items():
            setattr(made, name, value)
        return made

    def model_dump_json(self, **kwargs: Any) -> str:
        """`model_dump` as JSON text; values that JSON does not know are encoded as runs are.

        Args:
            **kwargs: See `model_dump`.
        """
        from smithkit.tracing._serialize import dumps

        return dumps(self.model_dump(**{"mode": "json", **kwargs})).decode()

    def json(self, **kwargs: Any) -> str:
        """`model_dump_json` under its older name."""
        return self.model_dump_json(**kwargs)

    @classmethod
    def construct(cls, _fields_set: Any = None, **values: Any) -> RunTree:
        """`model_construct` under its older name."""
        return cls.model_construct(_fields_set, **values)

    def copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> RunTree:
        """`model_copy` under its older name."""
        return self.model_copy(update=update, deep=deep)

    def dict(self, **kwargs: Any) -> Data:
        """`model_dump` under its older name."""
        return self.model_dump(**kwargs)
