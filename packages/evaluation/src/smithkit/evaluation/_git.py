"""What git tells of the working directory, for the metadata of experiments."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

__all__ = ["git_info", "repository"]

_SECONDS = 5.0


def repository() -> Path | None:
    """The top folder of the repository that the working directory is in; None outside of one."""
    top = _git("rev-parse", "--show-toplevel")
    return Path(top) if top else None


def git_info() -> dict[str, str | bool | None]:
    """Describe the commit that is checked out.

    Returns:
        remote_url (without credentials), commit, branch, author_name, author_email, commit_time (seconds
        since 1970, as text), dirty (whether files differ from the commit), tags and repo_name; empty
        outside of a repository and without git.
    """
    top = repository()
    if top is None:
        return {}
    author = (_git("log", "-1", "--format=%H%n%an%n%ae%n%ct") or "").split("\n")
    commit, name, email, time = (*author, *[None] * 4)[:4]
    status = _git("status", "--porcelain")
    return {
        "remote_url": _without_credentials(_git("remote", "get-url", "origin")),
        "commit": commit or None,
        "branch": _git("rev-parse", "--abbrev-ref", "HEAD"),
        "author_name": name,
        "author_email": email,
        "commit_time": time,
        "dirty": None if status is None else bool(status),
        "tags": _git("describe", "--tags", "--exact-match", "--always", "--dirty"),
        "repo_name": top.name,
    }


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are the ones above
            ("git", *arguments),  # noqa: S607 - wherever the user has it
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _without_credentials(url: str | None) -> str | None:
    """A remote may be written with a token: ``https://user:token@host/…``."""
    if not url or "://" not in url:
        return url or None
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
