import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from orders_es.errors import InvalidSetting, NaiveTime
from orders_es.log import STREAM_EXISTS
from orders_es.orders import (
    AddItem,
    ApplyDiscount,
    CancelOrder,
    CreateOrder,
    PaymentReceived,
    RecordAdjustment,
    ShipOrder,
)
from orders_es.projections import ReadModels, measure_lag
from orders_es.replay import load_order
from orders_es.shop import Unpaid
from orders_es.shop import unpaid as module

HOUR = timedelta(hours=1)


def test_an_order_is_cancelled_once_its_time_is_over_and_not_before(shop):
    shop.place("A-1")
    shop.clock.forward(days=2, hours=23)
    assert shop.cancelled() == []
    shop.clock.forward(hours=1)
    [due] = shop.unpaid().due()
    placed = shop.log.load("A-1")[-1]
    assert (due.event_id, due.placed_at, due.due_at) == (placed.event_id, placed.occurred_at, shop.clock.now)
    assert shop.cancelled() == ["A-1"]
    assert measure_lag(shop.log, shop.models)[0].events_behind == 0, "its own event included"
    assert (shop.status("A-1"), load_order(shop.log, "A-1").cancel_reason) == ("cancelled", "not paid in time")
    shop.clock.forward(days=30)
    assert shop.cancelled() == []
    assert shop.types("A-1").count("OrderCancelled") == 1


def test_an_order_that_is_paid_in_full_stays(shop):
    shop.place("A-1", paid=10)
    shop.place("A-2", paid=4)
    shop.pay("A-2", 6)
    shop.clock.forward(days=4)
    assert shop.cancelled() == []


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "settles",
    [ShipOrder(), ApplyDiscount(amount=10), RecordAdjustment(amount=-10), CancelOrder(reason="changed mind")],
    ids=lambda command: type(command).__name__,
)
def test_an_order_that_owes_nothing_any_more_or_has_left_the_house_stays(shop, settles):
    shop.place("A-1")
    shop.unpaid().run()
    shop.do("A-1", settles)
    before = shop.types("A-1")
    shop.clock.forward(days=4)
    assert shop.cancelled() == []
    assert shop.types("A-1") == before
    assert len(ReadModels(shop.models).query("FROM unpaid_deadlines")) == 0


def test_an_order_that_was_never_placed_stays(shop):
    shop.do("A-1", CreateOrder(currency="GBP"), AddItem(item_id="22423", quantity=1, price=10))
    shop.clock.forward(days=4)
    assert shop.cancelled() == []


def test_what_was_paid_of_it_goes_back_in_full_and_once(shop):
    shop.place("A-1", paid=3)
    shop.pay("A-1", "1.25")
    shop.clock.forward(days=3)
    assert shop.cancelled() == ["A-1"]
    assert shop.types("A-1")[-2:] == ["OrderCancelled", "RefundIssued"]
    order = load_order(shop.log, "A-1")
    assert (order.refunded, order.balance) == (Decimal("4.25"), Decimal(0))
    shop.cancelled()
    assert shop.types("A-1").count("RefundIssued") == 1


@pytest.mark.long
def test_a_payment_that_comes_after_the_cancellation_goes_back_too(shop):
    shop.place("A-1", paid=3)
    shop.clock.forward(days=3)
    shop.unpaid().run()
    # The rule "no more than owed" is for the counter; a bank transfer comes all the same.
    shop.log.append("A-1", [PaymentReceived(amount=Decimal(7))], expected=STREAM_EXISTS)
    shop.unpaid().run()
    shop.unpaid().run()
    refunds = [event.data.amount for event in shop.log.load("A-1") if event.type == "RefundIssued"]
    assert refunds == [3, 7]


def test_what_somebody_else_cancelled_is_refunded_by_somebody_else(shop):
    shop.place("A-1", paid=3)
    shop.do("A-1", CancelOrder(reason="changed mind"))
    shop.clock.forward(days=3)
    shop.unpaid().run()
    assert shop.types("A-1")[-1] == "OrderCancelled"


def test_an_order_that_is_paid_while_it_is_being_cancelled_stays(shop, monkeypatch):
    shop.place("A-1", paid=4)
    shop.clock.forward(days=3)
    owes, looks = module._owes, []

    def pays_after_the_look(order):
        answer = owes(order)
        if order.order_id == "A-1" and looks == []:
            looks.append(answer)
            shop.pay("A-1", 6)
        return answer

    unpaid = shop.unpaid()
    unpaid._projector.run()
    monkeypatch.setattr(module, "_owes", pays_after_the_look)
    assert unpaid.cancel_due() == []
    assert looks == [True], "it looked, and then somebody paid"
    assert shop.status("A-1") == "paid"


def test_orders_placed_before_a_date_are_left_alone(shop):
    shop.place("A-1")
    shop.clock.forward(days=1)
    since = shop.clock.now
    shop.place("A-2")
    shop.clock.forward(days=10)
    assert [due.order_id for due in shop.unpaid(since=since).run()] == ["A-2"]
    assert shop.status("A-1") == "placed"


@pytest.mark.long
def test_a_dry_run_tells_what_a_run_would_do_and_writes_nothing(shop):
    shop.place("A-1", paid=3)
    shop.place("A-2", paid=10)
    shop.place("A-3")
    shop.clock.forward(days=3)
    end = shop.log.head().position
    told = shop.unpaid().would_cancel()
    assert (shop.log.head().position, shop.models.exists()) == (end, False)
    assert told == shop.unpaid().run()
    assert [due.order_id for due in told] == ["A-1", "A-3"]


def test_a_dry_run_refunds_nothing_either(shop):
    shop.place("A-1", paid=3)
    shop.clock.forward(days=3)
    unpaid = shop.unpaid()
    unpaid._projector.run()
    unpaid.cancel_due()  # and the runner ends here, before the refund
    assert shop.unpaid().would_cancel() == []
    assert shop.types("A-1")[-1] == "OrderCancelled"
    shop.unpaid().run()
    assert shop.types("A-1")[-1] == "RefundIssued"


def test_following_it_cancels_as_time_passes_and_refunds(shop):
    shop.place("A-1", paid=4)
    stop, told = threading.Event(), []
    following = threading.Thread(
        target=shop.unpaid().follow, args=(stop,), kwargs={"tick": 0.01, "notify": told.append}
    )
    following.start()
    try:
        shop.place("A-2")
        shop.clock.forward(days=3)
        assert wait_for(lambda: shop.types("A-1")[-1] == "RefundIssued" and shop.status("A-2") == "cancelled")
    finally:
        stop.set()
        following.join()
    assert sorted(due.order_id for due in told) == ["A-1", "A-2"]
    assert shop.types("A-1").count("OrderCancelled") == 1


@pytest.mark.long
def test_several_at_once_cancel_and_refund_each_order_once(shop, tmp_path):
    orders = [f"A-{number}" for number in range(12)]
    for order in orders:
        shop.place(order, paid=3)
    shop.clock.forward(days=3)
    together, done = threading.Barrier(3), []

    def run(number):
        unpaid = Unpaid(shop.log, tmp_path / f"{number}.duckdb", timedelta(days=3), clock=shop.clock)
        unpaid._projector.run()
        together.wait()
        done.extend(due.order_id for due in unpaid.run())

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(orders), "each was cancelled by one of them"
    for order in orders:
        assert shop.types(order)[-2:] == ["OrderCancelled", "RefundIssued"]
        assert (shop.types(order).count("OrderCancelled"), shop.types(order).count("RefundIssued")) == (1, 1)


def test_a_limit_below_nothing_and_a_date_without_zone_are_mistakes(shop):
    with pytest.raises(InvalidSetting, match="after"):
        Unpaid(shop.log, shop.models, timedelta(-1))
    with pytest.raises(NaiveTime):
        Unpaid(shop.log, shop.models, HOUR, since=datetime(2026, 6, 3))  # noqa: DTZ001
    with pytest.raises(InvalidSetting, match="tick"):
        shop.unpaid().follow(tick=0)


def wait_for(good):
    patience = threading.Event()
    for _ in range(1500):
        if good():
            return True
        patience.wait(0.02)
    return False
