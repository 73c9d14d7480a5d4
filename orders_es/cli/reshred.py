"""The command `reshred`: copies of events of old versions in today's columns, ahead of the first question."""

from __future__ import annotations

import shutil
import time

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json
from orders_es.log.protocol import HasUpcastCopies

__all__ = ["reshred"]


@click.command(short_help="Copy events of old versions in today's columns.")
@log_lines
@click.option(
    "--drop-others",
    is_flag=True,
    help="Remove the copies that were made for other sets of event types and upcasters, once these are there. Programs of other "
    "versions that still run make theirs again.",
)
@log_option()
@as_json
def reshred(drop_others: bool, log: str, as_json: bool) -> None:
    """Make all copies of events of old versions that SQL reads, so that no session has to wait for them.

    They lie beside the log, in derived/upcast, and may be deleted at any time; what a session needs and does not find, it makes. Stopped in
    between, the command goes on from there when it is called again. Nothing recorded changes.

    \b
    Example:
      orders-es reshred --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    started = time.monotonic()
    with existing_log(log, writes=True) as opened:
        done = list(opened.reshred()) if isinstance(opened, HasUpcastCopies) else []
        others = opened.stale_copies if drop_others and isinstance(opened, HasUpcastCopies) else []
        for place in others:
            shutil.rmtree(place, ignore_errors=True)
    made = [copy for copy in done if copy.made]
    events = sum(copy.last - copy.first + 1 for copy in made)
    seconds = time.monotonic() - started
    if as_json:
        print_json(
            {
                "copies": len(done),
                "made": len(made),
                "events": events,
                "dropped": len(others),
                "seconds": round(seconds, 3),
            }
        )
        return
    if not done:
        click.echo(
            "nothing to copy: no event of this log is of an old version, or all are read as they are; a log in PostgreSQL keeps "
            "copies where ORDERS_ES_CACHE names a folder for them"
        )
    elif not made:
        click.echo(f"nothing to copy: {count(len(done), 'copy', 'copies')} already there")
    else:
        click.echo(
            f"copied {count(events, 'event')} into {count(len(made), 'file')} in {seconds:.2f} s; deletable at any time"
        )
    if others:
        click.echo(f"removed the copies of {count(len(others), 'other set')} of event types and upcasters")
