"""Never a silently smaller total."""

import pickle
import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from orders_es.errors import InvalidEvent, UnknownEventType
from orders_es.log import ANY, NO_STREAM, EventRegistry, NewEvent, RawEvent, open_log, order_registry
from orders_es.orders import OrderCreated, evolve, initial_state
from orders_es.replay import connect, diff, fold_streams, load_orders

JUNE = datetime(2011, 6, 1, tzinfo=UTC)
TABLES = ["orders", "order_items", "order_history", "order_record_history", "orders_at()", "order_items_at()"]


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [NewEvent(data=OrderCreated(currency="GBP"), occurred_at=JUNE)], expected=NO_STREAM)
        log.append("B-2", [NewEvent(data=OrderCreated(currency="GBP"), occurred_at=JUNE)], expected=NO_STREAM)
        yield log


@pytest.mark.long_but_first
@pytest.mark.parametrize("table", TABLES)
def test_it_names_the_type_and_where_it_stands(log, table):
    log.append("B-2", [RawEvent("OrderBlessed", '{"by":"us"}')], expected=ANY)
    with connect(log) as session, pytest.raises(UnknownEventType) as error:
        session.sql(f"SELECT count(*) FROM {table}")
    assert (error.value.type, error.value.position, error.value.stream_id) == ("OrderBlessed", 3, "B-2")
    assert "OrderBlessed" in str(error.value)
    assert "position 3" in str(error.value)


def test_it_comes_between_two_queries(log):
    with connect(log) as session:
        assert len(session.orders) == 2
        log.append("B-2", [RawEvent("OrderBlessed", "{}")], expected=ANY)
        with pytest.raises(UnknownEventType):
            session.sql("FROM orders")


def test_it_is_asked_for_only_where_its_meaning_is_needed(log):
    log.append("B-2", [NewEvent(data=RawEvent("OrderBlessed", "{}"), occurred_at=JUNE.replace(day=9))], expected=ANY)
    with connect(log) as session:
        assert session.sql("SELECT count(*) FROM events").rows() == [(3,)]
        assert len(session.sql("FROM orders", at=JUNE)) == 2
        assert len(session.sql("FROM orders_at(TIMESTAMPTZ '2011-06-01')")) == 2
        assert session.sql("SELECT order_id FROM orders WHERE order_id = 'A-1'").rows() == [("A-1",)]


@dataclass(frozen=True)
class ParcelLost:
    parcel: str


def all_orders(log):
    """What each way of looking at all orders gives."""
    with connect(log) as session:
        by_sql = {row[0] for row in session.sql("SELECT order_id FROM orders").rows()}
        by_macro = {row[0] for row in session.sql("SELECT order_id FROM orders_at()").rows()}
    return [by_sql, by_macro, set(load_orders(log)), set(fold_streams(log, evolve, initial_state))]


def test_it_may_be_all_that_an_order_has_so_it_is_an_error_in_a_stream_of_its_own_too(log):
    log.append("C-3", [RawEvent("OrderBlessed", "{}")], expected=NO_STREAM)
    with connect(log) as session, pytest.raises(UnknownEventType, match=r"OrderBlessed.*position 3, stream 'C-3'"):
        session.sql("SELECT sum(total) FROM orders")
    for ask in (
        load_orders,
        lambda log: fold_streams(log, evolve, initial_state),
        lambda log: fold_streams(log, evolve, initial_state, types=[OrderCreated]),
    ):
        with pytest.raises(UnknownEventType, match=r"OrderBlessed.*position 3, stream 'C-3'"):
            ask(log)


@pytest.mark.long
def test_streams_of_another_domain_are_left_out_once_its_types_are_registered_or_named(log):
    log.append("parcel-1", [RawEvent("ParcelLost", '{"parcel":"P-1"}')], expected=NO_STREAM)
    registered, named = order_registry(), order_registry()
    registered.register(ParcelLost)
    named.leave_out("ParcelLost")
    for registry in (registered, named, pickle.loads(pickle.dumps(named))):
        with open_log(log.url, registry=registry) as known:
            assert all_orders(known) == [{"A-1", "B-2"}] * 4


def test_another_domains_event_in_an_orders_own_stream_is_an_error_all_the_same(log):
    log.append("B-2", [RawEvent("ParcelLost", '{"parcel":"P-1"}')], expected=ANY)
    registered, named = order_registry(), order_registry()
    registered.register(ParcelLost)
    named.leave_out("ParcelLost")
    for registry in (registered, named):
        with open_log(log.url, registry=registry) as known:
            with connect(known) as session, pytest.raises(UnknownEventType, match="ParcelLost"):
                session.sql("FROM orders")
            with pytest.raises(UnknownEventType, match="ParcelLost"):
                load_orders(known)
            with pytest.raises(UnknownEventType, match="ParcelLost"):
                fold_streams(known, evolve, initial_state)


def test_the_error_says_how_to_leave_it_out(log):
    log.append("C-3", [RawEvent("OrderBlessed", "{}")], expected=NO_STREAM)
    with pytest.raises(UnknownEventType) as error:
        load_orders(log)
    [call] = re.findall(r"registry\.leave_out\(.*?\)", str(error.value))
    eval(call, {"registry": log.registry})
    assert all_orders(log) == [{"A-1", "B-2"}] * 4


def test_an_order_event_that_nobody_registered_is_an_error(log):
    with (
        open_log(log.url, registry=EventRegistry([ParcelLost])) as bare,
        connect(bare) as session,
        pytest.raises(UnknownEventType, match=r"'OrderCreated'.*position 1"),
    ):
        session.sql("FROM orders")


def test_a_program_of_another_domain_needs_no_order_events(tmp_path):
    with open_log(tmp_path / "parcels", create=True, registry=EventRegistry([ParcelLost])) as log:
        log.append("parcel-1", [ParcelLost("P-1")], expected=NO_STREAM)
        with connect(log) as session:
            assert session.sql("SELECT stream_id, parcel FROM events").rows() == [("parcel-1", "P-1")]


def test_another_version_of_a_known_shape_is_an_error(log):
    registry = EventRegistry()
    registry.register(OrderCreated, schema_version=9)
    with open_log(log.url, registry=registry) as newer:
        newer.append("C-3", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    with connect(log) as session, pytest.raises(InvalidEvent, match="position 3 holds schema version 9"):
        session.sql("FROM orders")


def test_a_diff_and_a_fold_say_so_too(log):
    log.append("B-2", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    with pytest.raises(UnknownEventType, match="OrderBlessed"):
        diff(log, JUNE)
    with pytest.raises(UnknownEventType, match="OrderBlessed"):
        fold_streams(log, lambda count, _event: count + 1, lambda _stream_id: 0)
