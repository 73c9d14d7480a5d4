"""`daily_sales`, `product_sales` and `restatements` beside loops over decoded events, on any history at any moment."""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest

from orders_es.orders import DiscountApplied, ItemAdded, OrderCreated
from orders_es.replay import connect

pytestmark = pytest.mark.hypothesis  # `make test-long` draws many more histories
MONEY = {"gross", "discounts", "shipping", "returns", "adjustments", "payments", "refunds"}
NET = {"gross": 1, "discounts": -1, "shipping": 1, "returns": -1, "adjustments": 1}


def figures(event):  # noqa: PLR0911 - one for each event type
    """What an event adds to the figures of its day."""
    data = event.data
    match event.type:
        case "ItemAdded":
            return {"units": data.quantity, "gross": data.price * data.quantity}
        case "ItemRemoved":
            return {"units": -data.quantity, "gross": -data.price * data.quantity}
        case "ItemQuantityChanged":
            return {"units": data.difference, "gross": data.price * data.difference}
        case "ItemReturned":
            return {"returned_units": data.quantity, "returns": data.price * data.quantity}
        case "DiscountApplied":
            return {"discounts": data.amount}
        case "ShippingCharged":
            return {"shipping": data.amount}
        case "AdjustmentRecorded":
            return {"adjustments": data.amount}
        case "PaymentReceived":
            return {"payments": data.amount}
        case "RefundIssued":
            return {"refunds": data.amount}
    return None


def net_of(told):
    return sum((told.get(name, 0) * sign for name, sign in NET.items()), Decimal(0))


def daily_sales(asked):
    names = ["orders_placed", "units", "returned_units", *sorted(MONEY), "net", "revenue", "estimated"]
    days = defaultdict(lambda: dict.fromkeys(names, 0))
    for event in asked.events:
        told = figures(event)
        if told is None:
            continue
        order, day = asked.orders[event.stream_id], asked.day(event.occurred_at)
        told |= {"estimated": bool(event.data.time_estimated), "net": net_of(told)}
        for name, value in told.items():
            days[day, event.currency][name] += value
        if order.placed_at is not None:
            sold = max(day, asked.day(order.placed_at))
            days[sold, event.currency]["revenue"] += net_of(told)
            if order.cancelled_at is not None:
                days[max(sold, asked.day(order.cancelled_at)), event.currency]["revenue"] -= net_of(told)
    for order in asked.orders.values():
        if order.placed_at is None:
            continue
        placed, currency = asked.day(order.placed_at), order.currency or "XXX"
        guesses = Counter(
            event.type for event in asked.events if event.stream_id == order.order_id and event.data.time_estimated
        )
        days[placed, currency]["orders_placed"] += 1
        days[placed, currency]["estimated"] += guesses["OrderPlaced"]
        if guesses["OrderCancelled"]:
            days[max(placed, asked.day(order.cancelled_at)), currency]["estimated"] += guesses["OrderCancelled"]
    for (day, _), row in days.items():
        row["running"] = day == asked.day(asked.moment + timedelta(microseconds=1))
    return dict(sorted(days.items()))


def product_sales(asked):
    found = {}
    for order in asked.orders.values():
        sold = order.placed_at is not None and order.cancelled_at is None
        for line in order.lines:
            if line.price is None:
                continue
            row = found.setdefault(
                (line.item_id, order.currency or "XXX"),
                Counter(orders=0, units=0, returned_units=0, gross=0, returns=0, net=0, revenue=0, estimated=0)
                | {"customers": set(), "sold": []},
            )
            row["units"] += line.ordered
            row["returned_units"] += line.returned
            row["gross"] += line.gross
            row["returns"] += line.returns
            row["net"] += line.gross - line.returns
            if sold:
                row["revenue"] += line.gross - line.returns
                row["sold"].append(order.placed_at)
                if line.ordered or line.returned:
                    row["orders"] += 1
                    row["estimated"] += "placed" in (order.estimated or "")
                    row["customers"] |= {order.customer_id} - {None}
    return found


@pytest.mark.long
def test_daily_sales(check_on, rows_of):
    def check(session, asked):
        rows = rows_of(session, "daily_sales", asked)
        assert {(row.pop("day"), row.pop("currency")): row for row in rows} == daily_sales(asked)

    check_on(check)


@pytest.mark.long
def test_product_sales(check_on, rows_of):
    def check(session, asked):
        rows = rows_of(session, "product_sales", asked)
        expected = product_sales(asked)
        assert {(row["item_id"], row["currency"]) for row in rows} == set(expected)
        for row in rows:
            line = expected[row["item_id"], row["currency"]]
            assert row["customers"] == len(line["customers"])
            assert (row["first_sold_at"], row["last_sold_at"]) == (
                min(line["sold"], default=None),
                max(line["sold"], default=None),
            )
            assert row["return_rate"] == (line["returned_units"] / line["units"] if line["units"] > 0 else None)
            assert {name: row[name] for name in line if name not in {"customers", "sold"}} == {
                name: value for name, value in line.items() if name not in {"customers", "sold"}
            }
            named = [
                (event.occurred_at, event.position, event.data.description)
                for event in asked.events
                if event.type in {"ItemAdded", "ItemReturned"}
                and event.data.item_id == row["item_id"]
                and event.data.description is not None
            ]
            assert row["description"] == max(named, default=(None,))[-1]
        for currency in {row["currency"] for row in rows}:
            own = [row for row in rows if row["currency"] == currency]
            ranked = sorted(own, key=lambda row: (-row["revenue"], row["item_id"]))
            assert [row["rank"] for row in ranked] == list(range(1, len(own) + 1))

    check_on(check)


@pytest.mark.long
def test_restatements(check_on, rows_of):
    def check(session, asked):
        days = defaultdict(list)
        for event in asked.events:
            if figures(event) is not None:
                days[asked.day(event.occurred_at), event.currency].append(event)
        rows = {(row["day"], row["currency"]): row for row in rows_of(session, "restatements", asked)}
        assert set(rows) == set(days)
        for (day, currency), events in days.items():
            row = rows[day, currency]
            recorded = [asked.day(event.known_at) for event in events]
            known_on = max(day, min(recorded))
            assert row["first_known_on"] == known_on
            assert row["last_changed_at"] == max(event.known_at for event in events)
            assert row["late_events"] == sum(when > known_on for when in recorded)
            assert row["estimated"] == sum(event.data.time_estimated is True for event in events)
            assert row["days_late"] == max((max(recorded) - known_on).days, 0)
            for name in ("units", "gross", "discounts", "returns", "net", "payments", "refunds"):
                told = [
                    (when, net_of(figures(event)) if name == "net" else figures(event).get(name, 0))
                    for when, event in zip(recorded, events, strict=True)
                ]
                first = sum(value for when, value in told if when <= known_on)
                now = sum(value for _, value in told)
                assert (row[f"{name}_first"], row[f"{name}_now"], row[f"{name}_change"]) == (first, now, now - first)

    check_on(check)


def test_a_days_first_figures_are_what_the_log_said_at_its_end(asking, rows_of):
    """With currencies known from the start, the two ways to ask about the past agree: by difference, and by going there."""
    opening = [("A-1", OrderCreated(currency="GBP"), 0), ("B-2", OrderCreated(currency="EUR"), 0)]
    added = ItemAdded(item_id="mug", quantity=2, price=Decimal("1.5"))
    early = [*opening, ("A-1", added, 2), ("B-2", added, 50)]
    late = [("A-1", added, 5), ("B-2", DiscountApplied(amount=Decimal("0.25")), 60)]
    with (
        asking(([early, late, late], None, None, "Europe/London")) as asked,
        connect(asked.log, tz=asked.tz) as session,
    ):
        rows = rows_of(session, "restatements", asked)
        assert any(row["net_change"] for row in rows)
        for row in rows:
            end = session.sql("SELECT ($1::DATE + 1)::TIMESTAMPTZ - INTERVAL 1 microsecond", [row["first_known_on"]])
            then = session.sql("FROM daily_sales", known_at=end.rows()[0][0]).to_arrow().to_pylist()
            told = next(day for day in then if (day["day"], day["currency"]) == (row["day"], row["currency"]))
            assert all(told[name] == row[f"{name}_first"] for name in ("units", "gross", "discounts", "net"))
            assert end.rows()[0][0] - row["last_changed_at"] < timedelta(days=10)
