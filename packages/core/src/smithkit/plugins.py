"""Finding plugins, loading each on its own, and calling their hooks.

The entry points of the group ``smithkit`` are looked up once per process, when a client is first
used, and loaded in the order of their names. ``SMITHKIT_PLUGINS`` (names, separated by commas; empty
for none) says which alone to load, ``SMITHKIT_DISABLE_PLUGINS`` which not. A plugin that cannot be
loaded is recorded with the reason, warned about once and left out: it never breaks the program.
`smithkit plugins` shows the records.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import logging
import os
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from smithkit._quiet import Quiet
from smithkit.errors import LangSmithError, LangSmithUserError, PluginConflictError, PluginWarning
from smithkit.hooks import API_VERSION, PROJECT, HookSpecs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pluggy import HookImpl

__all__ = [
    "ClientHooks",
    "MethodRegistry",
    "PluginManager",
    "PluginRecord",
    "configure",
    "manager",
    "public_methods",
]

_log = logging.getLogger("smithkit.plugins")
_quiet = Quiet()
_PROCESS_HOOKS = frozenset(
    {"register_methods", "register_commands", "register_routes", "create_embedder", "create_store"}
)


@dataclass(slots=True)
class PluginRecord:
    """What became of a plugin.

    Attributes:
        name: Its entry point's name, or the name it was registered under.
        source: Distribution and version, or ``"registered"``.
        status: ``loaded``, ``failed`` or ``skipped``.
        reason: Why it failed or was skipped.
        methods: Client methods that it adds.
        hooks: Hooks that it implements.
    """

    name: str
    source: str
    status: Literal["loaded", "failed", "skipped"]
    reason: str = ""
    methods: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _MethodClasses:
    """The classes of methods that one plugin adds."""

    plugin: str
    synchronous: type
    asynchronous: type
    names: frozenset[str]
    replaces: frozenset[str]


class MethodRegistry:
    """Takes the classes of methods that plugins add to the clients."""

    def __init__(self) -> None:
        self._classes: list[_MethodClasses] = []
        self._current = ""

    def add(self, methods: type, *, asynchronous: type | None = None, replaces: Collection[str] = ()) -> None:
        """Add the public methods of a class to `Client` and `AsyncClient`.

        Args:
            methods: A class whose methods are `operation`, `paginated` or plain ones.
            asynchronous: The class for `AsyncClient`, where it differs.
            replaces: Names of methods that are meant to take another plugin's place.

        Raises:
            PluginConflictError: A method of the same name is there already and is not in `replaces`.

        Example:
            >>> class Greetings:
            ...     def greet(self) -> str:
            ...         return "hello"
            >>> MethodRegistry().add(Greetings)
        """
        names = public_methods(methods) | public_methods(asynchronous or methods)
        owners = self._owners()
        for name in sorted(names - set(replaces)):
            owner = owners.get(name, "smithkit-core" if name in _core_methods() else None)
            if owner is not None:
                raise PluginConflictError(
                    f"Plugin {self._current!r} adds the client method {name!r}, which {owner!r} has already. "
                    f"Rename it, or add it with replaces={{{name!r}}} if it is meant to take its place."
                )
        entry = _MethodClasses(
            self._current, methods, asynchronous or methods, frozenset(names), frozenset(replaces)
        )
        self._classes.append(entry)

    def classes(self, *, asynchronous: bool) -> tuple[type, ...]:
        """The classes in method resolution order: what replaces stands before what it replaces.

        Of two that replace, the one that came later stands first.
        """
        replacing = [entry for entry in self._classes if entry.replaces]
        ordered = replacing[::-1] + [entry for entry in self._classes if not entry.replaces]
        return tuple(entry.asynchronous if asynchronous else entry.synchronous for entry in ordered)

    def methods_of(self, plugin: str) -> list[str]:
        """Names of the methods that a plugin adds."""
        return sorted(name for name, owner in self._owners().items() if owner == plugin)

    def _owners(self) -> dict[str, str]:
        """Method → the plugin whose method it is now."""
        return {name: entry.plugin for entry in self._classes for name in entry.names}

    def _remove(self, plugin: str) -> None:
        self._classes = [entry for entry in self._classes if entry.plugin != plugin]

    def _check_composition(self) -> None:
        """Raise TypeError if Python cannot make one class of all the classes."""
        from smithkit.transport import AsyncTransport, SyncTransport

        class Trial(_Trial):
            """Gets the bases that the clients are about to get."""

        Trial.__bases__ = (*self.classes(asynchronous=False), SyncTransport)
        Trial.__bases__ = (*self.classes(asynchronous=True), AsyncTransport)


class _Trial:
    """Bases can be assigned to a class only if its first base is not `object`."""


def public_methods(methods: type) -> set[str]:
    """Names of the public attributes that a class and its bases define, but for `Methods` itself."""
    from smithkit.operations import Methods

    return {
        name
        for base in methods.__mro__
        if base not in (object, Methods)
        for name in vars(base)
        if not name.startswith("_")
    }


class _Hooks:
    """Calls hooks of one pluggy manager, each implementation on its own."""

    def __init__(self) -> None:
        self.pm = pluggy.PluginManager(PROJECT)
        self.pm.add_hookspecs(HookSpecs)
        self.found: dict[str, tuple[HookImpl, ...]] = {}
        """Hook → its implementations; forgotten when a plugin comes or goes."""

    def implementations(self, name: str) -> tuple[HookImpl, ...]:
        """The implementations of a hook, first to be called first."""
        found = self.found  # another thread may put a new one in its place
        if name not in found:
            found[name] = tuple(reversed(getattr(self.pm.hook, name).get_hookimpls()))
        return found[name]

    def register(self, plugin: object, name: str) -> list[str]:
        """Register a plugin and check all that it implements; nothing stays behind when that fails."""
        try:
            return _register(self.pm, plugin, name)
        finally:
            self.found = {}

    def unregister(self, plugin: object) -> None:
        """Take a plugin back."""
        self.pm.unregister(plugin)
        self.found = {}


class ClientHooks:
    """The hooks that a client calls: those of the process, then those of its own plugins.

    Args:
        plugins: Plugins of this client alone.

    Attributes:
        own: Plugins of this client alone.

    Raises:
        LangSmithUserError: A plugin was written for a newer version of the hook API, implements a hook
            with an argument that the hook does not have, or one that concerns the whole process.
    """

    def __init__(self, plugins: Sequence[object] = ()) -> None:
        self.own = tuple(plugins)
        self._sources = [manager()._hooks]  # noqa: SLF001 - one module, two views
        if plugins:
            own = _Hooks()
            for plugin in plugins:
                name = _name_of(plugin)
                for hook in own.register(plugin, name):
                    if hook in _PROCESS_HOOKS:
                        raise LangSmithUserError(
                            f"Plugin {name!r} implements {hook!r}, which is called for the whole process: "
                            f"register it with smithkit.hooks.register, not with one client."
                        )
            self._sources.append(own)

    def has(self, name: str) -> bool:
        """Whether anybody implements a hook."""
        for source in self._sources:  # asked for every run
            found = source.found.get(name)
            if found or (found is None and source.implementations(name)):
                return True
        return False

    def count(self, name: str) -> int:
        """How many implementations a hook has."""
        return sum(len(source.implementations(name)) for source in self._sources)

    def notify(self, name: str, **arguments: Any) -> None:
        """Call every implementation; a failing one is logged with its plugin's name, not raised."""
        for impl in self._implementations(name):
            try:
                _call(impl, arguments)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - whatever a plugin raises, the others go on
                _report(name, impl, error)

    def collect(self, name: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call every implementation on its own; yields (plugin, result) of those that did not fail."""
        for impl in self._implementations(name):
            try:
                result = _call(impl, arguments)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - whatever a plugin raises, the others go on
                _report(name, impl, error)
            else:
                yield impl.plugin_name, result

    def each(self, name: str, **arguments: Any) -> Iterator[tuple[str, Any, BaseException | None]]:
        """Call every implementation on its own; yields (plugin, result, error), and reports nothing."""
        for impl in self._implementations(name):
            try:
                result = _call(impl, arguments)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - the caller reports it
                yield impl.plugin_name, None, error
            else:
                yield impl.plugin_name, result, None

    def first(self, name: str, **arguments: Any) -> Any:
        """The first result that is not None; what an implementation raises is raised."""
        for impl in self._implementations(name):
            result = _call(impl, arguments)
            if result is not None:
                return result
        return None

    def _implementations(self, name: str) -> tuple[HookImpl, ...]:
        if len(self._sources) == 1:
            return self._sources[0].implementations(name)
        return tuple(impl for source in self._sources for impl in source.implementations(name))


class PluginManager:
    """The plugins of this process; use `manager()` to get it."""

    def __init__(self) -> None:
        self._hooks = _Hooks()
        self.lock = threading.RLock()
        """Held while plugins come or go, and while the clients are composed of them."""
        self.loading = False
        """Whether entry points are being loaded."""
        self._loaded = False
        self._listeners: list[Callable[[], None]] = []
        self.registry = MethodRegistry()
        self.records: list[PluginRecord] = []

    def load(self) -> None:
        """Load the entry points, once; later calls do nothing."""
        with self.lock:
            if self._loaded or self.loading:
                return
            self.loading = True
            try:
                for entry_point in _entry_points():
                    self._load_one(entry_point)
            finally:  # after the user's Ctrl-C the next call goes on
                self.loading = False
            self._loaded = True
            _warn_of_failures(self.records)

    def register(self, plugin: object, name: str | None = None) -> object:
        """Register a plugin by hand; see `smithkit.hooks.register`."""
        self.load()  # so that it is this plugin that is refused for a conflict, not an installed one
        with self.lock:
            name = name or _name_of(plugin)
            if self._hooks.pm.is_registered(plugin) or self._hooks.pm.has_plugin(name):
                raise LangSmithUserError(f"A plugin named {name!r} is registered already.")
            self._add(plugin, name, "registered")
            self._changed()
        return plugin

    def unregister(self, plugin: object) -> None:
        """Take back a plugin; see `smithkit.hooks.unregister`."""
        with self.lock:
            name = self._hooks.pm.get_name(plugin)
            if name is None:
                raise LangSmithUserError(f"{plugin!r} is not registered.")
            self._hooks.unregister(plugin)
            self.registry._remove(name)  # noqa: SLF001 - the registry's owner
            self.records = [record for record in self.records if record.name != name]
            self._changed()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call a function when plugins come or go."""
        self._listeners.append(listener)

    def notify(self, name: str, **arguments: Any) -> None:
        """Call a hook of all plugins of the process; failures are logged, not raised."""
        self.load()
        ClientHooks().notify(name, **arguments)

    def first(self, name: str, **arguments: Any) -> Any:
        """The first result of a hook of all plugins of the process."""
        self.load()
        return ClientHooks().first(name, **arguments)

    def _load_one(self, entry_point: importlib.metadata.EntryPoint) -> None:
        if any(record.name == entry_point.name for record in self.records):
            return
        source = _source_of(entry_point)
        skipped = _skip_reason(entry_point.name)
        if skipped:
            self.records.append(PluginRecord(entry_point.name, source, "skipped", skipped))
            return
        try:
            self._add(entry_point.load(), entry_point.name, source)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plugin raises is recorded
            reason = f"{type(error).__name__}: {error}"
            _log.debug("Plugin %r failed to load", entry_point.name, exc_info=True)
            self.records.append(PluginRecord(entry_point.name, source, "failed", reason))

    def _add(self, plugin: object, name: str, source: str) -> None:
        hooks = self._hooks.register(plugin, name)
        try:
            self.registry._current = name  # noqa: SLF001 - the registry's owner
            for impl in self._hooks.implementations("register_methods"):
                if impl.plugin is plugin:
                    _call(impl, {"registry": self.registry})
            methods = self.registry.methods_of(name)
            if methods:
                self._check_composition(name)
        except BaseException:
            self._hooks.unregister(plugin)
            self.registry._remove(name)  # noqa: SLF001
            raise
        self.records.append(PluginRecord(name, source, "loaded", methods=methods, hooks=hooks))

    def _check_composition(self, name: str) -> None:
        try:
            self.registry._check_composition()  # noqa: SLF001 - the registry's owner
        except TypeError as error:
            raise PluginConflictError(
                f"The clients cannot be composed with the classes that plugin {name!r} adds: {error}."
            ) from None

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()


_manager = PluginManager()


def manager() -> PluginManager:
    """The plugin manager of this process."""
    return _manager


def _register(pm: pluggy.PluginManager, plugin: object, name: str) -> list[str]:
    _check_api_version(plugin)
    if pm.is_registered(plugin):
        raise LangSmithUserError(f"Plugin {name!r} is registered already.")
    try:
        pm.register(plugin, name)
    except (pluggy.PluginValidationError, ValueError) as error:
        if pm.has_plugin(name) and pm.get_plugin(name) is plugin:
            pm.unregister(plugin)
        raise LangSmithUserError(" ".join(str(error).split())) from None
    callers = pm.get_hookcallers(plugin) or []
    wrong = next(filter(None, (_misuse(caller, plugin, name) for caller in callers)), None)
    if wrong:
        pm.unregister(plugin)
        raise LangSmithUserError(wrong)
    return sorted(caller.name for caller in callers)


def _misuse(caller: pluggy.HookCaller, plugin: object, name: str) -> str | None:
    """What is wrong with a plugin's implementations of a hook."""
    own = [impl for impl in caller.get_hookimpls() if impl.plugin is plugin]
    if caller.spec is None:
        if all(impl.optionalhook for impl in own):
            return None
        return (
            f"Plugin {name!r} implements an unknown hook {caller.name!r}. It may be misspelt, or need a "
            f"newer smithkit-core; see docs/hooks.md."
        )
    if any(impl.hookwrapper or impl.wrapper for impl in own):
        return f"Hook {caller.name!r} of plugin {name!r} may not be a wrapper."
    if any(inspect.iscoroutinefunction(impl.function) for impl in own):
        return f"Hook {caller.name!r} of plugin {name!r} may not be `async def`: hooks are not awaited."
    if isinstance(plugin, type) and any(_wants_instance(impl.function) for impl in own):
        return f"Plugin {name!r} is a class whose hooks need an instance: register {name}()."
    return None


def _wants_instance(function: Any) -> bool:
    return next(iter(inspect.signature(function).parameters), "") == "self"


def _report(hook: str, impl: HookImpl, error: BaseException) -> None:
    """Say that a hook failed: with its traceback in the log, at most once a minute, and as a warning."""
    if _quiet.due((hook, impl.plugin_name, type(error))):
        _log.error("The %s hook of plugin %r failed", hook, impl.plugin_name, exc_info=error)
    warnings.warn(
        f"The {hook} hook of plugin {impl.plugin_name!r} failed: {type(error).__name__}: {error}",
        PluginWarning,
        stacklevel=4,
    )


def _call(impl: HookImpl, arguments: dict[str, Any]) -> Any:
    return impl.function(*(arguments[name] for name in impl.argnames))


def _check_api_version(plugin: object) -> None:
    version = getattr(plugin, "smithkit_hook_api", API_VERSION)
    if not isinstance(version, int) or version > API_VERSION:
        raise LangSmithUserError(
            f"It was written for version {version!r} of the hook API and this smithkit-core has version "
            f"{API_VERSION}: upgrade smithkit-core."
        )


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    """The group's entry points: smithkit's own, then the others by name; of two with one name the first counts."""
    found: dict[str, importlib.metadata.EntryPoint] = {}
    group = importlib.metadata.entry_points(group=PROJECT)
    for entry_point in sorted(group, key=lambda one: (not one.value.startswith("smithkit."), one.name)):
        found.setdefault(entry_point.name, entry_point)
    return list(found.values())


def _skip_reason(name: str) -> str:
    wanted = os.environ.get("SMITHKIT_PLUGINS")
    if wanted is not None and name not in _listed(wanted):
        return "not in SMITHKIT_PLUGINS"
    if name in _listed(os.environ.get("SMITHKIT_DISABLE_PLUGINS", "")):
        return "in SMITHKIT_DISABLE_PLUGINS"
    return ""


def _listed(names: str) -> set[str]:
    return {name.strip() for name in names.split(",") if name.strip()}


def _source_of(entry_point: importlib.metadata.EntryPoint) -> str:
    dist = entry_point.dist
    return entry_point.value if dist is None else f"{dist.name} {dist.version}"


def _name_of(plugin: object) -> str:
    given = getattr(plugin, "__name__", None)
    return given if isinstance(given, str) else f"{type(plugin).__qualname__}@{id(plugin):x}"


def _warn_of_failures(records: Sequence[PluginRecord]) -> None:
    for record in records:
        if record.status == "failed":
            warnings.warn(
                f"smithkit plugin {record.name!r} ({record.source}) is left out: {record.reason} "
                f"`smithkit plugins` lists all plugins; SMITHKIT_DISABLE_PLUGINS={record.name} silences this.",
                PluginWarning,
                stacklevel=5,
            )


@functools.cache
def _core_methods() -> frozenset[str]:
    from smithkit.client import AsyncClient, Client
    from smithkit.operations import Methods
    from smithkit.transport import AsyncTransport, SyncTransport

    classes = (
        vars(Client),
        vars(AsyncClient),
        *(vars(c) for c in (*SyncTransport.__mro__, *AsyncTransport.__mro__)),
        Methods.__annotations__,
    )
    attributes = {"api_key", "retry_config", "session", "workspace_id"}
    return frozenset({name for names in classes for name in names if not name.startswith("_")} | attributes)


def configure(client: Any, hooks: ClientHooks) -> None:
    """Call `configure_client`: wrong options are raised, a plugin's own failures are warned about."""
    for impl in hooks._implementations("configure_client"):  # noqa: SLF001 - one module
        try:
            _call(impl, {"client": client, "config": client.config})
        except (ValueError, LangSmithError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the client works
            _log.exception("The configure_client hook of plugin %r failed", impl.plugin_name)
            warnings.warn(
                f"The configure_client hook of plugin {impl.plugin_name!r} failed: {type(error).__name__}: {error}",
                PluginWarning,
                stacklevel=4,
            )
