"""However the log is cut into batches, and whichever way a batch's events are found."""

import tempfile
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders_es.log import ANY, StreamAppend, open_log
from orders_es.orders import DiscountApplied, ItemAdded, ItemRemoved, OrderCancelled, OrderCreated, OrderPlaced
from orders_es.orders import PaymentReceived as Paid
from orders_es.projections import Projector, ReadModels, set_projections
from orders_es.projections.run import set_work, touched
from orders_es.replay import connect

NAMES = ["orders", "order_items"]
PRICE = Decimal("1.25")
EVENTS = st.sampled_from(
    [
        OrderCreated(currency="GBP", customer_id="7"),
        ItemAdded(item_id="mug", quantity=3, price=PRICE),
        ItemAdded(item_id="cup", quantity=1, price=Decimal("0.0001"), description="ünï"),
        ItemRemoved(item_id="mug", quantity=1, price=PRICE),
        DiscountApplied(amount=Decimal("0.10")),
        OrderPlaced(),
        Paid(amount=Decimal("2.40")),
        OrderCancelled(reason="changed mind"),
    ]
)
COMMITS = st.lists(
    st.dictionaries(
        st.sampled_from(["A", "B", "C", "D"]), st.lists(EVENTS, min_size=1, max_size=3), min_size=1, max_size=2
    ),
    min_size=1,
    max_size=4,
)


def check(log, path):
    models = ReadModels(path)
    with connect(log) as session:
        for name in NAMES:
            [(position,)] = models.query("SELECT checkpoint FROM orders_es.projections WHERE name = ?", [name]).rows()
            wanted = session.sql(f"FROM {name} ORDER BY ALL", position=position).rows()
            assert models.query(f"FROM {name} ORDER BY ALL").rows() == wanted


@pytest.mark.long
@pytest.mark.parametrize("way", ["stream by stream", "by a scan", "in one pass"])
@settings(
    max_examples=settings.default.max_examples // 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rounds=st.lists(COMMITS, min_size=2, max_size=3), batch_size=st.integers(2, 8))
def test_for_any_batching(monkeypatch, way, rounds, batch_size):
    monkeypatch.setattr(set_work, "_SHARE", 0.0 if way == "in one pass" else 1e9)
    monkeypatch.setattr(touched, "FEW_EVENTS", 0 if way == "by a scan" else 4_096)
    monkeypatch.setattr(touched, "_WINDOW", 2)
    with tempfile.TemporaryDirectory() as folder, open_log(Path(folder) / "log", create=True) as log:
        path = Path(folder) / "models.duckdb"
        for commits in rounds:
            for commit in commits:
                log.append_batch([StreamAppend(stream, events, ANY) for stream, events in commit.items()])
            Projector(log, path, set_projections(NAMES), batch_size=batch_size).run()
            check(log, path)


@pytest.mark.long
def test_an_empty_log_gives_empty_tables(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        Projector(log, tmp_path / "models.duckdb", set_projections(NAMES)).run()
        check(log, tmp_path / "models.duckdb")


@pytest.mark.long
def test_a_log_in_memory_can_be_projected_too(tmp_path):
    with open_log(":memory:") as log:
        for _ in range(2):
            log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=ANY)
            Projector(log, tmp_path / "models.duckdb", set_projections(NAMES)).run()
        check(log, tmp_path / "models.duckdb")


def test_days_begin_where_the_runner_says(shop):
    shop.projector(names=["daily_sales"], tz="Pacific/Auckland").run()
    with connect(shop.log, tz="Pacific/Auckland") as session:
        assert shop.table("daily_sales") == session.sql("FROM daily_sales ORDER BY ALL").rows()


def test_a_batch_reads_only_as_far_back_as_its_streams_reach(shop):
    """`reach` ends where all earlier events of the streams are found, which their versions tell."""
    with duckdb.connect() as connection:
        shop.log.bind(connection)
        connection.execute("CREATE TABLE streams AS SELECT 'A-2' AS stream_id, 4 AS first")
        assert touched.reach(connection, "events", "streams", 12) == 7
