from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from orders_es.log import ANY, NO_STREAM, EventRegistry, RawEvent, open_log
from orders_es.orders import ItemAdded
from orders_es.replay import connect, load_orders

LIFE = [
    RawEvent("OrderCreated", '{"currency":"GBP","customer_id":null}'),
    RawEvent("ItemAdded", '{"item_id":"mug","quantity":2,"price":"2.50"}'),
    RawEvent("OrderCancelled", '{"reason":"late","time_estimated":true}'),
]


@dataclass(frozen=True)
class Measured:
    when: datetime
    day: date
    value: float
    good: bool
    count: int


MEASURED = '{"when":"2011-06-01T12:00:00Z","day":"2011-06-02","value":0.5,"good":true,"count":9007199254740993}'


def test_sql_equals_the_fold_whoever_wrote_the_events(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True, registry=EventRegistry()) as log:
        log.append("A-1", LIFE, expected=NO_STREAM)
    with open_log(tmp_path / "log.duckdb") as log:
        log.append("A-1", [ItemAdded(item_id="cup", quantity=1, price=Decimal("1.25"))], expected=ANY)
        with connect(log) as session:
            answer = session.sql("FROM orders")
            rows = {row[0]: dict(zip(answer.columns, row, strict=True)) for row in answer.rows()}
        orders = load_orders(log)
        assert rows == {name: {c: getattr(order, c) for c in answer.columns} for name, order in orders.items()}
        assert rows["A-1"]["total"] == Decimal("6.25")
        assert rows["A-1"]["cancel_reason"] == "late"


@pytest.mark.parametrize("own", [False, True])
def test_a_type_that_is_registered_later_counts_from_then_on(tmp_path, own):
    registry = EventRegistry()
    with (
        open_log(tmp_path / "log.duckdb", create=True, registry=registry) as log,
        duckdb.connect(log.url if own else ":memory:") as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        log.append("M-1", [RawEvent("Measured", MEASURED), RawEvent("Other", '{"when":"soon"}')], expected=NO_STREAM)
        log.bind(connection)
        registry.register(Measured)
        log.bind(connection)
        rows = connection.execute('SELECT "when", day, value, good, count FROM events ORDER BY position').fetchall()
    noon = datetime(2011, 6, 1, 12, tzinfo=UTC)
    assert rows == [(noon, date(2011, 6, 2), 0.5, True, 9007199254740993), (None, None, None, None, None)]
