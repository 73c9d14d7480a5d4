import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.errors import BadSource, InvalidSetting
from orders_es.sources.tables.files import read_source
from orders_es.sources.tables.options import TableOptions

COLUMNS = {"id": ("Id",), "text": ("Text",), "price": ("Price",), "day": ("Day",)}
HEAD = "Id,Text,Price,Day\n"


@pytest.fixture
def read(tmp_path):
    """Read the bytes of a CSV file."""

    def read(data, name="t.csv", **options):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return read_source(path, COLUMNS, options=TableOptions(**options))

    return read


@pytest.fixture
def texts(read):
    """The column of texts of a CSV file."""

    def texts(data, **options):
        return read(data, **options).column("text").to_pylist()

    return texts


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(texts, end):
    assert texts((HEAD + '1,a,2,3\n1,"b"" ,c",2,3\n').replace("\n", end)) == ["a", 'b" ,c']


@pytest.mark.parametrize("data", ["sep=,\n", '"sep=,"\r\n', "SEP=,\n", "\n\n", "\ufeff", "\ufeffsep=,\n"], ids=repr)
def test_what_may_stand_above_the_header(read, data):
    table = read(data + HEAD + "1,a,2,3\n")
    assert table.numbers.tolist() == [1]
    assert table.lines.tolist() == [data.replace("\r\n", "\n").count("\n") + 2]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^"])
def test_another_delimiter_is_found_or_said(texts, delimiter):
    data = (HEAD + "1,a,2,3\n").replace(",", delimiter)
    said = {"delimiter": "tab" if delimiter == "\t" else delimiter}
    assert texts(data, **said) == ["a"]
    if delimiter != "^":
        assert texts(data) == ["a"]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-16", None),
        ("utf-8-sig", None),
        ("utf-32", None),
        ("cp1252", None),
        ("utf-16-le", "utf-16-le"),
        ("cp437", "cp437"),
    ],
)
def test_encodings(texts, encoding, said):
    assert texts((HEAD + "1,£é,2,3\n").encode(encoding), encoding=said) == ["£é"]


def test_empty_rows_do_not_count_but_keep_their_numbers(read):
    table = read(HEAD + "1,a,2,3\n,,,\n\n2,b,2,3\n , ,,\n,,,\n")
    assert (table.numbers.tolist(), table.lines.tolist()) == ([1, 3], [2, 5])


def test_lines_are_counted_over_line_breaks_within_fields(read):
    assert read(HEAD + '1,"a\nb\nc",2,3\n2,b,2,3\n').lines.tolist() == [2, 5]


def test_quotes_within_a_field_that_none_opens_are_text(texts):
    assert texts(HEAD + '1,5" RULER,2,3\n2,"x, 5"" y",2,3\n') == ['5" RULER', 'x, 5" y']


@pytest.mark.long
def test_a_field_of_any_length_is_read(texts):
    long = "x" * 20_000_000
    assert texts(HEAD + f'1,"{long}",2,3\n2,b,2,3\n') == [long, "b"]


def test_a_ragged_row_with_a_long_field_is_set_aside(read):
    damaged = read(HEAD + "1,a,2,3\n2," + "x" * 200_000 + "\n").damaged
    assert [(row.number, row.line) for row in damaged] == [(2, 3)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"\n \n", "no line with anything in it"),
        (b"\x1f\x8b\x08\x00", "packed with gzip"),
        (b"PK\x03\x04abc", "packed with zip"),
        (b"PAR1abc", "rename it to .parquet"),
        (b"\xd0\xcf\x11\xe0\xa1", "old Excel file"),
        (HEAD.encode() + b"1,a\0b,2,3\n", "the first on line 2"),
        ((HEAD + "1,a,2,3\n").encode("utf-16-le"), "--encoding utf-16-le"),
        ((HEAD + "1,a,2,3\n").encode("utf-16-be"), "--encoding utf-16-be"),
        (b"Report\n\n" + HEAD.encode() + b"1,a,2,3\n", "--header-row 3"),
        (b"Id,Text,Price,Day,price\n1,a,2,3,4\n", "look like the same column"),
        (HEAD.encode() + "1,é,2,3\n".encode() + b"1,\xe9\xe8,2,3\n", "say which it is with encoding="),
        (HEAD.encode() + b'1,"a\n2,b,2,3\n3,c",2,3\n', "swallows whole rows"),
        (HEAD.encode() + b'1,"a\n2,b,2,3\n', "opens on line 2 is never closed"),
        (HEAD.encode() + b'1,"a" b,2,3\n', "the field does not end"),
        (HEAD.encode() + b'1,"a \\" b",2,3\n', "a backslash stands before a quote"),
    ],
)
def test_what_is_no_such_table_is_said_to_be_so(read, data, words):
    with pytest.raises(BadSource) as raised:
        read(data)
    assert words in str(raised.value)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.zip", "t.txt"])
def test_a_name_of_another_kind_is_refused(read, name):
    with pytest.raises(BadSource, match=r"unpack it first|not a kind of file"):
        read(HEAD, name)


def test_names_that_are_there_twice_and_not_needed_do_not_matter(read):
    assert read("Note,Id,Note,Text,Price,Day,\nx,1,y,a,2,3,\n").table.column_names[2] == "Note (column 3)"


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "klingon"},
        {"delimiter": ",,"},
        {"delimiter": '"'},
        {"header_row": 0},
        {"decimal": "dot"},
        {"date_format": "dmy"},
        {"repeated_hour": "second"},
        {"skipped_hour": "after"},
        {"tz": "Mars/Olympus"},
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options):
    with pytest.raises(InvalidSetting):
        TableOptions(**options)


CELL = st.text(st.sampled_from('ab,"\n\r ;é'), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELL, min_size=4, max_size=4), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_standard_writer_writes_is_read_as_it_was(tmp_path_factory, rows, end):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["Id", "Text", "Price", "Day"], *rows])
    path = tmp_path_factory.getbasetemp() / "written.csv"
    path.write_bytes(text.getvalue().encode())
    try:
        table = read_source(path, COLUMNS, rows_required=False)
    except BadSource as error:
        # A field that holds whole rows cannot be told from a quote that somebody forgot.
        assert "swallows whole rows" in str(error)  # noqa: PT017 - only then
        return
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert [list(row.values()) for row in table.table.to_pylist()] == kept
    assert np.all(np.diff(table.lines) > 0)
