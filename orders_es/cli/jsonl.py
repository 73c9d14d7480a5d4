"""The commands for JSON lines: `export jsonl` and `import jsonl`."""

from __future__ import annotations

import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from orders_es.cli.import_ import currency_code, tell_import
from orders_es.cli.import_options import quarantine_option
from orders_es.cli.lazy_group import LazyGroup
from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, existing_log, log_option
from orders_es.cli.output import count, print_json
from orders_es.errors import LogNotEmpty

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orders_es.log import EventLog

__all__ = ["export", "import_lines"]


@click.group(
    cls=LazyGroup,
    where={
        "ocel": "orders_es.cli.process_mining:export_objects",
        "xes": "orders_es.cli.process_mining:export_traces",
    },
    short_help="Take a log's events elsewhere.",
)
def export() -> None:
    """Take a log's events elsewhere. The log is only read."""


@export.command(name="jsonl")
@log_lines
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The file to write; standard output if left out. Never overwritten.",
)
@click.option(
    "--today",
    is_flag=True,
    help='Say beside each event of an old version what it is today, as "today"; `import jsonl` passes over that.',
)
@log_option()
@as_json
def export_lines(out: str | None, today: bool, log: str, as_json: bool) -> None:
    """All events as JSON lines: one object per line, in the order of the log.

    A line has every part of the envelope, and the payload byte for byte as it was recorded. `import jsonl` reads it all
    back.

    \b
    Example:
      orders-es export jsonl --log my-log --out events.jsonl
      orders-es export jsonl --log my-log | jq -c 'select(.type == "RefundIssued")'
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    if as_json and out is None:
        raise click.UsageError(
            "--json tells what was written to a file, and standard output has the lines; add --out FILE"
        )
    from orders_es.sources.jsonl.export import export_jsonl

    with existing_log(log) as opened:
        if out is None:
            export_jsonl(
                opened, sys.stdout.buffer, today=today, progress=somebody_watches(as_json) and not sys.stdout.isatty()
            )
            return
        events = export_jsonl(opened, out, today=today, progress=somebody_watches(as_json))
    if as_json:
        print_json({"log": log, "out": out, "events": events})
    else:
        click.echo(f"{out}: {count(events, 'event')}, one a line")


@click.command(name="jsonl")
@log_lines
@click.argument("source", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--mapping",
    metavar="NAME|TOML",
    help="What makes orders of ours out of lines of another shape: 'order-service', which is shipped, or a TOML file. "
    "Without it, the lines are those of `export jsonl`.",
)
@click.option(
    "--currency",
    metavar="CODE",
    callback=currency_code,
    help="With --mapping: the currency of orders whose lines name none, such as EUR.",
)
@click.option(
    "--as-recorded",
    is_flag=True,
    help="Keep the times of recording as well. Only whole logs, and only into an empty log.",
)
@click.option(
    "--keep-unknown", is_flag=True, help="Take over events of types that are not the order domain's, as they are."
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "quarantine"]),
    default="stop",
    show_default=True,
    help="What to do about a bad line: import nothing and name it, or write all lines of its stream to a file and import "
    "the other streams.",
)
@quarantine_option(rows="such lines", of="FILE", metavar="CSV")
@log_option(makes=True)
@as_json
def import_lines(
    source: str,
    mapping: str | None,
    currency: str | None,
    as_recorded: bool,
    keep_unknown: bool,
    on_error: str,
    quarantine: str | None,
    log: str,
    as_json: bool,
) -> None:
    """JSON lines, one event per line: our own export, or with --mapping another system's events.

    All lines are checked before anything is appended: each for itself, and all together for versions that are missing,
    come twice or stand out of order. Lines that the log has already add nothing.

    \b
    Example:
      orders-es import jsonl events.jsonl --as-recorded --log copy
      orders-es import jsonl order-events.jsonl --mapping order-service --log shop
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    wrong = {
        "--quarantine names a file for bad lines; add --on-error quarantine to set them aside": quarantine is not None
        and on_error != "quarantine",
        "--currency fills in what lines of another shape lack; it needs --mapping": currency is not None
        and mapping is None,
        "--as-recorded and --keep-unknown are for our own export; leave them out, or --mapping": mapping is not None
        and (as_recorded or keep_unknown),
        "--as-recorded restores a log whole, so no line can be set aside; leave out --on-error quarantine": as_recorded
        and on_error == "quarantine",
    }
    for what, is_so in wrong.items():
        if is_so:
            raise click.UsageError(what)
    from orders_es.sources.jsonl import import_jsonl

    with _restored(log) if as_recorded else nullcontext(log) as target:
        done = import_jsonl(
            target,
            source,
            mapping=mapping,
            currency=currency,
            on_error="quarantine" if on_error == "quarantine" else "stop",
            quarantine=quarantine,
            as_recorded=as_recorded,
            keep_unknown=keep_unknown,
            progress=somebody_watches(as_json),
        )
    tell_import(done, log, as_json)


@contextmanager
def _restored(log: str) -> Iterator[EventLog]:
    """A log to be filled with what was recorded elsewhere: there whole, once the block ends well, or not at all."""
    from orders_es.log import open_log
    from orders_es.log.open import order_registry
    from orders_es.log.restoring import restoring
    from orders_es.log.undo_creation import has_something

    if has_something(log):
        with open_log(log) as opened:  # an empty one has nothing to lose; one with events is refused
            yield opened
        return
    with restoring(log, registry=order_registry(), origin=None) as restoration:
        done = restoration.head().position
        if done:
            raise LogNotEmpty(restoration.place, done, "an interrupted import left it; remove it and begin again")
        yield restoration.log
        restoration.finish(restoration.head().root)
