"""The client method that makes or changes a prompt and commits to it in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.operations import Flow, operation
from smithkit.prompts._methods._commits import CommitMethods
from smithkit.prompts._methods._repositories import RepositoryMethods
from smithkit.prompts.identifiers import parse_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PushMethods"]


class PushMethods(RepositoryMethods, CommitMethods):
    """Pushing: the same on both clients."""

    @operation
    def push_prompt(
        self,
        prompt_identifier: str,
        *,
        object: Any = None,  # noqa: A002 - the API's own signature
        parent_commit_hash: str = "latest",
        is_public: bool | None = None,
        description: str | None = None,
        readme: str | None = None,
        tags: Sequence[str] | None = None,
        commit_tags: str | Sequence[str] | None = None,
    ) -> Flow[str]:
        """Make a prompt if there is none of this name, else change it, and commit new content to it.

        Args:
            prompt_identifier: ``name`` or ``owner/name``.
            object: New content: a `smithkit.prompts.Prompt`, a prompt template of LangChain, or a manifest;
                None for no commit.
            parent_commit_hash: Hash of the commit that the new one follows.
            is_public: Whether everybody can see the prompt. Default: as it is; private for a new one.
            description: A text for people.
            readme: A longer text, in Markdown.
            tags: Tags of the prompt, in place of all that it has.
            commit_tags: Tags of the new commit, such as ``prod``.

        Returns:
            The URL of the commit's page; without new content, of the commit that the identifier names.

        Raises:
            ValueError: The identifier names no prompt.
            ManifestError: The object can not be written as a manifest.
            LangSmithUserError: The prompt is new and its owner is another workspace, or it is to be public
                and the workspace has no handle.
            StaleParentError: The parent is not the newest commit any more.
            LangSmithError: The server refused for another reason, or could not be asked.

        Example:
            >>> from smithkit.prompts import ChatPrompt
            >>> prompt = ChatPrompt([("system", "You are {mood}."), ("human", "{question}")])
            >>> client.push_prompt("greet", object=prompt, commit_tags="prod")  # doctest: +SKIP

        ``GET /repos/{owner}/{name}``, then as `update_prompt` or `create_prompt`, then as `create_commit`
        """
        from smithkit.prompts._manifests import manifest_of

        identifier = parse_identifier(prompt_identifier)
        manifest = None if object is None else manifest_of(object)
        fields = {"is_public": is_public, "description": description, "readme": readme, "tags": tags}
        given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        existing = yield from RepositoryMethods.get_prompt(self, prompt_identifier)
        if existing is None:
            yield from RepositoryMethods.create_prompt(self, prompt_identifier, **given)
        elif given:
            yield from RepositoryMethods.update_prompt(self, prompt_identifier, **given)
        if manifest is None:
            return (yield from self._commit_url(identifier, identifier.commit))
        return (
            yield from CommitMethods.create_commit(
                self,
                prompt_identifier,
                manifest,
                parent_commit_hash=parent_commit_hash,
                tags=commit_tags,
            )
        )
