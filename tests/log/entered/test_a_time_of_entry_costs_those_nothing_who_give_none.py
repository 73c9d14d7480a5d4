"""`entered_at` in files, tables, sorted copies, leaves and receipts: there where it was given, absent everywhere else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest

from orders_es.audit import verify
from orders_es.audit.verify_proof import Record, Refused
from orders_es.errors import InvalidEvent, NaiveTime
from orders_es.log import ANY, NO_STREAM, NewEvent, open_log
from orders_es.log.leaf import leaves_of
from orders_es.log.parquet.footer import read_footer
from orders_es.orders import OrderPlaced, ShippingCharged
from orders_es.testing.log_contract.basis import compact

JUNE = datetime(2011, 6, 3, 15, tzinfo=UTC)


def plain(count=1):
    return [NewEvent(data=ShippingCharged(amount=Decimal(i)), occurred_at=JUNE) for i in range(count)]


def entered(count=1):
    return [NewEvent(data=OrderPlaced(), occurred_at=JUNE, entered_at=JUNE + timedelta(days=i)) for i in range(count)]


def formats(log):
    found = []
    for file in log.files():
        has = "entered_at" in pq.read_schema(file.path).names
        found.append((read_footer(file.path, log.log_id).format, has))
    return found


def test_a_data_file_has_the_column_where_an_event_has_the_time_and_says_so(tmp_path):
    log = open_log(tmp_path / "log", create=True)
    log.append("A", plain(), expected=NO_STREAM)
    log.append("B", plain(1500), expected=NO_STREAM)
    assert formats(log) == [(1, False), (1, False)]
    compact(log)
    marks = [path.read_bytes()[-8:] for path in sorted((tmp_path / "log" / "derived" / "by-stream").iterdir())]
    assert marks == [b"OESBLK11"]
    log.append("C", entered(), expected=NO_STREAM)
    log.append("D", entered(1500), expected=NO_STREAM)
    assert formats(log)[-2:] == [(2, True), (2, True)]
    before = [log.load(name) for name in "ABCD"]
    compact(log)
    assert formats(log) == [(2, True)]
    again = open_log(tmp_path / "log")
    assert [again.load(name) for name in "ABCD"] == before
    assert b"OESBLK12" in {path.read_bytes()[-8:] for path in (tmp_path / "log" / "derived" / "by-stream").iterdir()}
    assert not verify(again).problems


def test_a_table_gets_the_column_with_the_first_time(tmp_path):
    path = tmp_path / "log.duckdb"

    def look():
        with duckdb.connect(str(path), read_only=True) as connection:
            [(form,)] = connection.execute("SELECT format FROM log").fetchall()
            columns = {name for name, *_ in connection.execute("DESCRIBE events").fetchall()}
        return form, "entered_at" in columns

    with open_log(path, create=True) as log:
        log.append("A", plain(), expected=NO_STREAM)
        assert log.load("A")[0].entered_at is None
    assert look() == (1, False)
    with open_log(path) as log:
        log.append("A", entered(), expected=1)
        assert [e.entered_at for e in log.load("A")] == [None, JUNE]
        assert not verify(log).problems
    assert look() == (2, True)


def test_a_receipt_says_that_the_time_is_what_the_source_says():
    with open_log(":memory:", create=True) as log:
        log.append("A", [*plain(), *entered()], expected=NO_STREAM)
        [batch] = log.read()
    one, two = (
        Record(i, (), leaf, payload).event()
        for i, (leaf, payload) in enumerate(zip(leaves_of(batch), batch.column("payload").to_pylist(), strict=True))
    )
    assert "entered_at" not in one
    assert two["entered_at"] == "2011-06-03T15:00:00Z"
    assert list(two).index("entered_at") == list(two).index("recorded_at") + 1
    whole = leaves_of(batch)[1]
    for leaf in (
        b"\x01" + whole[1:],
        b"\x02" + leaves_of(batch)[0][1:],
        b"\x03" + whole[1:],
        whole[:112],
        whole + b"x",
    ):
        with pytest.raises(Refused):
            Record(1 if leaf[1:9] == whole[1:9] else 0, (), leaf, None).event()


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        (datetime(2011, 6, 3), NaiveTime),  # noqa: DTZ001 - that is the point
        (datetime(1, 1, 1, tzinfo=UTC), InvalidEvent),
        (datetime(9999, 12, 31, tzinfo=UTC), InvalidEvent),
        ("2011-06-03", TypeError),
    ],
)
def test_a_time_that_no_reader_holds_is_refused(moment, error):
    with open_log(":memory:", create=True) as log:
        with pytest.raises(error, match="entered_at"):
            log.append("A", [NewEvent(data=OrderPlaced(), entered_at=moment)], expected=ANY)
        assert log.head().position == 0
