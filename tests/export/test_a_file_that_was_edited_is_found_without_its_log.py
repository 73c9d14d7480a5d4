"""Every kind of file carries its rows and control totals, and is held to them alone, before any log is asked."""

import gzip
import hashlib
import json
import math
import sqlite3
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders_es.evidence import Sum, beside, table_controls
from orders_es.export import check_export, export, read_provenance
from orders_es.export.process import export_ocel, export_xes
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import connect
from orders_es.sources.jsonl import export_jsonl
from tests.export.conftest import june

KINDS = (
    "orders.parquet",
    "orders.csv",
    "orders.xlsx",
    "orders.jsonl",
    "ocel.json",
    "ocel.sqlite",
    "case.xes",
    "case.xes.gz",
)


def written(log, session, folder, name):
    path = folder / name
    if name.startswith("orders.jsonl"):
        export_jsonl(log, path)
    elif name.startswith("ocel"):
        export_ocel(session, path)
    elif name.startswith("case"):
        export_xes(session, path)
    else:
        export(session, "orders", path)
    return path


def edited(path):
    """One figure more in one place, by somebody who leaves everything else as it is."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        totals = table["total"].to_pylist()
        totals[0] += 1
        at = table.schema.get_field_index("total")
        pq.write_table(table.set_column(at, "total", pa.array(totals, table.schema.field(at).type)), path)
    elif path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        book.worksheets[1]["N2"].value += 1
        book.save(path)
    elif path.suffix == ".sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute(
                "UPDATE object_order SET total = total + 1 WHERE rowid = (SELECT min(rowid) FROM object_order WHERE total > 0)"
            )
        connection.close()
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"0.9999", b"1.9999", 1), mtime=0))
    else:
        text = path.read_text(encoding="utf-8")
        figure = "0.3333" if path.suffix == ".jsonl" else "0.9999"
        assert figure in text
        path.write_text(text.replace(figure, f"1{figure[1:]}", 1), encoding="utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One file of each kind, untouched, with the log that gave it."""
    folder = tmp_path_factory.mktemp("made")
    log = open_log(folder / "log", create=True)
    for number in range(6):
        events = [
            OrderCreated(currency="GBP", customer_id=f"C-{number}"),
            ItemAdded(item_id="mug", quantity=3, price=Decimal("0.3333") + number),
            OrderPlaced(),
            PaymentReceived(amount=Decimal("12345.6789")),
        ]
        log.append(f"order {number:02}", [NewEvent(data=e, occurred_at=june(1 + number)) for e in events], expected=ANY)
    with connect(log) as session:
        yield log, {name: written(log, session, folder, name) for name in KINDS}
    log.close()


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", KINDS)
def test_an_untouched_file_is_as_it_was_written_and_an_edited_one_is_not(made, tmp_path, name):
    log, files = made
    known = read_provenance(files[name])
    assert known.rows
    assert known.sums
    assert (known.position, known.root) == (log.head().position, log.head().root.hex())
    assert check_export(files[name]).ok
    copy = tmp_path / name
    copy.write_bytes(files[name].read_bytes())
    if beside(files[name]).exists():
        beside(copy).write_bytes(beside(files[name]).read_bytes())
    edited(copy)
    alone = check_export(copy)
    assert [f.good for f in alone.findings if f.about == "totals"] == [False]
    assert "adds up to" in next(f.text for f in alone.findings if f.about == "totals")


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", ["ocel.sqlite", "case.xes.gz", "orders.jsonl"])
def test_whoever_forges_the_evidence_as_well_is_found_by_the_log(made, tmp_path, name):
    log, files = made
    assert check_export(files[name], log).ok
    copy = tmp_path / name
    copy.write_bytes(files[name].read_bytes())
    beside(copy).write_bytes(beside(files[name]).read_bytes())
    edited(copy)
    facts = json.loads(beside(copy).read_text(encoding="utf-8"))
    beside(copy).write_text(
        json.dumps({**facts, "file_sha256": hashlib.sha256(copy.read_bytes()).hexdigest(), "sums": None})
    )
    wrong = [f.about for f in check_export(copy, log).findings if f.good is False]
    assert wrong == ["lines" if name == "orders.jsonl" else "rows"]


def test_a_line_that_says_something_else_gives_another_root(made, tmp_path):
    _, files = made
    copy = tmp_path / "lines.jsonl"
    beside(copy).write_bytes(beside(files["orders.jsonl"]).read_bytes())
    lines = files["orders.jsonl"].read_bytes().splitlines(keepends=True)
    swapped = [*lines[:3], lines[4], lines[3], *lines[5:]]
    renamed = [lines[0].replace(b"order 00", b"order 0X"), *lines[1:]]
    for forged, about in (
        (renamed, "lines"),
        (swapped, "totals"),
        (lines[:-1], "lines"),
        ([b"{\n", *lines[1:]], "totals"),
    ):
        copy.write_bytes(b"".join(forged))
        findings = check_export(copy).findings
        assert about in {f.about for f in findings if f.good is False}


def test_a_row_that_is_gone_or_no_number_any_more_is_found(session, tmp_path):
    done = export(session, "SELECT order_id, total FROM orders ORDER BY 1", tmp_path / "out.csv")
    lines = Path(done.path).read_text(encoding="utf-8").splitlines(keepends=True)
    Path(done.path).write_text("".join(lines[:-1]), encoding="utf-8")
    [_, totals] = check_export(done.path).findings
    assert f"it has {len(lines) - 2} rows, and had {len(lines) - 1}" in totals.text
    Path(done.path).write_text("".join([lines[0], "order 00,much\n", *lines[2:]]), encoding="utf-8")
    assert f"total has {len(lines) - 2} numbers, and had {len(lines) - 1}" in check_export(done.path).findings[1].text
    Path(done.path).write_text("a;b\n", encoding="utf-8")
    assert not check_export(done.path).ok


@pytest.mark.long
def test_a_file_from_before_control_totals_is_read_and_says_so(log, session, tmp_path):
    done = export(session, "orders", tmp_path / "out.csv")
    facts = json.loads(beside(Path(done.path)).read_text(encoding="utf-8"))
    beside(Path(done.path)).write_text(json.dumps({k: v for k, v in facts.items() if k not in ("rows", "sums")}))
    checked = check_export(done.path, log)
    assert checked.ok
    assert [(f.about, f.good) for f in checked.findings] == [("totals", None), ("log", True), ("rows", True)]


numbers = st.one_of(st.none(), st.integers(-(10**15), 10**15))


@pytest.mark.long
@given(st.lists(st.tuples(numbers, numbers, st.floats() | st.none()), max_size=30))
def test_totals_are_the_exact_sums_whatever_the_numbers(rows):
    cells = ", ".join(
        f"({'NULL' if a is None else a}::BIGINT, {'NULL' if b is None else b}::DECIMAL(38,4), "
        f"{'NULL' if c is None else repr(str(c))}::DOUBLE)"
        for a, b, c in [*rows, (None, None, None)]
    )
    with duckdb.connect() as plain:
        plain.execute(f"CREATE TABLE t AS FROM (VALUES {cells}) AS t(a, b, c)")
        kinds = [("a", "BIGINT", "a"), ("b", "DECIMAL(38,4)", "b"), ("c", "DOUBLE", "c")]
        found = table_controls(plain, "t", kinds)
    assert found.rows == len(rows) + 1
    whole, wide, binary = found.sums
    assert whole == Sum("a", sum(a is not None for a, *_ in rows), str(sum(a or 0 for a, *_ in rows)))
    assert (wide.values, Decimal(wide.total)) == (
        sum(b is not None for _, b, _ in rows),
        sum(b or 0 for _, b, _ in rows),
    )
    floats = [c for *_, c in rows if c is not None]
    assert binary.values == len(floats)
    try:
        assert binary.total == repr(math.fsum(floats))
    except (OverflowError, ValueError):
        assert binary.total == "nan"
