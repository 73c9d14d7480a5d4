"""Every Python block of docs/exports.md, on a log that the test makes."""

from datetime import UTC, datetime
from decimal import Decimal

from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced


def test_the_page_runs_and_its_files_are_there(tmp_path, run_page):
    june = datetime(2011, 6, 3, tzinfo=UTC)
    facts = [OrderCreated(currency="GBP"), ItemAdded(item_id="mug", quantity=2, price=Decimal("2.50")), OrderPlaced()]
    with open_log("my-log", create=True) as log:
        log.append("A-1", [NewEvent(data=data, occurred_at=june) for data in facts], expected=ANY)
    names = run_page("docs/exports.md")
    assert names["checked"].ok
    assert names["done"].path == str(tmp_path / "june.parquet")
    assert "placed,5.0000" in (tmp_path / "june.csv").read_text(encoding="utf-8")
