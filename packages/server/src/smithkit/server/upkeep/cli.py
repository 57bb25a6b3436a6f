"""The command ``smithkit db``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from smithkit.server.upkeep.checking import Report
    from smithkit.server.upkeep.loading import Loaded

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands.

    Args:
        parser: Of the command.
    """
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, action: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action)
        command.add_argument("--json", action="store_true", help="print the result as JSON")
        return command

    _add_database(check := add("check", _check, "find out whether everything is whole"), blobs=True)
    check.add_argument("--quick", action="store_true", help="do not read the content of files")
    _add_database(backup := add("backup", _backup, "write the database and its files into one archive"))
    backup.add_argument("file", type=Path, help="archive to write (.zip)")
    backup.add_argument("--force", action="store_true", help="replace the archive if it is there")
    _add_database(restore := add("restore", _restore, "put a backup in the place of the database"))
    restore.add_argument("file", type=Path, help="archive that `backup` has written")
    restore.add_argument("--force", action="store_true", help="replace the database if it is there")
    _add_database(
        vacuum := add("vacuum", _vacuum, "give free space back, and remove files that nothing names"),
        blobs=True,
    )
    vacuum.add_argument("--full", action="store_true", help="write the whole file anew; writers wait")
    _add_database(export := add("export", _export, "write everything as lines of JSON"), blobs=True)
    export.add_argument("file", type=Path, help="file to write; .jsonl, or .jsonl.zst to compress it")
    _add_database(
        bring := add("import", _import, "read what `export` has written; may be repeated"), blobs=True
    )
    bring.add_argument("file", type=Path, help=".jsonl or .jsonl.zst")
    copy = add("copy", _copy, "copy one database into another, and compare their rows")
    copy.add_argument("source", help="path or URL")
    copy.add_argument("target", help="path or URL; made if it is not there")
    copy.add_argument("--source-blobs", metavar="PLACE", help="folder or URL of its files")
    copy.add_argument("--target-blobs", metavar="PLACE", help="folder or URL of its files")


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say.

    Args:
        arguments: As `configure` has them.

    Returns:
        The exit status: 0, or 1 if something is wrong.

    Raises:
        UpkeepError: It cannot be done.
    """
    from smithkit.server.upkeep.errors import UpkeepError

    try:
        status: int = arguments.action(arguments)
    except OSError as error:
        raise UpkeepError(str(error)) from error
    return status


def _add_database(parser: argparse.ArgumentParser, *, blobs: bool = False) -> None:
    parser.add_argument("--db", metavar="URL", help="database (default: smithkit.db in SMITHKIT_HOME)")
    if blobs:
        parser.add_argument("--blobs", metavar="PLACE", help="folder or URL of the files")


def _url(arguments: argparse.Namespace) -> str:
    from smithkit.config import home

    return str(arguments.db or home() / "smithkit.db")


def _check(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.checking import check
    from smithkit.server.upkeep.database import open_database

    with open_database(_url(arguments), blobs=arguments.blobs, any_revision=True) as database:
        report = check(database, quick=arguments.quick)
    _tell(arguments, report.as_json(), _describe_check(report))
    return 0 if report.ok else 1


def _describe_check(report: Report) -> str:
    lines = [f"{report.database}, revision {report.revision}"]
    for name, problems in report.checks.items():
        lines.append(f"  {name}: {'ok' if not problems else 'FAILED'}")
        lines += [f"    {problem}" for problem in problems]
    rows = sum(report.rows.values())
    lines.append(f"{rows:,} rows, {report.blobs:,} files, {report.orphans:,} files that nothing names")
    return "\n".join(lines)


def _backup(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.backup import backup
    from smithkit.server.upkeep.database import open_database

    with open_database(_url(arguments), any_revision=True) as database:
        made = backup(database, arguments.file, force=arguments.force)
    text = f"{arguments.file}: {made.size:,} bytes, {made.blobs:,} files"
    if made.missing:
        text += f"; {made.missing:,} files are named and not there: `smithkit db check` tells which"
    _tell(arguments, asdict(made), text)
    return 1 if made.missing else 0


def _restore(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.restore import restore

    blobs = restore(arguments.file, _url(arguments), force=arguments.force)
    _tell(arguments, {"blobs": blobs}, f"{_url(arguments)}: restored, with {blobs:,} files")
    return 0


def _vacuum(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.database import open_database
    from smithkit.server.upkeep.vacuum import vacuum

    with open_database(_url(arguments), blobs=arguments.blobs, any_revision=True) as database:
        done = vacuum(database, full=arguments.full)
    text = f"{done.before:,} bytes before, {done.after:,} now; {done.blobs:,} files removed ({done.blob_bytes:,} bytes)"
    _tell(arguments, asdict(done), text)
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.database import open_database
    from smithkit.server.upkeep.jsonl import open_writing, write_lines
    from smithkit.server.upkeep.records import read_records

    missing: list[bytes] = []
    with (
        open_database(_url(arguments), blobs=arguments.blobs) as database,
        database.snapshot() as connection,
        open_writing(arguments.file) as file,
    ):
        counts = write_lines(read_records(database, connection, missing), file)
    text = _table("exported", {name: (count,) for name, count in counts.items()}) + _lost(missing)
    _tell(arguments, {"exported": counts, "missing": len(missing)}, text)
    return 1 if missing else 0


def _import(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.database import open_database
    from smithkit.server.upkeep.jsonl import open_reading, read_lines
    from smithkit.server.upkeep.loading import load

    with (
        open_reading(arguments.file) as file,
        open_database(_url(arguments), blobs=arguments.blobs, create=True) as database,
    ):
        loaded = load(database, read_lines(file))
    _tell(arguments, loaded.as_json(), _describe_load(loaded))
    return 1 if loaded.refused else 0


def _copy(arguments: argparse.Namespace) -> int:
    from smithkit.server.upkeep.copying import copy
    from smithkit.server.upkeep.database import open_database

    with (
        open_database(arguments.source, blobs=arguments.source_blobs) as source,
        open_database(arguments.target, blobs=arguments.target_blobs, create=True) as target,
    ):
        copied = copy(source, target)
    text = (
        _table("source  target", copied.rows) + _lost(copied.missing) + "\n" + _describe_load(copied.loaded)
    )
    _tell(arguments, {"rows": copied.rows, "ok": copied.ok, "missing": len(copied.missing)}, text)
    return 0 if copied.ok else 1


def _describe_load(loaded: Loaded) -> str:
    names = sorted({*loaded.added, *loaded.present, *loaded.refused})
    rows = {name: (loaded.added[name], loaded.present[name], loaded.refused[name]) for name in names}
    renamed = [f"\n{before!r} is taken: came as {after!r}" for before, after in loaded.renamed]
    return _table("added  present  refused", rows) + "".join(renamed)


def _lost(missing: list[bytes]) -> str:
    if not missing:
        return ""
    return f"\n{len(missing):,} files are named and not there, or were removed meanwhile: `smithkit db check` tells"


def _table(heads: str, rows: Mapping[str, tuple[int, ...]]) -> str:
    columns = heads.split("  ")
    wide = max(map(len, ("table", *rows)))
    lines = [f"{'table':<{wide}}" + "".join(f"{name:>12}" for name in columns)]
    lines += [
        f"{name:<{wide}}" + "".join(f"{count:>12,}" for count in counts) for name, counts in rows.items()
    ]
    return "\n".join(lines)


def _tell(arguments: argparse.Namespace, value: Any, text: str) -> None:
    from smithkit.cli._output import print_json

    if arguments.json:
        print_json(value)
    else:
        sys.stdout.write(f"{text}\n")
