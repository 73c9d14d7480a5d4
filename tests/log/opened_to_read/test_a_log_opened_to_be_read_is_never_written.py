"""`open_log(…, read_only=True)` writes by no route, to the log or beside it, and needs no permission to; all questions are answered."""

import os
import pickle
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from orders_es import audit
from orders_es.audit.keys import generate_key
from orders_es.audit.timestamps import keep_timestamp
from orders_es.audit.tree import LogTree
from orders_es.errors import InvalidSetting, LogInUse, OrdersEsError, ReadOnlyLog
from orders_es.log import ANY, open_log
from orders_es.log.postgres import PostgresLog
from orders_es.log.protocol import HasUpcastCopies
from orders_es.orders import OrderCreated, OrderPlaced
from orders_es.replay import Snapshots, connect, load_order
from tests.evolution import parcels

LATER = datetime(2100, 1, 1, tzinfo=UTC)


def filled(place):
    with open_log(place, create=True) as log:
        for number in range(3):
            log.append(f"A-{number}", [OrderCreated(currency="EUR"), *[OrderPlaced()] * 60], expected=ANY)
        audit.checkpoint(log, generate_key("example.com/shop"))
    return place


@pytest.fixture(params=["shop", "shop.duckdb"])
def place(request):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are root's alone
        Path(folder).chmod(0o755)
        yield filled(f"{folder}/{request.param}")


def everything(place):
    """All files and folders of a log and beside it, with bytes and times of change."""
    found = [path for path in Path(place).parent.rglob("*") if not path.name.startswith(".")]
    return {path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in sorted(found)}


@contextmanager
def without_permission(place) -> Iterator[None]:
    """A block in which this process is one that may write nowhere near the log."""
    paths = [Path(place).parent, *Path(place).parent.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in paths:
            with suppress(FileNotFoundError):
                path.chmod(0o755 if path.is_dir() else 0o644)


WRITING = {
    "append": lambda log: log.append("A-9", [OrderPlaced()], expected=ANY),
    "append of nothing new": lambda log: log.append_batch([]),
    "a table": lambda log: log.append_table({}),
    "as recorded": lambda log: log.append_restored(None),
    "a close": lambda log: audit.close(log, "2026", at=LATER),
    "a snapshot": lambda log: Snapshots(log, every=50).take("A-1"),
    "dropped snapshots": lambda log: Snapshots(log).drop(),
    "a checkpoint": lambda log: audit.checkpoint(log, generate_key("example.com/shop")),
    "a time stamp": lambda log: keep_timestamp(log, b"", "ca.pem"),
    "cosignatures": lambda log: audit.keep_cosignatures(log, b"", []),
    "compact": lambda log: log.compact(),
    "vacuum": lambda log: log.vacuum(),
}


def test_each_way_to_write_is_refused(place):
    before = everything(place)
    with open_log(place, read_only=True) as log:
        assert log.read_only
        for opened in (log, pickle.loads(pickle.dumps(log))):
            for write in WRITING.values():
                with pytest.raises(ReadOnlyLog, match="opened with read_only=True; nothing was written"):
                    write(opened)
    assert everything(place) == before


def asked(log):
    """Answers to all kinds of questions."""
    with connect(log) as session:
        rows = session.sql("SELECT order_id, status, event_count FROM orders ORDER BY 1").rows()
    assert audit.prove_position(log, 2).positions == (2,)
    tree = LogTree(log)
    tree.hashed_anew(log.head().position)
    tree.forget()
    assert audit.verify(log).ok
    return rows, load_order(log, "A-1"), audit.closes(log), log.event_types(), len(audit.kept_checkpoints(log))


@pytest.mark.long_but_first
def test_all_questions_are_answered_without_permission_to_write(place):
    with open_log(place) as log:
        expected = asked(log)
    before = everything(place)
    with without_permission(place):
        with open_log(place, read_only=True) as log:
            assert asked(log) == expected
        with connect(place) as session:
            assert session.sql("SELECT count(*) FROM events").rows() == [(183,)]
            with pytest.raises(ReadOnlyLog):
                session.log.append("A-9", [OrderPlaced()], expected=ANY)
        assert audit.verify(place).ok
    assert everything(place) == before


def test_old_events_are_read_through_copies_outside_the_log(tmp_path):
    place = str(tmp_path / "log")
    parcels.write(place)
    before = everything(place)
    log = open_log(place, registry=parcels.today(), read_only=True)
    assert isinstance(log, HasUpcastCopies)
    for _ in range(2):
        with connect(log, read_models=[]) as session:
            assert session.sql("SELECT count(*) FROM events WHERE currency = 'GBP'").rows() == [(3,)]
    with pytest.raises(ReadOnlyLog):
        list(log.reshred())
    assert log.passing_copies.is_dir()
    assert everything(place) == before


def test_reading_is_no_reason_to_keep_the_folder_in_shape(tmp_path, monkeypatch):
    monkeypatch.setenv("ORDERS_ES_UPKEEP", "on")
    place = str(tmp_path / "log")
    streams = [f"A-{number}" for number in range(1_100)]
    table = pa.table({"stream_id": streams, "type": ["OrderPlaced"] * 1_100, "occurred_at": [LATER] * 1_100})
    with open_log(place, create=True) as log:
        log.append_table(table)
    before = everything(place)
    with open_log(place, read_only=True) as log:
        for stream in streams[:8]:
            assert len(log.load(stream)) == 1
    assert everything(place) == before
    with open_log(place) as log:
        for stream in streams[:8]:
            log.load(stream)
    assert everything(place) != before


def test_the_server_refuses_as_well(postgres_place):
    place = postgres_place()
    open_log(place, create=True).close()
    with open_log(place, read_only=True) as log:
        assert isinstance(log, PostgresLog)
        for call in ("append", "a table", "as recorded", "a close"):
            with pytest.raises(ReadOnlyLog, match="read_only=True"):
                WRITING[call](log)
        with pytest.raises(OrdersEsError, match="read-only transaction"):
            log._connections.rows(f"DELETE FROM {log.address.name('events')}")
        with open_log(place) as writer:
            writer.append("A-1", [OrderPlaced()], expected=ANY)
        stop = threading.Event()
        for batch in log.subscribe(stop=stop, poll_interval=0.01):
            assert batch.num_rows == 1
            stop.set()
        assert len(log.load("A-1")) == 1


def test_readers_of_one_file_share_it_and_a_writer_waits_for_them(tmp_path):
    place = filled(f"{tmp_path}/shop.duckdb")
    with open_log(place, read_only=True) as one, open_log(place, read_only=True) as other:
        assert one.head() == other.head()
        with pytest.raises(LogInUse, match="read_only=True; close that first"):
            open_log(place)
    with open_log(place) as writer, open_log(place, read_only=True) as reader:
        writer.append("A-7", [OrderPlaced()], expected=ANY)
        assert reader.stream_version("A-7") == 1
        with pytest.raises(ReadOnlyLog):
            reader.append("A-7", [OrderPlaced()], expected=ANY)


@pytest.mark.parametrize("place", ["memory:", ":memory:"])
def test_a_log_in_memory_holds_nothing_to_read(place):
    with pytest.raises(InvalidSetting, match="new and empty"):
        open_log(place, read_only=True)


def test_nothing_is_created_to_be_read(tmp_path):
    with pytest.raises(InvalidSetting, match="creating a log is writing"):
        open_log(tmp_path / "log", create=True, read_only=True)
    with pytest.raises(OrdersEsError):
        open_log(tmp_path / "log", read_only=True)
    assert not list(tmp_path.iterdir())
