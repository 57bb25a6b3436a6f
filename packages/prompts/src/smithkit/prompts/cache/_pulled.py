"""A commit that is shared: what each caller gets of it is their own."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

from smithkit.prompts.cache._commits import StoredCommit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smithkit.prompts.schemas import PromptCommit
    from smithkit.prompts.templates import Prompt

__all__ = ["Pulled"]


class Pulled:
    """A commit that a cache or several callers share, and what is made of it, each once.

    Args:
        commit: A `PromptCommit`, a `StoredCommit`, or what a caller has put into a cache for one.

    Attributes:
        commit: The commit. It is never given to a caller.
        own: Gives the commit for one caller, a `PromptCommit`.
    """

    __slots__ = ("_prompt", "_template", "commit", "own")

    def __init__(self, commit: Any) -> None:
        self.commit = commit
        self.own: Callable[[], Any] = self._first
        self._prompt: Prompt | None = None
        self._template: Any = None

    def prompt(self) -> Prompt:
        """The commit's prompt for one caller.

        Raises:
            ManifestError: It is no prompt, or has parts that smithkit does not know.
        """
        if self._prompt is None:
            from smithkit.prompts.templates import Prompt, PromptOrigin

            commit = self.commit
            origin = PromptOrigin(commit.owner, commit.repo, commit.commit_hash)
            self._prompt = Prompt.from_manifest(commit.manifest, origin=origin)
        return copy.deepcopy(self._prompt)

    def template(
        self, *, secrets: Mapping[str, str] | None, secrets_from_env: bool, with_model: bool, trusted: bool
    ) -> Any:
        """The commit's prompt for one caller, as LangChain has it; see `smithkit.prompts._langchain.load`.

        Args:
            secrets: Name → secret.
            secrets_from_env: Whether the manifest may name environment variables.
            with_model: Whether it may hold a model beside the prompt.
            trusted: Whether its model may say where requests go.
        """
        from smithkit.prompts import _langchain

        if self._template is None:
            loaded = _langchain.load(
                self.commit,
                secrets=secrets,
                secrets_from_env=secrets_from_env,
                with_model=with_model,
                trusted=trusted,
            )
            if with_model or _langchain.wants_secrets(self.commit.manifest):
                return loaded  # another caller has other secrets
            self._template = loaded
        return copy.deepcopy(self._template)

    def _first(self) -> Any:
        self.own = _copier(self.commit)  # which makes the others
        return self.own()


def _copier(commit: Any) -> Callable[[], Any]:
    """What gives a caller a commit of their own."""
    from smithkit.prompts.cache._unread import giving
    from smithkit.prompts.schemas import PromptCommit

    if isinstance(commit, StoredCommit):
        commit = _model(commit)
    if type(commit) is PromptCommit:
        return giving(commit)
    if hasattr(commit, "model_copy"):
        return functools.partial(commit.model_copy, deep=True)
    return lambda: commit  # what callers put into the cache themselves


def _model(stored: StoredCommit) -> PromptCommit:
    from smithkit.prompts.schemas import PromptCommit

    return PromptCommit.model_construct(
        owner=stored.owner,
        repo=stored.repo,
        commit_hash=stored.commit_hash,
        manifest=stored.manifest,
        examples=stored.examples,
    )
