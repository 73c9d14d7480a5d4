"""The command `unpaid`: cancels orders that were placed and not paid in time, and sends back what was paid of them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.lag import stopping
from orders_es.cli.log_lines import log_lines, somebody_watches, teller
from orders_es.cli.options import as_json, duration, existing_log, log_option, zone_option
from orders_es.cli.output import count, print_json, print_text, printable, span, table
from orders_es.cli.project_options import models_option
from orders_es.errors import InvalidTime
from orders_es.orders.moments import resolve_since, spoken

if TYPE_CHECKING:
    from datetime import datetime, timedelta, tzinfo

    from orders_es.shop.unpaid import Due

__all__ = ["unpaid"]


def _since(ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    try:
        return resolve_since("--since", value, ctx.params["tz"])
    except InvalidTime as error:
        raise click.BadParameter(str(error)) from None


@click.command(short_help="Cancel orders that were not paid in time, and refund what was paid of them.")
@click.option(
    "--after",
    metavar="LENGTH",
    required=True,
    callback=duration,
    help="How long after being placed an order may be unpaid: 90s, 15m, 12h, 3d.",
)
@click.option(
    "--since",
    metavar="TIME",
    callback=_since,
    help="Leave orders alone that were placed before then; from a date, from its beginning.",
)
@click.option("--dry-run", is_flag=True, help="Only say which orders it would cancel; nothing is written.")
@click.option("--follow", is_flag=True, help="Go on as time passes and the log grows, until Ctrl-C.")
@zone_option("Where --since without a zone is read, and times are said.")
@models_option
@log_option()
@log_lines
@as_json
def unpaid(
    after: timedelta,
    since: datetime | None,
    dry_run: bool,
    follow: bool,
    tz: tzinfo,
    models: str,
    log: str,
    as_json: bool,
) -> None:
    """Cancel orders that were placed, not shipped, and not paid in full within a time; refund what was paid of them.

    Each order is cancelled once and each payment refunded once, however often this is killed and started again, or run
    twice. On a log with a past, look at --dry-run first.

    \b
    Example:
      orders-es unpaid --after 3d --dry-run --models shop.duckdb --log my-log
      orders-es unpaid --after 3d --since 2026-06-01 --follow --models shop.duckdb --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.shop.unpaid import Due, Unpaid

    if follow and dry_run:
        raise click.UsageError("--dry-run looks once; leave out --follow")
    cancelled: list[Due] = []
    tell = teller()

    def told(what: Any) -> None:
        if isinstance(what, Due):
            cancelled.append(what)
            if not as_json:
                print_text(f"cancelled {printable(what.order_id)}, placed {spoken(what.placed_at, tz)}")
        else:
            tell(str(what), level="warning", plain=f"orders-es: {what}")

    with existing_log(log, writes=not dry_run) as opened:
        manager = Unpaid(opened, models, after, since=since, progress=somebody_watches(as_json))
        if follow:
            with stopping() as stop:
                manager.follow(stop, notify=told)
        else:
            cancelled += manager.would_cancel() if dry_run else manager.run()
    if as_json:
        orders = [{field.name: getattr(due, field.name) for field in fields(due)} for due in cancelled]
        print_json({"after_seconds": after.total_seconds(), "dry_run": dry_run, "cancelled": orders})
    elif not follow:
        _tell(cancelled, after, tz, dry_run=dry_run)


def _tell(cancelled: list[Due], after: timedelta, tz: tzinfo, *, dry_run: bool) -> None:
    if cancelled:
        rows = [[printable(due.order_id), spoken(due.placed_at, tz), spoken(due.due_at, tz)] for due in cancelled]
        print_text(table(rows, heads=["order", "placed", "to be paid by"], indent=0))
    done = "would be cancelled" if dry_run else "cancelled"
    print_text(f"{count(len(cancelled), 'order')} not paid within {span(after)}, {done}")
