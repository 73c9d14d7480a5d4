"""The life of one order, event by event, with what each changed: for auditors. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.html_table import html_table
from orders_es.log.log_argument import check_log
from orders_es.orders import STATUSES, evolve, format_amount, format_money, initial_state, summarize
from orders_es.orders.moments import written, zone_of
from orders_es.orders.money import EXACT
from orders_es.orders.order import NO_CURRENCY
from orders_es.replay.cell_text import said_zone
from orders_es.replay.frames import frame_of_rows
from orders_es.replay.load import events_at
from orders_es.replay.moments import as_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo
    from decimal import Decimal
    from uuid import UUID

    import pandas as pd

    from orders_es.log import EventLog, RecordedEvent
    from orders_es.orders import AsOf, Order, Status
    from orders_es.orders.moments import Moment
    from orders_es.replay.frames import Money, Times

__all__ = ["HistoryRow", "OrderHistory", "history"]

_SHOWN_ROWS = 200
_LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One event of an order and what it changed.

    Args:
        position: Its place in the log.
        version: Its place in the order's stream.
        type: The event type's name.
        occurred_at: When it happened.
        recorded_at: When the log accepted it.
        entered_at: When its source says that it learned of it; None where it does not say.
        estimated: Whether `occurred_at` is an estimate; it is shown with a `~` before it.
        late: Whether something that was recorded before it had happened after it, as far as the times are known.
        actor: Who or what caused it.
        status_before: The order's status without it.
        status_after: The order's status with it.
        total_before: What the order came to without it.
        total_after: What the order comes to with it.
        summary: The event in words.
        recorded_as: The type and version as which it was recorded, such as `ItemAdded v1`; None where that is how it is read.
        correlation_id: The conversation it belongs to.
        causation_id: What caused it.
    """

    position: int
    version: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    entered_at: datetime | None
    estimated: bool
    late: bool
    actor: str | None
    status_before: Status
    status_after: Status
    total_before: Decimal
    total_after: Decimal
    summary: str
    recorded_as: str | None
    event_id: UUID
    correlation_id: str | None
    causation_id: str | None


@dataclass(frozen=True, slots=True, repr=False)
class OrderHistory:
    """The events of one order in version order, which is the order in which they were recorded; `history` makes one.

    A sequence of `HistoryRow`: it has a length, can be indexed and iterated over. `print` shows a timeline.
    """

    order_id: str
    currency: str | None
    as_of: AsOf
    rows: tuple[HistoryRow, ...]
    tz: tzinfo | None = None
    """The zone in which its times are shown; UTC if None."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[HistoryRow]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> HistoryRow:
        return self.rows[index]

    def to_pandas(self, *, money: Money = "float", times: Times = "utc") -> pd.DataFrame:
        """A DataFrame with a row for each event, in the forms that `Answer.to_pandas` knows.

        Args:
            money: What amounts are: `"float"`, `"decimal"` or `"arrow"`.
            times: `"utc"`, or `"local"`: as a clock in the history's zone shows them, without a zone, as Excel needs them.

        Raises:
            InvalidSetting: There is no such form, or an amount has more digits than a float.
        """
        return frame_of_rows(HistoryRow, self.rows, money=money, times=times, zone=self.tz)

    def __repr__(self) -> str:
        last = self.rows[-1]
        total = format_money(last.total_after, self.currency)
        text = f"<OrderHistory {self.order_id}: {len(self)} events, {last.status_after}, total {total} ({self.as_of})>"
        return _printable(text)

    def __str__(self) -> str:
        zone = said_zone(self.tz)
        heads = ("ver", f"occurred ({zone})", f"recorded ({zone})", "total", "")
        cells = [_cells(row, self.currency, self.tz) for row in self.rows]
        widths = [max(len(row[i]) for row in (heads, *cells)) for i in range(4)]
        lines = [_printable(f"order {self.order_id}: {len(self)} events, {self.as_of}")]
        for row in (heads, *cells):
            ver, occurred, recorded_at, total, what = row
            line = (
                f"{ver:>{widths[0]}}  {occurred:<{widths[1]}}  {recorded_at:<{widths[2]}}  {total:>{widths[3]}}  {what}"
            )
            lines.append(_printable(line.rstrip()))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        hidden = len(self) - _SHOWN_ROWS
        zone = said_zone(self.tz)
        return html_table(
            [_cells(row, self.currency, self.tz) for row in self.rows[:_SHOWN_ROWS]],
            heads=("version", f"occurred ({zone})", f"recorded ({zone})", "total", "what"),
            title=repr(self)[1:-1],
            right="rllrl",
            more=f"{hidden:,} more" if hidden > 0 else "",
        )


def history(
    log: EventLog,
    order_id: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    position: int | None = None,
    tz: str | tzinfo | None = None,
) -> OrderHistory:
    """The life of an order, event by event in the order of recording, with what each changed. Read-only.

    Args:
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        position: Only the log's events up to this position.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Raises:
        OrderNotFound: There is no such order, or nothing of it by then.
        NaiveTime: A time has no time zone.
        UnknownEventType: The stream holds other things than order events.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> [(row.summary, row.status_after) for row in history(log, "A-1")]
        [('created in GBP for a guest', 'created'), ('placed', 'placed')]
    """
    check_log(log)
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, position=position, tz=tz)
    events = events_at(log, order_id, asked)
    # The effect of an event does not depend on the others, so each is folded alone and the sums run along: a history of
    # n events takes n small folds.
    blank = initial_state(order_id)
    alone = [evolve(blank, event) for event in events]
    named = {order.currency for order in alone} - {None}
    currency = NO_CURRENCY if len(named) > 1 else next(iter(named), None)
    zone = None if tz is None else zone_of(tz)
    return OrderHistory(order_id, currency, asked, tuple(_rows(events, alone, blank, currency)), zone)


def _rows(
    events: Sequence[RecordedEvent], alone: Sequence[Order], blank: Order, currency: str | None
) -> Iterator[HistoryRow]:
    status, total, latest = blank.status, blank.total, None
    for event, effect in zip(events, alone, strict=True):
        status_after = max(status, effect.status, key=STATUSES.index)
        total_after = EXACT.add(total, effect.total)
        estimated = getattr(event.data, "time_estimated", None) is True
        yield HistoryRow(
            position=event.position,
            version=event.version,
            type=event.current_type or event.type,
            occurred_at=event.occurred_at,
            recorded_at=event.recorded_at,
            entered_at=event.entered_at,
            estimated=estimated,
            late=latest is not None and event.occurred_at < latest and not estimated,
            actor=event.actor,
            status_before=status,
            status_after=status_after,
            total_before=total,
            total_after=total_after,
            summary=summarize(event.data, currency),
            recorded_as=event.recorded_as,
            event_id=event.event_id,
            correlation_id=event.correlation_id,
            causation_id=event.causation_id,
        )
        status, total = status_after, total_after
        if not estimated:
            latest = event.occurred_at if latest is None else max(latest, event.occurred_at)


def _cells(row: HistoryRow, currency: str | None, tz: tzinfo | None) -> tuple[str, str, str, str, str]:
    notes: list[Any] = [
        row.summary,
        f"(recorded as {row.recorded_as})" if row.recorded_as else None,
        f"[{row.status_before} -> {row.status_after}]" if row.status_before != row.status_after else None,
        f"[{_LATE}]" if row.late else None,
        f"[entered {written(row.entered_at, tz)}, its source says]" if row.entered_at else None,
        f"by {row.actor}" if row.actor else None,
    ]
    return (
        str(row.version),
        ("~" if row.estimated else "") + written(row.occurred_at, tz),
        written(row.recorded_at, tz),
        format_amount(row.total_after, currency),
        " ".join(note for note in notes if note),
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
