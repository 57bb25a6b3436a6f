"""A commit as it stands on disk, without pydantic: a process that starts is to have its prompts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithkit.prompts.schemas import PromptCommit

__all__ = ["StoredCommit", "as_data"]


@dataclass(frozen=True, slots=True)
class StoredCommit:
    """The fields of a `PromptCommit`."""

    owner: str
    repo: str
    commit_hash: str
    manifest: dict[str, Any]
    examples: list[dict[str, Any]]

    @classmethod
    def parse(cls, data: Any) -> StoredCommit | None:
        """Read one from JSON; None if it is none."""
        if not isinstance(data, dict):
            return None
        fields = [data.get(name) for name in ("owner", "repo", "commit_hash", "manifest", "examples")]
        owner, repo, commit_hash, manifest, examples = fields
        named = isinstance(owner, str) and isinstance(repo, str) and isinstance(commit_hash, str)
        if not (named and isinstance(manifest, dict) and isinstance(examples, list)):
            return None
        if not all(isinstance(example, dict) for example in examples):
            return None
        return cls(owner, repo, commit_hash, manifest, examples)  # type: ignore[arg-type]


def as_data(value: PromptCommit | StoredCommit) -> dict[str, Any]:
    """A commit as JSON."""
    if not isinstance(value, StoredCommit):
        return value.model_dump(mode="json")
    names = ("owner", "repo", "commit_hash", "manifest", "examples")
    return {name: getattr(value, name) for name in names}
