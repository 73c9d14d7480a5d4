"""Every table in it can be held to the log, and says the same as the page; the page needs nothing but itself."""

import re
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orders_es.errors import CannotExport
from orders_es.export import export
from orders_es.export.checking import check_one
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced
from orders_es.replay import connect
from orders_es.report import write_report
from orders_es.sources.simulator import SimulatorSettings, simulate_into

pytest.importorskip("matplotlib")

START = datetime(2024, 1, 1, tzinfo=UTC)
MID = datetime(2024, 1, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "log"
    simulate_into(folder, orders=120, seed=3, start=START, days=40, settings=SimulatorSettings(long_orders=0))
    with open_log(folder) as log:
        yield log


@pytest.fixture(scope="module")
def session(log):
    with connect(log) as session:
        yield session


@pytest.fixture(scope="module")
def report(session, tmp_path_factory):
    return write_report(session, tmp_path_factory.mktemp("report") / "out", at=MID)


class Page(HTMLParser):
    """What a page would load, and whether its elements are closed in the order in which they were opened."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.ids, self.open, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        known = dict(attrs)
        self.loads += [known[name] for name in ("src", "href", "xlink:href", "data") if name in known]
        self.ids += [known["id"]] if "id" in known else []
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def page_of(report):
    return Page(Path(report.page).read_text(encoding="utf-8"))


@pytest.mark.long
def test_every_read_model_is_in_it_but_for_the_two_that_are_as_long_as_the_log(session, report):
    names = {table.provenance.name for table in report.tables}
    assert names == {model.name for model in session.models if not model.internal} - {
        "order_history",
        "order_record_history",
    }
    assert len({(table.provenance.position, table.provenance.root) for table in report.tables}) == 1


@pytest.mark.long
def test_every_table_is_what_the_log_gives(report, log):
    known = {}
    with connect(log, allow_files=True) as session:  # one for all of them, and the root is made once
        for table in report.tables:
            checked = check_one(Path(table.path), log, known, session=session)
            assert checked.ok, table.path
            assert "rows" in {finding.about for finding in checked.findings}


@pytest.mark.long
def test_what_others_append_meanwhile_is_in_no_table(tmp_path, monkeypatch):
    from orders_es.report import writing

    with open_log(tmp_path / "log", create=True) as log, connect(log) as session:
        log.append("A-1", [OrderCreated(currency="EUR"), OrderPlaced()], expected=ANY)
        write = export

        def appending(*arguments, **named):
            log.append("B-2", [OrderCreated(currency="EUR"), OrderPlaced()], expected=ANY)
            return write(*arguments, **named)

        monkeypatch.setattr(writing, "export", appending)
        done = write_report(session, tmp_path / "out", form="csv")
        rows = {table.provenance.name: table.rows for table in done.tables}
        assert (rows["orders"], rows["daily_sales"], rows["order_steps"]) == (1, 1, 2)


@pytest.mark.long
def test_the_page_says_where_it_comes_from_and_links_to_each_file(report):
    text = Path(report.page).read_text(encoding="utf-8")
    known = report.tables[0].provenance
    for fact in (known.root, str(known.log_id), known.origin, f"{known.position:,}", "2024-01-20T00:00:00"):
        assert fact in text
    for table in report.tables:
        assert f'href="{Path(table.path).name}"' in text
        in_full = (
            rf"(of {table.rows:,} rows; all of them|\b{table.rows:,} rows?, also) in <a href=.{Path(table.path).name}"
        )
        assert re.search(in_full if table.rows else rf"no rows \(<a href=.{Path(table.path).name}", text)


def test_the_page_loads_nothing_and_is_well_formed(report):
    page = page_of(report)
    assert not page.open
    assert len(set(page.ids)) == len(page.ids)
    here = {Path(table.path).name for table in report.tables} | {"evidence.json", "key_figures.parquet"}
    assert {load for load in page.loads if not load.startswith(("#", "data:image/png;base64,"))} == here
    assert {load.removeprefix("#") for load in page.loads if load.startswith("#")} <= set(page.ids)
    assert page.tags.count("svg") == 5
    assert "No picture: nobody bought again in a later month" in Path(report.page).read_text(encoding="utf-8")
    assert "script" not in page.tags


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """The report of one order with hostile texts, placed shortly before midnight, in a zone where it was tomorrow."""
    folder = tmp_path_factory.mktemp("odd")
    late = datetime(2024, 1, 5, 23, 30, tzinfo=UTC)
    hostile = "</td><script>alert('x')</script>"
    mug = ItemAdded(item_id=hostile, quantity=1, price=Decimal("1.2345"), description="<b>&amp;")
    life = [OrderCreated(currency="EUR", customer_id='"><img src=x>'), mug, OrderPlaced()]
    with open_log(folder / "log", create=True) as log, connect(log, tz="Europe/Berlin") as session:
        log.append("A-1", [NewEvent(data=data, occurred_at=late) for data in life], expected=ANY)
        yield session, write_report(session, folder / "out")


@pytest.mark.long
def test_whatever_an_event_says_is_text(odd):
    _, report = odd
    assert not {"script", "img", "b"} & set(page_of(report).tags)
    assert "1.2345" in Path(report.page).read_text(encoding="utf-8")


@pytest.mark.long
def test_days_begin_in_the_sessions_time_zone(odd):
    text = Path(odd[1].page).read_text(encoding="utf-8")
    assert "Europe/Berlin" in text
    assert "<td>2024-01-06</td>" in text


@pytest.mark.long
def test_before_the_first_event_it_says_that_there_is_nothing(session, tmp_path):
    report = write_report(session, tmp_path / "out", at=START - timedelta(days=400))
    assert all(table.rows == 0 for table in report.tables)
    assert "no orders" in Path(report.page).read_text(encoding="utf-8")


@pytest.mark.long
def test_an_empty_log_has_a_report(tmp_path):
    with open_log(tmp_path / "log", create=True) as log, connect(log) as session:
        assert not page_of(write_report(session, tmp_path / "out")).open


@pytest.mark.long
def test_a_report_that_is_there_is_replaced_only_if_asked(odd):
    session, report = odd
    folder, before = Path(report.page).parent, Path(report.page).read_bytes()
    with pytest.raises(CannotExport, match="a report already"):
        write_report(session, folder)
    again = write_report(session, folder, replace=True)
    assert Path(again.page).read_bytes() == before, "the same question to the same log gives the same page"


@pytest.mark.parametrize("replace", [False, True])
def test_without_matplotlib_nothing_is_made_and_nothing_is_lost(session, tmp_path, monkeypatch, replace):
    if replace:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "index.html").write_text("the last one")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'orders_es\[plots\]'"):
        write_report(session, tmp_path / "out", at=MID, replace=replace)
    assert sorted(tmp_path.rglob("*")) == before
