"""The commands `snapshots take`, `list` and `drop`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import as_json, domains, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text, printable, size, table
from orders_es.cli.show import domain_of_stream

if TYPE_CHECKING:
    from orders_es.log import EventLog

__all__ = ["drop", "list_", "snapshots", "take"]


@click.group(short_help="Snapshots of long orders: take, list, drop.")
def snapshots() -> None:
    """Snapshots of long orders, from which loading them begins.

    They lie beside the log, are derived from it, and are never trusted over it: an answer is the same with them and without.
    Commands on orders (the service) take them as orders grow; these commands are for what was imported.
    """


@snapshots.command(short_help="Take the snapshots that are due.")
@log_lines
@click.argument("orders", metavar="[ORDER]...", nargs=-1)
@click.option(
    "--every", metavar="EVENTS", type=click.IntRange(min=2), default=500, show_default=True, help="Between two of them."
)
@log_option()
@as_json
def take(orders: tuple[str, ...], every: int, log: str, as_json: bool) -> None:
    """Take the snapshots that are due, of these orders, or of all that are long enough.

    \b
    Example:
      orders-es snapshots take --log my-log
      orders-es snapshots take S-000201 --every 100 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay import Snapshots

    with existing_log(log, writes=True) as opened:
        taken = {}
        for order in orders or _long(opened, every):
            taken[order] = Snapshots(opened, decider=domain_of_stream(opened, order), every=every).take(order)
    number = sum(taken.values())
    if as_json:
        print_json({"log": log, "snapshots": number, "orders": taken})
    else:
        of = count(sum(map(bool, taken.values())), "order")
        click.echo(f"took {count(number, 'snapshot')} of {of}" if number else "nothing is due")


@snapshots.command("list", short_help="The snapshots on disk.")
@log_option()
@as_json
def list_(log: str, as_json: bool) -> None:
    """The snapshots on disk, and which of them this program uses: those that its own version of the rules has made.

    \b
    Example:
      orders-es snapshots list --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay import Snapshots

    with existing_log(log) as opened:
        kept = {kept.made_by: kept for kept in (Snapshots(opened, decider=decider) for decider in domains())}
        files = list(Snapshots(opened).files())
        used = {file.path: file.made_by in kept for file in files}
        names = {f.path: kept[f.made_by].stream_of(f) or "?" if f.made_by in kept else "?" for f in files}
    if as_json:
        rows = [
            {"order": names[f.path], "version": f.version, "bytes": f.size, "made_by": f.made_by, "used": used[f.path]}
            for f in files
        ]
        print_json({"log": log, "snapshots": rows})
    elif not files:
        click.echo("no snapshots")
    else:
        cells = [
            [printable(names[f.path]), f"{f.version:,}", size(f.size), "yes" if used[f.path] else "no"] for f in files
        ]
        print_text(table(cells, heads=["order", "version", "size", "used"], right="lrrl", indent=0))


@snapshots.command(short_help="Remove all snapshots.")
@log_option()
@as_json
def drop(log: str, as_json: bool) -> None:
    """Remove all snapshots, those of other versions as well. No answer changes; long orders load slower.

    \b
    Example:
      orders-es snapshots drop --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.replay import Snapshots

    with existing_log(log, writes=True) as opened:
        number = Snapshots(opened).drop()
    if as_json:
        print_json({"log": log, "dropped": number})
    else:
        click.echo(f"removed {count(number, 'snapshot')}" if number else "no snapshots")


def _long(log: EventLog, every: int) -> list[str]:
    from orders_es.audit.doctor import long_streams

    return list(long_streams(log, every))
