"""`Client` and `AsyncClient`: one class each, composed of what is installed.

Their methods come from the plugins: the first-party packages and any third party's. The classes are
composed when one of them is first used, not when this module is imported, which keeps
``import smithkit`` fast.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    import requests
    from urllib3.util import Retry

    from smithkit.datasets import AsyncDatasetMethods, DatasetMethods
    from smithkit.delivery import DeliveryReport
    from smithkit.evaluation import AsyncEvaluationMethods, EvaluationMethods
    from smithkit.feedback import AsyncFeedbackMethods, FeedbackMethods
    from smithkit.prompts import AsyncPromptMethods, PromptMethods
    from smithkit.schemas import LangSmithInfo
    from smithkit.tracing import AsyncTracingMethods, TracingMethods
    from smithkit.transport import AsyncTransport, SyncTransport

    M = TypeVar("M")

    class _ClientBases(
        DatasetMethods,
        EvaluationMethods,
        FeedbackMethods,
        PromptMethods,
        TracingMethods,
        SyncTransport,
    ): ...

    class _AsyncClientBases(
        AsyncDatasetMethods,
        AsyncEvaluationMethods,
        AsyncFeedbackMethods,
        AsyncPromptMethods,
        AsyncTracingMethods,
        AsyncTransport,
    ): ...

    _Composed = type
else:

    class _Composed(type):
        """Composes the clients before one of them is instantiated or looked into."""

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            _compose()
            if not _composed:
                from smithkit.errors import LangSmithUserError

                raise LangSmithUserError(
                    f"{cls.__name__} is made while plugins are loaded: make it where it is first used."
                )
            return super().__call__(*args, **kwargs)

        def __getattr__(cls, name: str) -> Any:
            if not name.startswith("__"):
                _compose()
                try:
                    return super().__getattribute__(name)
                except AttributeError:
                    pass
            raise AttributeError(_missing(cls.__name__, name))

        def __dir__(cls) -> list[str]:
            _compose()
            return super().__dir__()

        @property
        def __signature__(cls) -> Any:
            """The constructor's arguments, for help(): else those of `__call__` would be shown."""
            from inspect import Signature, signature

            return Signature(list(signature(cls.__init__).parameters.values())[1:])

    class _Uncomposed:
        """Bases can be assigned to a class only if its first base is not `object`."""

    class _ClientBases(_Uncomposed):
        """Stands for what `Client` is composed of."""

    class _AsyncClientBases(_Uncomposed):
        """Stands for what `AsyncClient` is composed of."""


__all__ = ["AsyncClient", "Client"]


class Client(_ClientBases, metaclass=_Composed):
    """A client of the LangSmith API.

    Without an endpoint and a key it works on the embedded backend, a file on this machine, where
    `smithkit-server` is installed. An option that belongs to a package that is not installed has no
    effect and says so with a `MissingPackageWarning`.

    Args:
        api_url: Base URL of the API, or ``sqlite:///path.db`` for an embedded backend's file.
            Default: ``LANGSMITH_ENDPOINT``, else see `smithkit.config`.
        api_key: API key. Default: ``LANGSMITH_API_KEY``; ``""`` for none.
        retry_config: Retry policy of every request. Default: `smithkit.retry.default_retry()`.
        timeout_ms: Milliseconds to connect and to read: one number, or a pair. Default: (10 000, 90 001).
        web_url: Host that links point to. Default: guessed from `api_url`.
        session: A `requests.Session` of your own; it is used as it is.
        auto_batch_tracing: Send runs in the background. With False each run is one request, made at once.
        anonymizer: Called with a copy of inputs and of outputs; its result is sent in their place.
        hide_inputs: True to send no inputs, or a function of the inputs that gives what is sent.
        hide_outputs: The same for outputs.
        hide_metadata: The same for metadata.
        omit_traced_runtime_info: Leave out what runs say about the machine and the environment.
        process_buffered_run_ops: Called with lists of runs before they are queued; gives the list to send.
        run_ops_buffer_size: How many runs to collect for it.
        run_ops_buffer_timeout_ms: Milliseconds after which an incomplete list is handed over.
        info: What the server's ``/info`` would answer; then it is not asked.
        api_urls: Base URL → key of several endpoints: runs are written to all, read from the first.
        otel_tracer_provider: OpenTelemetry provider to export runs through; it is what `otel_enabled` exports to.
        otel_enabled: Export runs as OpenTelemetry spans too (``LANGSMITH_OTEL_ENABLED``), see docs/opentelemetry.md.
        tracing_sampling_rate: Share of traces to keep, 0 to 1.
        workspace_id: Workspace to act in, for keys that are valid for several.
        max_batch_size_bytes: Largest body of runs, in bytes. Default: what the server says.
        headers: Headers of every request; they never replace the key or the workspace.
        tracing_error_callback: Called with each exception that keeps runs from being delivered.
        disable_prompt_cache: Pull prompts anew each time.
        cache: Deprecated; see `disable_prompt_cache`.
        plugins: Plugins of this client alone, see `smithkit.hooks`.

    Raises:
        LangSmithUserError: Options that contradict each other or are out of range.
        ValueError: One of two options that need each other is missing.

    Example:
        >>> from smithkit import Client
        >>> client = Client("https://langsmith.example/api", api_key="key")
        >>> client.api_url
        'https://langsmith.example/api'
    """

    def __init__(
        self,
        api_url: str | None = None,
        *,
        api_key: str | None = None,
        retry_config: Retry | None = None,
        timeout_ms: int | tuple[int, int] | None = None,
        web_url: str | None = None,
        session: requests.Session | None = None,
        auto_batch_tracing: bool = True,
        anonymizer: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        hide_inputs: Callable[[dict[str, Any]], dict[str, Any]] | bool | None = None,
        hide_outputs: Callable[[dict[str, Any]], dict[str, Any]] | bool | None = None,
        hide_metadata: Callable[[dict[str, Any]], dict[str, Any]] | bool | None = None,
        omit_traced_runtime_info: bool = False,
        process_buffered_run_ops: Callable[[Sequence[dict[str, Any]]], Sequence[dict[str, Any]]]
        | None = None,
        run_ops_buffer_size: int | None = None,
        run_ops_buffer_timeout_ms: float | None = None,
        info: dict[str, Any] | LangSmithInfo | None = None,
        api_urls: dict[str, str] | None = None,
        otel_tracer_provider: Any = None,
        otel_enabled: bool | None = None,
        tracing_sampling_rate: float | None = None,
        workspace_id: str | None = None,
        max_batch_size_bytes: int | None = None,
        headers: dict[str, str] | None = None,
        tracing_error_callback: Callable[[Exception], None] | None = None,
        disable_prompt_cache: bool = False,
        cache: Any = None,
        plugins: Sequence[object] = (),
    ) -> None:
        from smithkit import _construction

        options = _construction.changed_options(locals())
        config = _construction.resolve(
            api_url=api_url,
            api_key=api_key,
            workspace_id=workspace_id,
            web_url=web_url,
            headers=headers,
            timeout_ms=timeout_ms,
            retry=retry_config,
            api_urls=api_urls,
            info=info,
            names_remote=session is not None,
            options=options,
        )
        super().__init__(config, _construction.hooks(plugins), session)
        _construction.configure(self)

    def use(self, methods: type[M]) -> M:
        """A view of this client with the methods of a class, typed as that class.

        For methods of third parties: type checkers know them, which they can not for methods that a
        plugin adds at run time.

        Args:
            methods: A class of methods, as a plugin would register it.

        Returns:
            An object with its methods; it shares this client's connection and settings.

        Example:
            >>> from smithkit import Client
            >>> class Greetings:
            ...     def greet(self) -> str:
            ...         return "hello"
            >>> Client("https://langsmith.example").use(Greetings).greet()
            'hello'
        """
        from smithkit import _construction

        return _construction.view(self, methods)

    def close(self, timeout: float = 30.0) -> DeliveryReport:
        """Deliver what is queued, within a limit of time, and close the connections.

        The end of a ``with`` block does the same; what is lost by it is logged with its count.

        Args:
            timeout: Seconds to deliver at most.

        Returns:
            What became of the runs, see `DeliveryReport`; it is false if any were lost.

        Example:
            >>> from smithkit import Client
            >>> bool(Client("https://langsmith.example").close(timeout=5))
            True
        """
        from smithkit import _construction

        try:
            return _construction.finish(self, timeout)
        finally:
            super().close()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(_missing(type(self).__name__, name))


class AsyncClient(_AsyncClientBases, metaclass=_Composed):
    """The asynchronous client: every method of `Client`, awaited or iterated with ``async for``.

    Args:
        api_url: See `Client`.
        api_key: See `Client`.
        timeout_ms: See `Client`; of four numbers (connect, read, write, pool) the first two count.
        retry_config: A `urllib3.util.Retry`, or ``{"max_retries": n}``.
        web_url: See `Client`.
        disable_prompt_cache: See `Client`.
        cache: Deprecated.
        workspace_id: See `Client`.
        headers: See `Client`.
        plugins: See `Client`.
        options: All further options of `Client` but `session`.

    Raises:
        MissingPackageError: httpx2 is not installed: ``pip install 'smithkit-core[async]'``.
        LangSmithUserError: See `Client`.

    Example:
        >>> from smithkit import AsyncClient
        >>> AsyncClient("https://langsmith.example").api_url
        'https://langsmith.example'
    """

    def __init__(  # noqa: PLR0917 - the API's own signature
        self,
        api_url: str | None = None,
        api_key: str | None = None,
        timeout_ms: int | tuple[int | None, ...] | None = None,
        retry_config: Retry | Mapping[str, Any] | None = None,
        web_url: str | None = None,
        disable_prompt_cache: bool = False,  # noqa: FBT001, FBT002 - the API's own signature
        cache: Any = None,
        *,
        workspace_id: str | None = None,
        headers: dict[str, str] | None = None,
        info: dict[str, Any] | LangSmithInfo | None = None,
        api_urls: dict[str, str] | None = None,
        plugins: Sequence[object] = (),
        **options: Any,
    ) -> None:
        from smithkit import _construction, retry

        given = _construction.changed_options(locals()) | _construction.known_options(options)
        config = _construction.resolve(
            api_url=api_url,
            api_key=api_key,
            workspace_id=workspace_id,
            web_url=web_url,
            headers=headers,
            timeout_ms=_construction.first_two(timeout_ms),
            retry=None if retry_config is None else retry.policy(retry_config),
            api_urls=api_urls,
            info=info,
            options=given,
        )
        super().__init__(config, _construction.hooks(plugins))
        _construction.configure(self)

    def use(self, methods: type[M]) -> M:
        """A view of this client with the methods of a class; see `Client.use`.

        Args:
            methods: A class of methods; let it derive from `smithkit.transport.AsyncTransport` too, so
                that type checkers know that its operations are awaited.
        """
        from smithkit import _construction

        return _construction.view(self, methods)

    async def aclose(self, timeout: float = 30.0) -> DeliveryReport:  # noqa: ASYNC109 - the sync method's argument
        """Deliver what is queued, within a limit of time, and close the connections; see `Client.close`.

        Args:
            timeout: Seconds to deliver at most.

        Returns:
            What became of the runs.
        """
        import asyncio

        from smithkit import _construction

        try:
            return await asyncio.to_thread(_construction.finish, self, timeout)
        finally:
            await super().aclose()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(_missing(type(self).__name__, name))


_composed = False


def _compose() -> None:
    """Compose the clients of what is installed, unless it is a plugin that asks while it is loaded."""
    if _composed:
        return
    from smithkit.errors import PluginWarning
    from smithkit.plugins import manager

    with manager().lock:
        if _composed or manager().loading:
            return
        try:
            manager().load()
        except PluginWarning:  # warnings are errors: it is raised once, and then the clients work
            _finish()
            raise
        _finish()


def _finish() -> None:
    """Give the clients their bases."""
    global _composed  # noqa: PLW0603 - once a process
    from smithkit.plugins import manager

    _assign_bases()
    manager().on_change(_assign_bases)
    _composed = True


def _assign_bases() -> None:
    from smithkit.plugins import manager
    from smithkit.transport import AsyncTransport, SyncTransport

    registry = manager().registry
    _ClientBases.__bases__ = (*registry.classes(asynchronous=False), SyncTransport)
    _AsyncClientBases.__bases__ = (*registry.classes(asynchronous=True), AsyncTransport)


def _missing(owner: str, name: str) -> str:
    """Why a client has no such method, and the cure."""
    from smithkit._catalogue import METHODS

    text = f"{owner} has no `{name}`"
    package = METHODS.get(name)
    if package is None:
        return text
    from smithkit.plugins import manager

    for record in manager().records:
        if record.name == package and record.status != "loaded":
            return f"{text}: smithkit-{package} is installed but {record.status}: {record.reason}"
        if record.name == package:
            return f"{text}: upgrade smithkit-{package}"
    return f"{text}: pip install 'smithkit-core[{package}]'"
