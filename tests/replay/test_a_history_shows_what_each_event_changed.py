import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders_es.orders import evolve, initial_state
from orders_es.replay import history, load_order


def test_a_history_shows_what_each_event_changed(log):
    rows = history(log, "A-1")
    assert [(row.version, row.status_before, row.status_after, str(row.total_after), row.late) for row in rows] == [
        (1, "new", "created", "0.0000", False),
        (2, "created", "created", "7.5000", False),
        (3, "created", "placed", "7.5000", False),
        (4, "placed", "shipped", "7.5000", False),
        (5, "shipped", "shipped", "7.5000", True),
        (6, "shipped", "delivered", "7.5000", False),
        (7, "delivered", "delivered", "7.5000", True),
        (8, "delivered", "delivered", "5.0000", False),
    ]
    assert [row.summary for row in rows] == [
        "created in GBP for a guest",
        "added 3 x mug A mug at 2.50 GBP",
        "placed",
        "shipped (RM)",
        "received 7.50 GBP",
        "delivered",
        "assigned to customer 17850",
        "returned 1 x mug at 2.50 GBP",
    ]
    assert [row.actor for row in rows][2:5] == ["web", None, "bank"]
    assert rows[2].position == 4


def test_each_row_agrees_with_the_order_folded_up_to_there(log):
    state = initial_state("A-1")
    for event, row in zip(log.load("A-1"), history(log, "A-1"), strict=True):
        assert (row.status_before, row.total_before) == (state.status, state.total)
        state = evolve(state, event)
        assert (row.status_after, row.total_after) == (state.status, state.total)


def test_it_ends_where_the_order_stands_at_that_moment(log):
    asked: dict[str, Any] = {
        "at": datetime(2011, 6, 4, 12, tzinfo=UTC),
        "known_at": datetime(2011, 6, 6, 12, tzinfo=UTC),
    }
    rows, order = history(log, "A-1", **asked), load_order(log, "A-1", **asked)
    assert len(rows) == order.event_count == 5
    assert (rows[-1].status_after, rows[-1].total_after, rows.as_of) == (order.status, order.total, order.as_of)


def test_it_becomes_a_frame_with_zoned_times_and_money_as_it_is_asked_for(log):
    plain = history(log, "A-1").to_pandas()
    assert plain["total_after"].nlargest(1).tolist() == [7.5]
    local = history(log, "A-1", tz="Europe/Berlin").to_pandas(times="local")
    assert str(local["occurred_at"].dtype) == "datetime64[us]"
    assert (local["occurred_at"] - plain["occurred_at"].dt.tz_localize(None)).unique().tolist() == [timedelta(hours=2)]
    frame = history(log, "A-1").to_pandas(money="decimal")
    assert list(frame["version"]) == list(range(1, 9))
    assert str(frame["occurred_at"].dtype) == str(frame["recorded_at"].dtype) == "datetime64[us, UTC]"
    assert frame["total_after"].iloc[-1] == Decimal("5.00")
    assert isinstance(frame["total_after"].iloc[-1], Decimal)


def test_it_prints_as_a_timeline(log):
    lines = str(history(log, "A-1")).splitlines()
    assert lines[0] == "order A-1: 8 events, as it stands now"
    assert len(lines) == 2 + 8
    assert re.split(r"  +", lines[6].strip()) == [
        "5",
        "2011-06-03 12:00:00",
        "2011-06-06 12:00:00",
        "7.50",
        "received 7.50 GBP [late] by bank",
    ]


def test_its_repr_is_one_line(log):
    assert repr(history(log, "A-1")) == "<OrderHistory A-1: 8 events, delivered, total 5.00 GBP (as it stands now)>"


@pytest.fixture
def hostile(diary):
    from orders_es.orders import ItemAdded

    for n in range(201):
        item = ItemAdded(item_id=f"<script>{n}", quantity=1, price=Decimal(1), description="two\nlines\x1b[31m")
        diary.write("A-9", item, occurred=1, recorded=1)
    return diary.log


def test_html_is_escaped_and_capped(hostile):
    html = history(hostile, "A-9")._repr_html_()
    assert "<script>" not in html
    assert html.count("<tr>") == 1 + 200
    assert "and 1 more" in html


def test_text_of_others_cannot_break_lines_or_move_the_cursor(hostile):
    text = str(history(hostile, "A-9"))
    assert len(text.splitlines()) == 2 + 201
    assert "\x1b" not in text
