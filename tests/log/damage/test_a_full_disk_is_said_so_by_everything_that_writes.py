"""No file may grow: whatever writes says so in words of its own, with what to do, and works again afterwards."""

import contextlib
import resource
from datetime import timedelta
from decimal import Decimal

import pytest

from orders_es.errors import CannotWriteReadModels, StorageError
from orders_es.log import NO_STREAM, StreamAppend, open_log
from orders_es.log.copy import copy_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
from orders_es.projections import Projector, ReadModels, set_projections
from orders_es.replay.catalog import write_catalog


@contextlib.contextmanager
def full(most=1_000):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A log with read models of its first half."""
    place = tmp_path_factory.mktemp("shop")
    log = open_log(place / "log", create=True)
    for half in range(2):
        events = [
            OrderCreated(currency="EUR"),
            ItemAdded(item_id="rose", quantity=1, price=Decimal("2.50")),
            OrderPlaced(),
        ]
        log.append_batch([StreamAppend(f"{half}-{i}", events, NO_STREAM) for i in range(30)])
        if not half:
            Projector(log, place / "shop.duckdb", set_projections(["orders", "daily_sales"])).run()
    return log, place


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a run", CannotWriteReadModels),
        ("a first run", CannotWriteReadModels),
        ("a rebuild", CannotWriteReadModels),
        ("a copy of read models", CannotWriteReadModels),
        ("a catalog", StorageError),
        ("a copy", StorageError),
        ("a copy into a DuckDB file", StorageError),
        ("a compaction", StorageError),
    ],
)
def test_it_is_said(shop, tmp_path, name, error):
    log, place = shop
    models = place / "shop.duckdb"
    projections = set_projections(["orders", "daily_sales"])
    call = {
        "a run": Projector(log, models, projections[:1]).run,
        "a first run": Projector(log, tmp_path / "new.duckdb", projections[:1]).run,
        "a rebuild": lambda: Projector(log, models, projections).rebuild("daily_sales"),
        "a copy of read models": lambda: ReadModels(models).snapshot(tmp_path / "copy.duckdb"),
        "a catalog": lambda: write_catalog(log, tmp_path / "catalog.duckdb"),
        "a copy": lambda: copy_log(log, tmp_path / "copy"),
        "a copy into a DuckDB file": lambda: copy_log(log, tmp_path / "copy.duckdb"),
        "a compaction": log.compact,
    }[name]
    with full(), pytest.raises(error) as caught:
        call()
    assert "File too large" in str(caught.value) or name == "a copy into a DuckDB file"  # DuckDB does not say why there
    assert "backup" not in str(caught.value)
    assert log.head().position == 180
    assert {row.name for row in ReadModels(models).status()} == {"orders", "daily_sales"}


def test_dropping_and_vacuuming_need_no_room_or_say_so(shop):
    log, place = shop
    projector = Projector(log, place / "shop.duckdb", set_projections(["orders"]))
    with full(), contextlib.suppress(CannotWriteReadModels):
        projector.drop("daily_sales")
    with full():
        assert log.vacuum(grace=timedelta(0)).files == 0
    projector.run()
    assert len(ReadModels(place / "shop.duckdb").query("FROM orders")) == 60


@pytest.mark.long_but_first
@pytest.mark.parametrize("most", [0, 1, 100, 511, 600])
@pytest.mark.parametrize("what", ["run", "rebuild"])
def test_whatever_there_is_no_room_for_is_said_with_its_name(shop, tmp_path, most, what):
    log, _ = shop
    models = tmp_path / "new" / "shop.duckdb"
    runner = Projector(log, models, set_projections(["orders"]))
    with full(most), pytest.raises(CannotWriteReadModels, match=str(models)):
        runner.run() if what == "run" else runner.rebuild("orders")
    runner.run()
    assert len(ReadModels(models).query("FROM orders")) == 60
