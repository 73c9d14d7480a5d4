"""Events swapped, dropped, inserted, doubled, re-dated, re-attributed, spliced; files put back or exchanged; tails cut off."""

import shutil
import uuid
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es import audit
from orders_es.audit import verify
from orders_es.audit.checkpoint_check import against_checkpoint
from orders_es.errors import OrdersEsError
from orders_es.log import ANY, NewEvent, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.digests import CHECK, sealed
from orders_es.log.parquet.footer import KEY
from orders_es.orders import DiscountApplied, OrderCreated

SIGNER = audit.generate_key("example.com/shop")


def fill(log, amount=1):
    for n in range(4):
        events = [
            OrderCreated(currency="GBP"),
            DiscountApplied(amount=Decimal(n + amount)),
            DiscountApplied(amount=Decimal(7)),
        ]
        log.append(
            f"o-{n % 2}",
            [NewEvent(data=each, actor="anna", causation_id="cause") for each in events],
            expected=ANY,
        )


def swapped(rows):
    for name in ("type", "payload", "event_id", "amount", "currency"):
        rows[0][name], rows[1][name] = rows[1][name], rows[0][name]


def reordered(rows):
    rows[0], rows[1] = rows[1], rows[0]


def dropped(rows):
    del rows[1]


def dropped_at_the_end(rows):
    rows.pop()


def doubled(rows):
    rows.insert(1, dict(rows[1]))


def doubled_and_counted(rows):
    rows.insert(1, dict(rows[1]))
    for n, row in enumerate(rows):
        row["position"], row["version"] = rows[0]["position"] + n, rows[0]["version"] + n


def inserted(rows):
    rows.insert(1, rows[1] | {"event_id": uuid.uuid4(), "payload": '{"amount":"3"}'})


def moved(name, **by):
    def change(rows):
        rows[1][name] = (rows[1][name] or rows[1]["recorded_at"]) - timedelta(**by)

    change.__name__ = f"{name} moved"
    return change


def given(name, value):
    def change(rows):
        rows[1][name] = value

    change.__name__ = f"{name} given"
    return change


def repriced(rows):
    rows[1] |= {"payload": '{"amount":"99"}', "amount": Decimal("99.0000")}


WAYS = [
    swapped,
    reordered,
    dropped,
    dropped_at_the_end,
    doubled,
    doubled_and_counted,
    inserted,
    repriced,
    moved("occurred_at", days=1),
    moved("recorded_at", microseconds=1),
    moved("recorded_at", days=-400),
    given("actor", "berta"),
    given("actor", None),
    given("stream_id", "o-0"),
    given("stream_id", "o-9"),
    given("causation_id", "another"),
    given("correlation_id", "another"),
    given("event_id", uuid.uuid4()),
    given("type", "OrderPlaced"),
    given("schema_version", 2),
    given("version", 9),
    given("position", 99),
    given("payload", '{"amount":"2" }'),
]


def of_file(path, change):
    """Write a data file anew with other rows and its own footer, digests and all."""
    table = pq.read_table(path)
    footer = pq.read_metadata(path).metadata[KEY]
    rows = table.to_pylist()
    change(rows)
    changed = pa.Table.from_pylist(rows, table.schema).replace_schema_metadata(None)
    with pq.ParquetWriter(path, changed.schema, write_page_checksum=True) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata({KEY: footer[: -len(CHECK)] + CHECK})
    Path(path).write_bytes(sealed(Path(path).read_bytes()))


def of_duckdb(path, change, first=4, last=6):
    """Exchange rows of a DuckDB log as whoever has the file can."""
    with duckdb.connect(str(path)) as file:
        file.execute("SET TimeZone = 'UTC'")
        found = file.execute("FROM events WHERE position BETWEEN ? AND ? ORDER BY position", [first, last])
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        change(rows)
        kinds = dict(
            file.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'events'").fetchall()
        )
        # Without the keys that would refuse some of it: the file is somebody's.
        file.execute("CREATE TABLE other AS SELECT * FROM events WHERE position NOT BETWEEN ? AND ?", [first, last])
        for row in rows:
            places = ", ".join(f"?::{kinds[name]}" for name in names)
            file.execute(f"INSERT INTO other VALUES ({places})", [row[name] for name in names])
        file.execute("DROP TABLE events; ALTER TABLE other RENAME TO events")


def is_found(place):
    """Whether a log does not even open, or `verify` says what is wrong, in words."""
    try:
        with open_log(place) as log:
            problems = verify(log).problems
    except OrdersEsError as error:
        return str(error)
    return "; ".join(problem.what for problem in problems)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["commit", "segment", "duckdb"])
def test_rows_changed_behind_the_logs_back(tmp_path, kind):
    source = tmp_path / ("log.duckdb" if kind == "duckdb" else "log")
    with open_log(source, create=True) as log:
        fill(log)
        if kind == "segment":
            assert isinstance(log, ParquetLog)
            log.compact()
    assert is_found(source) == ""
    missed = []
    for number, change in enumerate(WAYS):
        place = tmp_path / f"{number}-{source.name}"
        if kind == "duckdb" and change is reordered:  # a table has no order of its own
            continue
        if kind == "duckdb":
            shutil.copy(source, place)
            of_duckdb(place, change)
        else:
            shutil.copytree(source, place)
            path = sorted((place / ("segments" if kind == "segment" else "commits")).glob("*.parquet"))[
                1 if kind == "commit" else 0
            ]
            of_file(path, change)
        if not is_found(place):
            missed.append(change.__name__)
    assert missed == []


def files_of(place):
    return sorted((place / "commits").glob("*.parquet"))


def two_pasts(tmp_path):
    """A log, and what it would be had its second commit been another one; both are sound, and the same log by name."""
    base = tmp_path / "base"
    with open_log(base, create=True) as log:
        log.append("o-0", [OrderCreated(currency="GBP")], expected=ANY)
    for name, amount in (("one", 1), ("other", 2)):
        shutil.copytree(base, tmp_path / name)
        with open_log(tmp_path / name) as log:
            fill(log, amount)
    return tmp_path / "one", tmp_path / "other"


def test_a_footer_edited_together_with_its_rows(tmp_path):
    one, other = two_pasts(tmp_path)
    with open_log(one) as log:
        audit.checkpoint(log, SIGNER)
    [kept] = (one / "checkpoints").iterdir()
    for number in (1, 2):  # in the middle of a log
        place = tmp_path / f"middle-{number}"
        shutil.copytree(one, place)
        shutil.copy(files_of(other)[number], files_of(place)[number])
        assert is_found(place)
    shutil.copy(files_of(other)[-1], files_of(one)[-1])
    assert is_found(one)
    for mine, theirs in zip(files_of(one), files_of(other), strict=True):  # all of it: only what was signed tells
        shutil.copy(theirs, mine)
    assert is_found(one) == ""
    with open_log(one) as log:
        assert not against_checkpoint(log, kept, SIGNER.key).ok


def test_a_tail_cut_off_and_written_anew(tmp_path):
    one, other = two_pasts(tmp_path)
    with open_log(one) as log:
        signed = audit.checkpoint(log, SIGNER)
        early = log.head()
    shutil.copytree(one, tmp_path / "cut")
    files_of(tmp_path / "cut")[-1].unlink()
    with open_log(tmp_path / "cut") as log:
        assert log.head().position < early.position
        assert not against_checkpoint(log, signed, SIGNER.key).ok
        log.append("o-1", [DiscountApplied(amount=Decimal(1))] * 9, expected=ANY)
        assert verify(log).ok
        assert not against_checkpoint(log, signed, SIGNER.key).ok
    del other


def test_a_checkpoint_of_another_log_and_a_key_of_another_name(tmp_path):
    one, other = two_pasts(tmp_path)
    with open_log(one, read_only=True) as log, open_log(other) as foreign:
        signed = audit.checkpoint(foreign, SIGNER)
        assert not against_checkpoint(log, signed, SIGNER.key).ok
        stranger = audit.generate_key("example.com/other")
        with pytest.raises(OrdersEsError, match=r"example\.com/other"):
            against_checkpoint(foreign, signed, stranger.key)
