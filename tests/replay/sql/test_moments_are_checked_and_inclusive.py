from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orders_es.errors import NaiveTime
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import AsOf, OrderCreated
from orders_es.replay import connect, diff, fold_streams, to_event_log

NOON = datetime(2011, 6, 1, 12, tzinfo=UTC)
NAIVE = datetime(2011, 6, 1, 12)  # noqa: DTZ001 - the point of the tests
TICK = timedelta(microseconds=1)


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True, clock=lambda: NOON + timedelta(days=1)) as log:
        log.append("A-1", [NewEvent(data=OrderCreated(currency="GBP"), occurred_at=NOON)], expected=NO_STREAM)
        yield log


@pytest.mark.parametrize("argument", ["at", "known_at"])
def test_a_naive_time_is_refused_with_the_corrected_call(log, argument):
    corrected = rf"write {argument}=datetime\(2011, 6, 1, 12, 0, tzinfo=UTC\)"
    with connect(log) as session:
        for ask in (lambda **k: session.sql("FROM orders", **k), lambda **k: session.table("orders", **k)):
            with pytest.raises(NaiveTime, match=corrected):
                ask(**{argument: NAIVE})
    naive: dict[str, Any] = {argument: NAIVE}
    for call in (to_event_log, lambda log, **k: fold_streams(log, max, str, **k)):
        with pytest.raises(NaiveTime, match=corrected):
            call(log, **naive)


def test_a_naive_time_of_a_diff_is_refused(log):
    for arguments in ((NAIVE,), (None, NAIVE), (AsOf(known_at=NAIVE),)):
        with pytest.raises(NaiveTime):
            diff(log, *arguments)


def test_limits_are_inclusive_to_the_microsecond(log):
    recorded = NOON + timedelta(days=1)
    with connect(log) as session:
        assert [len(session.sql("FROM orders", at=NOON - t)) for t in (0 * TICK, TICK)] == [1, 0]
        assert [len(session.sql("FROM orders", known_at=recorded - t)) for t in (0 * TICK, TICK)] == [1, 0]


def test_before_the_first_event_there_is_nothing_and_no_error(log):
    early = datetime(1999, 1, 1, tzinfo=UTC)
    with connect(log) as session:
        for name in ("events", "orders", "order_items", "order_history", "order_record_history"):
            assert len(session.table(name, at=early)) == 0
    assert fold_streams(log, max, str, at=early) == {}
    assert len(diff(log, early, early)) == 0
    assert len(to_event_log(log, at=early)) == 0
