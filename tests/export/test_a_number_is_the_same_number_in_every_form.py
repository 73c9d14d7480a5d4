"""Arrow and Parquet hold less than DuckDB in places: such a value leaves as one that is the same, or as its text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.export import check_export, export
from orders_es.replay import connect

if TYPE_CHECKING:
    from pathlib import Path

    from orders_es.log import EventLog

PAST_A_FLOAT, MOST = 2**53 + 1, 2**128 - 1
VALUES: dict[str, tuple[str, Any]] = {
    "hugeint": (f"{PAST_A_FLOAT}::HUGEINT", Decimal(PAST_A_FLOAT)),
    "a_sum": (f"sum({PAST_A_FLOAT})", Decimal(PAST_A_FLOAT)),
    "uhugeint": (f"{MOST}::UHUGEINT", str(MOST)),
    "bits": ("'10101'::BIT", "10101"),
    "clock": ("'10:00:00+02'::TIMETZ", "10:00:00+02"),
    "bignum": ("'12345678901234567890123456789012345678901'::BIGNUM", "12345678901234567890123456789012345678901"),
    "variant": ("{'a': [1, NULL]}::VARIANT", '{"a":[1,null]}'),
    "in_a_list": ("['101'::BIT]", ["101"]),
    "in_a_struct": ("{'the bit': '10:00:00+02'::TIMETZ, 'bit': 1}", {"the bit": "10:00:00+02", "bit": 1}),
    "in_a_map": (f"MAP {{'k': [{MOST}::UHUGEINT]}}", [("k", [str(MOST)])]),
}
QUERY = "SELECT " + ", ".join(f"{sql} AS {name}" for name, (sql, _) in VALUES.items())
RIGHT = {name: value for name, (_, value) in VALUES.items()}
ONLY_IN_PARQUET = {
    "sums": (f"[{PAST_A_FLOAT}::HUGEINT]", [Decimal(PAST_A_FLOAT)]),
    "days": ("INTERVAL '1 day 0.000001 s'", "1 day 00:00:00.000001"),
}


def test_in_memory(log: EventLog) -> None:
    assert connect(log).sql(QUERY).to_arrow().to_pylist() == [RIGHT]


def test_in_json_and_csv_on_the_command_line(log: EventLog) -> None:
    asked = ["sql", "SELECT '10101'::BIT AS a, '10:00:00+02'::TIMETZ AS b, 0.1::FLOAT AS c", "--log", str(log.url)]
    answer = CliRunner().invoke(main, [*asked, "--json"])
    assert json.loads(answer.output)["rows"] == [{"a": "10101", "b": "10:00:00+02", "c": 0.1}]
    assert CliRunner().invoke(main, [*asked, "--csv"]).output.splitlines() == ["a,b,c", "10101,10:00:00+02,0.1"]


def test_in_a_parquet_file(log: EventLog, tmp_path: Path) -> None:
    extra = ", ".join(f"{sql} AS {name}" for name, (sql, _) in ONLY_IN_PARQUET.items())
    right = [RIGHT | {name: value for name, (_, value) in ONLY_IN_PARQUET.items()}]
    connect(log).write(f"{QUERY}, {extra}", tmp_path / "plain.parquet")
    assert pq.read_table(tmp_path / "plain.parquet").to_pylist() == right
    export(connect(log), f"{QUERY}, {extra}", tmp_path / "exported.parquet")
    assert pq.read_table(tmp_path / "exported.parquet").to_pylist() == right


@pytest.mark.long
@pytest.mark.parametrize("ending", ["parquet", "csv", "xlsx"])
def test_a_file_of_them_is_held_to_its_log(log: EventLog, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"values.{ending}"
    asked = (
        QUERY if ending != "xlsx" else QUERY.replace(f"{PAST_A_FLOAT}", "1000")
    )  # Excel keeps 15 digits, and says so
    export(connect(log), asked, path)
    checked = check_export(path, log)
    assert checked.ok, checked


def test_two_columns_of_one_name_stay_two(log: EventLog) -> None:
    table = connect(log).sql("SELECT '1'::BIT AS a, 2 AS a").to_arrow()
    assert [column.to_pylist() for column in table.columns] == [["1"], [2]]


def test_nanoseconds_of_an_instant_stay(log: EventLog) -> None:
    table = connect(log).sql("SELECT TIMESTAMPTZ_NS '2025-01-01 00:00:00.123456789+00' AS t").to_arrow()
    assert table.column("t")[0].value == 1_735_689_600_123_456_789
