"""The command `verify`: all hashes, versions and typed columns of a log recomputed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, domains, existing_log, log_option
from orders_es.cli.output import count, print_json, print_text, printable
from orders_es.errors import DamagedLog, UnreadableLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.audit import Verified
    from orders_es.log import EventLog

__all__ = ["verify"]


@click.command(short_help="Recompute all hashes, versions, typed columns and snapshots of a log.")
@click.option("--checkpoint", metavar="FILE", help="Prove that the log is what was signed there, with events added.")
@click.option("--key", metavar="VKEY", help="The public key that signed it, or a file that holds it.")
@click.option("--witness", metavar="VKEY", multiple=True, help="A witness that has to have cosigned; may be repeated.")
@click.option("--quorum", metavar="N", type=click.IntRange(min=0), help="How many of the witnesses; all if left out.")
@click.option("--origin", metavar="NAME", help="The log's public name, where it is not the key's.")
@click.option("--quick", is_flag=True, help="Names, gaps, digests and footers alone; no event is read.")
@click.option(
    "--positions", metavar="FIRST:LAST", help="Read what lies with these positions, and of the rest what --quick does."
)
@click.option(
    "--sample",
    metavar="N",
    type=click.IntRange(min=1),
    help="Read what lies with N events that chance chooses, and of the rest what --quick does.",
)
@log_option()
@log_lines
@as_json
def verify(
    checkpoint: str | None,
    key: str | None,
    witness: tuple[str, ...],
    quorum: int | None,
    origin: str | None,
    quick: bool,
    positions: str | None,
    sample: int | None,
    log: str,
    as_json: bool,
) -> None:
    """Read every event of a log and recompute all that the log says of itself. Changes nothing; exits with 1 if anything is off.

    Files have the bytes that were written, positions and versions run without gaps, every stated root of the hash tree is the
    one that the events give, and so are versions, times and statistics; typed columns say what payloads say, and every copy
    and snapshot is what the log gives. Each problem is named with its place, and the rest is read on.

    A sound log is not yet the log of last year. With a checkpoint that was signed then, and kept elsewhere, it is proven to
    be that one, with events added at its end.

    With --quick no event is read: it finds what is missing, cut short or damaged, and whether stated roots follow from one another,
    in the time that reading the files takes. What was forged together with its digests is for the whole run to find.

    \b
    Example:
      orders-es verify --log my-log
      orders-es verify --sample 1000 --log my-log
      orders-es verify --checkpoint june.checkpoint --key shop.key.pub --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import audit

    if (checkpoint is None) != (key is None):
        raise click.UsageError(
            "--checkpoint and --key belong together: a checkpoint, and the public key that signed it"
        )
    progress = somebody_watches(as_json)
    against = None
    with _opened(log, sound=checkpoint is not None) as opened:
        if opened is not None and checkpoint is not None and key is not None:
            # First: it takes no time, and a wrong key is said at once.
            policy = {"witnesses": witness, "quorum": quorum, "origin": origin}
            against = audit.against_checkpoint(opened, checkpoint, key, progress=progress, **policy)
        found = audit.verify(
            log if opened is None else opened,
            domains=domains(),
            quick=quick,
            positions=_positions(positions),
            sample=sample,
            progress=progress,
        )
    ok = found.ok and (against is None or against.ok)
    if as_json:
        facts = {name: getattr(found, name) for name in found.__slots__}
        print_json({"log": log, "ok": ok, **facts, "checkpoint": against})
    else:
        for problem in found.problems:
            print_text(f"{printable(problem.where)}: {printable(problem.what)}")
        print_text(
            f"{_verdict(found)}: {count(found.events, 'event')}, "
            f"{count(found.heads, 'stated root')}, {count(found.values, 'typed value')} and "
            f"{count(found.snapshots, 'snapshot')} recomputed\nroot {found.head.root.hex()} at position {found.head.position:,}"
        )
        if found.part:
            print_text(f"{found.part}; `orders-es verify` reads all of it")
        if found.erased:
            print_text(f"the personal data of {count(len(found.erased), 'event')} are erased, as the log records")
        if found.unprotected:
            print_text(
                f"{count(found.unprotected, 'event')} in files from before there were digests, so that only `orders-es verify` "
                "notices a changed byte: `orders-es compact` writes them anew"
            )
        if against is not None:
            print_text("\n".join(map(printable, against.lines())))
    if not ok:
        click.get_current_context().exit(1)


def _verdict(found: Verified) -> str:
    if not found.ok:
        return count(len(found.problems), "problem")
    return "nothing wrong was found" if found.part else "all is well"


def _positions(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not (colon and first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise click.UsageError(f"--positions {text}: give the first and the last one, such as 1:1000")
    return int(first), int(last)


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
