"""Mask texts in what is traced: rules and functions for the client's `anonymizer`.

from smithkit import Client
from smithkit.tracing.anonymizer import secrets_anonymizer

client = Client(anonymizer=secrets_anonymizer())
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, NotRequired, Protocol, TypedDict

from smithkit.errors import LangSmithUserError
from smithkit.tracing._anonymizer_paths import matcher
from smithkit.tracing._secret_rules import PERSONAL_RULES, SECRET_RULES, is_secret_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Path = Sequence[str | int]
    _Place = tuple[Any, Any, list[str | int]]  # the container, a key of it, the path

__all__ = [
    "PERSONAL_RULES",
    "SECRET_RULES",
    "Anonymizer",
    "CallableNodeProcessor",
    "ReplacerType",
    "RuleNodeProcessor",
    "StringNode",
    "StringNodeProcessor",
    "StringNodeRule",
    "create_anonymizer",
    "is_secret_name",
    "secrets_anonymizer",
]

_DEFAULT = "[redacted]"
_TOO_DEEP = "[too deep]"
_SECRET = "[secret]"  # noqa: S105 - it is the mark of one


class StringNode(TypedDict):
    """A text and its place.

    Attributes:
        value: The text.
        path: Keys and indexes that lead to it; empty for the data itself.
    """

    value: str
    path: list[str | int]


class StringNodeRule(TypedDict):
    """What to replace in texts.

    Attributes:
        pattern: A regular expression, as text or compiled.
        replace: What takes a match's place, as in `re.sub`; by default ``[redacted]``.
    """

    pattern: str | re.Pattern[str]
    replace: NotRequired[str | Callable[[re.Match[str]], str]]


class StringNodeProcessor(Protocol):
    """Masks texts, all those of a run at once."""

    def mask_nodes(self, nodes: list[StringNode]) -> list[StringNode]:
        """Mask texts.

        Args:
            nodes: The texts and their places.

        Returns:
            The new texts; what is not among them stays as it is.
        """
        ...


class RuleNodeProcessor:
    r"""Applies rules to each text, in their order.

    Args:
        rules: The rules.

    Raises:
        LangSmithUserError: A pattern is no regular expression.

    Example:
        >>> RuleNodeProcessor([{"pattern": r"\d+"}]).mask_nodes([{"value": "room 7", "path": []}])
        [{'value': 'room [redacted]', 'path': []}]
    """

    def __init__(self, rules: Sequence[StringNodeRule]) -> None:
        self._rules = [(_compiled(rule["pattern"]), rule.get("replace", _DEFAULT)) for rule in rules]

    def mask_nodes(self, nodes: list[StringNode]) -> list[StringNode]:
        """Mask texts; see `StringNodeProcessor`."""
        return [{"value": self._mask(node["value"]), "path": node["path"]} for node in nodes]

    def _mask(self, text: str) -> str:
        for pattern, replace in self._rules:
            text = pattern.sub(replace, text)
        return text


class CallableNodeProcessor:
    """Applies a function to each text.

    Args:
        function: Called with the text, and with its path if it takes two arguments; gives the new text.

    Example:
        >>> CallableNodeProcessor(str.upper).mask_nodes([{"value": "a", "path": ["x"]}])
        [{'value': 'A', 'path': ['x']}]
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._wants_path = _takes_two(function)

    def mask_nodes(self, nodes: list[StringNode]) -> list[StringNode]:
        """Mask texts; see `StringNodeProcessor`."""
        return [{"value": self._mask(node), "path": node["path"]} for node in nodes]

    def _mask(self, node: StringNode) -> Any:
        if self._wants_path:
            return self._function(node["value"], node["path"])
        return self._function(node["value"])


if TYPE_CHECKING:
    ReplacerType = Sequence[StringNodeRule] | Callable[..., Any] | StringNodeProcessor
    """What `create_anonymizer` takes."""
else:
    ReplacerType = Any


class Anonymizer:
    """Masks the texts of a JSON-like structure; `create_anonymizer` makes one.

    Args:
        processor: Masks the texts.
        max_depth: How deep to look; None looks everywhere.
        deeper: Whether texts below `max_depth` are kept, or hidden.
        only: Paths to look at; None looks at all.
        skip: Paths to leave alone.
        hides: Says of a key and its value whether the value is hidden whole.
        everywhere: Whether the client is to run it over metadata, tags and names too.

    Attributes:
        everywhere: As given.
    """

    def __init__(
        self,
        processor: StringNodeProcessor,
        *,
        max_depth: int | None,
        deeper: str,
        only: Sequence[str | Path] | None,
        skip: Sequence[str | Path],
        hides: Callable[[str, Any], bool] | None,
        everywhere: bool,
    ) -> None:
        self.everywhere = everywhere
        self._processor = processor
        self._max_depth = max_depth
        self._hides_deeper = deeper == "hide"
        self._only = None if only is None else matcher(only)
        self._skip = matcher(skip) if skip else None
        self._hides = hides

    def __call__(self, data: Any) -> Any:
        """Mask texts.

        Args:
            data: A structure of dictionaries and lists, changed in place, or a text.

        Returns:
            The structure, or the new text.
        """
        root = [data]
        places = list(self._texts(root))
        nodes: list[StringNode] = [{"value": holder[key], "path": path} for holder, key, path in places]
        holders = {tuple(path): (holder, key) for holder, key, path in places}
        for node in self._processor.mask_nodes(nodes) if nodes else ():
            place = holders.get(tuple(node["path"]))
            if place is not None:
                place[0][place[1]] = node["value"]
        return root[0]

    def _texts(self, root: list[Any]) -> Iterator[_Place]:
        """The texts to mask, level by level; on the way, what is hidden whole is."""
        level: list[_Place] = [(root, 0, [])]
        while level:
            below: list[_Place] = []
            for place in level:
                holder, key, path = place
                if (self._skip is not None and self._skip(path)) or self._hidden(holder, key, path):
                    continue
                value = holder[key]
                if isinstance(value, str):
                    if self._only is None or self._only(path):
                        yield place
                else:
                    below += _inside(holder, key, path)
            level = below

    def _hidden(self, holder: Any, key: Any, path: list[str | int]) -> bool:
        """Whether a value is not to be looked into: it is hidden now, or too deep."""
        if not path:
            return False
        if self._hides is not None and isinstance(key, str) and self._hides(key, holder[key]):
            holder[key] = _SECRET
            return True
        if self._max_depth is None or len(path) <= self._max_depth:
            return False
        if self._hides_deeper:
            holder[key] = _TOO_DEEP
        return True


def _inside(holder: Any, key: Any, path: list[str | int]) -> list[_Place]:
    """What a container holds; a tuple becomes a list, which can be changed."""
    value = holder[key]
    if isinstance(value, dict):
        return [(value, name, [*path, name]) for name in value]
    if isinstance(value, tuple):
        value = holder[key] = list(value)
    return [(value, index, [*path, index]) for index in range(len(value))] if isinstance(value, list) else []


def create_anonymizer(
    replacer: ReplacerType,
    *,
    max_depth: int | None = None,
    deeper: str = "keep",
    only: Sequence[str | Path] | None = None,
    skip: Sequence[str | Path] = (),
    hide_keys: Callable[[str, Any], bool] | None = None,
    everywhere: bool = False,
) -> Anonymizer:
    r"""Make an anonymizer for ``Client(anonymizer=...)``.

    The client runs it over copies of inputs, outputs, events and error texts, and of attachments that hold
    text, before anything is stored or sent. Keys of dictionaries stay as they are.

    A path is written with dots: ``"messages.0.content"``; ``*`` stands for any one key or index, ``**`` for any
    number of them. A path stands for everything below it too. Where a key holds a dot, give a list of keys.

    Args:
        replacer: Rules (`StringNodeRule`), a function of a text (and of its path, if it takes two arguments),
            or an object with `mask_nodes`.
        max_depth: How deep to look: 1 are the values of the outermost dictionary. None, the default, looks
            everywhere.
        deeper: What becomes of values below `max_depth`: ``"keep"`` leaves them as they are, and so lets
            through what they hold; ``"hide"`` replaces each by ``[too deep]``.
        only: Paths to look at, by default all.
        skip: Paths to leave alone.
        hide_keys: Called with a dictionary's key and value; True hides the value whole, whatever it is.
            `is_secret_name` is one such function.
        everywhere: Whether the client runs it over metadata, tags, names and the rest of `extra` too.

    Returns:
        A function that changes a structure in place and returns it, or returns the new text of a text.

    Raises:
        LangSmithUserError: An argument is of none of these kinds.

    Example:
        >>> anonymize = create_anonymizer([{"pattern": r"\d{3}-\d{2}-\d{4}", "replace": "[ssn]"}])
        >>> anonymize({"messages": [{"content": "mine is 123-45-6789"}]})
        {'messages': [{'content': 'mine is [ssn]'}]}
        >>> create_anonymizer(str.upper, only=["messages.*.content"])({"messages": [{"content": "a", "id": "b"}]})
        {'messages': [{'content': 'A', 'id': 'b'}]}
    """
    if deeper not in {"keep", "hide"}:
        raise LangSmithUserError(f"deeper must be 'keep' or 'hide', not {deeper!r}.")
    return Anonymizer(
        _processor(replacer),
        max_depth=max_depth,
        deeper=deeper,
        only=only,
        skip=skip,
        hides=hide_keys,
        everywhere=everywhere,
    )


def secrets_anonymizer(
    rules: Sequence[StringNodeRule] = (),
    *,
    personal: bool = True,
    only: Sequence[str | Path] | None = None,
    skip: Sequence[str | Path] = (),
) -> Anonymizer:
    """Make an anonymizer that masks secrets, in content, metadata and tags.

    It knows API keys of the usual providers, bearer tokens, JSON web tokens, private keys, passwords in URLs
    and ``key=value`` secrets (`SECRET_RULES`), and hides whatever stands under keys such as ``api_key``,
    ``authorization`` or ``password`` (`is_secret_name`). With `personal` also e-mail addresses, payment cards,
    IBANs and international phone numbers (`PERSONAL_RULES`). Its time grows with the length of the text, whatever the text.

    Args:
        rules: Rules of your own, applied first.
        personal: Whether `PERSONAL_RULES` are applied.
        only: Paths to look at, see `create_anonymizer`.
        skip: Paths to leave alone.

    Returns:
        An anonymizer.

    Example:
        >>> anonymize = secrets_anonymizer()
        >>> anonymize({"q": "mail ann@example.com", "api_key": "k", "url": "postgres://me:pw@db/x"})
        {'q': 'mail [email]', 'api_key': '[secret]', 'url': 'postgres://me:[password]@db/x'}
    """
    return create_anonymizer(
        [*rules, *SECRET_RULES, *(PERSONAL_RULES if personal else ())],
        only=only,
        skip=skip,
        hide_keys=is_secret_name,
        everywhere=True,
    )


def _processor(replacer: Any) -> StringNodeProcessor:
    if hasattr(replacer, "mask_nodes"):
        processor: StringNodeProcessor = replacer
        return processor
    if callable(replacer):
        return CallableNodeProcessor(replacer)
    if isinstance(replacer, list | tuple) and all(
        isinstance(rule, dict) and "pattern" in rule for rule in replacer
    ):
        return RuleNodeProcessor(replacer)
    raise LangSmithUserError(
        "An anonymizer is made of a list of rules ({'pattern': ..., 'replace': ...}), of a function of a text, "
        f"or of an object with mask_nodes; not of {type(replacer).__name__}."
    )


def _compiled(pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise LangSmithUserError(f"{pattern!r:.80} is no regular expression: {error}") from None


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function has to be, or may be, called with two positional arguments that were meant for it."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return False
    positional = [one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
    needed = [one for one in positional if one.default is one.empty]
    return len(needed) > 1 or (len(positional) > 1 and positional[1].name == "path")
