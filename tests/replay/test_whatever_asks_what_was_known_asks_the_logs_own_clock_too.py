"""Where `known_at` is taken, `recorded_by` is; where `recorded_at` is shown, `entered_at` is, where a source gave one."""

import ast
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import orders_es
from orders_es.cli import main
from orders_es.errors import InvalidSetting, OrderNotFound
from orders_es.log import ANY, NewEvent, open_log
from orders_es.orders import ItemAdded, OrderCreated
from orders_es.replay import connect, explain, history, to_event_log

TODAY = datetime(2026, 3, 1, tzinfo=UTC)
LATER = TODAY + timedelta(days=31)


@pytest.fixture
def log(tmp_path):
    now = [TODAY]
    with open_log(tmp_path / "log", create=True, clock=lambda: now[0]) as log:
        june = [datetime(2011, 6, day, 12, tzinfo=UTC) for day in range(31) if day]
        created = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=june[0], entered_at=june[0])
        log.append("A", [created, _mug(5, june[1], june[19])], expected=ANY)
        now[0] = LATER
        log.append("A", [_mug(7, june[2], june[2])], expected=ANY)
        yield log


def _mug(price, occurred, entered):
    data = ItemAdded(item_id="mug", quantity=1, price=Decimal(price))
    return NewEvent(data=data, occurred_at=occurred, entered_at=entered)


def _functions():
    """Every public function and method: its file and name, and the names of its arguments. Read, as importing all takes long."""
    package = Path(orders_es.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] in ("cli", "http"):
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "known_at" in text else ():
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                given = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
                yield f"{path.relative_to(package)}: {node.name}", node.name, given


def test_no_public_function_takes_one_without_the_other():
    # A close states what was known, of the log as it is; sliders have both clocks; rows of imports are known by their sources' word.
    exempt = {"close", "slide", "clocks_of_plot", "moment", "rows_at", "unknown_at", "order"}
    lacking = [
        where
        for where, name, given in _functions()
        if "known_at" in given and "recorded_by" not in given and name not in exempt
    ]
    assert lacking == []


def test_a_query_asks_both_clocks_at_once_and_says_so(log):
    with connect(log) as session:
        query = "SELECT total FROM orders"
        assert session.sql(query, recorded_by=TODAY).rows() == [(5,)]
        assert session.sql(query, known_at="2011-06-19", recorded_by=TODAY).rows() == [(0,)]
        assert session.sql(query, known_at="2011-06-19").rows() == [(7,)]
        assert session.table("orders", recorded_by=TODAY).to_arrow()["total"].to_pylist() == [5]
        several = session.sql(query, at=["2011-06-01", "2011-06-30"], recorded_by=TODAY).rows()
        assert [total for _, total in several] == [0, 5]
        (note,) = session.sql(query, recorded_by="2011-07-01").notes
        assert "as recorded by the end of 2011-07-01" in note
    with connect(log, recorded_by=TODAY) as session:
        assert "as recorded by 2026-03-01" in session.sql(query).as_of.spoken()


def test_an_explanation_a_picture_and_a_page_show_what_the_source_says(log):
    from orders_es.plots import plot_order_timeline
    from orders_es.report import clocks_of_order

    told = explain(log, "A")
    assert [step.entered_at.day for step in told] == [20, 3]
    assert "[entered 2011-06-20 12:00:00, its source says]" in str(told)
    axes = plot_order_timeline(history(log, "A"))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["happened", "entered,\nits source says"]
    assert "1 known late" in axes.get_title(loc="left")
    own = plot_order_timeline(history(log, "A"), clock="recorded")
    assert "3 recorded late" in own.get_title(loc="left")
    with pytest.raises(InvalidSetting, match="give 'known' or 'recorded'"):
        plot_order_timeline(history(log, "A"), clock="entered")  # type: ignore[arg-type]
    page = clocks_of_order(log, "A", recorded_by=TODAY)
    assert len(page.known_at) == 2
    assert "2 entered, as their source says, up to 2011-06-20 12:00 UTC" in page.states[-1]
    assert "recorded_by='2026-03-01T00:00:00Z'" in page.html()
    with pytest.raises(OrderNotFound, match="by 2011-01-01"):
        clocks_of_order(log, "A", recorded_by=datetime(2011, 1, 1, tzinfo=UTC))


def test_the_commands_take_and_show_both(log, tmp_path, capsys):
    place = log.url

    def said(*words):
        main([*words, "--log", place], standalone_mode=False)
        return capsys.readouterr().out

    assert "entered      2011-06-01 12:00 UTC to 2011-06-20 12:00 UTC, its source says of all its events" in said(
        "show", "A"
    )
    shown = json.loads(said("show", "A", "--recorded-by", "2026-03-01", "--json"))
    assert shown["entered"] == {
        "events": 2,
        "entered": 2,
        "first": "2011-06-01T12:00:00Z",
        "last": "2011-06-20T12:00:00Z",
    }
    assert "entered (source says)" in said("explain", "A")
    changed = said("diff", "--recorded-by-from", "2026-03-01")
    assert "from: as recorded by the end of 2026-03-01" in changed
    assert "7.00" in changed
    assert "2 different states" in said("slide", "A", str(tmp_path / "a.html"), "--recorded-by", "2026-03-01")


@pytest.mark.long
def test_an_exported_file_says_by_which_clock_it_was_asked(log, tmp_path):
    from orders_es.export import check_export, export

    with connect(log) as session:
        done = export(session, "orders", tmp_path / "orders.csv", recorded_by=TODAY)
        assert done.provenance.asked_recorded_by == TODAY
        assert all(finding.good is not False for finding in check_export(tmp_path / "orders.csv", log).findings)
    with connect(log, recorded_by=TODAY) as session:
        done = export(session, "orders", tmp_path / "then.csv")
        assert (done.provenance.position, done.provenance.asked_recorded_by) == (2, TODAY)


def test_a_table_for_process_mining_keeps_to_the_logs_own_clock(log):
    first = log.load(log.stream_ids()[0])[0]
    asked = to_event_log(log, recorded_by=first.recorded_at)
    assert asked["recorded_at"].max() == first.recorded_at < to_event_log(log)["recorded_at"].max()
