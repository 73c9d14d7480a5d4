"""An order placed half a second before midnight: whoever asks by the date, however it is spelt, sees it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.errors import InvalidTime, NaiveTime, OrderNotFound, QueryError
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import ORDERS, AsOf, OrderCreated, evolve, initial_state
from orders_es.orders.moments import parse_instant, resolve, zone_of
from orders_es.replay import (
    connect,
    diff,
    explain,
    fold_streams,
    history,
    load_order,
    load_orders,
    load_state,
    to_event_log,
)
from orders_es.replay.moment_macros import MOMENT, moment_macros

LATE = datetime(2025, 6, 30, 21, 59, 59, 500_000, tzinfo=UTC)
"""23:59:59.5 on 30 June, in Berlin."""
DAYS = ["2025-06-30", date(2025, 6, 30), np.datetime64("2025-06-30"), np.str_("2025-06-30")]
EVERY_WAY = [DAYS[0], *(pytest.param(day, marks=pytest.mark.long) for day in DAYS[1:])]
"""The same days for tests that ask in a dozen ways each."""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with open_log(tmp_path_factory.mktemp("late") / "log", create=True) as log:
        data = OrderCreated(currency="EUR")
        log.append("A-1", [NewEvent(data=data, occurred_at=LATE)], expected=NO_STREAM)
        log.append("A-2", [NewEvent(data=data, occurred_at=LATE + timedelta(seconds=1))], expected=NO_STREAM)
        yield log


@pytest.fixture(scope="module")
def berlin(log):
    with connect(log, tz="Europe/Berlin") as session:
        yield session


@pytest.mark.long_but_first
@pytest.mark.parametrize("day", DAYS, ids=repr)
def test_python_sees_the_whole_day_in_the_sessions_zone(berlin, day):
    assert berlin.sql("SELECT order_id FROM orders", at=day).rows() == [("A-1",)]
    assert len(berlin.table("orders", at=day)) == 1
    assert berlin.using(lambda cursor, _: cursor.sql("FROM orders").fetchall(), at=day)[0][0] == "A-1"


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "said",
    [
        "'2025-06-30'",
        "DATE '2025-06-30'",
        "$day",
        "(SELECT '2025-06-30'::VARCHAR)",
        "'2025-06-30 23:59:59.999999'",
        "TIMESTAMP '2025-06-30 23:59:59.999999'",
        "TIMESTAMPTZ '2025-06-30 23:59:59.999999+02'",
        "at := '2025-06-30'",
        "'2025-06-30', known_at := DATE '2099-12-31'",
    ],
)
def test_sql_does_as_well(berlin, said):
    given = {"day": date(2025, 6, 30)} if "$" in said else None
    assert berlin.sql(f"SELECT order_id FROM orders_at({said})", given).rows() == [("A-1",)]


def test_a_timestamp_at_midnight_is_a_moment_and_no_day(berlin):
    assert not berlin.sql("FROM orders_at(TIMESTAMP '2025-06-30')").rows()


@pytest.mark.parametrize("day", EVERY_WAY, ids=repr)
def test_what_has_no_session_reads_a_day_in_utc(log, day):
    assert len(load_orders(log, at=day)) == 2
    assert len(to_event_log(log, at=day)) == len(fold_streams(log, evolve, initial_state, at=day)) == 2
    assert load_order(log, "A-2", at=day).as_of == AsOf(at=datetime(2025, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC))
    assert len(history(log, "A-2", at=day)) == 1
    assert len(diff(log, "2025-06-29", day)) == len(diff(log, "2025-06-29", AsOf(at=day))) == 2


@pytest.mark.long_but_first
@pytest.mark.parametrize("day", [*EVERY_WAY, "2025-06-30 23:59:59.999999"], ids=repr)
@pytest.mark.parametrize("zone", ["Europe/Berlin", zone_of("Europe/Berlin")], ids=["name", "zone"])
def test_and_in_another_zone_where_one_is_named(log, day, zone):
    end = AsOf(at=datetime(2025, 6, 30, 21, 59, 59, 999_999, tzinfo=UTC))
    assert list(load_orders(log, at=day, tz=zone)) == ["A-1"]
    assert len(to_event_log(log, at=day, tz=zone)) == 1
    assert list(fold_streams(log, evolve, initial_state, at=day, tz=zone)) == ["A-1"]
    assert load_order(log, "A-1", at=day, tz=zone).as_of == end
    assert load_state(log, "A-1", ORDERS, at=day, tz=zone).status == "created"
    assert history(log, "A-1", at=day, tz=zone).as_of == explain(log, "A-1", at=day, tz=zone).as_of == end
    days: list[tuple[Any, Any]] = [("2025-06-29", day), (AsOf(at=date(2025, 6, 29)), AsOf(at=day))]  # type: ignore[arg-type]
    for before, after in days:
        answer = diff(log, before, after, tz=zone)
        assert [row[0] for row in answer.rows()] == ["A-1"]
        assert "at the end of 2025-06-29 (Europe/Berlin)" in answer.question
    with pytest.raises(OrderNotFound):
        load_order(log, "A-2", at=day, tz=zone)
    with pytest.raises(InvalidTime, match="no time zone 'Europe/Berlyn'"):
        load_order(log, "A-1", at=day, tz="Europe/Berlyn")


def test_an_answer_says_the_day_as_people_do(log, berlin):
    assert "at the end of 2025-06-30 (Europe/Berlin), times in Europe/Berlin, log" in repr(
        berlin.sql("FROM orders", at="2025-06-30")
    )
    assert repr(load_order(log, "A-1", at="2025-06-30")).endswith("(at the end of 2025-06-30)>")


def test_moments_in_a_table_are_written_as_people_write_them_in_the_sessions_zone(berlin):
    answer = berlin.sql("SELECT TIMESTAMPTZ '2025-06-30 21:59:59.999999Z' AS a, TIMESTAMPTZ '2025-01-01 11:00Z' AS b")
    answer.to_arrow()
    for shown in (repr(answer), answer._repr_html_()):
        assert "end of 2025-06-30" in shown
        assert "2025-01-01 12:00:00+01:00" in shown
        assert "Z<" not in shown
    [closed] = berlin.sql("SELECT count(*) AS orders FROM orders", at=["2025-06-30"])
    assert closed.at == resolve("at", "2025-06-30", "Europe/Berlin")
    assert "end of 2025-06-30" in repr(berlin.sql("SELECT count(*) AS orders FROM orders", at=["2025-06-30"]))


@pytest.mark.parametrize(
    "naive", [datetime.fromisoformat("2025-06-30"), pd.Timestamp("2025-06-30"), np.datetime64("2025-06-30T00:00")]
)
def test_a_moment_without_a_zone_is_refused_even_at_midnight(log, berlin, naive):
    for ask in (lambda at: berlin.sql("FROM orders", at=at), lambda at: load_orders(log, at=at)):
        with pytest.raises(NaiveTime, match=r"write at=datetime\(2025, 6, 30, 0, 0, tzinfo=UTC\)"):
            ask(naive)


def test_moments_of_pandas_are_moments():
    assert resolve("at", pd.Timestamp("2025-06-30 12:00:00.000001999", tz="Europe/Berlin")) == datetime(
        2025, 6, 30, 10, 0, 0, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "wrong", ["yesterday", "2025-06", pd.NaT, np.datetime64("NaT"), np.datetime64("2025-06"), date.max], ids=repr
)
def test_what_names_no_day_is_refused(wrong):
    with pytest.raises(InvalidTime):
        resolve("at", wrong, "America/New_York")


TEXTS = st.one_of(
    st.dates(date(1950, 1, 1), date(2037, 12, 31)).map(str),
    st.datetimes(datetime.fromisoformat("1950-01-01"), datetime.fromisoformat("2037-12-31")).map(str),
    st.builds(
        "{} {:02}:{:02}".format, st.dates(date(2018, 1, 1), date(2030, 1, 1)), st.integers(0, 25), st.integers(0, 61)
    ),
    st.builds(
        "{}T02:30{}".format,
        st.dates(date(2018, 1, 1), date(2030, 1, 1)),
        st.sampled_from(["", "Z", "+0530", "-03", " +25:00"]),
    ),
    st.sampled_from(["2026-10-25 02:30", "2026-03-29 02:30", "2018-02-17", "2011-12-30", "2026-06-31", "2026-6-3", ""]),
)


@pytest.fixture(scope="module")
def plain():
    with duckdb.connect() as connection:
        for macro in moment_macros():
            connection.execute(macro)
        yield connection


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"]))
def test_sql_reads_every_text_as_python_does(plain, text, zone):
    plain.execute(f"SET TimeZone = '{zone}'")
    try:
        meant = parse_instant(text, zone_of(zone))
    except InvalidTime:
        with pytest.raises(duckdb.Error):
            plain.execute(f"SELECT {MOMENT}(?)::VARCHAR", [text]).fetchall()
        return
    [(found,)] = plain.execute(f"SELECT epoch_us({MOMENT}(?))", [text]).fetchall()
    assert meant == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found)


def test_a_text_that_is_no_time_is_refused_by_sql_in_words(berlin):
    with pytest.raises(QueryError, match="'yesterday' is no time; write 2026-06-03"):
        berlin.sql("FROM orders_at('yesterday')")
