"""The command `slide`: an order on both clocks, as a page with two sliders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orders_es.cli.log_lines import log_lines
from orders_es.cli.options import as_json, existing_log, instant, log_option, order_argument, zone_option
from orders_es.cli.order_lookup import order_lookup
from orders_es.cli.output import count, print_json, print_text, printable

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

__all__ = ["slide"]


@click.command(short_help="An order on both clocks, as a page with two sliders.")
@log_lines
@order_argument
@click.argument("out", metavar="OUT.html", type=click.Path(dir_okay=False))
@click.option(
    "--recorded-by",
    metavar="TIME",
    callback=instant,
    help="Only what this log itself had recorded by then, whatever sources say.",
)
@zone_option("Where a time without a zone is read, and where times are shown.")
@log_option()
@as_json
def slide(order: str, out: str, recorded_by: datetime | None, tz: tzinfo, log: str, as_json: bool) -> None:
    """Write a page with two sliders: what had happened by then, and what was known by then. It needs no network and no other file.

    \b
    Example:
      orders-es slide 536365 order.html --log my-log
      orders-es slide 536365 order.html --tz Europe/London --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.report.two_clocks import write_order

    with existing_log(log) as opened, order_lookup(opened, order):
        page = write_order(opened, order, out, recorded_by=recorded_by, tz=tz)
    if as_json:
        sizes = {"at": len(page.at), "known_at": len(page.known_at), "states": len(page.states)}
        print_json({"file": out, **sizes})
        return
    print_text(
        f"{printable(out)}: {printable(page.title)} at {count(len(page.at), 'moment')}, "
        f"as known at {count(len(page.known_at), 'moment')}; {count(len(page.states), 'different state')}"
    )
