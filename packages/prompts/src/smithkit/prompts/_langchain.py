"""Prompts as LangChain has them: loaded from commits through an allow-list, and written as manifests."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithUserError, MissingPackageError
from smithkit.prompts._templates._nodes import MESSAGES, PROMPTS, SEQUENCES, as_node, nodes
from smithkit.prompts.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smithkit.prompts.cache._commits import StoredCommit
    from smithkit.prompts.schemas import PromptCommit

__all__ = ["dump", "is_wanted", "load", "wants_secrets"]

_ALLOWED = PROMPTS | MESSAGES
_CORE = ("langchain", "langchain_core", "langchain_prompts")
_WHERE_TO = re.compile(
    r"(?i)(^|_)(base|endpoint|host|proxy|url|api_base|headers|http_client|http_async_client)(_|$)"
)


def is_wanted(as_langchain: bool | None) -> bool:  # noqa: FBT001 - the argument of `pull_prompt`
    """Whether a prompt is to be LangChain's.

    Args:
        as_langchain: What the caller asks for; None for whatever is installed.

    Raises:
        MissingPackageError: It is asked for and langchain-core is not installed.
    """
    if as_langchain is False:
        return False
    found = _is_installed()
    if as_langchain and not found:
        raise MissingPackageError(
            "A prompt template of LangChain needs langchain-core: pip install langchain-core. Without it, "
            "pull_prompt(..., as_langchain=False) gives a smithkit.prompts.Prompt."
        )
    return found


@functools.cache
def _is_installed() -> bool:
    return importlib.util.find_spec("langchain_core") is not None


def load(
    commit: PromptCommit | StoredCommit,
    *,
    secrets: Mapping[str, str] | None,
    secrets_from_env: bool,
    with_model: bool,
    trusted: bool,
) -> Any:
    """Load the prompt of a commit.

    Args:
        commit: The commit.
        secrets: Name → secret.
        secrets_from_env: Whether the manifest may name environment variables.
        with_model: Whether it may hold a model beside the prompt.
        trusted: Whether its model may say where requests go.

    Returns:
        A prompt template, or a sequence of template and model.

    Raises:
        ManifestError: It holds a class that is not on the list, or it wants secrets and none are given.
    """
    _check(commit.manifest, with_model=with_model, trusted=trusted)
    if not secrets and not secrets_from_env and wants_secrets(commit.manifest):
        raise ManifestError(
            "The prompt's manifest wants secrets: pass secrets={name: secret}, or, if you trust whoever wrote it, "
            "secrets_from_env=True."
        )
    options: dict[str, Any] = {"secrets_map": dict(secrets or {}), "secrets_from_env": secrets_from_env}
    function, takes_list = _loader()
    if takes_list:
        options["allowed_objects"] = "all" if with_model else "core"  # `_check` allows less
    try:
        loaded = function(commit.manifest, **options)
    except (AttributeError, ImportError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise ManifestError(f"LangChain can not load the prompt: {type(error).__name__}: {error}") from error
    _say_where_from(loaded, commit)
    return loaded


def wants_secrets(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest leaves secrets open.

    Args:
        manifest: The manifest.
    """
    return any(node["type"] == "secret" for node in nodes(manifest))


def dump(given: Any) -> Mapping[str, Any]:
    """The manifest of an object of LangChain.

    Args:
        given: The object.

    Raises:
        ManifestError: It has a part that LangChain does not serialise.
    """
    from langchain_core.load import dumpd

    manifest = dumpd(given)
    for node in nodes(manifest):
        if node["type"] == "not_implemented":
            raise ManifestError(
                f"LangChain does not serialise {'.'.join(map(str, node['id'])):.200}: push a "
                f"smithkit.prompts.Prompt, or a prompt without it."
            )
    if not isinstance(manifest, Mapping):
        raise ManifestError(f"LangChain does not serialise {type(given).__name__}.")
    return manifest


@functools.cache
def _loader() -> tuple[Callable[..., Any], bool]:
    """LangChain's function, without its warning that it is a beta, and whether it takes an allow-list."""
    import inspect

    from langchain_core.load import load as function

    return getattr(function, "__wrapped__", function), "allowed_objects" in inspect.signature(
        function
    ).parameters


def _check(manifest: Any, *, with_model: bool, trusted: bool) -> None:
    as_node(manifest, "prompt")
    for node in nodes(manifest):
        path = node["id"]
        if node["type"] == "secret":
            continue
        named = isinstance(path, list) and path and all(isinstance(part, str) for part in path)
        if node["type"] != "constructor" or not named:
            raise ManifestError(f"The manifest has a node that stands for no object ({node['type']!r:.40}).")
        if path[0] in _CORE and path[-1] in _ALLOWED:
            continue
        if not with_model:
            raise ManifestError(
                f"The manifest holds {'.'.join(path):.200}, which is no prompt and no message. If it is the "
                f"prompt's model, and you trust whoever wrote it, pull with include_model=True."
            )
        if not trusted:
            _check_destination(path, node.get("kwargs"))


def _check_destination(path: list[str], kwargs: Any) -> None:
    """Refuse a foreign model that says where requests go: this machine's keys would go there too."""
    if path[-1] in SEQUENCES or not isinstance(kwargs, Mapping):
        return
    for name, value in kwargs.items():
        if _WHERE_TO.search(str(name)) and value is not None:
            raise LangSmithUserError(
                f"The prompt is of another workspace, and its model {path[-1]:.80} sets {name!r:.80}: your keys would "
                f"be sent where it says. Pull the prompt without include_model, or its data with as_langchain=False."
            )
        if name in ("kwargs", "model_kwargs"):
            _check_destination(path, value)


def _say_where_from(loaded: Any, commit: PromptCommit | StoredCommit) -> None:
    """Put the commit into the metadata of the template, where tracing finds it."""
    template = loaded
    while not hasattr(template, "input_variables") or not hasattr(template, "metadata"):
        template = getattr(template, "first", getattr(template, "bound", None))
        if template is None:
            return
    names = {"owner": commit.owner, "repo": commit.repo, "commit_hash": commit.commit_hash}
    template.metadata = {
        **(template.metadata or {}),
        **{f"lc_hub_{name}": value for name, value in names.items()},
    }
