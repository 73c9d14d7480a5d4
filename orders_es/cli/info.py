"""The command `info`: what a log is and how large."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orders_es.cli.options import as_json, existing_log, instant, log_option, zone_option
from orders_es.cli.order_lookup import FILLING
from orders_es.cli.output import count, print_json, printable, size
from orders_es.log.clock import ahead, in_words
from orders_es.log.protocol import HasFiles
from orders_es.log.redacting import without_password
from orders_es.orders.moments import format_instant, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from orders_es.log import EventLog, LogFile

__all__ = ["files_and_bytes", "info"]

SMALL_FILES_TO_MENTION = 200
"""Above so many commits outside a segment a scan notices them: 5,000 one-row files take 0.3 s to read."""


@click.command(short_help="What the log is and how large: identity, events, head, root, files.")
@click.option("--position", metavar="N", type=click.IntRange(min=0), help="The root when the log held so many events.")
@zone_option("Where a time without a zone is read, and where times are shown.")
@click.option(
    "--recorded-by",
    metavar="TIME",
    callback=instant,
    help="The root that the log had at that moment by its own clock.",
)
@log_option()
@as_json
def info(position: int | None, tz: tzinfo, recorded_by: datetime | None, log: str, as_json: bool) -> None:
    """What the log is and how large: its identity, events, streams, head, tree root and files.

    The tree root is a fingerprint of all events in their places: the same events give the same root, in every copy of
    the log and after every compaction, and another past would have another one. With --position or --recorded-by it is
    computed for that moment, from every event before it, to be held against a root that somebody kept.

    \b
    Example:
      orders-es info --log my-log
      orders-es info --log my-log --json | jq -r .head.root
      orders-es info --recorded-by 2025-06-30 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    if position is not None or recorded_by is not None:
        _root_then(log, position, recorded_by, tz, as_json=as_json)
        return
    with existing_log(log) as opened:
        head = opened.head()
        files, stored = files_and_bytes(opened)
        streams = len(opened.stream_ids())
        identity, origin = str(opened.log_id), opened.origin
    small = sum(file.kind == "commit" for file in files)
    hint = None
    if not head.position:
        hint = f"the log is empty; fill it: {FILLING.format(log=log)}"
    elif small > SMALL_FILES_TO_MENTION:
        hint = (
            f"{small:,} small files slow down every scan; merge them: orders-es compact --log {without_password(log)}"
        )
    by = ahead(head)
    if by is not None:
        behind = (
            f"the log's clock is {in_words(by)} ahead of this machine's, and recorded_at stands still until it has caught up; "
            "see that the clocks of the machines that append are right"
        )
        hint = f"{hint}\n{behind}" if hint else behind
    if as_json:
        print_json(
            {
                "log": log,
                "log_id": identity,
                "origin": origin,
                "events": head.position,
                "streams": streams,
                "head": {"position": head.position, "recorded_at": head.recorded_at, "root": head.root},
                **({} if by is None else {"seconds_ahead": by.total_seconds()}),
                "files": {"commits": small, "segments": len(files) - small, "bytes": stored},
                "hint": hint,
            }
        )
        return
    rows = {
        "log": printable(log),
        "identity": f"{identity}  {printable(origin)}".rstrip(),
        "events": f"{head.position:,}",
        "streams": f"{streams:,}",
        "head": f"position {head.position}, recorded {format_instant(head.recorded_at)}"
        if head.recorded_at
        else "none",
        "tree root": head.root.hex(),
        "files": f"{count(small, 'commit')}, {count(len(files) - small, 'segment')}, {size(stored)}"
        if files
        else (f"one, {size(stored)}" if stored else "none: it lies in no file"),
    }
    for name, value in rows.items():
        click.echo(f"{name:<10}  {value}")
    if hint:
        click.echo(f"\n{hint}")


def _root_then(log: str, position: int | None, recorded_by: datetime | None, tz: tzinfo, *, as_json: bool) -> None:
    """Print the end of the log as it was, with the root of its tree then."""
    from orders_es.log.roots import head_by, root_at

    if position is not None and recorded_by is not None:
        raise click.UsageError("--position and --recorded-by both name a moment of the log; give one of them")
    with existing_log(log) as opened:
        now, identity, origin = opened.head(), str(opened.log_id), opened.origin
        if position is None:
            assert recorded_by is not None
            then = head_by(opened, recorded_by)
            number, recorded_at, root = then.position, then.recorded_at, then.root
        elif position > now.position:
            raise click.UsageError(f"--position {position}: the log holds {now.position:,} events")
        else:
            number, recorded_at, root = position, None, root_at(opened, position)
            if position:
                [last] = opened.read(after=position - 1, to=position, columns=["recorded_at"])
                recorded_at = last.column(0)[0].as_py()
    if as_json:
        head = {"position": number, "recorded_at": recorded_at, "root": root}
        print_json({"log": log, "log_id": identity, "origin": origin, "head": head, "events_now": now.position})
        return
    when = f", recorded {spoken(recorded_at, tz)}" if recorded_at else ""
    rows = {
        "log": printable(log),
        "identity": f"{identity}  {printable(origin)}".rstrip(),
        "head then": f"position {number} of {now.position} now{when}" if number else "none: the log was empty",
        "tree root": root.hex(),
    }
    for name, value in rows.items():
        click.echo(f"{name:<10}  {value}")


def files_and_bytes(log: EventLog) -> tuple[Sequence[LogFile], int]:
    """The log's files and what they weigh together; of a log that is one file, no files and its weight; else nothing.

    A file may be merged away between the listing and the look at its size; then both are taken again.
    """
    if not isinstance(log, HasFiles):
        return [], Path(log.url).stat().st_size if Path(log.url).is_file() else 0
    while True:
        files = log.files()
        try:
            return files, sum(os.stat(path).st_size for path in {file.path for file in files})  # noqa: PTH116 - no detour
        except FileNotFoundError:
            if files == log.files():
                raise
