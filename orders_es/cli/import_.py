"""The commands that fill a log: `simulate` and `import`."""

from __future__ import annotations

import dataclasses
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orders_es.cli.import_options import (
    on_error_option,
    quarantine_option,
    require_quarantine,
    skip_known_option,
    table_options,
)
from orders_es.cli.lazy_group import LazyGroup
from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, log_option, zone_option
from orders_es.cli.output import count, print_json
from orders_es.log.redacting import without_password
from orders_es.orders.moments import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from orders_es.sources.result import ImportResult

__all__ = [
    "currency_code",
    "import_",
    "simulate",
    "tell_import",
]

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@click.command()
@click.option("--orders", metavar="N", type=click.IntRange(min=1), default=1_000, show_default=True, help="How many.")
@click.option(
    "--seed",
    metavar="S",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same events, times and tree root; another one another life of the shop.",
)
@click.option(
    "--start",
    metavar="DAY",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2025-01-01",
    show_default=True,
    help="The first day (UTC) of the period in which the orders come in.",
)
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(min=1),
    default=90,
    show_default=True,
    help="How long the period is; it has to end in the past.",
)
@click.option(
    "--rate",
    metavar="R",
    type=click.FloatRange(min=0, min_open=True),
    help="Append in real time instead, R events a second, into a new log or one that is in use.",
)
@click.option(
    "--writers", metavar="W", type=click.IntRange(min=1), default=2, show_default=True, help="With --rate: processes."
)
@click.option(
    "--seconds",
    metavar="T",
    type=click.FloatRange(min=0, min_open=True),
    help="With --rate: for how long; until Ctrl-C if left out.",
)
@log_option(makes=True)
@log_lines
@as_json
@click.pass_context
def simulate(
    ctx: click.Context,
    orders: int,
    seed: int,
    start: datetime,
    days: int,
    rate: float | None,
    writers: int,
    seconds: float | None,
    log: str,
    as_json: bool,
) -> None:
    """Fill a new log with the orders of a simulated shop.

    Orders are placed, paid, shipped, returned, cancelled; some events come in days after they happened and some are
    corrected later, as in life. The log stands on simulated time, so both clocks have something to tell. It must be
    new or empty.

    With --rate, several processes append to the log in real time, as a shop's applications would, to measure what
    follows it. Ctrl-C ends that in good order.

    \b
    Example:
      orders-es simulate --orders 1000 --seed 7 --log my-log
      orders-es simulate --rate 50 --writers 4 --seconds 30 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    given = {
        name for name in ctx.params if ctx.get_parameter_source(name) not in (None, click.core.ParameterSource.DEFAULT)
    }
    if rate is not None:
        if given & {"orders", "start", "days"}:
            raise click.UsageError("--rate appends in real time: --orders, --start and --days do not go with it")
        _simulate_live(log, rate=rate, writers=writers, seconds=seconds, seed=seed, as_json=as_json)
        return
    if given & {"writers", "seconds"}:
        raise click.UsageError("--writers and --seconds go with --rate")
    from orders_es.sources.simulator import simulate_into

    done = simulate_into(
        log, orders=orders, seed=seed, start=start.replace(tzinfo=UTC), days=days, progress=somebody_watches(as_json)
    )
    if as_json:
        print_json(
            {
                "log": log,
                "orders": done.orders,
                "events": done.events,
                "commits": done.commits,
                "recorded_from": done.recorded_from,
                "recorded_to": done.recorded_to,
                "root": done.head.root,
                "seconds": done.seconds,
            }
        )
        return
    click.echo(
        f"{count(done.orders, 'order')}, {count(done.events, 'event')} in {count(done.commits, 'commit')}, recorded "
        f"from {format_instant(done.recorded_from)} to {format_instant(done.recorded_to)}, in {done.seconds:.1f} s"
    )
    click.echo(f"tree root {done.head.root.hex()}")
    click.echo(f"next: orders-es info --log {without_password(log)}")


def _simulate_live(log: str, *, rate: float, writers: int, seconds: float | None, seed: int, as_json: bool) -> None:
    from orders_es.sources.simulator import simulate_live

    done = simulate_live(
        log, rate=rate, writers=writers, seconds=seconds, seed=seed, progress=somebody_watches(as_json)
    )
    if as_json:
        print_json(
            {
                "log": log,
                "events": done.events,
                "seconds": done.seconds,
                "events_per_second": done.events_per_second,
                "stopped": done.stopped,
                "writers": [dataclasses.asdict(report) for report in done.writers],
            }
        )
        return
    ended = "; stopped" if done.stopped else ""
    click.echo(
        f"{count(done.events, 'event')} from {count(len(done.writers), 'writer')} in {done.seconds:.1f} s, "
        f"{done.events_per_second:.1f} a second{ended}"
    )
    click.echo(f"next: orders-es info --log {without_password(log)}")


@click.group(
    cls=LazyGroup,
    where={
        "table": "orders_es.cli.import_table:import_orders_table",
        "dumps": "orders_es.cli.import_dumps:import_table_dumps",
        "history": "orders_es.cli.import_history:import_row_history",
        "jsonl": "orders_es.cli.jsonl:import_lines",
        "ocel": "orders_es.cli.process_mining:import_objects",
        "xes": "orders_es.cli.process_mining:import_traces",
    },
    name="import",
    short_help="Bring orders in from somebody else's files.",
)
@click.option(
    "--list",
    "listing",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, _param, value: _list_importers(ctx) if value else None,
    help="Say which importers there are, and how to tell which one you need.",
)
def import_() -> None:
    """Bring orders in from somebody else's files.

    An import is checked as a whole before anything is appended, and importing the same file twice adds nothing.
    """
    # Arrow's own allocator keeps what it was given once: at its peak an import of a million lines took 1,009 MB with it, 735 without.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _list_importers(ctx: click.Context) -> None:
    from orders_es.sources.catalog import IMPORTERS

    for importer in IMPORTERS:
        click.echo(
            f"orders-es import {importer.command}\n  reads: {importer.reads}\n  when:  {importer.when}\n  more:  {importer.page}"
        )
    ctx.exit()


def currency_code(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The code of a currency that an option names.

    Raises:
        click.BadParameter: It is none.
    """
    if value is not None and not re.fullmatch("[A-Z]{3}", value):
        raise click.BadParameter(f"{value!r}: give three capital letters, such as GBP")
    return value


def _currency_option(default: str) -> Callable[[_Command], _Command]:
    return click.option(
        "--currency",
        metavar="CODE",
        default=default,
        show_default=True,
        callback=currency_code,
        help="The currency of the prices.",
    )


@import_.command(name="online-retail")
@click.argument("source", metavar="SRC", type=click.Path(exists=True, dir_okay=False))
@on_error_option
@quarantine_option()
@table_options()
@zone_option("The zone of the shop's clock, in which the file's times are read; UTC if left out.", default=None)
@_currency_option("GBP")
@skip_known_option
@log_option(makes=True)
@log_lines
@as_json
def online_retail(
    source: str,
    on_error: str,
    quarantine: str | None,
    tz: tzinfo | None,
    currency: str,
    skip_known: bool,
    log: str,
    as_json: bool,
    **reading: Any,
) -> None:
    """UCI's Online Retail, and Online Retail II: a year or two of a real shop's invoices.

    SRC is an .xlsx, .csv or .parquet file with either edition's column names. Each invoice becomes an order, each line
    an event. A column that has two readings (01/12/2010, 1.234) stops the import, and the error says which option decides.
    What happened keeps the time that the file gives it; when it was recorded is now, and not what the file
    would like it to be.

    The file is at https://archive.ics.uci.edu/dataset/352/online+retail.

    \b
    Example:
      orders-es import online-retail 'Online Retail.xlsx' --log retail
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    policy = require_quarantine(on_error, quarantine, "file")
    from orders_es.sources.online_retail import import_online_retail
    from orders_es.sources.tables.options import TableOptions

    done = import_online_retail(
        log,
        source,
        on_error=policy,
        quarantine=quarantine,
        tz=tz,
        currency=currency,
        reading=TableOptions(**reading),
        skip_known=skip_known,
        progress=somebody_watches(as_json),
    )
    tell_import(done, log, as_json)


@import_.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False))
@on_error_option
@quarantine_option(
    folder="Where the rows of orders with a bad row go, in files of the same names; '<name of FOLDER>.quarantine' in this "
    "folder if left out. Nothing there is overwritten.",
)
@table_options(workbooks=False)
@zone_option("The zone of the shop's clock, in which the files' times are read; UTC if left out.", default=None)
@_currency_option("BRL")
@skip_known_option
@log_option(makes=True)
@log_lines
@as_json
def olist(
    folder: str,
    on_error: str,
    quarantine: str | None,
    tz: tzinfo | None,
    currency: str,
    skip_known: bool,
    log: str,
    as_json: bool,
    **reading: Any,
) -> None:
    """The Brazilian E-Commerce Public Dataset by Olist: a hundred thousand orders of a marketplace.

    FOLDER holds the files as published, as .csv or .parquet: olist_orders_dataset, olist_order_items_dataset,
    olist_order_payments_dataset, olist_customers_dataset and, for the categories of what was bought,
    olist_products_dataset. Cancellations have no time in the files; theirs is the last one known of the order. Payments
    that were never approved have that of the purchase. Both are marked as estimated. Sellers' shipping limits, reviews,
    geolocation and the sizes of products are not imported.

    \b
    Example:
      orders-es import olist olist/ --log marketplace
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    policy = require_quarantine(on_error, quarantine, "folder")
    from orders_es.sources.olist import import_olist
    from orders_es.sources.tables.options import TableOptions

    done = import_olist(
        log,
        folder,
        on_error=policy,
        quarantine=quarantine,
        tz=tz,
        currency=currency,
        reading=TableOptions(**reading),
        skip_known=skip_known,
        progress=somebody_watches(as_json),
    )
    tell_import(done, log, as_json)


def tell_import(done: ImportResult, log: str, as_json: bool) -> None:
    """Print what an import did.

    Args:
        done: What it did.
        log: The log, as the caller named it.
        as_json: Whether to print JSON.
    """
    if as_json:
        print_json(
            {
                "source": done.source,
                "digest": done.digest,
                "rows": done.rows,
                "events": done.events,
                "orders": done.streams,
                "duplicates": done.duplicates,
                "quarantined": done.quarantined,
                "quarantine_path": None if done.quarantine_path is None else str(done.quarantine_path),
                "repeated": done.repeated,
                "commits": done.commits,
                "first_position": done.first_position,
                "last_position": done.last_position,
                **({"skipped": done.skipped} if done.skipped else {}),
                **({"estimated": done.estimated} if done.estimated else {}),
            }
        )
        return
    click.echo(str(done))
    if done.events:
        click.echo(f"next: orders-es info --log {without_password(log)}")
