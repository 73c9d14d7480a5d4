"""Exports that the libraries and PostgreSQL themselves have made (`tests/data/history`): the rows as they stood, and nothing else."""

import csv
import json
from pathlib import Path

import pytest

from orders_es.log import open_log
from orders_es.sources.history import import_history
from orders_es.sources.rows import rows_at

DATA = Path(__file__).parents[2] / "data" / "history"


def brought(name, **how):
    log = open_log(":memory:")
    return log, import_history(log, DATA / name, key="id", **how)


def stood(log, table, moment):
    return {
        row["id"]: {k: v for k, v in row.items() if v is not None} for row in rows_at(log, table, at=moment).to_pylist()
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "shape", "table", "time"),
    [
        ("simple_history.csv", "django-simple-history", "orders", "history_date"),
        ("auditlog.csv", "django-auditlog", "invoice", "timestamp"),
        ("continuum.csv", "sqlalchemy-continuum", "orders", "issued_at"),
    ],
)
def test_libraries_of_python(name, shape, table, time):
    log, done = brought(name, table="orders")
    assert done.shape == shape
    with (DATA / name).open(newline="") as file:
        times = [f"{row[time]}Z" for row in csv.DictReader(file)]
    cents = ".00" if shape == "django-auditlog" else ""
    first, again = (
        {"id": "1", "status": "open", "total": f"21{cents}"},
        {"id": "1", "status": "paid", "customer": "17850"},
    )
    other = {"id": "2", "status": "open", "customer": "13047", "total": "4.50" if cents else "4.5"}
    assert stood(log, table, times[1]) == {"1": first, "2": other}
    assert stood(log, table, times[2]) == {"1": {**again, "total": first["total"]}, "2": other}
    assert stood(log, table, times[3]) == {"1": {**again, "total": first["total"]}}
    assert stood(log, table, times[-1]) == {"1": {**again, "total": f"12{cents}"}}
    assert done.gaps.count("changed nothing") == (1 if shape == "django-simple-history" else 0)
    assert [event.type for event in log.load(f"{table}/1")] == ["RowInserted", "RowChanged", "RowChanged"]
    assert import_history(log, DATA / name, key="id", table="orders").events == 0


def test_what_the_source_says_of_who_and_why_and_when_is_kept():
    log, _ = brought("simple_history.csv", table="orders")
    change = log.load("orders/1")[1]
    assert change.data.reason == "webhook"
    assert change.entered_at == change.occurred_at
    log, _ = brought("postgresql_triggers.csv")
    assert {(event.actor, event.correlation_id) for event in log.load("orders/1")[:2]} == {
        ("app", "729"),
        ("app", "730"),
    }


def test_triggers_of_postgresql():
    log, done = brought("postgresql_triggers.csv")
    first = rows_at(log, "orders", at=log.load("orders/2")[0].occurred_at).to_pylist()
    assert [row["total"] for row in first] == ["21.00", "12345678901.10"]
    assert first[0]["tags"] == '["a","b"]'
    changed = log.load("orders/1")[2].data
    assert (changed.row_before, changed.row_after) == (
        '{"total":"21.00","status":"lost"}',
        '{"total":"20.00","status":"lost"}',
    )
    assert {gap.kind: gap.count for gap in done.gaps.gaps} == {
        "before differs": 1,
        "came back": 1,
        "changed nothing": 1,
    }
    assert rows_at(log, "orders").num_rows == 0, "the table was emptied in the end"
    assert [log.load(f"orders/{key}")[-1].type for key in "12"] == ["RowDeleted", "RowDeleted"]


@pytest.mark.long
def test_snapshots_of_dbt():
    log, done = brought("dbt_orders.csv", table="orders")
    assert (done.shape, done.gaps.count("came back")) == ("dbt-snapshot", 1)
    assert [event.type for event in log.load("orders/2")] == ["RowInserted", "RowDeleted", "RowInserted"]
    gone = log.load("orders/2")[1].occurred_at  # three seconds after it, dbt ran once more
    assert {key: row["status"] for key, row in stood(log, "orders", gone).items()} == {"1": "paid", "3": "open"}
    assert {key: row["status"] for key, row in stood(log, "orders", "2026-06-01").items()} == {"1": "open", "2": "open"}
    assert stood(log, "orders", None)["2"]["status"] == "reopened"

    log = open_log(":memory:")
    done = import_history(log, DATA / "dbt_prices.csv", key="sku", table="prices")
    assert [event.type for event in log.load("prices/pot")] == ["RowInserted", "RowDeleted", "RowInserted"]
    assert [row["price"] for row in rows_at(log, "prices").to_pylist()] == ["2.75", "13.00"]
    assert rows_at(log, "prices", at=log.load("prices/pot")[1].occurred_at).column("sku").to_pylist() == ["007"]


@pytest.mark.long
def test_envelopes_of_debezium_from_a_snapshot_to_an_emptied_table():
    log, done = brought("debezium.jsonl")
    assert (done.shape, done.rows, done.gaps.gaps) == ("debezium", 10, ())
    kinds = {key: [event.type.removeprefix("Row") for event in log.load(f"orders/{key}")] for key in "1234"}
    life = ["Inserted", "Changed"]
    assert kinds == {
        "1": [*life, "Changed", "Deleted"],
        "2": [*life, "Deleted"],
        "3": ["Inserted", "Deleted"],
        "4": ["Inserted"],
    }
    opened, paid, less, emptied = log.load("orders/1")
    assert opened.data.opening, "nobody knows since when what a snapshot reads was there"
    assert (paid.data.row_before, paid.data.row_after) == (
        '{"status":"open","paid_at":null}',
        '{"status":"paid","paid_at":"2026-06-02 08:30:00"}',
    ), "before is null in the message, and known all the same"
    assert less.data.row_after == '{"total":"-12.25"}'
    assert emptied.entered_at == log.load("orders/3")[-1].entered_at
    assert log.load("orders/2")[1].data.row_after == '{"status":"paid"}', (
        "a large value that was not sent did not change"
    )
    assert stood(log, "orders", less.entered_at)["2"]["total"] == "4.50"
    assert rows_at(log, "orders").to_pylist()[0]["total"] == "0.01"
    assert import_history(log, DATA / "debezium.jsonl", key="id").events == 0


@pytest.mark.long
def test_that_a_table_was_emptied_counts_for_rows_of_an_earlier_export_and_for_none_of_a_later_one(tmp_path):
    lines = (DATA / "debezium.jsonl").read_text().splitlines(keepends=True)
    whole, _ = brought("debezium.jsonl")
    log = open_log(":memory:")
    parts = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for path, part in zip(parts, (lines[:8], lines[8:9], lines[9:]), strict=True):
        path.write_text("".join(part))
        import_history(log, path, key="id")
    said = {name: [(e.type, e.entered_at, e.payload) for e in whole.load(name)] for name in whole.stream_ids()}
    assert {name: [(e.type, e.entered_at, e.payload) for e in log.load(name)] for name in log.stream_ids()} == said
    assert [import_history(log, path, key="id").events for path in parts] == [0, 0, 0]


@pytest.mark.long
def test_versions_of_paper_trail_with_a_touch_and_an_id_that_came_back():
    log = open_log(":memory:")
    done = import_history(log, DATA / "paper_trail.csv")
    assert (done.shape, {gap.kind: gap.count for gap in done.gaps.gaps}) == ("paper-trail", {"came back": 1})
    assert [event.type.removeprefix("Row") for event in log.load("Order/1")] == ["Inserted", "Changed", "Changed"]
    _, touched, gone, back = log.load("Order/2")
    assert (touched.data.row_before, touched.data.row_after) == (
        '{"updated_at":"2026-06-01T09:16:00.000Z"}',
        '{"paid_at":null,"updated_at":"2026-06-01T11:15:00.000Z"}',
    ), "a touch keeps no changes, and moves a time all the same"
    assert (touched.actor, gone.actor, gone.type) == ("webhook", "import:history", "RowDeleted")
    assert json.loads(back.data.row_after)["total"] == "12345678.9"
    first = stood(log, "Order", "2026-06-01T10:30Z")["1"]
    assert (first["status"], first["note"], first["paid_at"]) == (
        "paid",
        'a "pot",\nwith a lid',
        "2026-06-01T10:00:00.250Z",
    )
    assert stood(log, "Order", "2026-06-01T13:30Z").keys() == {"1"}
    assert "note" not in stood(log, "Order", None)["1"]
