import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import NaiveTime
from orders_es.orders import AsOf
from orders_es.replay import load_order


def june(day, hour=12):
    return datetime(2011, 6, day, hour, tzinfo=UTC)


def test_without_a_question_it_stands_as_now(log):
    order = load_order(log, "A-1")
    assert (order.status, order.total, order.balance) == ("delivered", Decimal("5.00"), Decimal("-2.50"))
    assert (order.version, order.position, order.customer_id) == (8, 9, "17850")
    assert order.as_of == AsOf()


@pytest.mark.parametrize(
    ("at", "known_at", "status", "paid", "version"),
    [
        (june(2), None, "placed", 0, 7),
        (june(3), None, "paid", Decimal("7.50"), 7),
        (june(4), None, "shipped", Decimal("7.50"), 7),
        (None, june(5), "shipped", 0, 4),
        (june(3), june(5), "placed", 0, 3),
        (june(4), june(6), "shipped", Decimal("7.50"), 5),
        (june(9), june(9), "delivered", Decimal("7.50"), 8),
    ],
)
def test_both_clocks_limit_what_counts(log, at, known_at, status, paid, version):
    order = load_order(log, "A-1", at=at, known_at=known_at)
    assert (order.status, order.paid, order.version) == (status, paid, version)
    assert order.as_of == AsOf(at=at, known_at=known_at)


def test_limits_are_inclusive_to_the_microsecond(log):
    assert load_order(log, "A-1", at=june(2)).status == "placed"
    assert load_order(log, "A-1", at=june(2) - timedelta(microseconds=1)).status == "created"
    assert load_order(log, "A-1", known_at=june(2)).status == "placed"
    assert load_order(log, "A-1", known_at=june(2) - timedelta(microseconds=1)).status == "created"


def test_another_zone_names_the_same_instant(log):
    tokyo = june(2).astimezone(timezone(timedelta(hours=9)))
    assert load_order(log, "A-1", at=tokyo) == load_order(log, "A-1", at=june(2))


def test_version_and_position_limit_it_too(log):
    assert load_order(log, "A-1", version=2).item_count == 3
    assert load_order(log, "A-1", version=3).status == "placed"
    assert load_order(log, "A-1", position=4).version == 3
    assert load_order(log, "A-1", version=99) == load_order(log, "A-1")


def test_an_order_says_which_question_it_answers(log):
    order = load_order(log, "A-1", at=june(4), version=4)
    assert "(at 2011-06-04 12:00 UTC, up to version 4)" in repr(order)
    assert pickle.loads(pickle.dumps(order)).as_of == order.as_of


@pytest.mark.parametrize("argument", ["at", "known_at"])
def test_a_naive_time_is_refused_with_the_corrected_call(log, argument):
    naive: dict[str, Any] = {argument: datetime(2011, 6, 3, 15)}  # noqa: DTZ001 - the point of the test
    with pytest.raises(NaiveTime, match=rf"write {argument}=datetime\(2011, 6, 3, 15, 0, tzinfo=UTC\)"):
        load_order(log, "A-1", **naive)


def test_what_is_no_moment_is_a_wrong_call(log):
    with pytest.raises(TypeError, match=r"at=20110603 is int; give a datetime with a time zone, a date, or a text"):
        load_order(log, "A-1", at=20110603)  # type: ignore[arg-type]
