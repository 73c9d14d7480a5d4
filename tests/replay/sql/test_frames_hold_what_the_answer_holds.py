"""`to_pandas`: the same type for a column whether it holds a null or not, and every value as it is."""

import io
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from orders_es.errors import InvalidSetting
from orders_es.log import open_log
from orders_es.replay import connect

BIG = 9_007_199_254_740_993
COLUMNS = {
    "TINYINT": (-1, "Int8"),
    "UTINYINT": (255, "UInt8"),
    "INTEGER": (7, "Int32"),
    "BIGINT": (BIG, "Int64"),
    "UBIGINT": (2**64 - 1, "UInt64"),
    "HUGEINT": (10**37, "decimal128(38, 0)[pyarrow]"),
    "BOOLEAN": (True, "boolean"),
    "DECIMAL(18,4)": (Decimal("1.2500"), "decimal128(18, 4)[pyarrow]"),
    "INTERVAL": (timedelta(days=1, seconds=5), "timedelta64[us]"),
    "DATE": (date(1601, 2, 3), "object"),
}


@pytest.fixture(scope="module")
def session():
    with open_log(":memory:") as log, connect(log) as session:
        yield session


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_null_beside_a_value_changes_neither_it_nor_its_type(session, kind):
    value, dtype = COLUMNS[kind]
    text = f"{value.total_seconds()} seconds" if isinstance(value, timedelta) else value
    literal = f"'{text}'::{kind}"
    alone = session.sql(f"SELECT {literal} AS a").to_pandas(money="arrow")["a"]
    beside = session.sql(f"SELECT {literal} AS a UNION ALL SELECT NULL ORDER BY a NULLS LAST").to_pandas(money="arrow")[
        "a"
    ]
    assert str(alone.dtype) == str(beside.dtype) == dtype
    assert alone[0] == beside[0] == value
    assert pd.isna(beside[1])


def test_two_columns_of_one_name_keep_their_types(session):
    frame = session.sql(f"SELECT {BIG} AS a, 1.5::DECIMAL(3,1) AS a, 'x' AS a, NULL::BIGINT AS a").to_pandas(
        money="decimal"
    )
    assert list(frame.columns) == ["a"] * 4
    assert frame.iloc[0, 0] == BIG
    assert frame.iloc[0, 1] == Decimal("1.5")
    assert frame.iloc[0, 2] == "x"


def test_a_time_that_python_has_not_is_told_as_text(session):
    answer = session.sql("SELECT TIMESTAMPTZ 'infinity' AS a, DATE '-infinity' AS b, DATE '12026-01-02' AS c, 1 AS d")
    [row] = answer.rows()
    assert row == ("infinity", "-infinity", "12026-01-02", 1)
    assert "infinity" in answer._repr_html_()


MONEY = "SELECT 'x' AS who, 10.1::DECIMAL(18, 4) AS amount UNION ALL SELECT 'y', 20.2 UNION ALL SELECT 'z', NULL"


def test_what_pandas_does_with_numbers_it_does_with_money(session):
    frame = session.sql(MONEY).to_pandas()
    assert frame.nlargest(1, "amount")["who"].tolist() == ["y"]
    assert frame["amount"].cumsum().round(4).tolist()[:2] == [10.1, 30.3]
    assert frame["amount"].describe()["count"] == 2
    assert (frame["amount"] / 2).tolist()[:2] == [5.05, 10.1]
    frame.to_excel(io.BytesIO())


def test_exact_money_is_exact_in_both_forms(session):
    exact = session.sql(MONEY)
    assert exact.to_pandas(money="decimal")["amount"].dropna().sum() == Decimal("30.3")
    assert exact.to_pandas(money="arrow")["amount"].sum() == Decimal("30.3")


def test_what_no_float_is_is_refused_and_not_rounded(session):
    amount = "12345678901234.5678"
    answer = session.sql(f"SELECT {amount}::DECIMAL(38, 4) AS total")
    with pytest.raises(InvalidSetting, match=r"12,345,678,901,234\.5678.*money='decimal'"):
        answer.to_pandas()
    assert answer.to_pandas(money="decimal")["total"][0] == Decimal(amount)


def test_sums_of_whole_numbers_are_whole_numbers(session):
    assert session.sql("SELECT sum(i) AS a FROM range(5) t(i)").to_pandas()["a"].tolist() == [10]


def test_a_form_that_there_is_not_is_refused(session):
    with pytest.raises(InvalidSetting, match="'float', 'decimal', 'arrow'"):
        session.sql(MONEY).to_pandas(money="exact")


def test_times_without_a_zone_are_those_of_the_session_and_go_into_excel():
    with open_log(":memory:") as log, connect(log, tz="Europe/Berlin") as there:
        frame = there.sql("SELECT TIMESTAMPTZ '2025-06-30 22:30Z' AS t").to_pandas(times="local")
    assert frame["t"][0] == pd.Timestamp("2025-07-01 00:30")
    frame.to_excel(io.BytesIO())


def test_an_interval_of_months_is_no_length_of_time_but_text(session):
    answer = session.sql("SELECT INTERVAL '14 months -2 days' AS m, INTERVAL '36 hours' AS h")
    assert answer.rows() == [("P1Y2M-2D", timedelta(hours=36))]


def test_rows_come_one_by_one_with_their_names(session):
    answer = session.sql(MONEY + " ORDER BY who")
    assert [row.who for row in answer] == ["x", "y", "z"]
    assert next(iter(answer)) == answer.rows()[0]
    assert next(iter(session.sql('SELECT 1 AS a, 2 AS a, 3 AS "class"')))._fields == ("a", "_1", "_2")


def test_head_is_an_answer_that_says_of_how_many_it_is(session):
    first = session.sql("SELECT i FROM range(100) t(i)").head(3)
    assert first.rows() == [(0,), (1,), (2,)]
    assert "first 3 of 100 rows" in repr(first)
    assert len(first.head(10)) == 3
    for wrong in (-1, 2.5, True):
        with pytest.raises(InvalidSetting, match="whole number"):
            first.head(wrong)


def test_people_read_separators_and_the_decimals_of_each_currency(session):
    answer = session.sql(
        "SELECT * FROM (VALUES ('JPY', 1234567::DECIMAL(18, 4)), ('KWD', 1.5), ('EUR', 2)) t(currency, total), (SELECT 2011 AS year, 12345 AS n)"
    )
    for shown in ("1,234,567", "1.500", "2.00", "2011", "12,345"):
        assert shown in repr(answer)
        assert f">{shown}<" in answer._repr_html_()
    assert "1,234,567.0" not in repr(answer)
