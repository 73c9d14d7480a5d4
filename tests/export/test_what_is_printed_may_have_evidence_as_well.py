import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli.main import main
from orders_es.export import check_export
from orders_es.log import ANY, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced

EVERY_FORM = """
SELECT order_id, total, (total / 3)::DOUBLE AS d, placed_at, placed_at::DATE AS day, cancelled_at IS NULL AS open, '=1+1' AS formula,
    NULL::INTEGER AS nothing, sum(total) OVER () AS wide, '' AS empty, 'a,"b"' || chr(10) || 'c' AS signs, -1::SMALLINT AS small
FROM orders ORDER BY order_id
"""


@pytest.fixture
def place(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        for number in range(5):
            created, added = OrderCreated(currency="EUR"), ItemAdded(item_id="mug", quantity=2, price=Decimal("2.35"))
            log.append(f"A-{number}", [created, added, OrderPlaced()], expected=ANY)
    return tmp_path


def run(*arguments):
    done = CliRunner().invoke(main, [str(each) for each in arguments])
    return done.exit_code, done.stdout


@pytest.mark.long
def test_csv_on_standard_output_is_checked_as_an_exported_file_is(place):
    log, file = place / "log", place / "june.csv"
    code, printed = run("sql", EVERY_FORM, "--csv", "--evidence", f"{file}.json", "--log", log)
    assert code == 0
    file.write_bytes(printed.encode())
    with open_log(log) as opened:
        opened.append("B-1", [OrderCreated(currency="EUR")], expected=ANY)  # the log has grown since
        checked = check_export(file, opened)
        assert checked.ok, checked.findings
        assert {finding.about for finding in checked.findings} >= {"totals", "log", "rows"}
    known = checked.provenance
    assert (known.rows, {each.column: each.total for each in known.sums}["total"]) == (5, "23.5000")
    file.write_text(file.read_text("utf-8").replace("4.70", "4.71", 1), "utf-8")
    wrong = check_export(file)
    assert not wrong.ok
    assert any("another SHA-256" in finding.text for finding in wrong.findings)
    assert any("adds up to" in finding.text for finding in wrong.findings)


@pytest.mark.long_but_first
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_table_and_json_have_evidence_that_the_log_is_held_to(place, form):
    evidence = place / "evidence.json"
    code, printed = run(
        "sql", "SELECT order_id, total FROM orders", *form, "--evidence", evidence, "--log", place / "log"
    )
    assert (code, "A-4" in printed) == (0, True)
    assert run("export", "check", evidence, "--log", place / "log")[0] == 0
    said = json.loads(evidence.read_text("utf-8"))
    assert said["sums"] == [{"column": "total", "values": 5, "total": "23.5000"}]
    said["sums"][0]["total"] = "24.5000"
    evidence.write_text(json.dumps(said), "utf-8")
    code, printed = run("export", "check", evidence, "--log", place / "log")
    assert code == 1
    assert "adds up to 23.5000, and was 24.5000" in printed


@pytest.mark.long
def test_a_report_is_held_to_its_evidence_and_to_the_log(place):
    pytest.importorskip("matplotlib")
    out = place / "report"
    assert run("report", "--out", out, "--log", place / "log")[0] == 0
    page = (out / "index.html").read_text("utf-8")
    assert re.search(r"<td>total</td><td class=\"n\">23\.5000</td>", page)
    with open_log(place / "log") as opened:
        opened.append("B-1", [OrderCreated(currency="EUR")], expected=ANY)
    code, printed = run("export", "check", out / "index.html", "--log", place / "log")
    assert code == 0, printed
    assert "key_figures" in printed
    (out / "index.html").write_text(page.replace("23.5000", "93.5000"), "utf-8")
    code, printed = run("export", "check", out, "--alone")
    assert code == 1
    assert "index.html: it was changed after the report" in printed
    (out / "index.html").write_text(page, "utf-8")
    Path(out, "orders.parquet").unlink()
    assert run("export", "check", out, "--log", place / "log")[0] == 1


def test_evidence_that_is_none_is_refused(place):
    evidence = place / "e.json"
    for text in (
        '{"format": "orders_es export 1"}',
        '{"format": "orders_es export 1", "sums": 7',
        '{"format": "orders_es export 1", "columns": 1}',
    ):
        evidence.write_text(text, "utf-8")
        done = CliRunner().invoke(main, ["export", "check", str(evidence), "--log", str(place / "log")])
        assert done.exit_code == 1
        assert "it is not as it was written" in done.stderr
    code = CliRunner().invoke(
        main, ["sql", "FROM orders", "--parquet", "x.parquet", "--evidence", "e", "--log", str(place / "log")]
    )
    assert code.exit_code == 2


@pytest.mark.long
def test_an_auditors_question_has_evidence_as_well(place):
    evidence, file = place / "order.csv.json", place / "order.csv"
    code, printed = run("ask", "order", "A-1", "--csv", "--evidence", evidence, "--log", place / "log")
    assert code == 0
    file.write_bytes(printed.encode())
    code, printed = run("export", "check", file, "--log", place / "log")
    assert code == 0, printed


SHOWN = {
    "show A-1": ("total", "4.7000"),
    "show A-1 --version 2": ("event_count", "2"),
    "history A-1": ("total_after", "9.4000"),  # 0, 4.70 and 4.70
    "diff --from 2020-01-01": ("total_difference", "23.5000"),
    "diff --from 2020-01-01 --order A-1": ("total_difference", "4.7000"),
    "diff --from 2020-01-01 --model orders": ("total_after", "23.5000"),
}


@pytest.mark.long
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(
            asked, marks=[pytest.mark.long] if asked in ("show A-1", "diff --from 2020-01-01 --order A-1") else []
        )
        for asked in SHOWN
    ],
)
def test_what_is_shown_of_an_order_or_differs_has_evidence_as_well(place, asked):
    evidence, log, (column, total) = place / "said.json", place / "log", SHOWN[asked]
    assert run(*asked.split(), "--evidence", evidence, "--log", log)[0] == 0
    sums = {each["column"]: each["total"] for each in json.loads(evidence.read_bytes())["sums"]}
    assert sums[column] == total
    with open_log(log) as opened:
        opened.append("A-1", [ItemAdded(item_id="mug", quantity=1, price=Decimal(1))], expected=ANY)
    assert run("export", "check", evidence, "--log", log)[0] == 0  # as of then
    evidence.write_text(evidence.read_text().replace(f'"total": "{total}"', '"total": "5.0000"'))
    assert run("export", "check", evidence, "--log", log)[0] == 1


def test_evidence_is_not_written_into_the_log_and_not_of_what_is_not_there(place):
    for asked in (["show", "A-1"], ["sql", "FROM orders"], ["ask", "late"]):
        done = CliRunner().invoke(
            main, [*asked, "--evidence", str(place / "log" / "e.json"), "--log", str(place / "log")]
        )
        assert done.exit_code == 2
        assert "is in the log" in done.stderr
    assert run("history", "B-1", "--evidence", place / "e.json", "--log", place / "log")[0] == 1
    assert not (place / "e.json").exists()
