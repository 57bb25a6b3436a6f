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
import logging
import os
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pluggy

from smithkit.errors import LangSmithError, LangSmithUserError, PluginConflictError, PluginWarning
from smithkit.hooks import API_VERSION, PROJECT, HookSpecs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from pluggy import HookImpl

__all__ = ["ClientHooks", "MethodRegistry", "PluginManager", "PluginRecord", "manager"]

_log = logging.getLogger("smithkit.plugins")


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
class MethodClasses:
    """The classes of methods that one plugin adds."""

    plugin: str
    synchronous: type
    asynchronous: type
    replaces: frozenset[str]


class MethodRegistry:
    """Takes the classes of methods that plugins add to the clients."""

    def __init__(self) -> None:
        self._classes: list[MethodClasses] = []
        self._owners: dict[str, str] = {}
        self._current = ""

    def add(self, methods: type, *, asynchronous: type | None = None, replaces: Collection[str] = ()) -> None:
        """Add the public methods of a class to `Client` and `AsyncClient`.

        Args:
            methods: A class whose methods are `operation`s, `paginated` or plain.
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
        for name in sorted(names - set(replaces)):
            owner = self._owners.get(name, "smithkit-core" if name in _core_methods() else None)
            if owner is not None:
                raise PluginConflictError(
                    f"Plugin {self._current!r} adds the client method {name!r}, which {owner!r} has already. "
                    f"Rename it, or add it with replaces={{{name!r}}} if it is meant to take its place."
                )
        self._owners.update(dict.fromkeys(names, self._current))
        entry = MethodClasses(self._current, methods, asynchronous or methods, frozenset(replaces))
        self._classes.append(entry)

    def classes(self, *, asynchronous: bool) -> tuple[type, ...]:
        """The classes in method resolution order: what replaces stands before what it replaces."""
        ordered = sorted(self._classes, key=lambda entry: not entry.replaces)
        return tuple(entry.asynchronous if asynchronous else entry.synchronous for entry in ordered)

    def methods_of(self, plugin: str) -> list[str]:
        """Names of the methods that a plugin adds."""
        return sorted(name for name, owner in self._owners.items() if owner == plugin)

    def _remove(self, plugin: str) -> None:
        self._classes = [entry for entry in self._classes if entry.plugin != plugin]
        self._owners = {name: owner for name, owner in self._owners.items() if owner != plugin}


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

    def __init__(self, pm: pluggy.PluginManager) -> None:
        self._pm = pm

    def implementations(self, name: str) -> Sequence[HookImpl]:
        """The implementations of a hook, first to be called first."""
        return list(reversed(getattr(self._pm.hook, name).get_hookimpls()))


class ClientHooks:
    """The hooks that a client calls: those of the process, then those of its own plugins.

    Args:
        plugins: Plugins of this client alone.

    Raises:
        LangSmithUserError: A plugin implements a hook with an argument that the hook does not have.
    """

    def __init__(self, plugins: Sequence[object] = ()) -> None:
        self._sources = [_Hooks(manager()._pm)]  # noqa: SLF001 - one module, two views
        if plugins:
            own = _new_pluggy()
            for plugin in plugins:
                _register(own, plugin, _name_of(plugin))
            self._sources.append(_Hooks(own))

    def has(self, name: str) -> bool:
        """Whether anybody implements a hook."""
        return any(source.implementations(name) for source in self._sources)

    def notify(self, name: str, **arguments: Any) -> None:
        """Call every implementation; a failing one is logged with its plugin's name, not raised."""
        for _ in self.collect(name, **arguments):
            pass

    def collect(self, name: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Call every implementation on its own; yields (plugin, result) of those that did not fail."""
        for impl in self._implementations(name):
            try:
                result = _call(impl, arguments)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the others go on
                _log.exception("The %s hook of plugin %r failed", name, impl.plugin_name)
                warnings.warn(
                    f"The {name} hook of plugin {impl.plugin_name!r} failed: {type(error).__name__}: {error}",
                    PluginWarning,
                    stacklevel=3,
                )
            else:
                yield impl.plugin_name, result

    def first(self, name: str, **arguments: Any) -> Any:
        """The first result that is not None; what an implementation raises is raised."""
        for impl in self._implementations(name):
            result = _call(impl, arguments)
            if result is not None:
                return result
        return None

    def _implementations(self, name: str) -> Iterator[HookImpl]:
        for source in self._sources:
            yield from source.implementations(name)


class PluginManager:
    """The plugins of this process; use `manager()` to get it."""

    def __init__(self) -> None:
        self._pm = _new_pluggy()
        self._lock = threading.RLock()
        self._loaded = False
        self._listeners: list[Callable[[], None]] = []
        self.registry = MethodRegistry()
        self.records: list[PluginRecord] = []

    def load(self) -> None:
        """Load the entry points, once; later calls do nothing."""
        with self._lock:
            if self._loaded:
                return
            self._loaded = True
            for entry_point in _entry_points():
                self._load_one(entry_point)
            _warn_of_failures(self.records)

    def register(self, plugin: object, name: str | None = None) -> object:
        """Register a plugin by hand; see `smithkit.hooks.register`."""
        with self._lock:
            name = name or _name_of(plugin)
            if self._pm.is_registered(plugin) or self._pm.has_plugin(name):
                raise LangSmithUserError(f"A plugin named {name!r} is registered already.")
            self._add(plugin, name, "registered")
            self._changed()
        return plugin

    def unregister(self, plugin: object) -> None:
        """Take back a plugin; see `smithkit.hooks.unregister`."""
        with self._lock:
            name = self._pm.get_name(plugin)
            if name is None:
                raise LangSmithUserError(f"{plugin!r} is not registered.")
            self._pm.unregister(plugin)
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
        source = _source_of(entry_point)
        skipped = _skip_reason(entry_point.name)
        if skipped:
            self.records.append(PluginRecord(entry_point.name, source, "skipped", skipped))
            return
        try:
            self._add(entry_point.load(), entry_point.name, source)
        except Exception as error:  # noqa: BLE001 - anything that a plugin raises is what is recorded
            reason = f"{type(error).__name__}: {error}"
            _log.debug("Plugin %r failed to load", entry_point.name, exc_info=True)
            self.records.append(PluginRecord(entry_point.name, source, "failed", reason))

    def _add(self, plugin: object, name: str, source: str) -> None:
        _check_api_version(plugin)
        hooks = _register(self._pm, plugin, name)
        try:
            self.registry._current = name  # noqa: SLF001 - the registry's owner
            for impl in self._pm.hook.register_methods.get_hookimpls():
                if impl.plugin is plugin:
                    _call(impl, {"registry": self.registry})
        except BaseException:
            self._pm.unregister(plugin)
            self.registry._remove(name)  # noqa: SLF001
            raise
        methods = self.registry.methods_of(name)
        self.records.append(PluginRecord(name, source, "loaded", methods=methods, hooks=hooks))

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()


@functools.cache
def manager() -> PluginManager:
    """The plugin manager of this process."""
    return PluginManager()


def _new_pluggy() -> pluggy.PluginManager:
    pm = pluggy.PluginManager(PROJECT)
    pm.add_hookspecs(HookSpecs)
    return pm


def _register(pm: pluggy.PluginManager, plugin: object, name: str) -> list[str]:
    """Register with pluggy and check every hook; nothing stays behind when that fails."""
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
    if caller.spec is None:
        return (
            f"Plugin {name!r} implements an unknown hook {caller.name!r}. It may be misspelt, or need a "
            f"newer smithkit-core; see docs/hooks.md."
        )
    own = (impl for impl in caller.get_hookimpls() if impl.plugin is plugin)
    if any(impl.hookwrapper or impl.wrapper for impl in own):
        return f"Hook {caller.name!r} of plugin {name!r} may not be a wrapper."
    return None


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
    """The group's entry points by name; of two with one name the first found counts, as for imports."""
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for entry_point in importlib.metadata.entry_points(group=PROJECT):
        found.setdefault(entry_point.name, entry_point)
    return [found[name] for name in sorted(found)]


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
                stacklevel=4,
            )


@functools.cache
def _core_methods() -> frozenset[str]:
    from smithkit.client import AsyncClient, Client
    from smithkit.transport import AsyncTransport, SyncTransport

    classes = (
        vars(Client),
        vars(AsyncClient),
        *(vars(c) for c in (*SyncTransport.__mro__, *AsyncTransport.__mro__)),
    )
    return frozenset(name for names in classes for name in names if not name.startswith("_"))


def configure(client: Any, hooks: ClientHooks) -> None:
    """Call `configure_client`: wrong options are raised, a plugin's own failures are warned about."""
    for impl in list(hooks._implementations("configure_client")):  # noqa: SLF001 - one module
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
