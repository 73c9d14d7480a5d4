"""A file says which log gave it, and a check tells a changed figure from a rewritten log."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from orders_es.errors import NotAnExport
from orders_es.evidence import FORMAT, Provenance
from orders_es.export import check_export, export, read_provenance
from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.log.copy import copy_log
from orders_es.orders import OrderCreated
from orders_es.replay import connect
from tests.export.conftest import FORMS, june

SOURCES = ["orders", "events", "SELECT status, sum(total) AS total, avg(total) AS mean FROM orders GROUP BY ALL"]


@pytest.mark.parametrize("form", FORMS)
def test_a_file_says_which_log_moment_and_definition_gave_it(log, session, tmp_path, form):
    done = export(session, "orders", tmp_path / f"out.{form}", at=june(9))
    said = read_provenance(done.path)
    head = log.head()
    assert said == done.provenance
    assert (said.log_id, said.origin) == (str(log.log_id), "the shop")
    assert (said.position, said.recorded_at, said.root) == (head.position, head.recorded_at, head.root.hex())
    assert (said.asked_at, said.asked_known_at) == (june(9), None)
    assert (said.at, said.known_at) == (june(9), june(28))
    assert (said.name, said.query, said.time_zone) == ("orders", None, "UTC")
    [(kind,)] = session.sql("SELECT typeof(total) FROM orders LIMIT 1").rows()
    assert dict(said.columns)["total"] == kind


@pytest.mark.long_but_first
@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_a_query_holds_the_query(session, tmp_path, form):
    query = 'SELECT count(*) AS "how many" -- it\'s 漢 <&> _x0041_\nFROM orders'
    done = export(session, query, tmp_path / f"out.{form}")
    said = read_provenance(done.path)
    assert (said.name, said.query) == (None, query)


def test_the_metadata_can_be_read_without_this_package(session, tmp_path):
    parquet, csv, xlsx = (export(session, "orders", tmp_path / f"out.{form}") for form in FORMS)
    facts = json.loads(pq.read_metadata(parquet.path).metadata[b"orders_es.export"])
    beside = json.loads(Path(csv.files[1]).read_text(encoding="utf-8"))
    rows: Any = openpyxl.load_workbook(xlsx.path).worksheets[0].iter_rows(values_only=True)
    cover = dict(rows)
    assert facts["format"] == FORMAT
    assert beside.pop("file_sha256")
    assert beside == {**facts, "guarded": True}
    assert json.loads(cover["orders_es.export"]) == facts
    assert cover["Log's root"] == facts["root"]


@pytest.mark.long
def test_the_definition_hash_covers_all_that_a_definition_takes_part_of(tmp_path, log):
    def hash_of(source, **texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.sql").write_text(text, encoding="utf-8")
        with connect(log, read_models=tmp_path) as session:
            return export(session, source, tmp_path / "out.csv").provenance.definition_sha256

    header = "-- Title: a\n-- Key: n\n"
    first = hash_of("top", base=f"{header}SELECT count(*) AS n FROM events", top=f"{header}SELECT n FROM base")
    assert hash_of("top") == first
    second = hash_of("top", base=f"{header}SELECT count(*) + 1 AS n FROM events")
    assert second != first
    assert hash_of("top", other=f"{header}SELECT 1 AS n FROM events") == second
    query = hash_of("SELECT * FROM top_at(NULL)")
    assert hash_of("SELECT * FROM top_at(NULL)", base=f"{header}SELECT count(*) AS n FROM events") != query


@pytest.mark.long
@pytest.mark.parametrize(
    ("source", "form"), [(SOURCES[0], "parquet"), (SOURCES[0], "xlsx"), (SOURCES[1], "csv"), (SOURCES[2], "csv")]
)
def test_an_untouched_file_is_what_the_log_gives_however_the_log_has_grown(log, session, tmp_path, form, source):
    moments = (
        [{}, {"at": june(5)}, {"known_at": june(5)}] if source == "orders" and form == "parquet" else [{"at": june(5)}]
    )
    for number, moment in enumerate(moments):
        done = export(session, source, tmp_path / f"out{number}.{form}", **moment)
        log.append("order 00", [OrderCreated(currency="GBP", customer_id=f"late {number}")], expected=ANY)
        checked = check_export(done.path, log)
        assert checked.ok, checked.findings
        assert [finding.about for finding in checked.findings] == ["totals", "log", "rows"]


@pytest.mark.long_but_first
@pytest.mark.parametrize("form", FORMS)
def test_business_days_and_times_are_computed_in_the_zone_of_the_file(log, tmp_path, form):
    with connect(log, tz="Pacific/Auckland") as session:
        query = "SELECT order_id, created_at, created_at::DATE AS day FROM orders"
        done = export(session, query, tmp_path / f"out.{form}")
    assert done.provenance.time_zone == "Pacific/Auckland"
    assert check_export(done.path, log).ok
    if form == "xlsx":
        sheet: Any = openpyxl.load_workbook(done.path).worksheets[1].iter_rows(min_row=2, values_only=True)
        rows = list(sheet)
        assert {moment.date() for _, moment, _ in rows} == {day.date() for *_, day in rows}


@pytest.mark.long
def test_a_copy_and_a_compacted_log_do_as_well(log, session, tmp_path):
    done = export(session, "orders", tmp_path / "out.parquet")
    log.compact()
    assert check_export(done.path, log).ok
    copy_log(log, tmp_path / "copy.duckdb")
    with open_log(tmp_path / "copy.duckdb") as copy:
        checked = check_export(done.path, copy)
    assert checked.ok
    assert [(f.about, f.good) for f in checked.findings] == [
        ("totals", True),
        ("log", True),
        ("identity", None),
        ("rows", True),
    ]


def forged(path, form):
    """One cent more for one order, by somebody who knows how to keep the metadata."""
    if form == "parquet":
        table = pq.read_table(path)
        totals = table.column("total").to_pylist()
        totals[0] += 1
        column = pa.array(totals, table.schema.field("total").type)
        pq.write_table(table.set_column(table.schema.get_field_index("total"), "total", column), path)
    elif form == "xlsx":
        book = openpyxl.load_workbook(path)
        book.worksheets[1]["N2"].value += 1
        book.save(path)
    else:
        text = Path(path).read_text(encoding="utf-8")
        assert "0.9999" in text
        Path(path).write_text(text.replace("0.9999", "1.9999", 1), encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_a_changed_figure_is_found_and_shown(log, session, tmp_path, form):
    done = export(session, "orders", tmp_path / f"out.{form}")
    forged(done.path, form)
    checked = check_export(done.path, log)
    assert not checked.ok
    assert [(f.about, f.good) for f in checked.findings] == [("totals", False), ("log", True), ("rows", False)]
    assert " adds up to " in checked.findings[0].text
    assert "1 of the file's are not the log's, and 1 of the log's are not in the file" in checked.findings[2].text
    assert "1.9999" in checked.findings[2].text


@pytest.mark.long
def test_a_workbook_that_somebody_saved_anew_is_still_an_export(log, session, tmp_path):
    done = export(session, "orders", tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(done.path)
    book.save(done.path)
    assert check_export(done.path, log).ok


@pytest.mark.long
def test_a_changed_csv_is_told_by_its_hash(log, session, tmp_path):
    done = export(session, "orders", tmp_path / "out.csv")
    forged(done.path, "csv")
    with pytest.raises(NotAnExport, match="changed after the export"):
        read_provenance(done.path)
    found = [("file", False), ("totals", False), ("log", True), ("rows", False)]
    assert [(f.about, f.good) for f in check_export(done.path, log).findings] == found
    beside = Path(done.files[1])
    facts = json.loads(beside.read_text(encoding="utf-8"))
    import hashlib

    facts["file_sha256"] = hashlib.sha256(Path(done.path).read_bytes()).hexdigest()
    beside.write_text(json.dumps(facts), encoding="utf-8")
    assert [(f.about, f.good) for f in check_export(done.path, log).findings] == found[1:]


@pytest.mark.long_but_first
@pytest.mark.parametrize("form", FORMS)
def test_a_missing_row_is_found(log, session, tmp_path, form):
    done = export(session, "SELECT order_id FROM orders LIMIT 5", tmp_path / f"out.{form}")
    claimed = replace(done.provenance, query="SELECT order_id FROM orders LIMIT 6")
    rewritten(done, claimed)
    checked = check_export(done.path, log)
    assert "the file has 5 rows and the log gives 6" in checked.findings[-1].text
    assert not checked.ok


def rewritten(done, claimed):
    """The same file with other claims about itself."""
    path = Path(done.path)
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        pq.write_table(table.replace_schema_metadata({"orders_es.export": json.dumps(claimed.to_dict())}), path)
    elif path.suffix == ".csv":
        beside = Path(done.files[1])
        facts = json.loads(beside.read_text(encoding="utf-8"))
        beside.write_text(json.dumps({**facts, **claimed.to_dict()}), encoding="utf-8")
    else:
        book = openpyxl.load_workbook(path)
        for row in book.worksheets[0]:
            if row[0].value == "orders_es.export":
                row[1].value = json.dumps(claimed.to_dict())
        book.save(path)


def test_another_log_a_rewritten_one_and_a_shorter_one_are_told(session, tmp_path):
    done = export(session, "orders", tmp_path / "out.parquet")
    with open_log(tmp_path / "other", create=True) as other:
        for number in range(done.provenance.position + 3):
            other.append(f"order {number}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        [_, finding] = check_export(done.path, other).findings
        assert finding.good is False
        assert "another log, or its past was rewritten" in finding.text
    with open_log(tmp_path / "short", create=True) as short:
        [_, finding] = check_export(done.path, short).findings
        assert "ends at position 0" in finding.text
        assert not check_export(done.path, short).ok


@pytest.mark.long
def test_a_definition_that_changed_is_noted_and_the_rows_decide(log, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    header = "-- Title: a\n-- Key: n\n"
    (models / "sums.sql").write_text(f"{header}SELECT count(*) AS n FROM events")
    with connect(log, read_models=models) as session:
        done = export(session, "sums", tmp_path / "out.csv")
    checked = check_export(done.path, log)
    assert [(f.about, f.good) for f in checked.findings] == [
        ("totals", True),
        ("log", True),
        ("definition", False),
    ]
    (models / "sums.sql").write_text(f"{header}SELECT count(*) AS n -- of all\nFROM events")
    checked = check_export(done.path, log, read_models=models)
    assert [(f.about, f.good) for f in checked.findings] == [
        ("totals", True),
        ("log", True),
        ("definition", None),
        ("rows", True),
    ]
    (models / "sums.sql").write_text(f"{header}SELECT count(*) + 1 AS n FROM events")
    assert not check_export(done.path, log, read_models=models).ok
    (models / "sums.sql").write_text(f"{header}SELECT count(*) AS n, 1 AS one FROM events")
    assert check_export(done.path, log, read_models=models).findings[-1].about == "columns"


@pytest.mark.long
def test_another_version_of_the_package_is_noted(log, session, tmp_path):
    done = export(session, "orders", tmp_path / "out.parquet")
    rewritten(done, replace(done.provenance, package="0.0.1"))
    checked = check_export(done.path, log)
    assert checked.ok
    assert any(f.about == "package" and "0.0.1" in f.text for f in checked.findings)


def test_a_file_that_is_no_export_is_said_so(tmp_path, session):
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"a": [1]}), plain)
    (tmp_path / "text.parquet").write_text("no")
    (tmp_path / "alone.csv").write_text("a\n1\n")
    (tmp_path / "text.xlsx").write_text("no")
    (tmp_path / "a.txt").write_text("no")
    openpyxl.Workbook().save(tmp_path / "plain.xlsx")
    with zipfile.ZipFile(tmp_path / "zip.xlsx", "w") as file:
        file.writestr("a", "b")
    bad = export(session, "orders", tmp_path / "bad.csv")
    Path(bad.files[1]).write_text("{}")
    for name in (
        "plain.parquet",
        "text.parquet",
        "alone.csv",
        "text.xlsx",
        "plain.xlsx",
        "zip.xlsx",
        "bad.csv",
        "a.txt",
    ):
        with pytest.raises(NotAnExport):
            read_provenance(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_provenance(tmp_path / "nowhere.parquet")


def test_a_later_format_is_refused_by_name(session, tmp_path):
    facts = export(session, "orders", tmp_path / "out.csv").provenance.to_dict()
    assert Provenance.from_dict(facts).to_dict() == facts
    with pytest.raises(ValueError, match="export 2"):
        Provenance.from_dict({**facts, "format": "orders_es export 2"})
    with pytest.raises(ValueError, match="incomplete"):
        Provenance.from_dict({key: value for key, value in facts.items() if key != "root"})
