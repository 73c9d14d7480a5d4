"""Where an order's total comes from, event by event: for auditors. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.html_table import html_table
from orders_es.log.log_argument import check_log
from orders_es.orders import format_amount, format_money
from orders_es.orders.moments import written
from orders_es.orders.money import EXACT, ZERO
from orders_es.replay.frames import frame_of_rows
from orders_es.replay.history import history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, tzinfo
    from decimal import Decimal

    import pandas as pd

    from orders_es.log import EventLog
    from orders_es.orders import AsOf
    from orders_es.orders.moments import Moment
    from orders_es.replay.frames import Money, Times

__all__ = ["Explanation", "Step", "explain"]

_SHOWN_STEPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One event that changed the total.

    Args:
        position: Its place in the log.
        version: Its place in the order's stream.
        type: The event type's name.
        occurred_at: When it happened.
        recorded_at: When the log accepted it.
        entered_at: When its source says that it learned of it; None where it does not say.
        summary: The event in words.
        change: What it added to the total, or took away from it.
        total: What the order came to from then on.
    """

    position: int
    version: int
    type: str
    occurred_at: datetime
    recorded_at: datetime
    entered_at: datetime | None
    summary: str
    change: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """An order's total as a waterfall: the events that made it, in the order of recording. `explain` makes one.

    A sequence of `Step`: it has a length, can be indexed and iterated over. `print` shows the waterfall.
    """

    order_id: str
    currency: str | None
    as_of: AsOf
    steps: tuple[Step, ...]
    tz: tzinfo | None = None
    """The zone in which its times are shown; UTC if None."""

    @property
    def total(self) -> Decimal:
        """What the steps come to, which is the order's total."""
        return self.steps[-1].total if self.steps else ZERO

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __getitem__(self, index: int) -> Step:
        return self.steps[index]

    def to_pandas(self, *, money: Money = "float", times: Times = "utc") -> pd.DataFrame:
        """A DataFrame with a row for each step, in the forms that `Answer.to_pandas` knows.

        Args:
            money: What amounts are: `"float"`, `"decimal"` or `"arrow"`.
            times: `"utc"`, or `"local"`: as a clock in the explanation's zone shows them, without a zone, as Excel needs them.

        Raises:
            InvalidSetting: There is no such form, or an amount has more digits than a float.
        """
        return frame_of_rows(Step, self.steps, money=money, times=times, zone=self.tz)

    def __repr__(self) -> str:
        total = format_money(self.total, self.currency)
        noun = "step" if len(self) == 1 else "steps"
        return _printable(f"<Explanation {self.order_id}: {total} in {len(self)} {noun} ({self.as_of})>")

    def __str__(self) -> str:
        rows = [("change", "total", "ver", ""), *(_cells(step, self.currency, self.tz) for step in self.steps)]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"order {self.order_id}: {format_money(self.total, self.currency)}, {self.as_of}"]
        for change, total, version, what in rows:
            lines.append(f"{change:>{widths[0]}}  {total:>{widths[1]}}  {version:>{widths[2]}}  {what}".rstrip())
        return "\n".join(_printable(line) for line in lines)

    def _repr_html_(self) -> str:
        hidden = len(self) - _SHOWN_STEPS
        return html_table(
            [_cells(step, self.currency, self.tz) for step in self.steps[:_SHOWN_STEPS]],
            heads=("change", "total", "version", "what"),
            title=repr(self)[1:-1],
            right="rrrl",
            more=f"{hidden:,} more" if hidden > 0 else "",
        )


def explain(
    log: EventLog,
    order_id: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
) -> Explanation:
    """The order's total as a waterfall of the events that made it, in the order of recording. Read-only.

    Events that left the total as it was are left out; `history` has them.

    Args:
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Raises:
        OrderNotFound: There is no such order, or nothing of it by then.
        NaiveTime: A time has no time zone.
        UnknownEventType: The stream holds other things than order events.

    Example:
        >>> import tempfile
        >>> from decimal import Decimal
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import ItemAdded, OrderCreated
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> mugs = ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50"))
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), mugs], expected=NO_STREAM)
        >>> explain(log, "A-1")
        <Explanation A-1: 5.00 GBP in 1 step (as it stands now)>
    """
    check_log(log)
    told = history(log, order_id, at=at, known_at=known_at, recorded_by=recorded_by, tz=tz)
    steps = tuple(
        Step(
            position=row.position,
            version=row.version,
            type=row.type,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            entered_at=row.entered_at,
            summary=row.summary,
            change=EXACT.subtract(row.total_after, row.total_before),
            total=row.total_after,
        )
        for row in told
        if row.total_after != row.total_before
    )
    return Explanation(order_id, told.currency, told.as_of, steps, told.tz)


def _cells(step: Step, currency: str | None, tz: tzinfo | None) -> tuple[str, str, str, str]:
    sign = "+" if step.change > 0 else ""
    return (
        f"{sign}{format_amount(step.change, currency)}",
        format_amount(step.total, currency),
        str(step.version),
        step.summary
        if step.entered_at is None
        else f"{step.summary} [entered {written(step.entered_at, tz)}, its source says]",
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
