"""A log outlives the programs that write to it: an event recorded as JSON, by a program without its class, counts as well."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from orders_es.log import ANY, NO_STREAM, EventRegistry, RawEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import EVENT_TYPES, ItemAdded, OrderCreated
from orders_es.replay import connect, load_orders

LIFE = [
    RawEvent("OrderCreated", '{"currency":"GBP","customer_id":null}', 2),
    RawEvent("ItemAdded", '{"item_id":"mug","quantity":2,"price":"2.50","description":"A \\"mug\\""}', 2),
    RawEvent("PaymentReceived", '{"amount":"1.00"}'),
    RawEvent("OrderShipped", '{"carrier":"RM"}'),
    RawEvent("OrderCancelled", '{"reason":"late","time_estimated":true}'),
]
HALF = [cls for cls in EVENT_TYPES if cls.__name__ not in {"ItemAdded", "OrderCancelled", "CustomerAssigned"}]


@pytest.fixture(params=[EventRegistry(), EventRegistry(HALF)], ids=["none", "half"])
def url(request, tmp_path):
    with open_log(tmp_path / "log", create=True, registry=request.param) as log:
        log.append("A-1", LIFE, expected=NO_STREAM)
    return tmp_path / "log"


def assert_sql_equals_the_fold(log):
    with connect(log) as session:
        answer = session.sql("FROM orders")
        orders = load_orders(log)
        rows = {row[0]: dict(zip(answer.columns, row, strict=True)) for row in answer.rows()}
        assert rows == {name: {c: getattr(order, c) for c in answer.columns} for name, order in orders.items()}
        return rows


def test_in_a_commit(url):
    with open_log(url) as log:
        row = assert_sql_equals_the_fold(log)["A-1"]
    assert (row["total"], row["currency"], row["cancel_reason"]) == (5, "GBP", "late")


def test_beside_commits_of_programs_that_knew(url):
    with open_log(url) as log:
        log.append("A-1", [ItemAdded(item_id="cup", quantity=1, price=Decimal("1.25"))], expected=ANY)
        log.append("B-2", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        assert assert_sql_equals_the_fold(log)["A-1"]["total"] == Decimal("6.25")


@pytest.mark.long_but_first
def test_after_compaction(url):
    with open_log(url) as log:
        assert isinstance(log, ParquetLog)
        log.append("B-2", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        assert_sql_equals_the_fold(log)
        log.compact()
        assert assert_sql_equals_the_fold(log)["A-1"]["total"] == 5
    with open_log(url) as fresh:
        assert assert_sql_equals_the_fold(fresh)["A-1"]["total"] == 5


@dataclass(frozen=True)
class Measured:
    when: datetime
    day: date
    value: float
    good: bool
    count: int


def test_every_kind_of_field(tmp_path):
    payload = '{"when":"2011-06-01T12:00:00Z","day":"2011-06-02","value":0.5,"good":true,"count":9007199254740993}'
    with open_log(tmp_path / "log", create=True, registry=EventRegistry()) as log:
        log.append("M-1", [RawEvent("Measured", payload), RawEvent("Other", '{"when":"soon"}')], expected=NO_STREAM)
    with (
        open_log(tmp_path / "log", registry=EventRegistry([Measured])) as log,
        duckdb.connect() as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        assert log.bind(connection, "measured events").position == 2
        rows = connection.sql(
            'SELECT "when", day, value, good, count FROM "measured events" ORDER BY position'
        ).fetchall()
        noon = datetime(2011, 6, 1, 12, tzinfo=UTC)
        assert rows == [(noon, date(2011, 6, 2), 0.5, True, 9007199254740993), (None, None, None, None, None)]


def test_a_type_that_is_registered_later_counts_from_then_on(tmp_path):
    registry = EventRegistry()
    payload = '{"when":"2011-06-01T12:00:00Z","day":"2011-06-02","value":0.5,"good":true,"count":1}'
    with open_log(tmp_path / "log", create=True, registry=registry) as log, duckdb.connect() as connection:
        log.append("M-1", [RawEvent("Measured", payload)], expected=NO_STREAM)
        log.bind(connection)
        registry.register(Measured)
        log.bind(connection)
        assert connection.sql("SELECT sum(value) FROM events").fetchall() == [(0.5,)]
        assert log.event_types() == {("Measured", 1)}
