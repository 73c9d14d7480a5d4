"""The commands for process mining: `export ocel`, `export xes`, `import ocel` and `import xes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.import_ import currency_code, tell_import
from orders_es.cli.import_options import on_error_option, quarantine_option, require_quarantine
from orders_es.cli.log_lines import log_lines, somebody_watches
from orders_es.cli.options import as_json, existing_log, log_option, moments
from orders_es.cli.output import count, print_json, print_text, printable
from orders_es.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

__all__ = ["export_objects", "export_traces", "import_objects", "import_traces"]

_out = click.argument("out", metavar="OUT", type=click.Path(dir_okay=False))
_source = click.argument("source", metavar="SRC", type=click.Path(exists=True, dir_okay=False))
_replace = click.option("--replace", is_flag=True, help="Replace the file if it is there.")
_mapping = click.option(
    "--mapping",
    metavar="TOML",
    type=click.Path(exists=True, dir_okay=False),
    help="What makes orders of ours out of another tool's events. Without it, the file is one that `export` wrote.",
)
_currency = click.option(
    "--currency",
    metavar="CODE",
    callback=currency_code,
    help="With --mapping: the currency of orders whose events name none, such as EUR.",
)
_quarantine = quarantine_option(rows="bad events", metavar="CSV")


@click.command(name="ocel", short_help="All orders at a moment for process mining: OCEL 2.0, JSON or SQLite.")
@log_lines
@_out
@moments
@_replace
@log_option()
@as_json
def export_objects(
    out: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    replace: bool,
    log: str,
    as_json: bool,
) -> None:
    """Write all orders as they stood at a moment to OUT, an object-centric event log (OCEL 2.0).

    OUT ends in .json or .jsonocel, or in .sqlite or .db. Objects are orders, items, customers, payments, refunds and shipments.

    \b
    Example:
      orders-es export ocel orders.sqlite --at 2011-06-30 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.export.process import export_ocel

    _export(export_ocel, out, at, known_at, recorded_by, tz, replace, log, as_json)


@click.command(name="xes", short_help="All orders at a moment for process mining: XES, a trace an order.")
@log_lines
@_out
@moments
@_replace
@log_option()
@as_json
def export_traces(
    out: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    replace: bool,
    log: str,
    as_json: bool,
) -> None:
    """Write all orders as they stood at a moment to OUT, an event log by case (XES): a trace an order.

    OUT ends in .xes, or in .xes.gz for a compressed file.

    \b
    Example:
      orders-es export xes orders.xes.gz --at 2011-06-30 --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.export.process import export_xes

    _export(export_xes, out, at, known_at, recorded_by, tz, replace, log, as_json)


def _export(
    write: Callable[..., Any],
    out: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    replace: bool,
    log: str,
    as_json: bool,
) -> None:
    import dataclasses
    from pathlib import Path

    from orders_es.replay import connect

    if Path(out).exists() and not replace:
        raise click.UsageError(f"{out} is there already; give --replace, or another name")
    with existing_log(log) as opened, connect(opened, tz=tz, recorded_by=recorded_by) as session:
        done = write(session, out, at=at, known_at=known_at)
    if as_json:
        print_json({"log": log, **dataclasses.asdict(done), "provenance": done.provenance.to_dict()})
        return
    objects = ", ".join(count(number, kind) for kind, number in done.objects.items() if number)
    print_text(f"{printable(out)}: {count(done.events, 'event')}{f'; {objects}' if objects else ''}")
    for kind, number in done.left_out.items():
        print_text(f"left out: {count(number, 'event')} of the type {printable(kind)}, in no order's stream")
    print_text(f"log up to position {done.position:,}, root {done.root}")


@click.command(name="ocel", short_help="An object-centric event log of process mining: OCEL 2.0, JSON or SQLite.")
@log_lines
@_source
@_mapping
@click.option("--object-type", metavar="TYPE", help="With --mapping: the type of object that an order is in the file.")
@click.option(
    "--each",
    is_flag=True,
    help="With --mapping: record an event that touches several orders in each of them; an error otherwise.",
)
@_currency
@on_error_option
@_quarantine
@log_option(makes=True)
@as_json
def import_objects(
    source: str,
    mapping: str | None,
    object_type: str | None,
    each: bool,
    currency: str | None,
    on_error: str,
    quarantine: str | None,
    log: str,
    as_json: bool,
) -> None:
    """An object-centric event log, OCEL 2.0: our own export, or with --mapping and --object-type another tool's.

    \b
    Example:
      orders-es import ocel orders.sqlite --log copy
      orders-es import ocel order-management.json --mapping shop.toml --object-type orders --log shop
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    if mapping is None and (object_type is not None or each):
        option = "--object-type" if object_type is not None else "--each"
        raise click.UsageError(f"{option} says what a stream is in another tool's file; it needs --mapping")
    if mapping is not None and object_type is None:
        raise click.UsageError("--mapping needs --object-type: the type of object that an order is in the file")
    from orders_es.sources.process import import_ocel

    _import(
        import_ocel, source, on_error, quarantine, log, as_json, mapping, currency, object_type=object_type, each=each
    )


@click.command(name="xes", short_help="An event log of process mining by case: XES.")
@log_lines
@_source
@_mapping
@_currency
@on_error_option
@_quarantine
@log_option(makes=True)
@as_json
def import_traces(
    source: str,
    mapping: str | None,
    currency: str | None,
    on_error: str,
    quarantine: str | None,
    log: str,
    as_json: bool,
) -> None:
    """An event log by case, XES, compressed or not: our own export, or with --mapping another tool's. A trace is a stream.

    \b
    Example:
      orders-es import xes orders.xes.gz --log copy
      orders-es import xes purchases.xes --mapping purchases.toml --currency EUR --log shop
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.sources.process import import_xes

    _import(import_xes, source, on_error, quarantine, log, as_json, mapping, currency)


def _import(
    read: Callable[..., Any],
    source: str,
    on_error: str,
    quarantine: str | None,
    log: str,
    as_json: bool,
    mapping: str | None,
    currency: str | None,
    **more: Any,
) -> None:
    require_quarantine(on_error, quarantine, "file")
    if currency is not None and mapping is None:
        raise click.UsageError("--currency fills in what another tool's events lack; it needs --mapping")
    try:
        done = read(
            log,
            source,
            mapping=mapping,
            currency=currency,
            on_error=on_error,
            quarantine=quarantine,
            progress=somebody_watches(as_json),
            **more,
        )
    except InvalidArgument as error:
        raise click.UsageError(str(error)) from error
    tell_import(done, log, as_json)
