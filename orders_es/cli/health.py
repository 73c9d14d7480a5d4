"""The commands that check a log and keep its snapshots: `doctor`, `verify`, `snapshots`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from orders_es.cli.look import domain_of_stream
from orders_es.cli.options import as_json, domains, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text, printable, size, table
from orders_es.errors import DamagedLog, UnreadableLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log import EventLog

__all__ = ["doctor", "snapshots", "verify"]


@click.command(short_help="What should be done about a log: giant streams, small files, stale snapshots.")
@click.option(
    "--giant",
    metavar="EVENTS",
    type=click.IntRange(min=2),
    default=1000,
    show_default=True,
    help="An order of so many events is a giant.",
)
@log_option()
@as_json
def doctor(giant: int, log: str, as_json: bool) -> None:
    """Look for what makes a log slow or wants attention, and say what to do. Changes nothing; exits with 1 if there is any.

    A giant stream is an order with very many events: every load of it has to fold them all, unless it has a snapshot.

    \b
    Example:
      orders-es doctor --log my-log
      orders-es doctor --giant 200 --json --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.audit import examine

    with existing_log(log) as opened:
        advice = examine(opened, giant=giant)
    if as_json:
        print_json({"log": log, "advice": advice})
    elif not advice:
        click.echo("nothing to do: no giant streams, files in good shape")
    else:
        for item in advice:
            where = f" --log {log}" if item.next.startswith("orders-es ") else ""
            print_text(f"{printable(item.about)}: {item.what}\n  next: {printable(item.next + where)}")
    if advice:
        click.get_current_context().exit(1)


@click.command(short_help="Recompute all hashes, versions, typed columns and snapshots of a log.")
@click.option("--checkpoint", metavar="FILE", help="Prove that the log is what was signed there, with events added.")
@click.option("--key", metavar="VKEY", help="The public key that signed it, or a file that holds it.")
@click.option("--witness", metavar="VKEY", multiple=True, help="A witness that has to have cosigned; may be repeated.")
@click.option("--quorum", metavar="N", type=click.IntRange(min=0), help="How many of the witnesses; all if left out.")
@click.option("--origin", metavar="NAME", help="The log's public name, where it is not the key's.")
@log_option()
@as_json
def verify(
    checkpoint: str | None,
    key: str | None,
    witness: tuple[str, ...],
    quorum: int | None,
    origin: str | None,
    log: str,
    as_json: bool,
) -> None:
    """Read every event of a log and recompute all that the log says of itself. Changes nothing; exits with 1 if anything is off.

    Files have the bytes that were written, positions and versions run without gaps, every stated root of the hash tree is the
    one that the events give, and so are versions, times and statistics; typed columns say what payloads say, and every copy
    and snapshot is what the log gives. Each problem is named with its place, and the rest is read on.

    A sound log is not yet the log of last year. With a checkpoint that was signed then, and kept elsewhere, it is proven to
    be that one, with events added at its end.

    \b
    Example:
      orders-es verify --log my-log
      orders-es verify --checkpoint june.checkpoint --key shop.key.pub --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    import sys

    from orders_es import audit

    if (checkpoint is None) != (key is None):
        raise click.UsageError(
            "--checkpoint and --key belong together: a checkpoint, and the public key that signed it"
        )
    progress = not as_json and sys.stderr.isatty()
    against = None
    with _opened(log, sound=checkpoint is not None) as opened:
        if opened is not None and checkpoint is not None and key is not None:
            # First: it takes no time, and a wrong key is said at once.
            policy = {"witnesses": witness, "quorum": quorum, "origin": origin}
            against = audit.against_checkpoint(opened, checkpoint, key, progress=progress, **policy)
        found = audit.verify(log if opened is None else opened, domains=domains(), progress=progress)
    ok = found.ok and (against is None or against.ok)
    if as_json:
        facts = {name: getattr(found, name) for name in found.__slots__}
        print_json({"log": log, "ok": ok, **facts, "checkpoint": against})
    else:
        for problem in found.problems:
            print_text(f"{printable(problem.where)}: {printable(problem.what)}")
        print_text(
            f"{'all is well' if found.ok else count(len(found.problems), 'problem')}: {count(found.events, 'event')}, "
            f"{count(found.heads, 'stated root')}, {count(found.values, 'typed value')} and "
            f"{count(found.snapshots, 'snapshot')} recomputed\nroot {found.head.root.hex()} at position {found.head.position:,}"
        )
        if found.unprotected:
            print_text(
                f"{count(found.unprotected, 'event')} in files from before there were digests, so that only `orders-es verify` "
                "notices a changed byte: `orders-es compact` writes them anew"
            )
        if against is not None:
            print_text("\n".join(map(printable, against.lines())))
    if not ok:
        click.get_current_context().exit(1)


@contextmanager
def _opened(url: str, *, sound: bool) -> Iterator[EventLog | None]:
    """The log, or None where it is too damaged to be opened; then an error if it has to be `sound`."""
    try:
        log = existing_log(url)
    except (DamagedLog, UnreadableLog):
        if sound:
            raise
        yield None
    else:
        with log:
            yield log


@click.group(short_help="Snapshots of long orders: take, list, drop.")
def snapshots() -> None:
    """Snapshots of long orders, from which loading them begins.

    They lie beside the log, are derived from it, and are never trusted over it: an answer is the same with them and without.
    Commands on orders (the service) take them as orders grow; these commands are for what was imported.
    """


@snapshots.command(short_help="Take the snapshots that are due.")
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

    with existing_log(log) as opened:
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

    with existing_log(log) as opened:
        number = Snapshots(opened).drop()
    if as_json:
        print_json({"log": log, "dropped": number})
    else:
        click.echo(f"removed {count(number, 'snapshot')}" if number else "no snapshots")


def _long(log: EventLog, every: int) -> list[str]:
    from orders_es.audit.doctor import long_streams

    return list(long_streams(log, every))
