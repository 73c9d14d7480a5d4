"""`load_orders` folds in Python and is the reference; every figure of every table has to equal it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.replay import connect, load_order, load_orders

pytestmark = pytest.mark.hypothesis  # `make test-long` draws many more histories


def as_dicts(answer):
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows()]


def shown(order, names):
    return {name: getattr(order, name) for name in names}


def assert_orders_equal(answer, orders, *, without=()):
    rows = {row["order_id"]: row for row in as_dicts(answer)}
    assert len(rows) == len(answer)
    names = [name for name in answer.columns if name not in without]
    assert {name: {k: row[k] for k in names} for name, row in rows.items()} == {
        name: shown(order, names) for name, order in orders.items()
    }


@pytest.fixture(scope="session")
def drawn(commits, moments):
    return st.tuples(commits, moments, moments)


def test_orders_at_any_moment_equal_the_fold(drawn, log_of):
    @settings(max_examples=settings.default.max_examples // 2)
    @given(drawn)
    def check(case):
        commits, at, known_at = case
        with log_of(commits) as log, connect(log) as session:
            assert_orders_equal(session.sql("SELECT * FROM orders"), load_orders(log))
            expected = load_orders(log, at=at, known_at=known_at)
            assert_orders_equal(session.sql("SELECT * FROM orders", at=at, known_at=known_at), expected)
            macro = session.sql("SELECT * FROM orders_at($at, known_at := $known)", {"at": at, "known": known_at})
            assert_orders_equal(macro, expected)
            own = "SELECT * FROM orders_at($at, recorded_by := $known)"
            expected_by = load_orders(log, at=at, recorded_by=known_at)
            assert_orders_equal(session.sql(own, {"at": at, "known": known_at}), expected_by)
            for order_id, order in expected_by.items():
                assert load_order(log, order_id, at=at, recorded_by=known_at) == order
            alone = session.sql("SELECT order_id, status, total, version FROM orders", at=at, known_at=known_at)
            assert_orders_equal(alone, expected)

    check()


@pytest.mark.long
def test_order_items_at_any_moment_equal_the_lines(drawn, log_of):
    @settings(max_examples=settings.default.max_examples // 4)
    @given(drawn)
    def check(case):
        commits, at, known_at = case
        with log_of(commits) as log, connect(log) as session:
            query = "SELECT * EXCLUDE first_version FROM order_items ORDER BY order_id, first_version, item_id"
            answer = session.sql(query, at=at, known_at=known_at)
            macro = session.sql(
                query.replace("order_items", "order_items_at($at, known_at := $known)"), {"at": at, "known": known_at}
            )
            assert answer.rows() == macro.rows()
            orders = load_orders(log, at=at, known_at=known_at)
            expected = [
                {"order_id": name, **shown(line, answer.columns[1:])}
                for name, order in sorted(orders.items())
                for line in order.lines
            ]
            assert as_dicts(answer) == expected

    check()


@pytest.mark.long
@pytest.mark.parametrize(("table", "clock"), [("order_history", "at"), ("order_record_history", "known_at")])
def test_history_joined_at_a_moment_equals_the_orders_of_that_moment(table, clock, drawn, log_of):
    @settings(max_examples=settings.default.max_examples // 4)
    @given(drawn)
    def check(case):
        commits, moment, _ = case
        with log_of(commits) as log, connect(log) as session:
            everything = session.sql(f"SELECT * FROM {table}")
            last = {"m": moment}
            condition = (
                "valid_to IS NULL" if moment is None else "valid_from <= $m AND (valid_to > $m OR valid_to IS NULL)"
            )
            rows = session.sql(f"SELECT * FROM {table} WHERE {condition}", None if moment is None else last)
            orders = load_orders(log, **{clock: moment})
            assert_orders_equal(rows, orders, without=("valid_from", "valid_to"))
            spans = [(row["order_id"], row["valid_from"]) for row in as_dicts(everything)]
            assert len(set(spans)) == len(spans)

    check()


@pytest.mark.long
def test_one_limit_within_another_counts_both(log_of, commits, moments):
    @settings(max_examples=settings.default.max_examples // 4)
    @given(commits, moments, moments)
    def check(drawn_commits, outer, inner):
        with log_of(drawn_commits) as log, connect(log) as session:
            answer = session.sql("SELECT * FROM orders_at($at)", {"at": inner}, at=outer)
            given_moments = [m for m in (outer, inner) if m is not None]
            assert_orders_equal(answer, load_orders(log, at=min(given_moments, default=None)))

    check()
