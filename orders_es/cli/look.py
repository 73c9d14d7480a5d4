"""The commands that ask about one order: `show` and `history`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.asking import events_of
from orders_es.cli.options import as_json, existing_log, log_option, moments, order_argument
from orders_es.cli.order_text import history_text, order_text, question_text
from orders_es.cli.output import Verbatim, count, print_json, print_text, printable, terminal_width

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from orders_es.log import RecordedEvent

__all__ = ["history", "show"]


@click.command()
@order_argument
@moments
@click.option(
    "--version", metavar="N", type=click.IntRange(min=1), help="Only the order's first N events, as they were recorded."
)
@log_option()
@as_json
def show(
    order: str,
    at: datetime | None,
    known_at: datetime | None,
    tz: tzinfo,
    version: int | None,
    log: str,
    as_json: bool,
) -> None:
    """One order: its status, lines, money and moments, now or at any moment.

    --at asks what had happened by then, as we know it today. --known-at asks what had been recorded by then. Both
    together ask what somebody who looked at that moment would have seen. Both include the moment itself.

    A time such as '2026-06-03 15:00' is read in --tz; a bare date means the END of that day; an offset or Z always
    counts. The answer repeats the instant.

    \b
    Example:
      orders-es show 536365 --log my-log
      orders-es show 536365 --at 2011-06-03 --known-at '2011-06-03 15:00' --tz Europe/London --log my-log
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    asked: dict[str, Any] = {"at": at, "known_at": known_at, "version": version}
    with existing_log(log) as opened:
        from orders_es.orders import fold, initial_state  # noqa: PLC0415 - `--help` does not need the domain

        state = fold(events_of(opened, order, **asked), initial_state(order))
    if as_json:
        print_json({"as_of": asked, "order": state.as_dict()})
    else:
        print_text(order_text(state, question_text(**asked, zone=tz), tz))


@click.command()
@order_argument
@moments
@log_option()
@as_json
def history(order: str, at: datetime | None, known_at: datetime | None, tz: tzinfo, log: str, as_json: bool) -> None:
    """The events of one order in the order in which they were recorded, each with both of its times.

    "occurred" is when it happened, "recorded" when the log accepted it. An event that came in late stands further down
    than it happened.

    \b
    Example:
      orders-es history 536365 --log my-log
      orders-es history 536365 --known-at 2011-12-31 --log my-log --json | jq '.events[].type'
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    asked: dict[str, Any] = {"at": at, "known_at": known_at}
    with existing_log(log) as opened:
        events = events_of(opened, order, **asked)
    if as_json:
        print_json({"order_id": order, "as_of": asked, "events": [_as_json(event) for event in events]})
        return
    click.echo(f"order {printable(order)}: {count(len(events), 'event')}, {question_text(**asked, zone=tz)}\n")
    print_text(history_text(events, tz, width=terminal_width()))


def _as_json(event: RecordedEvent) -> dict[str, Any]:
    return {
        "position": event.position,
        "version": event.version,
        "event_id": event.event_id,
        "type": event.type,
        "schema_version": event.schema_version,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        "causation_id": event.causation_id,
        "payload": Verbatim(event.payload),
    }
