"""Orders that were placed and not paid in time are cancelled, and what was paid is sent back: for shops, and as an example.

A process manager that also goes by the clock. Its table `unpaid_deadlines` holds the orders that owe something since they
were placed; whoever looks there after the time has passed asks for the cancellation, which the service grants only if the
order, as the log has it at that moment, still owes. The cancellation then is an event like others, on which the process
manager crosses out the deadline and refunds. Nothing but the log decides what has been done: it can be killed anywhere.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from orders_es.errors import (
    CannotWriteReadModels,
    InvalidSetting,
    LogBusy,
    OrdersEsError,
    ReadModelsInUse,
    StorageError,
    VersionConflict,
)
from orders_es.orders import CancelOrder, IssueRefund
from orders_es.orders.events import (
    AdjustmentRecorded,
    DiscountApplied,
    OrderCancelled,
    OrderDelivered,
    OrderPlaced,
    OrderShipped,
    PaymentReceived,
)
from orders_es.orders.moments import resolve_since
from orders_es.projections.file.reading import ReadModels
from orders_es.projections.process_manager import Ask, Cause, ProcessManager
from orders_es.projections.run.projector import Projector
from orders_es.replay import load_order

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from datetime import tzinfo
    from decimal import Decimal

    from orders_es.log import EventLog
    from orders_es.orders import Order
    from orders_es.orders.moments import Moment
    from orders_es.projections.handler_tables import Tables
    from orders_es.projections.process_manager import Case

__all__ = ["UNPAID", "Due", "Unpaid"]

REASON: Final = "not paid in time"
_TABLES = """
CREATE TABLE unpaid_deadlines (
    order_id TEXT NOT NULL, placed_at TIMESTAMPTZ NOT NULL, event_id UUID NOT NULL, correlation_id TEXT
);
CREATE TABLE unpaid_cancelled (order_id TEXT NOT NULL);
"""


_waiting: WeakKeyDictionary[Tables, set[str]] = WeakKeyDictionary()
"""The orders in `unpaid_deadlines`, as a transaction has them. Most events are of orders that wait for nothing any more."""


def _waiting_in(tables: Tables) -> set[str]:
    if tables not in _waiting:
        _waiting[tables] = {order for (order,) in tables.execute("SELECT order_id FROM unpaid_deadlines")}
    return _waiting[tables]


def _placed(case: Case) -> None:
    event = case.event
    if _owes(case.state):
        _waiting_in(case.tables).add(event.stream_id)
        row = [event.stream_id, event.occurred_at, event.event_id, event.correlation_id]
        case.tables.execute("INSERT INTO unpaid_deadlines VALUES (?, ?, ?, ?)", row)


def _less_owed(case: Case) -> None:
    if case.event.stream_id in _waiting_in(case.tables) and not _owes(case.state):
        _cross_out(case)


def _paid(case: Case) -> Iterator[Ask]:
    """Money for an order that this process manager has cancelled goes back; before that, it may settle the order."""
    ours = "SELECT 1 FROM unpaid_cancelled WHERE order_id = ?"
    if case.state.cancelled_at is not None and case.tables.execute(ours, [case.event.stream_id]):
        yield _refund(case.event.data.amount)
    else:
        _less_owed(case)


def _cancelled(case: Case) -> Iterator[Ask]:
    """What was paid goes back, if it is this process manager that cancelled; others settle theirs themselves."""
    _cross_out(case)
    if case.event.actor == UNPAID.name:
        case.tables.execute("INSERT INTO unpaid_cancelled VALUES (?)", [case.event.stream_id])
        paid = case.state.paid - case.state.refunded
        if paid > 0:
            yield _refund(paid)


def _cross_out(case: Case) -> None:
    waiting = _waiting_in(case.tables)
    if case.event.stream_id in waiting:
        waiting.remove(case.event.stream_id)
        case.tables.execute("DELETE FROM unpaid_deadlines WHERE order_id = ?", [case.event.stream_id])


def _refund(amount: Decimal) -> Ask:
    return Ask(IssueRefund(amount=amount, reason=f"order cancelled: {REASON}"))


def _owes(order: Order) -> bool:
    """Whether it may be cancelled for that: it owes something since a known moment, and has not left the house."""
    gone = order.shipped_at or order.delivered_at or order.cancelled_at
    since_when = order.placed_at is not None and "placed" not in (order.estimated or "")
    return gone is None and since_when and order.balance > 0


UNPAID = ProcessManager(
    "unpaid",
    1,
    {
        OrderPlaced: _placed,
        PaymentReceived: _paid,
        DiscountApplied: _less_owed,
        AdjustmentRecorded: _less_owed,
        OrderShipped: _cross_out,
        OrderDelivered: _cross_out,
        OrderCancelled: _cancelled,
    },
    tables=_TABLES,
)
"""The process manager. `Unpaid` runs it and watches the deadlines."""


@dataclass(frozen=True, slots=True)
class Due:
    """An order that was not paid in time.

    Args:
        placed_at: When it was placed.
        due_at: Until when it was to be paid.
        event_id: The event by which it was placed, which is the cause of its cancellation.
        correlation_id: The conversation that it belongs to.
    """

    order_id: str
    placed_at: datetime
    due_at: datetime
    event_id: uuid.UUID
    correlation_id: str | None


class Unpaid:
    """Cancels orders that were placed and not paid within a limit, and refunds what was paid of them.

    Several at once on one log do no harm: each order is cancelled once, and each payment refunded once.

    Args:
        models: The read-model file, which holds the deadlines.
        after: The limit, from when an order was placed (`occurred_at`).
        since: Leave orders alone that were placed before: a time with its zone, or a date, from its beginning; none if left out.
        tz: The zone in which that date is a day, and a text without a zone is read; UTC if left out.
        clock: Gives the current time, with time zone; the system's clock if left out.
        progress: Show a progress bar while it catches up.

    Raises:
        InvalidSetting: The limit is below nothing.
        NaiveTime: `since` has no time zone.

    Example:
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import AddItem, CreateOrder, PlaceOrder
        >>> from orders_es.service import handle
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> for command in CreateOrder(currency="GBP"), AddItem(item_id="22423", quantity=1, price=5), PlaceOrder():
        ...     _ = handle(log, "A-1", command)
        >>> later = datetime.now(UTC) + timedelta(days=4)
        >>> unpaid = Unpaid(log, tempfile.mkdtemp() + "/shop.duckdb", timedelta(days=3), clock=lambda: later)
        >>> [due.order_id for due in unpaid.run()], load_order(log, "A-1").status
        (['A-1'], 'cancelled')
    """

    def __init__(
        self,
        log: EventLog,
        models: str | os.PathLike[str],
        after: timedelta,
        *,
        since: Moment | None = None,
        tz: str | tzinfo | None = None,
        clock: Callable[[], datetime] | None = None,
        progress: bool = False,
    ) -> None:
        if after < timedelta(0):
            raise InvalidSetting("after", after, "give no time or more")
        self._log = log
        self._models = ReadModels(models)
        self._after = after
        self._since = resolve_since("since", since, tz)
        self._clock = clock or _now
        self._progress = progress
        self._projector = Projector(log, models, [UNPAID], clock=self._clock, progress=progress)

    def run(self) -> list[Due]:
        """Catch up, cancel what is due, refund, and stop.

        Returns:
            The orders cancelled now.

        Raises:
            OrdersEsError: As `Projector.run`, and as `ReadModels.query`.
        """
        self._projector.run()
        cancelled = self.cancel_due()
        if cancelled:
            self._projector.run()  # which refunds,
            self._projector.run()  # and refunds are events too
        return cancelled

    def due(self) -> list[Due]:
        """The orders whose time has passed, as the deadlines in the file have them; oldest first. Nothing happens to them.

        Raises:
            OrdersEsError: As `ReadModels.query`.
        """
        rows = self._models.query(
            "SELECT order_id, placed_at, event_id, correlation_id FROM unpaid_deadlines "
            "WHERE placed_at <= $latest AND ($since IS NULL OR placed_at >= $since) ORDER BY placed_at, order_id",
            {"latest": self._clock() - self._after, "since": self._since},
        ).rows()
        return [
            Due(order, placed_at, placed_at + self._after, uuid.UUID(event), talk)
            for order, placed_at, event, talk in rows
        ]

    def would_cancel(self) -> list[Due]:
        """The orders that `run` would cancel now. Nothing is written, neither to the log nor to the file.

        Raises:
            OrdersEsError: As `Projector.run`.
        """
        # The same functions over the same events, in a file of its own.
        with tempfile.TemporaryDirectory() as folder:
            idle = Unpaid(self._log, Path(folder) / "unpaid.duckdb", self._after, since=self._since, clock=self._clock)
            nothing = ProcessManager(
                UNPAID.name, UNPAID.version, UNPAID.reactions, UNPAID.tables, react_after=sys.maxsize
            )
            Projector(self._log, idle._models.path, [nothing], clock=self._clock, progress=self._progress).run()
            return [due for due in idle.due() if _owes(load_order(self._log, due.order_id))]

    def cancel_due(self) -> list[Due]:
        """Cancel the orders whose time has passed, and give those that were cancelled by this.

        Raises:
            OrdersEsError: As `due`; `VersionConflict` where others keep changing an order.
        """
        return [due for due in self.due() if self._cancel(due)]

    def follow(
        self,
        stop: threading.Event | None = None,
        *,
        tick: float = 1.0,
        notify: Callable[[Due | OrdersEsError], object] = lambda _: None,
    ) -> None:
        """Catch up, then follow the log, and cancel what is due as time passes, until stopped.

        Args:
            stop: Set it, from any thread or signal handler, to end.
            tick: Seconds between two looks at the deadlines.
            notify: Is called with every order cancelled, and with what was in the way and is tried again.

        Raises:
            InvalidSetting: `tick` is not above 0.
            OrdersEsError: As `Projector.follow`.
        """
        if tick <= 0:
            raise InvalidSetting("tick", tick, "give seconds above 0")
        stop = stop or threading.Event()
        self._projector.run()
        failed: list[BaseException] = []
        watch = threading.Thread(target=self._watch, args=(stop, tick, notify, failed), name="deadlines of unpaid")
        watch.start()

        def in_the_way(_projection: str, error: OrdersEsError, *_: object) -> None:
            notify(error)

        try:
            self._projector.follow(stop, notify=in_the_way)
        finally:
            stop.set()
            watch.join()
        if failed:
            raise failed[0]

    def _watch(
        self,
        stop: threading.Event,
        tick: float,
        notify: Callable[[Due | OrdersEsError], object],
        failed: list[BaseException],
    ) -> None:
        while not stop.is_set():
            try:
                for due in self.due():
                    if self._cancel(due):
                        notify(due)
            except (CannotWriteReadModels, ReadModelsInUse, StorageError, VersionConflict, LogBusy) as error:
                notify(error)  # the deadline is still there at the next look
            except BaseException as error:  # noqa: BLE001 - it is raised where the runner is waited for
                failed.append(error)
                stop.set()
            stop.wait(tick)

    def _cancel(self, due: Due) -> bool:
        """Whether the order was cancelled by this call: a look at the log's own state of it comes first."""
        cause = Cause(due.event_id, due.order_id, due.correlation_id)
        ask = Ask(CancelOrder(reason=REASON), provided=_owes)
        handled = UNPAID.issue(self._log, cause, ask, occurred_at=self._clock())
        return handled.appended is not None


def _now() -> datetime:
    return datetime.now(UTC)
