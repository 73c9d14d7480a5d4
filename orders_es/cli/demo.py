"""`orders-es demo`: what a newcomer wants to see, in a minute of reading."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.info import files_and_bytes
from orders_es.cli.options import as_json, log_option
from orders_es.cli.output import count, money, print_json, print_text, printable, size, table

if TYPE_CHECKING:
    from orders_es.cli.tour import Totals, Tour
    from orders_es.orders import Order
    from orders_es.sources.simulator import SimulationResult

__all__ = ["demo"]

ORDERS, SEED, DAYS = 300, 2, 45
START = datetime(2025, 6, 1, tzinfo=UTC)
WINDOW = timedelta(hours=12)
TOTALS_AT = (datetime(2025, 6, 15, 12, tzinfo=UTC), datetime(2025, 6, 30, 12, tzinfo=UTC))

WIDTH = 96


@click.command()
@log_option(makes=True, required=False)
@as_json
def demo(log: str | None, as_json: bool) -> None:
    """A tour of the package on 300 simulated orders, in a few seconds.

    It needs no data and leaves nothing behind, unless --log says where to keep the log; that must be a new place.
    ORDERS_ES_LOG is not looked at, so that a tour never touches a log of yours.

    \b
    Example:
      orders-es demo
      orders-es demo --log tour
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    from orders_es.cli.tour import tour_of
    from orders_es.log import open_log
    from orders_es.sources.simulator import SimulatorSettings, simulate_into

    with tempfile.TemporaryDirectory(prefix="orders-es-demo-") if log is None else nullcontext(log) as place:
        settings = SimulatorSettings(long_orders=0)
        made = simulate_into(place, orders=ORDERS, seed=SEED, start=START, days=DAYS, settings=settings, window=WINDOW)
        with open_log(place) as opened:
            tour = tour_of(opened, totals_at=TOTALS_AT)
            files, stored = files_and_bytes(opened)
            first_file = str(Path(files[0].path).relative_to(Path(place).absolute())) if files else None
    on_disk = {"files": len(files), "bytes": stored, "first_file": first_file, "root": made.head.root}
    if as_json:
        print_json(_answer(log, made, tour, on_disk))
        return
    print_text("\n\n".join([_shop(made), *_one_order(tour), _all_orders(tour), _on_disk(on_disk), _next(log, tour)]))


def _answer(log: str | None, made: SimulationResult, tour: Tour, on_disk: dict[str, Any]) -> dict[str, Any]:
    return {
        "log": log,
        "orders": made.orders,
        "events": made.events,
        "commits": made.commits,
        "order_id": tour.known_now.order_id,
        "history": [
            {
                "version": event.version,
                "occurred_at": event.occurred_at,
                "recorded_at": event.recorded_at,
                "type": event.type,
                "late": event is tour.late,
            }
            for event in tour.events
        ],
        "moments": [{"at": at, "order": order.as_dict()} for at, order in tour.moments],
        "asked": tour.asked,
        "known_then": tour.known_then.as_dict(),
        "known_now": tour.known_now.as_dict(),
        "totals": tour.totals,
        "on_disk": on_disk,
    }


def _shop(made: SimulationResult) -> str:
    return (
        f"A simulated shop: {count(made.orders, 'order')}, {count(made.events, 'event')}, recorded in "
        f"{count(made.commits, 'commit')} from {made.recorded_from:%d %B} to {made.recorded_to:%d %B %Y},\n"
        f"here in {made.seconds:.1f} s. Every commit is one Parquet file, and durable once it is there."
    )


def _one_order(tour: Tour) -> list[str]:
    from orders_es.orders import summarize

    order_id = tour.known_now.order_id
    rows = []
    for event in tour.events:
        mark = f"  <- {count((event.recorded_at - event.occurred_at).days, 'day')} late" if event is tour.late else ""
        words = printable(summarize(event.data, tour.currency), 54 - len(mark)) + mark
        rows.append([str(event.version), _minute(event.occurred_at), _minute(event.recorded_at), words])
    timeline = table(rows, heads=["", "occurred", "recorded", "what"], right="r")

    heads = ["at", "status", "lines", "items", "total", "paid", "balance"]
    moments = table(
        [[_minute(at), *_figures(order)] for at, order in tour.moments],
        heads=heads,
        right="llrrrrr",
    )
    asked = f"{tour.asked:%Y-%m-%d}"
    clocks = table(
        [
            [f"as known at the end of {asked}", *_figures(tour.known_then)],
            ["as known today", *_figures(tour.known_now)],
        ],
        heads=["", *heads[1:]],
        right="llrrrrr",
    )
    late = tour.late
    why = (
        f"  Why: event {late.version} happened on {_minute(late.occurred_at)} and came in on {_minute(late.recorded_at)}.\n"
        "  Both answers stay right for ever: nothing in a log is ever overwritten."
    )
    return [
        f"1. One order, {order_id}, from its first event to its last. Times are UTC, money is {tour.currency}.\n{timeline}",
        f"2. The same order at three moments: --at asks what had happened by then.\n{moments}",
        f"3. One moment, the end of {asked}, on two clocks: --known-at asks what had been recorded.\n{clocks}\n{why}",
    ]


def _figures(order: Order) -> list[str]:
    return [
        order.status,
        str(order.line_count),
        str(order.item_count),
        money(order.total),
        money(order.paid - order.refunded),
        money(order.balance),
    ]


def _all_orders(tour: Tour) -> str:
    def row(totals: Totals) -> list[str]:
        return [
            _minute(totals.at),
            f"{totals.orders:,}",
            f"{totals.placed:,}",
            money(totals.total),
            money(totals.paid),
        ]

    figures = table(
        [row(totals) for totals in tour.totals], heads=["at", "orders", "placed", "total", "paid, net"], right="lrrrr"
    )
    return f"4. All orders at two moments; the total leaves out what was cancelled.\n{figures}"


def _on_disk(on_disk: dict[str, Any]) -> str:
    files = f"{count(on_disk['files'], 'Parquet file')}" if on_disk["files"] else "one DuckDB file"
    first = f"; the first is {on_disk['first_file']}" if on_disk["first_file"] else ""
    return (
        f"5. On disk: {files}, {size(on_disk['bytes'])}{first}.\n"
        "   The root of the hash tree over all events, which another past would not have:\n"
        f"   {on_disk['root'].hex()}"
    )


def _next(log: str | None, tour: Tour) -> str:
    place = shlex.quote(log or "tour")
    order_id = tour.known_now.order_id
    asked = f"{tour.asked:%Y-%m-%d}"
    commands = [
        *(["orders-es demo --log tour      # the same, and keep the log"] if log is None else []),
        f"orders-es info --log {place}",
        f"orders-es history {order_id} --log {place}",
        f"orders-es show {order_id} --at {asked} --known-at {asked} --log {place}",
        "orders-es simulate --orders 5000 --log shop",
        "orders-es --help",
    ]
    return "Next:\n  " + "\n  ".join(commands)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
