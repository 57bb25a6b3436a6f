"""What can be committed: prompts of smithkit and of LangChain, and manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smithkit.prompts.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["manifest_of"]


def manifest_of(given: Any) -> Mapping[str, Any]:
    """The manifest of what is to be committed.

    Args:
        given: A `smithkit.prompts.Prompt`, an object of LangChain, or a manifest, which is taken as it is.

    Raises:
        ManifestError: It is none of them, or has a part that can not be stored.
    """
    from smithkit.prompts.templates import Prompt

    if isinstance(given, Prompt):
        return given.to_manifest()
    if isinstance(given, dict):
        if "lc" not in given or "id" not in given:
            raise ManifestError("A dictionary that is committed has to be a manifest, with `lc` and `id`.")
        return given
    if not hasattr(given, "to_json") or not hasattr(given, "lc_id"):
        raise ManifestError(
            f"A commit takes a smithkit.prompts.Prompt, a prompt template of LangChain or a manifest, not "
            f"{type(given).__name__}."
        )
    from smithkit.prompts._langchain import dump

    return dump(given)
