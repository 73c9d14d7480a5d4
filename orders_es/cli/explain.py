"""The command `explain`: where an order's total comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.options import as_json, existing_log, log_option, moments, order_argument
from orders_es.cli.order_lookup import order_lookup
from orders_es.cli.order_text import NEVER, moment_text, question_text
from orders_es.cli.output import money, print_json, print_text, printable, table

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

__all__ = ["explain"]


@click.command(short_help="Where an order's total comes from, event by event.")
@order_argument
@moments
@log_option()
@as_json
def explain(
    order: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    log: str,
    as_json: bool,
) -> None:
    """The total of one order as a waterfall of the events that made it, in the order in which they were recorded.

    Events that left the total as it was are not shown; `history` has them.

    \b
    Example:
      orders-es explain 536365 --log my-log
      orders-es explain C541433 --at 2011-06-30 --log my-log --json
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es import replay

    asked: dict[str, Any] = {"at": at, "known_at": known_at, "recorded_by": recorded_by}
    with existing_log(log) as opened, order_lookup(opened, order):
        told = replay.explain(opened, order, **asked)
    if as_json:
        facts = {"order_id": order, "currency": told.currency, "as_of": asked, "total": told.total}
        print_json({**facts, "steps": list(told)})
        return
    total = f"{money(told.total, told.currency)} {printable(told.currency or '')}".rstrip()
    print_text(f"order {printable(order)}: {total}, {question_text(**asked, zone=tz)}")
    if told.steps:
        claimed = any(step.entered_at is not None for step in told)
        cells = [
            [
                f"{step.version}",
                f"{'+' if step.change > 0 else ''}{money(step.change, told.currency)}",
                money(step.total, told.currency),
                *([NEVER if step.entered_at is None else moment_text(step.entered_at, tz)] if claimed else []),
                printable(step.summary),
            ]
            for step in told
        ]
        heads = ["ver", "change", "total", *(["entered (source says)"] if claimed else []), "what"]
        print_text("\n" + table(cells, heads=heads, right="rrrll" if claimed else "rrrl", indent=0))
