from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.errors import OrderNotFound
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import AsOf, OrderCreated
from orders_es.replay import connect, diff


def state(session, asked):
    answer = session.sql("FROM orders", at=asked.at, known_at=asked.known_at)
    return {row[0]: dict(zip(answer.columns, row, strict=True)) for row in answer.rows()}


def applied(before, changes):
    after = dict(before)
    for row in changes.to_arrow().to_pylist():
        name = row["order_id"]
        old = {key: row[f"{key}_before"] for key in next(iter(before.values()), {}) if key != "order_id"}
        new = {key.removesuffix("_after"): value for key, value in row.items() if key.endswith("_after")}
        if row["change"] == "created":
            assert name not in before
        else:
            assert {"order_id": name, **old} == before[name], "what it calls before is the state before"
        if row["change"] == "gone":
            del after[name]
            continue
        after[name] = {"order_id": name, **new}
        if row["change"] == "changed":
            assert row["changed"] == [key for key in old if old[key] != new[key]]
            assert row["changed"]
            assert row["total_difference"] == new["total"] - old["total"]
    return after


@pytest.mark.long
@pytest.mark.hypothesis
def test_for_any_two_moments_on_two_clocks(commits, moments, log_of):
    @settings(max_examples=settings.default.max_examples // 4)
    @given(commits, st.builds(AsOf, at=moments, known_at=moments), st.builds(AsOf, at=moments, known_at=moments))
    def check(drawn, before, after):
        with log_of(drawn) as log, connect(log) as session:
            first, second = state(session, before), state(session, after)
            changes = diff(log, before, after)
            assert applied(first, changes) == second
            assert {row[0] for row in changes.rows()} == {
                name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
            }

    check()


@pytest.mark.long
@pytest.mark.hypothesis
def test_one_order_of_all(commits, log_of):
    @settings(max_examples=settings.default.max_examples // 8)
    @given(commits)
    def check(drawn):
        before = AsOf(at=datetime(2011, 6, 1, 4, tzinfo=UTC))
        with log_of(drawn) as log:
            if log.stream_version("A-1"):
                everything = diff(log, before)
                one = diff(log, before, order_id="A-1")
                assert one.rows() == [row for row in everything.rows() if row[0] == "A-1"]

    check()


def test_an_order_that_never_was_is_an_error(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        with pytest.raises(OrderNotFound, match="A-2"):
            diff(log, None, order_id="A-2")
        [row] = diff(log, datetime(1999, 1, 1, tzinfo=UTC)).to_arrow().to_pylist()
        assert (row["change"], row["total_difference"], row["status_before"]) == ("created", Decimal(0), None)
