"""Answers that leave the house: exact in every form, harmless in a spreadsheet and on a terminal."""

import csv
import io
import json
import math
import subprocess
import sys

import pytest

from orders_es.export.text_form import guard_text


@pytest.fixture
def printed(run, empty_log):
    return lambda query, *form: run("sql", query, *form, "--log", empty_log).out


@pytest.mark.long_but_first
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "'=1", "＝1"])
def test_csv_guards_what_a_spreadsheet_would_take_for_a_formula(printed, text):
    literal = "'" + text.replace("'", "''") + "'"
    assert list(csv.reader(io.StringIO(printed(f"SELECT {literal} AS a", "--csv"), newline=""))) == [
        ["a"],
        ["'" + text],
    ]
    plain = printed(f"SELECT {literal} AS a", "--csv", "--plain")
    assert list(csv.reader(io.StringIO(plain, newline="")))[1] == [text]


def test_csv_guards_heads_and_what_lists_begin_with_and_no_numbers_or_times(printed):
    out = printed("""SELECT 1 AS "=a", -2 AS b, -2.50 AS c, DATE '-0044-03-15' AS d, '5E5' AS e, '007' AS f""", "--csv")
    assert out.splitlines()[0] == "'=a,b,c,d,e,f"
    assert out.splitlines()[1].startswith("1,-2,-2.50,")
    assert out.splitlines()[1].endswith(",5E5,007")


@pytest.mark.parametrize("code", [0, 7, 13, 27, 127, 0x2028])
def test_csv_quotes_every_sign_that_a_reader_or_a_terminal_could_obey(printed, code):
    out = (
        printed(f"SELECT 'a' || chr({code}) || 'b' AS x, 'c' AS y", "--csv")
        if code
        else printed("SELECT 'a\\0b'.replace('\\0', chr(0)) AS x, 'c' AS y", "--csv")
    )
    assert out.encode().endswith(f'"a{chr(code)}b",c\n'.encode())


def test_csv_tells_nothing_from_an_empty_text(printed):
    assert printed("SELECT NULL AS a, '' AS b, 'x' AS c", "--csv") == 'a,b,c\n,"",x\n'


@pytest.mark.long
def test_csv_and_json_are_utf8_whatever_the_terminal_has(empty_log):
    for form in ("--csv", "--json"):
        call = [sys.executable, "-m", "orders_es", "sql", "SELECT 'Łódź ☕' AS a", form, "--log", str(empty_log)]
        env = {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1", "PATH": ""}
        assert "Łódź ☕" in subprocess.run(call, capture_output=True, check=True, env=env).stdout.decode()


def test_a_table_for_people_moves_no_cursor(printed):
    out = printed("""SELECT 'a' || chr(27) || '[31mb' AS "h\x1b[2J", ['x' || chr(27)] AS l""")
    assert "\x1b" not in out
    assert "a?[31mb" in out


def test_an_error_moves_no_cursor_either(run, shop):
    assert "\x1b" not in run("show", "A\x1b[2J", "--log", shop, code=1).err
    assert "\x1b" not in run("sql", "SELECT \x1b[2J", "--log", shop, code=2).err


def test_json_keeps_both_of_two_columns_of_one_name(printed):
    answer = json.loads(printed("SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS b", "--json"))
    assert answer["columns"] == ["a", "a_2", "a_1", "b"]
    assert answer["rows"] == [{"a": 1, "a_2": 2, "a_1": 3, "b": 4}]


def test_json_has_numbers_as_they_are(printed):
    query = """SELECT sum(x) AS s, 170141183460469231731687303715884105727::HUGEINT AS h, 18446744073709551615::UBIGINT AS u,
        9007199254740993 AS b, 1.5::DECIMAL(10,1) AS d, 2.50::DECIMAL(18,4) AS m, 'nan'::DOUBLE AS n,
        'infinity'::DOUBLE AS i, '-infinity'::FLOAT AS j, [1.25, 2] AS l, NULL AS z
        FROM (SELECT 5176450::BIGINT AS x)"""
    [row] = json.loads(printed(query, "--json"))["rows"]
    assert row == {
        "s": 5_176_450,
        "h": 2**127 - 1,
        "u": 2**64 - 1,
        "b": 9_007_199_254_740_993,
        "d": "1.5",
        "m": "2.5000",
        "n": "NaN",
        "i": "Infinity",
        "j": "-Infinity",
        "l": ["1.25", "2.00"],
        "z": None,
    }
    assert math.isnan(float(row["n"]))


def test_the_guard_can_be_undone():
    assert [guard_text(text) for text in ("a", "", "'a", "'=a", "=a")] == ["a", "", "'a", "''=a", "'=a"]
