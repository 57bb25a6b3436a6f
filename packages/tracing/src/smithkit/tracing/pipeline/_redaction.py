"""What may leave the process: hiding and anonymising.

=================  ===========================  ==========================  ==========================
field              hidden with True             hidden by a function        with an anonymizer
=================  ===========================  ==========================  ==========================
inputs, outputs    ``{}``                       what the function gives     what the anonymizer gives
events             name and time                name and time               what the anonymizer gives
error              the exception's type         the exception's type        what the anonymizer gives
serialized         what names the object        what names the object       what names the object
token usage        numbers                      numbers                     numbers
attachments        left out                     as they are                 texts: what it gives
metadata           ``{}`` (hide_metadata)       what the function gives     only if it goes everywhere
=================  ===========================  ==========================  ==========================

Events and error texts quote inputs and outputs alike, so hiding either of these hides them. True comes before
the anonymizer, the anonymizer before a function. A function that fails never lets data through: the field
becomes a marker, and the failure is reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smithkit.tracing._serialize import loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.tracing._options import Hide, TracingOptions

__all__ = ["Redactor", "marked"]

_HIDDEN_ERROR = "[redacted]"
_KIND = re.compile(r"([^\W\d]\w{0,99})[(>]")
_USUAL_KINDS = ("Error", "Exception", "Exit", "Interrupt", "Iteration", "Group", "Timeout", "Warning")
_NAMING = frozenset({"id", "lc", "name", "type"})
_LONGEST_TIME = 40
_TEXT_TYPES = ("text/", "application/json", "application/xml")
_SAID_IN_FEEDBACK = ("comment", "correction", "extra", "feedback_source", "value")


class Redactor:
    """Applies a client's rules to runs.

    Args:
        options: The client's options.
        dumps: Encoder, for the copies that functions get.
        report: Told of a function that fails.
    """

    def __init__(
        self,
        options: TracingOptions,
        dumps: Callable[[Any], bytes],
        report: Callable[[str, BaseException], None],
    ) -> None:
        self._inputs = options.hide_inputs
        self._outputs = options.hide_outputs
        self._metadata = options.hide_metadata
        self._anonymizer = options.anonymizer
        everywhere = getattr(options.anonymizer, "everywhere", None)
        # One of ours takes any text; a function of the program's knows inputs and outputs alone.
        self._texts = options.anonymizer if isinstance(everywhere, bool) else None
        self._everywhere = self._texts if everywhere is True else None
        self._all = options.hide_inputs is True or options.hide_outputs is True
        self._some = bool(options.hide_inputs or options.hide_outputs or options.anonymizer)
        self._dumps = dumps
        self._report = report
        self.needed = bool(self._some or options.hide_metadata)
        """Whether there is any rule."""

    def redact(self, run: dict[str, Any]) -> None:
        """Apply all rules.

        Args:
            run: Changed in place; the values in it are not.
        """
        if self._some:
            self._content(run)
        if run.get("extra") is not None:
            run["extra"] = self._extra(run["extra"])
        if self._everywhere is not None:
            for name in ("name", "tags"):
                if run.get(name):
                    run[name] = self._masked(run[name], "[redacted]" if name == "name" else [])

    def feedback(self, feedback: dict[str, Any]) -> None:
        """Anonymise what a feedback says.

        Args:
            feedback: Changed in place; the values in it are not.
        """
        if self._texts is not None:
            for name in _SAID_IN_FEEDBACK:
                if feedback.get(name) is not None:
                    feedback[name] = self._masked(feedback[name], None)

    def baggage(self, metadata: dict[str, Any], tags: list[str] | None) -> tuple[Any, list[str]]:
        """What another service may be told of a run.

        Args:
            metadata: Its metadata.
            tags: Its tags.

        Returns:
            Metadata and tags; the arguments are left as they are.
        """
        shown: Any = self._extra({"metadata": metadata})["metadata"] if metadata else {}
        if tags and self._everywhere is not None:
            tags = self._masked(tags, [])
        return shown, tags or []

    def _content(self, run: dict[str, Any]) -> None:
        if run.get("inputs") is not None:
            run["inputs"] = self._apply("hide_inputs", self._inputs, run["inputs"])
        if run.get("outputs") is not None:
            run["outputs"] = self._apply("hide_outputs", self._outputs, run["outputs"])
        if run.get("events"):
            events = run["events"]
            run["events"] = (
                [self._event(event) for event in events] if isinstance(events, list | tuple) else []
            )
        if run.get("error") is not None:
            run["error"] = self._error(run["error"])
        if run.get("serialized") is not None:
            run["serialized"] = _naming(run["serialized"])
        if run.get("attachments") and self._all:
            del run["attachments"]
        elif run.get("attachments") and self._texts is not None:
            attachments = dict(run["attachments"])
            run["attachments"] = {name: self._attachment(given) for name, given in attachments.items()}

    def _apply(self, name: str, hide: Hide, value: Any) -> Any:
        if hide is True:
            return {}
        if self._anonymizer is not None:
            return self._call("anonymizer", self._anonymizer, self._copy(value))
        if not hide:
            return value
        # The function may change what it is given, and the program's own result may be that dictionary.
        return self._call(name, hide, dict(value) if type(value) is dict else value)

    def _event(self, event: Any) -> Any:
        """An event without the tokens that it may carry."""
        if not isinstance(event, dict):
            return {"name": "event"}
        if self._all or self._anonymizer is None:
            return {key: event[key] for key in ("name", "time") if key in event}
        masked = self._call("anonymizer", self._anonymizer, self._copy(event))
        time = event.get("time")
        if not isinstance(masked, dict):
            return {"name": "event"}
        return {**masked, "time": time} if time and len(str(time)) <= _LONGEST_TIME else masked

    def _error(self, error: Any) -> str:
        """An error text that quotes nothing; what names the exception's type stays."""
        text = error if isinstance(error, str) else str(loads(self._dumps(error)))
        if self._all or self._anonymizer is None:
            return _kind_of(text)
        if self._texts is not None:
            masked: Any = self._call("anonymizer", self._texts, text)
        else:
            try:
                masked = self._anonymizer({"error": text})["error"]
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:  # noqa: BLE001 - it was written for inputs and outputs
                masked = None
        return masked if isinstance(masked, str) else _kind_of(text)

    def _extra(self, extra: Any) -> dict[str, Any]:
        """`extra` with what may be seen of its metadata."""
        kept: dict[str, Any] = dict(extra) if isinstance(extra, Mapping) else {}
        if self._everywhere is not None:
            rest = {name: value for name, value in kept.items() if name not in {"runtime", "metadata"}}
            if rest:
                kept.update(self._masked(rest, dict.fromkeys(rest)))
        metadata = kept.get("metadata")
        if metadata is not None:
            kept["metadata"] = self._shown(dict(metadata) if isinstance(metadata, Mapping) else {})
        return kept

    def _shown(self, metadata: dict[str, Any]) -> Any:
        if self._metadata is True:
            return {}
        if self._some and "usage_metadata" in metadata:
            metadata["usage_metadata"] = _numbers(metadata["usage_metadata"])
        if self._metadata:
            metadata = self._call("hide_metadata", self._metadata, metadata)
        return metadata if self._everywhere is None else self._masked(metadata, {})

    def _attachment(self, given: Any) -> Any:
        """An attachment; one that holds text has it anonymised."""
        mime, data = given[0], given[1]
        if not isinstance(data, bytes | bytearray) or not str(mime).startswith(_TEXT_TYPES):
            return given
        masked = self._masked(data.decode("utf-8", "replace"), "")
        return (mime, str(masked).encode())

    def _masked(self, value: Any, otherwise: Any) -> Any:
        """A copy of any value after an anonymizer of ours, or something else where that failed."""
        assert self._texts is not None  # noqa: S101 - for type checkers
        copy = self._copy(value)
        kind = type(copy)
        masked = self._call("anonymizer", self._texts, copy)
        return masked if type(masked) is kind else otherwise

    def _copy(self, value: Any) -> Any:
        return loads(self._dumps(value))

    def _call(self, name: str, function: Callable[[Any], Any], value: Any) -> Any:
        try:
            return function(value)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code
            self._report(name, error)
            return {"redacted": f"{name} failed with {type(error).__name__}"}


def marked(run: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """A run of which nobody knows what may be seen: its place and its times, and markers for what it holds.

    Args:
        run: The run, or what changed in one; left as it is.
        reason: What the markers say.
    """
    marker = {"redacted": reason}
    kept = {name: value for name, value in run.items() if name not in _HOLDING}
    kept.update({name: dict(marker) for name in ("inputs", "outputs") if run.get(name) is not None})
    if run.get("error") is not None:
        kept["error"] = f"{_HIDDEN_ERROR} {reason}"
    if run.get("events"):
        kept["events"] = []
    if run.get("extra") is not None:
        kept["extra"] = {"metadata": dict(marker)}
    return kept


_HOLDING = frozenset(
    {"inputs", "outputs", "error", "events", "extra", "serialized", "attachments", "tags", "manifest"}
)


def _kind_of(text: str) -> str:
    """The type that an error text names: its `repr` begins with it, and a line of its traceback too."""
    match = _KIND.match(text.removeprefix("<"))
    if match is None:
        return _HIDDEN_ERROR
    kind = match[1]
    if kind.endswith(_USUAL_KINDS) or re.search(rf"^(?:[\w.<>]+\.)?{kind}(?::|$)", text, re.MULTILINE):
        return kind
    return _HIDDEN_ERROR


def _naming(serialized: Any) -> dict[str, Any]:
    """What of a called object's description says which object it is."""
    kept = serialized if isinstance(serialized, Mapping) else {}
    return {name: kept[name] for name in _NAMING if name in kept}


def _numbers(usage: Any) -> Any:
    """Of token usage, which is taken from outputs, what can be no text."""
    if isinstance(usage, Mapping):
        counted = {name: _numbers(value) for name, value in usage.items() if isinstance(name, str)}
        return {name: value for name, value in counted.items() if value is not None}
    return usage if isinstance(usage, int | float) else None
