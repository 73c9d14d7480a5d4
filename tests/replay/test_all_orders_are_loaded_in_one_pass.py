import gc
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from orders_es.errors import NaiveTime, UnknownEventType
from orders_es.log import ANY, NO_STREAM, EventRegistry, RawEvent, open_log, order_registry
from orders_es.orders import OrderCreated
from orders_es.replay import load_order, load_orders


def june(day):
    return datetime(2011, 6, day, 12, tzinfo=UTC)


@pytest.mark.parametrize("at", [None, june(1), june(3), june(9)])
@pytest.mark.parametrize("known_at", [None, june(2), june(5), june(6)])
def test_each_order_equals_the_one_loaded_alone(log, at, known_at):
    orders = load_orders(log, at=at, known_at=known_at)
    alone = {name: load_order(log, name, at=at, known_at=known_at) for name in orders}
    assert orders == alone
    assert [order.as_of for order in orders.values()] == [order.as_of for order in alone.values()]
    assert set(orders) == {"A-1"} | ({"B-7"} if at != june(1) else set())


def test_before_anything_there_are_no_orders(log):
    assert load_orders(log, at=datetime(2011, 1, 1, tzinfo=UTC)) == {}
    assert load_orders(log, known_at=datetime(2011, 1, 1, tzinfo=UTC)) == {}


def test_what_was_recorded_at_that_very_moment_counts(log):
    assert load_orders(log, known_at=june(1)) == {"A-1": load_order(log, "A-1", version=2)}


def test_an_empty_log_has_no_orders(diary):
    assert load_orders(diary.log) == {}


def test_a_naive_time_is_refused(log):
    with pytest.raises(NaiveTime):
        load_orders(log, at=datetime(2011, 6, 1))  # noqa: DTZ001 - the point of the test


@dataclass(frozen=True)
class ParcelLost:
    parcel: str


def test_streams_of_other_domains_are_left_out(log):
    log.append("parcel-1", [RawEvent("ParcelLost", '{"parcel":"P-1"}')], expected=NO_STREAM)
    log.registry.leave_out("ParcelLost")
    assert set(load_orders(log)) == {"A-1", "B-7"}

    registry = order_registry()
    registry.register(ParcelLost)
    with open_log(log.url, registry=registry) as known:
        assert set(load_orders(known)) == {"A-1", "B-7"}


def test_an_order_that_holds_something_else_is_an_error_and_not_a_guess(log):
    log.append("B-7", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    for load in (load_orders, lambda log: load_order(log, "B-7")):
        with pytest.raises(UnknownEventType) as error:
            load(log)
        assert (error.value.type, error.value.position, error.value.stream_id) == ("OrderBlessed", 10, "B-7")
    assert load_order(log, "A-1").status == "delivered", "only where its meaning is needed"


def test_order_events_that_nobody_registered_are_an_error(log):
    with open_log(log.url, registry=EventRegistry()) as bare, pytest.raises(UnknownEventType, match="OrderCreated"):
        load_orders(bare)


def test_the_collector_is_as_it_was(log):
    assert gc.isenabled()
    load_orders(log)
    assert gc.isenabled()
    log.append("B-7", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    with pytest.raises(UnknownEventType):
        load_orders(log)
    assert gc.isenabled()


def test_a_later_commit_of_another_process_is_seen(log):
    with open_log(log.url) as other:
        other.append("C-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert "C-1" in load_orders(log)
