"""Every known answer of the reference data, exactly, through public functions on the imported log."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from orders_es.replay import load_order, load_orders

pytestmark = pytest.mark.xdist_group("reference")

HALF_YEAR = datetime(2011, 6, 30, 23, 59, 59, tzinfo=UTC)
LINES = ["ItemAdded", "ItemReturned", "AdjustmentRecorded"]
LINES_SET = pa.array(LINES)


@pytest.fixture(scope="session")
def orders(reference):
    return load_orders(reference[0])


def test_every_row_and_invoice_is_there(reference):
    log, result = reference
    assert (result.rows, result.streams, result.events) == (541_909, 25_900, 541_909 + 2 * 25_900)
    assert (result.duplicates, result.quarantined, result.quarantine_path, result.repeated) == (0, 0, None, 0)
    assert (result.first_position, result.last_position) == (1, log.head().position) == (1, result.events)
    assert result.commits == 5


def test_the_whole_file_comes_to_its_sum(orders):
    assert len(orders) == 25_900
    assert sum(order.total for order in orders.values()) == Decimal("9747747.934")


def test_the_first_half_year_comes_to_its_sum(reference):
    orders = load_orders(reference[0], at=HALF_YEAR)
    assert sum(order.total for order in orders.values()) == Decimal("4397950.761")


def test_the_first_half_year_has_its_lines(reference):
    batches = list(reference[0].read(columns=["type", "occurred_at"]))
    lines = 0
    for batch in batches:
        until = pc.less_equal(batch.column("occurred_at"), HALF_YEAR)
        lines += pc.sum(pc.and_(until, pc.is_in(batch.column("type"), LINES_SET))).as_py() or 0
    assert lines == 245_903


def test_sales_credit_notes_and_adjustments_come_to_their_sums(orders):
    def total(first):
        return sum(order.total for name, order in orders.items() if name[0] in first)

    assert total("0123456789") == Decimal("10655622.484") - returned_outside_credit_notes(orders)
    assert total("C") == Decimal("-896812.490")
    assert total("A") == Decimal("-11062.060")
    assert sum(order.gross for order in orders.values()) == Decimal("10655622.484")
    assert sum(order.adjustments for order in orders.values()) == Decimal("-11062.060")
    assert sum(order.returns for order in orders.values()) == Decimal("896812.490")


def returned_outside_credit_notes(orders):
    """Stock written off, which is at price 0."""
    value = sum(order.returns for name, order in orders.items() if not name.startswith("C"))
    assert value == 0
    return value


def test_invoice_536365(reference):
    order = load_order(reference[0], "536365")
    assert (order.total, order.item_count, order.line_count) == (Decimal("139.120"), 40, 7)
    assert (order.customer_id, order.country, order.currency) == ("17850", "United Kingdom", "GBP")
    assert order.status == "placed"


def test_credit_note_c541433(reference):
    order = load_order(reference[0], "C541433")
    assert order.total == Decimal("-77183.600")
    assert order.item_count == -74_215
    assert sum(e.data.quantity for e in reference[0].load("C541433") if e.type == "ItemReturned") == 74_215


def test_kinds_of_events_are_counted(reference):
    counts = Counter()
    for batch in reference[0].read(columns=["type"]):
        counts.update(batch.column("type").to_pylist())
    assert counts == {
        "OrderCreated": 25_900,
        "OrderPlaced": 25_900,
        "AdjustmentRecorded": 3,
        "ItemReturned": 10_624,
        "ItemAdded": 541_909 - 10_624 - 3,
    }


def test_every_line_is_in_the_log_as_it_is_in_the_file(reference, reference_path):
    file = pq.read_table(reference_path).to_pandas()
    file["version"] = file.groupby("InvoiceNo").cumcount() + 2
    columns = [
        "stream_id",
        "version",
        "type",
        "occurred_at",
        "item_id",
        "quantity",
        "price",
        "description",
        "amount",
        "reason",
    ]
    log = pa.Table.from_batches(reference[0].read(columns=columns)).to_pandas()
    both = file.merge(log[log.type.isin(LINES)], left_on=["InvoiceNo", "version"], right_on=["stream_id", "version"])
    assert len(both) == len(file) == 541_909
    adjusted = both.type == "AdjustmentRecorded"
    sign = both.type.map({"ItemAdded": 1, "ItemReturned": -1, "AdjustmentRecorded": 1})
    assert (both.item_id == both.StockCode).all()
    assert (both.occurred_at.dt.tz_localize(None) == both.InvoiceDate).all()
    assert (both.quantity * sign == both.Quantity).all()
    assert (both.quantity[~adjusted] > 0).all()
    assert (both.price[~adjusted] == both.UnitPrice[~adjusted]).all()
    assert (both.amount[adjusted] == both.UnitPrice[adjusted] * both.Quantity[adjusted]).all()
    assert both.description.where(~adjusted, both.reason).fillna("").equals(both.Description.fillna(""))
    assert both.Description.isna().sum() == 1_454


def test_an_invoice_with_two_times_is_created_at_the_first_and_placed_at_the_last(reference, reference_path):
    times = pq.read_table(reference_path, columns=["InvoiceNo", "InvoiceDate"]).group_by("InvoiceNo")
    spans = times.aggregate([("InvoiceDate", "min"), ("InvoiceDate", "max")]).to_pylist()
    two = {s["InvoiceNo"]: s for s in spans if s["InvoiceDate_min"] != s["InvoiceDate_max"]}
    assert len(two) == 43
    for invoice, span in two.items():
        created, *_, placed = reference[0].load(invoice)
        assert (created.type, placed.type) == ("OrderCreated", "OrderPlaced")
        assert created.occurred_at.replace(tzinfo=None) == span["InvoiceDate_min"]
        assert placed.occurred_at.replace(tzinfo=None) == span["InvoiceDate_max"]
