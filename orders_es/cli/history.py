"""The command `history`: the events of one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from orders_es.cli.answers import evidence_of
from orders_es.cli.options import as_json, evidence_option, existing_log, log_option, moments, order_argument
from orders_es.cli.order_lookup import order_lookup
from orders_es.cli.order_text import history_text, question_text
from orders_es.cli.output import Verbatim, count, print_json, print_text, printable
from orders_es.cli.show import domain_of_stream
from orders_es.errors import UnknownEventType
from orders_es.json_text import today_facts

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from orders_es.decider import Decider
    from orders_es.log import EventLog, RecordedEvent
    from orders_es.replay import HistoryRow

__all__ = ["history"]


@click.command(short_help="The events of one order, with both of their times.")
@order_argument
@moments
@evidence_option
@log_option()
@as_json
def history(
    order: str,
    at: datetime | None,
    known_at: datetime | None,
    recorded_by: datetime | None,
    tz: tzinfo,
    evidence: str | None,
    log: str,
    as_json: bool,
) -> None:
    """The events of one order in the order in which they were recorded, each with both of its times.

    "occurred" is when it happened, "recorded" when the log accepted it, "total" what the order came to from then on.
    [late] marks an event that had happened before one that was recorded earlier.

    A stream of another domain, which an installed package offers or --domain names, has no total; its own words say what happened.

    \b
    Example:
      orders-es history 536365 --log my-log
      orders-es history S-000201 --known-at 2025-07-03 --log tour --json | jq '.events[].type'
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    asked: dict[str, Any] = {"at": at, "known_at": known_at, "recorded_by": recorded_by}
    with existing_log(log) as opened, order_lookup(opened, order):
        domain = domain_of_stream(opened, order)
        ours = domain.name == "orders"
        limit: dict[str, Any] = (
            {} if evidence is None else {"position": evidence_of(opened, order, evidence, tz=tz, totals=ours, **asked)}
        )
        told = _told(opened, order, domain, **asked, **limit)
    if as_json:
        named = {"order_id": order} if ours else {"domain": domain.name, "stream_id": order}
        print_json({**named, "as_of": asked, "events": [_as_json(event, row) for event, row in told]})
        return
    name = f"order {printable(order)}" if ours else f"{printable(order)} ({domain.name})"
    print_text(f"{name}: {count(len(told), 'event')}, {question_text(**asked, zone=tz)}\n")
    print_text(history_text(told, tz))


def _told(
    log: EventLog, order: str, domain: Decider[Any], **asked: Any
) -> list[tuple[RecordedEvent, HistoryRow | str | None]]:
    """The events, each with what it did to the order, or the words of its own domain; with neither, where its type is nobody's."""
    from orders_es import replay
    from orders_es.orders import ORDERS
    from orders_es.replay.load import events_at
    from orders_es.replay.moments import as_of

    if domain is not ORDERS:
        return [(event, _words(event, domain)) for event in events_at(log, order, as_of(**asked))]
    try:
        rows = replay.history(log, order, **asked).rows
    except UnknownEventType:
        return [(event, None) for event in events_at(log, order, as_of(**asked))]
    # Recorded events never change, so it does not matter that this looks a second time.
    events = {event.version: event for event in log.load(order, to_version=rows[-1].version)}
    return [(events[row.version], row) for row in rows]


def _words(event: RecordedEvent, domain: Decider[Any]) -> str | None:
    """What the domain says of its event; None where it says nothing, or the event is another's in a stream of its own."""
    if domain.summarize is None or (event.current_type or event.type) not in {
        kind.__name__ for kind in domain.event_types
    }:
        return None
    return domain.summarize(event.data)


def _as_json(event: RecordedEvent, row: HistoryRow | str | None) -> dict[str, Any]:
    words, row = (row, None) if isinstance(row, str) else (None if row is None else row.summary, row)
    return {
        "position": event.position,
        "version": event.version,
        "event_id": event.event_id,
        "type": event.type,
        "schema_version": event.schema_version,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        **({} if event.entered_at is None else {"entered_at": event.entered_at}),
        "actor": event.actor,
        "correlation_id": event.correlation_id,
        "causation_id": event.causation_id,
        "payload": Verbatim(event.payload),
        "today": today_facts(event),
        "late": None if row is None else row.late,
        "summary": words,
        "status_after": None if row is None else row.status_after,
        "total_after": None if row is None else row.total_after,
    }
