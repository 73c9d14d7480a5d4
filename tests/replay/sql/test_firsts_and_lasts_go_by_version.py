"""Of three events that each tell something, the one by version counts: whatever their times, and whatever the values.

Random histories seldom tell a first by version from a smallest, a latest or any other value, so here each one is told apart.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import (
    CustomerAssigned,
    ItemAdded,
    ItemReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderPlaced,
    OrderShipped,
    PaymentReceived,
)
from orders_es.replay import connect, load_order

DAYS = [datetime(2011, 6, day, 12, tzinfo=UTC) for day in (5, 9, 2)]
"""When the events of versions 1 to 3 occurred: neither the first nor the last of them is the latest."""


def added(price="1", description=None):
    return ItemAdded(item_id="mug", quantity=1, price=Decimal(price), description=description)


def created(name: str, value: Any):
    return OrderCreated(currency="GBP", **{name: value})


def returned(description):
    return ItemReturned(item_id="mug", quantity=1, price=Decimal(1), description=description)


VALUES: dict[
    str, tuple[list[Any], list[Any], int]
] = {  # column of orders: three events that tell a value each, which value counts
    "country": ([OrderCreated(currency="GBP", country=c) for c in "MAZ"], ["M", "A", "Z"], 0),
    "channel": ([OrderCreated(currency="GBP", channel=c) for c in "MAZ"], ["M", "A", "Z"], 0),
    **{
        name: ([created(name, c) for c in "MAZ"], ["M", "A", "Z"], 0)
        for name in ("postal_code", "city", "state", "source_status")
    },
    "promised_at": ([OrderCreated(currency="GBP", promised_at=day) for day in DAYS], DAYS, 0),
    "cancel_reason": ([OrderCancelled(reason=r) for r in "MAZ"], ["M", "A", "Z"], 0),
    "customer_id": (
        [
            OrderCreated(currency="GBP", customer_id="M"),
            CustomerAssigned(customer_id="A"),
            CustomerAssigned(customer_id="Z"),
        ],
        ["M", "A", "Z"],
        -1,
    ),
}
ITEM_VALUES: dict[str, tuple[list[Any], list[Any], int]] = {
    "description": ([added(description="M"), added(description="A"), returned("Z")], ["M", "A", "Z"], 0),
    "price": ([added("5"), added("2"), added("9")], [Decimal(5), Decimal(2), Decimal(9)], -1),
}
MOMENTS = {  # column of orders: the event, and whether the first or the last time counts
    "created_at": (OrderCreated(currency="GBP"), min),
    "placed_at": (OrderPlaced(), min),
    "paid_at": (PaymentReceived(amount=Decimal(1)), max),
    "shipped_at": (OrderShipped(), min),
    "delivered_at": (OrderDelivered(), min),
    "cancelled_at": (OrderCancelled(), min),
    "first_occurred_at": (OrderPlaced(), min),
    "last_occurred_at": (OrderPlaced(), max),
}


@pytest.fixture
def log():
    with open_log(":memory:", clock=lambda: DAYS[2] + timedelta(days=30)) as log:
        yield log


def written(log, order_id, events, days=DAYS):
    for data, day in zip(events, days, strict=True):
        log.append(order_id, [NewEvent(data=data, occurred_at=day)], expected=ANY)


def every_order(events, values):
    return [([events[i] for i in p], [values[i] for i in p]) for p in permutations(range(len(events)))]


@pytest.mark.long
def test_values_of_an_order(log):
    expected = {}
    for column, (events, values, which) in VALUES.items():
        for number, (those, told) in enumerate(every_order(events, values)):
            written(log, order_id := f"{column} {number}", those)
            expected[column, order_id] = told[which]
            assert getattr(load_order(log, order_id), column) == told[which]
    with connect(log) as session:
        assert answers(session, "orders", VALUES) == expected


def test_an_event_that_says_nothing_leaves_the_value_alone(log):
    expected = {}
    for column, (events, values, which) in VALUES.items():
        written(log, column, [OrderCreated(currency="GBP"), events[which], OrderCancelled()])
        expected[column, column] = values[which]
        assert getattr(load_order(log, column), column) == values[which]
    with connect(log) as session:
        assert answers(session, "orders", VALUES) == expected


def test_values_of_an_item(log):
    expected = {}
    for column, (events, values, which) in ITEM_VALUES.items():
        for number, (those, told) in enumerate(every_order(events, values)):
            written(log, order_id := f"{column} {number}", those)
            expected[column, order_id] = told[which]
            [line] = load_order(log, order_id).lines
            assert getattr(line, column) == told[which]
    with connect(log) as session:
        assert answers(session, "order_items", ITEM_VALUES) == expected


@pytest.mark.long
def test_moments_of_steps(log):
    expected = {}
    for column, (event, which) in MOMENTS.items():
        for number, days in enumerate(permutations(DAYS)):
            written(log, order_id := f"{column} {number}", [event] * 3, days)
            expected[column, order_id] = which(DAYS)
            assert getattr(load_order(log, order_id), column) == which(DAYS)
    with connect(log) as session:
        assert answers(session, "orders", MOMENTS) == expected
        # Each as the event's time, and not as some other event's: one that is no such step comes before and after all.
        around = [min(DAYS) - timedelta(days=1), max(DAYS) + timedelta(days=1)]
        for column, order_id in expected:
            if column not in ("first_occurred_at", "last_occurred_at"):
                other = OrderDelivered() if column == "shipped_at" else OrderShipped()
                written(log, order_id, [other] * 2, around)
        assert answers(session, "orders", MOMENTS) == expected


def answers(session, model, columns):
    """Column and order to the value that SQL gives, for the orders that are about the column."""
    rows = session.sql(f"SELECT order_id, {', '.join(columns)} FROM {model}").rows()
    return {
        (name, row[0]): value
        for row in rows
        for name, value in zip(columns, row[1:], strict=True)
        if about(row[0], name)
    }


def about(order_id, column):
    return order_id.partition(" ")[0] == column


def test_version_position_and_status_are_of_the_last_and_the_furthest(log):
    written(log, "B-1", [OrderPlaced()], DAYS[:1])
    written(log, "A-1", [OrderShipped(), OrderCreated(currency="GBP"), PaymentReceived(amount=Decimal(1))])
    written(log, "B-1", [OrderPlaced()], DAYS[:1])
    with connect(log) as session:
        query = 'SELECT order_id, status, event_count, version, "position" FROM orders ORDER BY 1'
        assert session.sql(query).rows() == [("A-1", "shipped", 3, 3, 4), ("B-1", "placed", 2, 2, 5)]
        assert session.sql(query, at=DAYS[0]).rows() == [("A-1", "shipped", 2, 3, 4), ("B-1", "placed", 2, 2, 5)]


def test_items_stand_in_the_order_in_which_they_were_first_named(log):
    names = ["mug", "ant", "zoo", "mug"]
    events = [ItemAdded(item_id=name, quantity=1, price=Decimal(1)) for name in names]
    written(log, "A-1", events, [*DAYS, DAYS[1]])
    with connect(log) as session:
        assert session.sql("SELECT item_id, first_version FROM order_items ORDER BY 2").rows() == [
            ("mug", 1),
            ("ant", 2),
            ("zoo", 3),
        ]
    assert [line.item_id for line in load_order(log, "A-1").lines] == ["mug", "ant", "zoo"]
