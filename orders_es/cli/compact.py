"""The commands `compact` and `vacuum`: fewer files, and none that are superseded."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import as_json, duration, existing_log, log_option
from orders_es.cli.output import count, print_json, size, span
from orders_es.log.maintenance import Compacted, Vacuumed
from orders_es.log.protocol import NeedsUpkeep
from orders_es.log.redacting import without_password

if TYPE_CHECKING:
    from datetime import timedelta


__all__ = ["compact", "vacuum"]


@click.command(short_help="Merge small files into segments.")
@log_option()
@log_lines
@as_json
def compact(log: str, as_json: bool) -> None:
    """Merge runs of small files into segments, so that scans stay fast, and sort copies by order, so that one loads fast.

    Also keeps, for each part of a large log, what its orders came to there, so that questions about all orders read few events.

    Safe at any time: readers and writers in other processes go on, no event changes, and the tree root stays as it
    is. The files merged away stay on disk until `vacuum` removes them.

    \b
    Example:
      orders-es compact --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay.states import make_states

    with existing_log(log, writes=True) as opened:
        done = opened.compact() if isinstance(opened, NeedsUpkeep) else Compacted(0, 0, 0, 0, 0.0)
        states = make_states(opened)
    if as_json:
        print_json({**asdict(done), "states": states})
    elif not done.files_after:
        click.echo("nothing to merge: this log keeps no small files")
    elif not (done.segments or done.sorted_copies or states):
        click.echo(f"nothing to merge: {count(done.files_after, 'file')} already in good shape")
    elif done.segments:
        click.echo(
            f"merged {count(done.events, 'event')} into {count(done.segments, 'segment')} in {done.seconds:.2f} s: "
            f"{count(done.files_before, 'file')} before, {done.files_after:,} now"
        )
        click.echo(f"the old files stay for readers at work; later: orders-es vacuum --log {without_password(log)}")
    if done.sorted_copies and not as_json:
        made = count(done.sorted_copies, "file")
        click.echo(
            f"copied {made} sorted by order into derived/, so that one order loads fast; delete that at any time"
        )
    if states and not as_json:
        click.echo(
            f"kept in derived/ what orders came to in {count(states, 'part')} of the log; delete that at any time"
        )


@click.command(short_help="Remove superseded files.")
@log_lines
@click.option(
    "--grace",
    metavar="LENGTH",
    default="1h",
    show_default=True,
    callback=duration,
    help="Leave files that were superseded more recently than this; readers may still be at work on them. "
    "90s, 15m, 1h, 7d.",
)
@log_option()
@as_json
def vacuum(log: str, grace: timedelta, as_json: bool) -> None:
    """Remove files that `compact` has superseded, and what killed writers left behind.

    Every event stays. Only files of which a segment holds each event go, and only after the grace period.

    \b
    Example:
      orders-es vacuum --log my-log
      orders-es vacuum --grace 1d --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    with existing_log(log, writes=True) as opened:
        done = opened.vacuum(grace=grace) if isinstance(opened, NeedsUpkeep) else Vacuumed(0, 0, 0, 0)
    if as_json:
        print_json(done)
        return
    gone = []
    if done.files:
        gone.append(count(done.files, "superseded file"))
    if done.leftovers:
        gone.append(count(done.leftovers, "leftover"))
    click.echo(f"removed {' and '.join(gone)}, {size(done.bytes)}" if gone else "nothing to remove")
    if done.waiting:
        click.echo(f"{count(done.waiting, 'superseded file')} wait for {span(grace)} to pass since they were merged")
