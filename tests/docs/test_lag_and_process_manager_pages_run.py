"""Every Python block of the two pages, one after the other, on a small shop."""

import pytest

from orders_es.log import open_log
from orders_es.orders import AddItem, CancelOrder, CreateOrder, PlaceOrder, RecordPayment
from orders_es.projections import Projector, set_projections
from orders_es.service import handle


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_log("my-log", create=True) as log:
        item = AddItem(item_id="22423", quantity=1, price=10)
        for command in (CreateOrder(currency="GBP"), item, PlaceOrder(), RecordPayment(amount=4), CancelOrder()):
            handle(log, "A-1", command)
        Projector(log, "shop.duckdb", set_projections(["orders"])).run()
        yield log


@pytest.mark.usefixtures("shop")
def test_lag(run_page, capsys):
    names = run_page("docs/lag.md")
    assert [lag.projection for lag in names["lags"]] == ["orders"]
    assert "orders is stopped" in capsys.readouterr().out
    assert list(names["samples"].projection.unique()) == ["orders"]


@pytest.mark.long
def test_process_managers(shop, run_page):
    names = run_page("docs/process-managers.md")
    assert shop.load("A-1")[-1].type == "RefundIssued"
    assert names["unpaid"].run() == []
