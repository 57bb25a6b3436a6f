"""The command ``smithkit datasets``: examples between files and datasets."""

from __future__ import annotations

import sys
import uuid
from typing import TYPE_CHECKING, Any

from smithkit.errors import LangSmithNotFoundError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from smithkit.client import Client
    from smithkit.datasets.schemas import Dataset

__all__ = ["configure", "identified", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: Of the command.
    """
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    push = commands.add_parser("push", help="send the examples of a file to a dataset")
    push.add_argument("file", help=".csv, .jsonl, .ndjson or .parquet")
    push.add_argument("dataset", help="name of the dataset, which is made if it is not there")
    _add_columns(push)
    push.add_argument("--split", action="append", help="split for all of them; may be repeated")
    push.add_argument(
        "--dedup", action="store_true", help="make one of examples with equal inputs and outputs"
    )
    push.add_argument("--keep-ids", action="store_true", help="use the file's ids, as to restore a dataset")
    push.add_argument("--max-concurrency", type=int, default=3, help="requests in flight, 1 to 3 (default 3)")
    push.add_argument("--no-progress", action="store_true", help="show no bar")
    push.set_defaults(action=_push)
    pull = commands.add_parser("pull", help="write the examples of a dataset to a file")
    pull.add_argument("dataset", help="name of the dataset")
    pull.add_argument("file", help=".csv, .jsonl, .ndjson or .parquet; it is replaced")
    _add_columns(pull)
    pull.add_argument("--split", action="append", help="only examples of this split; may be repeated")
    pull.add_argument("--as-of", help="version: a tag or a time")
    pull.set_defaults(action=_pull)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say.

    Args:
        arguments: As `configure` has them.

    Returns:
        The exit status.
    """
    from smithkit.client import Client

    with Client() as client:
        status: int = arguments.action(client, arguments)
    return status


def identified(
    examples: Iterable[dict[str, Any]], dataset_id: uuid.UUID, *, keep: bool = False
) -> Iterator[dict[str, Any]]:
    """Examples with ids that are the same at the next push: of the dataset and the row.

    Args:
        examples: The rows of a file.
        dataset_id: Where they go.
        keep: Leave ids that are there as they are.

    Yields:
        Examples with ids.
    """
    from smithkit.datasets._rows import content_key

    for row, example in enumerate(examples, 1):
        own = example.get("id")
        if keep and own is not None:
            yield example
            continue
        content = content_key(example.get("inputs"), example.get("outputs"), row)
        yield {**example, "id": uuid.uuid5(dataset_id, str(own) if own else f"{row}:{content.hex()}")}


def _add_columns(parser: argparse.ArgumentParser) -> None:
    for what in ("input", "output"):
        parser.add_argument(
            f"--{what}",
            action="append",
            default=[],
            metavar="COLUMN",
            help=f"column that is a key of the {what}s; may be repeated. Without, rows hold whole examples",
        )


def _push(client: Client, arguments: argparse.Namespace) -> int:
    from smithkit.datasets.files import read_examples

    examples: Iterable[dict[str, Any]] = read_examples(
        arguments.file, input_keys=arguments.input, output_keys=arguments.output
    )
    dataset = _dataset(client, arguments.dataset)
    if arguments.split:
        examples = ({**example, "split": arguments.split} for example in examples)
    if not arguments.dedup:
        examples = identified(examples, dataset.id, keep=arguments.keep_ids)
    elif not arguments.keep_ids:
        examples = ({**example, "id": None} for example in examples)
    done = client.create_examples(
        dataset_id=dataset.id,
        examples=examples,
        deduplicate=arguments.dedup,
        max_concurrency=arguments.max_concurrency,
        progress=False if arguments.no_progress else None,
    )
    sys.stdout.write(f"{done['count']} examples of {arguments.file} are in dataset {dataset.name!r}.\n")
    return 0


def _pull(client: Client, arguments: argparse.Namespace) -> int:
    from smithkit.datasets.files import write_examples

    examples = client.list_examples(
        dataset_name=arguments.dataset, splits=arguments.split, as_of=arguments.as_of
    )
    count = write_examples(arguments.file, examples, input_keys=arguments.input, output_keys=arguments.output)
    sys.stdout.write(f"{count} examples of dataset {arguments.dataset!r} are in {arguments.file}.\n")
    return 0


def _dataset(client: Client, name: str) -> Dataset:
    try:
        return client.read_dataset(dataset_name=name)
    except LangSmithNotFoundError:
        return client.create_dataset(name)
