"""What an order is: a value that never changes, for everybody who looks at one.

An `Order` is made by `fold` or `evolve` and holds what the set of its events comes to: sums, earliest and latest
moments, and firsts and lasts by version. It does not depend on the order in which its events came in.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from orders_es.html_table import html_table
from orders_es.orders.moments import spoken
from orders_es.orders.money import EXACT, ZERO, format_amount, format_money

if TYPE_CHECKING:
    from datetime import datetime, tzinfo
    from decimal import Decimal

__all__ = ["DETAILS", "NO_CURRENCY", "STATUSES", "AsOf", "Line", "Order", "PaymentStatus", "Status", "initial_state"]

Status: TypeAlias = Literal["new", "created", "placed", "paid", "shipped", "delivered", "cancelled"]
"""The furthest step that an order has reached; `cancelled` overrides, and `new` is an order without any step."""

PaymentStatus: TypeAlias = Literal["nothing_due", "unpaid", "failed", "part_paid", "paid", "overpaid", "refunded"]
"""How an order stands with its money; `overpaid` means that the house owes some back."""

STATUSES: Final[tuple[Status, ...]] = ("new", "created", "placed", "paid", "shipped", "delivered", "cancelled")
"""All statuses, from the first step to the last word."""

NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency: that of an order that names two. Its money is added to no other."""

DETAILS: Final = ("postal_code", "city", "state", "source_status", "promised_at")
"""What an order may know beyond country and channel; each is the first that an `OrderCreated` names, by version."""

_SHOWN_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """The question that an order answers: which of its events were asked for. None is no limit.

    Args:
        at: Events that occurred up to then.
        known_at: Events that were known up to then: entered, as their source says, or else recorded.
        version: Events up to this version of the order.
        position: Events up to this position in the log.
        recorded_by: Events that the log itself had recorded up to then, whatever their source says.

    Example:
        >>> print(AsOf(version=3))
        up to version 3
        >>> print(AsOf())
        as it stands now
    """

    at: datetime | None = None
    known_at: datetime | None = None
    version: int | None = None
    position: int | None = None
    recorded_by: datetime | None = None

    def __str__(self) -> str:
        return self.spoken()

    def spoken(self, tz: str | tzinfo | None = None, *, to_second: bool = False) -> str:
        """The question as people write it.

        Args:
            tz: The zone to say its moments in; UTC if left out.
            to_second: Leave out what is less than a second, for titles of pictures.

        Example:
            >>> from datetime import UTC, datetime
            >>> AsOf(at=datetime(2026, 6, 3, 13, tzinfo=UTC)).spoken("Europe/Berlin")
            'at 2026-06-03 15:00+02:00'
        """
        parts = [
            f"{word} {spoken(moment, tz, to_second=to_second)}"
            for word, moment in (("at", self.at), ("as known at", self.known_at), ("as recorded by", self.recorded_by))
            if moment is not None
        ]
        parts += [
            f"up to {word} {number}"
            for word, number in (("version", self.version), ("position", self.position))
            if number is not None
        ]
        return ", ".join(parts) or "as it stands now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item of an order, and all that happened to it.

    Args:
        description: The first description given for it, by version.
        price: The price of its last addition, by version; where it was never added, as on a credit note, the last that an
            event names. None if only adjustments name the item.
        added: Pieces added.
        removed: Pieces removed before the order was placed.
        changed: Sum of the changes of its quantity.
        returned: Pieces that came back.
        gross: What was ordered comes to: added, less removed, and changed, each at its own price.
        returns: What came back comes to, as credited.
        adjusted: Pieces that adjustments name.
        adjustments: What adjustments of it come to. Those that name no item stand in a line of the item `""`.
    """

    item_id: str
    description: str | None = None
    price: Decimal | None = None
    added: int = 0
    removed: int = 0
    changed: int = 0
    returned: int = 0
    gross: Decimal = ZERO
    returns: Decimal = ZERO
    adjusted: int = 0
    adjustments: Decimal = ZERO
    _first_version: int = field(default=0, repr=False)
    _described_version: int = field(default=0, repr=False)
    # Below zero where it is not an addition that settled the price.
    _priced_version: int = field(default=0, repr=False)

    @property
    def ordered(self) -> int:
        """Pieces ordered: added, less removed, and changed."""
        return self.added - self.removed + self.changed

    @property
    def kept(self) -> int:
        """Pieces that the customer keeps: ordered less returned. Below zero on a credit note."""
        return self.ordered - self.returned

    @property
    def quantity(self) -> int:
        """Pieces that the line counts: those kept, and those of adjustments. Lines add up to the order's `item_count`."""
        return self.kept + self.adjusted

    @property
    def amount(self) -> Decimal:
        """What the line comes to: gross less returns, and adjustments. Lines add up to the total before discounts and shipping."""
        return EXACT.add(EXACT.subtract(self.gross, self.returns), self.adjustments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as its events have made it. Immutable, comparable, hashable and picklable.

    Money is in the order's one `currency`, which is `XXX` where its events name two. `lines` holds one `Line` for every item that its events name, in the order
    in which they first did (by version); an item that was removed again keeps its line, with quantity 0, and adjustments
    that name no item have one of the item `""`.
    `created_at`, `placed_at`, `shipped_at`, `delivered_at` and `cancelled_at` are the earliest moments of their kind and
    `paid_at` that of the last payment; `estimated` names those that are guesses. `version` and `position` are those of the last event that counts in it,
    `event_count` says how many do, and `as_of` which were asked for (it takes no part in comparisons).

    Example:
        >>> from datetime import UTC, datetime
        >>> from decimal import Decimal
        >>> from orders_es.orders import Happened, ItemAdded, OrderCreated, fold
        >>> noon = datetime(2011, 6, 3, 12, tzinfo=UTC)
        >>> order = fold([
        ...     Happened(OrderCreated(currency="GBP"), noon, 1),
        ...     Happened(ItemAdded(item_id="22423", quantity=2, price=Decimal("12.75")), noon, 2),
        ... ], initial_state("A-1"))
        >>> order
        <Order A-1: created, 1 line, 2 items, total 25.50 GBP, balance 25.50, version 2>
    """

    order_id: str
    currency: str | None = None
    customer_id: str | None = None
    country: str | None = None
    channel: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    source_status: str | None = None
    promised_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    gross: Decimal = ZERO
    discounts: Decimal = ZERO
    shipping: Decimal = ZERO
    returns: Decimal = ZERO
    adjustments: Decimal = ZERO
    paid: Decimal = ZERO
    refunded: Decimal = ZERO
    failed_payments: int = 0
    cancel_reason: str | None = None
    created_at: datetime | None = None
    placed_at: datetime | None = None
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    first_occurred_at: datetime | None = None
    last_occurred_at: datetime | None = None
    version: int = 0
    position: int = 0
    event_count: int = 0
    as_of: AsOf | None = field(default=None, compare=False, repr=False)
    # By which version a "first" or a "last" was settled; 0 is not at all. The fold needs them to go on from here.
    _customer_version: int = field(default=0, repr=False)
    _country_version: int = field(default=0, repr=False)
    _channel_version: int = field(default=0, repr=False)
    _cancel_reason_version: int = field(default=0, repr=False)
    _detail_versions: tuple[int, ...] = field(default=(0,) * len(DETAILS), repr=False)
    # A bit for each status whose moment is estimated, by its place in STATUSES.
    _estimated: int = field(default=0, repr=False)

    @property
    def status(self) -> Status:
        """The furthest step reached; cancellation overrides."""
        if self.cancelled_at is not None:
            return "cancelled"
        if self.delivered_at is not None:
            return "delivered"
        if self.shipped_at is not None:
            return "shipped"
        if self.paid_at is not None:
            return "paid"
        if self.placed_at is not None:
            return "placed"
        return "new" if self.created_at is None else "created"

    @property
    def estimated(self) -> str | None:
        """The steps whose moments are estimates, such as `paid, cancelled`; None where all are known.

        A moment counts as estimated if any event of its kind says so.
        """
        steps = [status for place, status in enumerate(STATUSES) if self._estimated >> place & 1]
        return ", ".join(steps) or None

    @property
    def total(self) -> Decimal:
        """What the order comes to: gross - discounts + shipping - returns + adjustments."""
        more = EXACT.add(EXACT.add(self.gross, self.shipping), self.adjustments)
        return EXACT.subtract(more, EXACT.add(self.discounts, self.returns))

    @property
    def balance(self) -> Decimal:
        """What is still owed: the total, or nothing if cancelled, less payments, plus refunds. Below zero: to the customer."""
        due = ZERO if self.cancelled_at is not None else self.total
        return EXACT.add(EXACT.subtract(due, self.paid), self.refunded)

    @property
    def payment_status(self) -> PaymentStatus:
        """How the order stands with its money.

        Before any payment: `nothing_due`, `unpaid`, or `failed` where one was tried. After: `refunded` if all of it went
        back, else `part_paid`, `paid` or `overpaid` by the sign of the balance.
        """
        balance = self.balance
        if not self.paid > 0:
            if not balance > 0:
                return "nothing_due"
            return "failed" if self.failed_payments else "unpaid"
        if self.refunded >= self.paid:
            return "refunded"
        if balance > 0:
            return "part_paid"
        return "overpaid" if balance < 0 else "paid"

    @property
    def item_count(self) -> int:
        """Pieces in all: the quantities of all lines, those of adjustments included, so it ties to a source's column sum."""
        return sum(line.quantity for line in self.lines)

    @property
    def line_count(self) -> int:
        """How many items the order's events name."""
        return len(self.lines)

    def line(self, item_id: str) -> Line | None:
        """The line of that item, or None if the order never had it."""
        return next((line for line in self.lines if line.item_id == item_id), None)

    def as_dict(self) -> dict[str, Any]:
        """All that can be seen of the order, computed figures included, as plain values; `lines` as a list of dicts."""
        shown: dict[str, Any] = {
            "order_id": self.order_id,
            "status": self.status,
            "payment_status": self.payment_status,
        }
        shown |= {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if _is_shown(f.name)}
        shown["lines"] = [
            {f.name: getattr(line, f.name) for f in dataclasses.fields(line) if _is_shown(f.name)}
            | {"quantity": line.quantity, "amount": line.amount}
            for line in self.lines
        ]
        shown |= {name: getattr(self, name) for name in ("estimated", "item_count", "line_count", "total", "balance")}
        return shown

    def __repr__(self) -> str:
        facts = (
            self.status,
            _counted(self.line_count, "line"),
            _counted(self.item_count, "item"),
            f"total {format_money(self.total, self.currency)}",
            f"balance {format_amount(self.balance, self.currency)}",
            f"version {self.version}",
        )
        asked = "" if self.as_of is None or self.as_of == AsOf() else f" ({self.as_of})"
        text = f"<Order {self.order_id}: {', '.join(facts)}{asked}>"
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)

    def _repr_html_(self) -> str:
        hidden = self.line_count - _SHOWN_LINES
        return html_table(
            [
                [line.item_id, line.description or "", f"{line.quantity:,}", format_amount(line.amount, self.currency)]
                for line in self.lines[:_SHOWN_LINES]
            ],
            heads=("item", "description", "quantity", "amount"),
            title=repr(self)[1:-1],
            right="llrr",
            more=_counted(hidden, "more line") if hidden > 0 else "",
        )


def initial_state(order_id: str = "") -> Order:
    """The order before its first event.

    Example:
        >>> initial_state("A-1").status
        'new'
    """
    return Order(order_id=order_id)


def _is_shown(name: str) -> bool:
    return not name.startswith("_") and name != "as_of"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
