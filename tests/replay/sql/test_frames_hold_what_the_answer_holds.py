"""`to_pandas`: the same type for a column whether it holds a null or not, and every value as it is."""

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

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
    "DATE": (date(1601, 2, 3), "object"),
}


@pytest.fixture(scope="module")
def session():
    with open_log(":memory:") as log, connect(log) as session:
        yield session


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_null_beside_a_value_changes_neither_it_nor_its_type(session, kind):
    value, dtype = COLUMNS[kind]
    literal = f"'{value}'::{kind}"
    alone = session.sql(f"SELECT {literal} AS a").to_pandas()["a"]
    beside = session.sql(f"SELECT {literal} AS a UNION ALL SELECT NULL ORDER BY a NULLS LAST").to_pandas()["a"]
    assert str(alone.dtype) == str(beside.dtype) == dtype
    assert alone[0] == beside[0] == value
    assert pd.isna(beside[1])


def test_two_columns_of_one_name_keep_their_types(session):
    frame = session.sql(f"SELECT {BIG} AS a, 1.5::DECIMAL(3,1) AS a, 'x' AS a, NULL::BIGINT AS a").to_pandas()
    assert list(frame.columns) == ["a"] * 4
    assert frame.iloc[0, 0] == BIG
    assert frame.iloc[0, 1] == Decimal("1.5")
    assert frame.iloc[0, 2] == "x"


def test_a_time_that_python_has_not_is_told_as_text(session):
    answer = session.sql("SELECT TIMESTAMPTZ 'infinity' AS a, DATE '-infinity' AS b, DATE '12026-01-02' AS c, 1 AS d")
    [row] = answer.rows()
    assert row == ("infinity", "-infinity", "12026-01-02", 1)
    assert "infinity" in answer._repr_html_()
