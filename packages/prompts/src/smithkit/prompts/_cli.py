"""`smithkit prompts pull|push|log|diff`: prompts at the command line."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithUserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from smithkit.cli import CommandRegistry
    from smithkit.client import Client
    from smithkit.prompts.templates import Prompt

__all__ = ["register"]

_SHORT = 8


def register(registry: CommandRegistry) -> None:
    """Add the command.

    Args:
        registry: Takes it.
    """
    registry.add("prompts", help="pull, push and compare prompts", run=_run, configure=_configure)


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    pull = _action(actions, "pull", "show a prompt, or write it to a file", _pull)
    pull.add_argument("name", help="name, owner/name, with :commit or :tag")
    pull.add_argument("-o", "--output", type=Path, help="file for the manifest")
    pull.add_argument("--json", action="store_true", help="print the manifest")
    push = _action(actions, "push", "commit a file to a prompt, which is made if there is none", _push)
    push.add_argument("name", help="name or owner/name")
    push.add_argument("file", type=Path, help="a manifest (.json), or a template of text")
    push.add_argument("--format", choices=("f-string", "mustache"), default="f-string", help="of a text")
    push.add_argument("--parent", default="latest", help="hash of the commit that it follows")
    push.add_argument("--tag", action="append", default=[], help="tag of the new commit")
    push.add_argument("--description", help="a text for people")
    log = _action(actions, "log", "list a prompt's commits, newest first", _log)
    log.add_argument("name", help="name or owner/name")
    log.add_argument("-n", "--limit", type=int, default=20, help="commits at most")
    log.add_argument("--json", action="store_true", help="print JSON")
    diff = _action(actions, "diff", "compare two commits", _diff)
    diff.add_argument("old", help="name:commit or name:tag")
    diff.add_argument("new", nargs="?", help="the other one; the latest if it is left out")


def _action(
    actions: Any, name: str, text: str, perform: Callable[[Client, argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    parser.set_defaults(perform=perform)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from smithkit.client import Client

    with Client(disable_prompt_cache=True) as client:
        try:
            status: int = arguments.perform(client, arguments)
        except (OSError, ValueError) as error:
            raise LangSmithUserError(str(error)) from error
    return status


def _pull(client: Client, arguments: argparse.Namespace) -> int:
    commit = client.pull_prompt_commit(arguments.name)
    manifest = json.dumps(commit.manifest, indent=2) + "\n"
    if arguments.output is not None:
        arguments.output.write_text(manifest, encoding="utf-8")
    elif arguments.json:
        _print(manifest)
    else:
        lines = _readable(commit.manifest)
        _print(f"{commit.owner}/{commit.repo}:{commit.commit_hash[:_SHORT]}\n\n" + "\n".join(lines) + "\n")
    return 0


def _push(client: Client, arguments: argparse.Namespace) -> int:
    text = arguments.file.read_text(encoding="utf-8")
    url = client.push_prompt(
        arguments.name,
        object=_content(text, arguments),
        parent_commit_hash=arguments.parent,
        description=arguments.description,
        commit_tags=arguments.tag,
    )
    _print(f"{url}\n")
    return 0


def _content(text: str, arguments: argparse.Namespace) -> Prompt | dict[str, Any]:
    from smithkit.prompts.templates import TextPrompt

    if arguments.file.suffix != ".json":
        return TextPrompt(text, arguments.format)
    manifest = json.loads(text)
    if not isinstance(manifest, dict):
        raise LangSmithUserError(f"{arguments.file} holds no manifest.")
    return manifest


def _log(client: Client, arguments: argparse.Namespace) -> int:
    from smithkit.cli._output import print_json, print_table

    commits = list(client.list_prompt_commits(arguments.name, limit=arguments.limit))
    if arguments.json:
        print_json([commit.model_dump(mode="json") for commit in commits])
        return 0
    rows = [
        (
            (one.commit_hash or "")[:_SHORT],
            f"{one.created_at or '':%Y-%m-%d %H:%M}",
            str(one.num_downloads or 0),
        )
        for one in commits
    ]
    print_table(("commit", "made", "pulled"), rows)
    return 0


def _diff(client: Client, arguments: argparse.Namespace) -> int:
    new_name = arguments.new or arguments.old.partition(":")[0]
    old, new = (client.pull_prompt_commit(name) for name in (arguments.old, new_name))
    before, after = (f"{one.owner}/{one.repo}:{one.commit_hash[:_SHORT]}" for one in (old, new))
    lines = difflib.unified_diff(_readable(old.manifest), _readable(new.manifest), before, after, lineterm="")
    for line in lines:
        _print(f"{line}\n")
    return 0


def _readable(manifest: dict[str, Any]) -> list[str]:
    """A prompt as lines for people; as JSON if it is none that smithkit reads."""
    from smithkit.prompts._describe import describe
    from smithkit.prompts.errors import ManifestError
    from smithkit.prompts.templates import Prompt

    try:
        return describe(Prompt.from_manifest(manifest))
    except ManifestError:
        return json.dumps(manifest, indent=2, sort_keys=True).splitlines()


def _print(text: str) -> None:
    sys.stdout.write(text)
