"""One folder holds every answer and its evidence, and whoever changes anything in it is found."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.audit import against_checkpoint, close, generate_key, write_key
from orders_es.cli.main import main
from orders_es.errors import BadKey, CannotExport, InvalidSetting, NotAnExport, TargetInLog
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced, OrderShipped, PaymentReceived, RefundIssued
from orders_es.report.auditing import Thresholds, check_audit, write_audit


def june(day, hour=12):
    return datetime(2026, 6, day, hour, tzinfo=UTC)


def filled(place):
    log = open_log(place, create=True, origin="the shop")
    events = [
        OrderCreated(currency="GBP", customer_id="C-1"),
        ItemAdded(item_id="mug", quantity=3, price=Decimal("16.50")),
        OrderPlaced(),
        OrderShipped(),
        RefundIssued(amount=Decimal(49)),
    ]
    log.append("A-1", [NewEvent(data=e, occurred_at=june(1), actor="=clerk <b>") for e in events], expected=ANY)
    log.append("A-1", [NewEvent(data=PaymentReceived(amount=Decimal(300)), occurred_at=june(2))], expected=ANY)
    close(log, "early June", at=june(3), closed_by="Zoë")
    events = [OrderCreated(currency="EUR"), OrderPlaced()]
    log.append("A-2", [NewEvent(data=e, occurred_at=june(2, 15), actor="import:table") for e in events], expected=ANY)
    return log


def state(folder):
    return {p.relative_to(folder): (p.read_bytes() if p.is_file() else None) for p in sorted(Path(folder).rglob("*"))}


@pytest.fixture(scope="module")
def filed(tmp_path_factory):
    """The folder of a signed report, its log, and the key."""
    place = tmp_path_factory.mktemp("filed")
    filled(place / "log").close()
    public = write_key(generate_key("example.com/shop"), place / "shop.key")
    before = state(place / "log")
    thresholds = Thresholds(limits=(50,), rules=("paid <= total",))
    with open_log(place / "log", read_only=True) as log:
        done = write_audit(log, place / "audit", form="csv", key=place / "shop.key", thresholds=thresholds)
        assert state(place / "log") == before, "nothing is written to the log, nor beside it"
        yield done, place / "audit", log, public


def wrong(checked):
    return [finding.about for finding in checked.findings if finding.good is False]


@pytest.mark.long
def test_every_question_is_answered_in_a_file_and_on_the_page(filed):
    done, folder, log, _ = filed
    assert done.verified is not None
    assert done.verified.ok
    assert done.findings.keys() == {
        "after_close_1_early_June",
        "below_50",
        "late_entries",
        "one_hand",
        "round_amounts",
        "rule_1",
        "unexplained_totals",
        "silences",
    }
    assert {Path(name).name for name in done.files} == {p.name for p in folder.iterdir()}
    page = Path(done.page).read_text(encoding="utf-8")
    for each in done.tables:
        assert f'href="{each.files[0].name}"' in page
        assert (each.provenance.position, each.provenance.root) == (log.head().position, log.head().root.hex())
    assert "1 order that names no customer left out" in page
    assert "Of 2 of them, imported, the source does not say when they were entered" in page
    assert "this log records no payments" not in page
    assert page.count('title="found something"') == len(done.findings)
    assert "<b>" not in page
    assert "=clerk &lt;b&gt;" in page
    assert not [word for word in ("http:", "https:", "<script", "src=") if word in page]
    facts = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    [refunds] = [each for each in facts["files"] if each["file"] == "below_50.csv"]
    assert refunds["query"] == "FROM ask_below_limit(50.0000)"
    assert {"column": "amount", "values": 1, "total": "49.0000"} in refunds["sums"]


@pytest.mark.long
def test_it_holds_by_itself_by_its_signature_and_by_its_log(filed):
    done, folder, log, public = filed
    checked = check_audit(folder, log, key=str(public))
    assert checked.ok, [f for f in checked.findings if f.good is False]
    said = {finding.about for finding in checked.findings if finding.good}
    assert {"signature", "checkpoint", "index.html", "figures.csv: rows", "below_50.csv: totals"} <= said
    assert against_checkpoint(log, folder / "evidence.checkpoint", str(public)).ok, "it is a checkpoint as any other"
    assert done.signed is not None


@pytest.fixture
def copy(filed, tmp_path):
    shutil.copytree(filed[1], tmp_path / "audit")
    return tmp_path / "audit"


def rehash(folder, name):
    """What somebody does who knows how evidence is made."""
    facts = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    for each in facts["files"]:
        if each["file"] == name:
            each["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "evidence.json").write_text(json.dumps(facts), encoding="utf-8")


@pytest.mark.long
def test_an_edited_file_is_found_and_so_is_whoever_edits_the_evidence_as_well(filed, copy):
    public = str(filed[3])
    table = copy / "below_50.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("49.0000", "4.9000"), encoding="utf-8")
    found = wrong(check_audit(copy, key=public))
    assert found == ["below_50.csv", "below_50.csv: file", "below_50.csv: totals"]
    rehash(copy, "below_50.csv")
    assert wrong(check_audit(copy, key=public))[0] == "signature"
    (copy / "evidence.checkpoint").unlink()
    assert wrong(check_audit(copy, key=public))[0] == "signature"
    assert wrong(check_audit(copy)) == ["below_50.csv: file", "below_50.csv: totals"]


def test_a_page_that_was_edited_a_file_that_is_gone_and_one_too_many_are_found(filed, copy):
    page = copy / "index.html"
    page.write_text(page.read_text(encoding="utf-8").replace("300", "30"), encoding="utf-8")
    (copy / "actors.csv").unlink()
    (copy / "extra.csv").write_text("a\n1\n", encoding="utf-8")
    checked = check_audit(copy, key=str(filed[3]))
    assert wrong(checked) == ["index.html", "actors.csv"]
    assert "extra.csv" in checked.findings[-1].text


@pytest.mark.long
def test_a_signature_by_somebody_else_or_of_something_else_is_refused(filed, copy, tmp_path):
    _, folder, _, public = filed
    other = write_key(generate_key("example.com/shop"), tmp_path / "other.key")
    assert wrong(check_audit(copy, key=str(other))) == ["signature"]
    rewritten = filled(tmp_path / "again")
    with rewritten:
        found = wrong(check_audit(folder, rewritten, key=str(public)))
    assert {"checkpoint", "figures.csv: log"} <= set(found)
    for forged in (b"", b"no note\n", (copy / "evidence.checkpoint").read_bytes()[:-20]):
        (copy / "evidence.checkpoint").write_bytes(forged)
        assert wrong(check_audit(copy, key=str(public)))[0] == "signature"
    facts = json.loads((copy / "evidence.json").read_text(encoding="utf-8"))
    facts["files"].append({"file": "../shop.key", "sha256": "00"})
    (copy / "evidence.json").write_text(json.dumps(facts), encoding="utf-8")
    assert "../shop.key" in wrong(check_audit(copy))
    for broken in ("{}", "no", '{"format": "orders_es audit 1"}', '{"format": "orders_es audit 2"}', "[]"):
        (copy / "evidence.json").write_text(broken, encoding="utf-8")
        with pytest.raises(NotAnExport):
            check_audit(copy)


def test_what_cannot_be_written_as_asked_is_refused_before_anything_is_replaced(filed, tmp_path):
    _, folder, log, _ = filed
    before = state(folder)
    with pytest.raises(CannotExport, match="already"):
        write_audit(log, folder)
    with pytest.raises(BadKey):
        write_audit(log, folder, key=tmp_path / "no.key", replace=True)
    for thresholds in (Thresholds(multiple_of=0), Thresholds(limits=("much",)), Thresholds(rules=("total",))):
        with pytest.raises(InvalidSetting):
            write_audit(log, folder, thresholds=thresholds, whole=False, replace=True)
    with pytest.raises(TargetInLog):
        write_audit(log, folder.parent / "log" / "audit")
    assert state(folder) == before


@pytest.mark.long
def test_the_command_says_what_was_found_and_the_check_what_was_changed(filed, tmp_path):
    folder, log, public = filed[1], str(filed[1].parent / "log"), str(filed[3])
    run = CliRunner().invoke
    out = str(tmp_path / "made")
    done = run(main, ["audit", "--at", "2026-06-01", "--out", out, "--skip-verify", "--json", "--log", log])
    assert done.exit_code == 1, done.output
    said = json.loads(done.stdout)
    assert (said["verified"], said["signed"]) == (None, None)
    assert {"one_hand"} <= {each["name"] for each in said["tables"] if each["finding"] and each["rows"]}
    assert "was not verified" in (tmp_path / "made" / "index.html").read_text(encoding="utf-8")
    again = run(main, ["audit", "--out", out, "--log", log])
    assert (again.exit_code, "already" in again.output) == (2, True)
    checked = run(main, ["export", "check", str(folder), "--key", public, "--alone"])
    assert (checked.exit_code, "signed the evidence" in checked.output) == (0, True)
    (tmp_path / "made" / "actors.parquet").unlink()
    assert run(main, ["export", "check", out, "--alone", "--json"]).exit_code == 1
    assert run(main, ["export", "check", str(folder / "figures.csv"), "--key", public, "--alone"]).exit_code == 2
