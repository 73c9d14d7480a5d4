import subprocess
import sys
from decimal import Decimal

import pyarrow as pa
import pytest

from orders_es.errors import DamagedLog, InvalidEvent, InvalidSetting, LogNotEmpty, VersionConflict
from orders_es.log import ANY, RawEvent, open_log, order_registry
from orders_es.log.copy import copy_log
from orders_es.log.restoring import Restorable, incomplete_place, restoring
from orders_es.orders import ItemAdded
from orders_es.testing.log_contract.basis import HandClock, assert_sound, events, everything, table

NAMES = ("log", "log.duckdb")


@pytest.fixture
def source(tmp_path):
    return filled(tmp_path / "source")


def filled(url):
    """A log with commits of many sizes, recorded at different times, and a type that nobody knows."""
    clock = HandClock()
    log = open_log(url, create=True, clock=clock, origin="the shop")
    for i in range(20):
        log.append(f"S-{i % 3}", events(1 + i % 4), expected=ANY)
        clock.turn(seconds=i % 3)
    log.append("S-1", [RawEvent("ParcelLost", '{ "b":1.10}')], expected=ANY)
    log.append_table(table(["S-0", "S-9"] * 600, actor=["a", None] * 600), expected=ANY)
    return log


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("begin", ["source", "source.duckdb", ":memory:"])
def test_no_reader_can_tell_the_copy_from_its_source(tmp_path, begin, name):
    with filled(begin if begin == ":memory:" else tmp_path / begin) as log:
        copied = copy_log(log, tmp_path / name)
        with open_log(tmp_path / name) as copy:
            assert everything(copy) == everything(log)
            assert (copied.events, copied.root, copied.resumed) == (log.head().position, copy.head().root, 0)
            assert_sound(copy)
            assert copy.origin == "the shop"
            assert copy.log_id != log.log_id
    assert not incomplete_place(tmp_path / name).exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_a_log_like_any_other(tmp_path, source, name):
    copy_log(source, tmp_path / name)
    with open_log(tmp_path / name) as copy:
        version = copy.stream_version("S-1")
        with pytest.raises(VersionConflict):
            copy.append("S-1", events(1), expected=version - 1)
        done = copy.append("S-1", [ItemAdded(item_id="I", quantity=1, price=Decimal(1))], expected=version)
        assert done.recorded_at >= source.head().recorded_at
        assert_sound(copy)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_log_is_copied_too(tmp_path, name):
    log = open_log(":memory:")
    assert copy_log(log, tmp_path / name).events == 0
    with open_log(tmp_path / name) as copy:
        assert copy.head() == log.head()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_there_is_never_written_to(tmp_path, source, name):
    with open_log(tmp_path / name, create=True) as other:
        other.append("A", events(1), expected=0)
        before = everything(other)
        with pytest.raises(InvalidSetting, match="something is there"):
            copy_log(source, tmp_path / name)
        assert everything(other) == before
    (tmp_path / "empty log").mkdir()
    open_log(tmp_path / "empty log", create=True)
    with pytest.raises(InvalidSetting):
        copy_log(source, tmp_path / "empty log")


def test_a_copy_into_memory_is_refused(source):
    with pytest.raises(InvalidSetting, match="gone"):
        copy_log(source, ":memory:")


class BreaksOff:
    """A log whose reading ends in an error."""

    def __init__(self, log, after):
        self._log, self._after = log, after

    def __getattr__(self, name):
        return getattr(self._log, name)

    def read(self, **options):
        if "to" in options and "after" not in options:
            return self._log.read(**options)
        return self._some(options)

    def _some(self, options):
        left = self._after
        for batch in self._log.read(**{**options, "batch_size": 10}):
            yield batch
            left -= batch.num_rows
            if left <= 0:
                raise KeyboardInterrupt


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", NAMES)
def test_an_interrupted_copy_is_not_there_and_is_gone_on_with(tmp_path, source, name, monkeypatch):
    monkeypatch.setattr("orders_es.log.copy._COMMIT", 100)
    with pytest.raises(KeyboardInterrupt):
        copy_log(BreaksOff(source, 350), tmp_path / name)
    assert not (tmp_path / name).exists()
    copied = copy_log(source, tmp_path / name)
    assert 300 <= copied.resumed < 350
    with open_log(tmp_path / name) as copy:
        assert everything(copy) == everything(source)


@pytest.mark.long_but_first
@pytest.mark.parametrize("name", NAMES)
def test_an_incomplete_copy_of_another_log_is_not_gone_on_with(tmp_path, source, name, monkeypatch):
    monkeypatch.setattr("orders_es.log.copy._COMMIT", 100)
    with pytest.raises(KeyboardInterrupt):
        copy_log(BreaksOff(source, 350), tmp_path / name)
    other = filled(tmp_path / "other source")
    with pytest.raises(LogNotEmpty, match="unfinished copy of another log"):
        copy_log(other, tmp_path / name)
    assert not (tmp_path / name).exists()


class Lies:
    """A log that gives other bytes than its tree was made of."""

    def __init__(self, log):
        self._log = log

    def __getattr__(self, name):
        return getattr(self._log, name)

    def read(self, **options):
        for batch in self._log.read(**options):
            payloads = pa.array([text.replace("EUR", "USD") for text in batch.column("payload").to_pylist()])
            yield batch.set_column(batch.schema.get_field_index("payload"), batch.schema.field("payload"), payloads)


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_with_another_root_never_gets_its_name(tmp_path, source, name):
    with pytest.raises(DamagedLog, match=source.head().root.hex()):
        copy_log(Lies(source), tmp_path / name)
    assert not (tmp_path / name).exists()


COPY = """
import sys
import orders_es.log.copy as module
from orders_es.log import open_log
module._COMMIT = 2_000
stop = int(sys.argv[3])

class Told:
    # A log of which so many batches are read; then it waits to be killed.

    def __init__(self, log):
        self._log = log

    def __getattr__(self, name):
        return getattr(self._log, name)

    def read(self, **options):
        if "to" in options and "after" not in options:
            yield from self._log.read(**options)
            return
        for number, batch in enumerate(self._log.read(**{**options, "batch_size": 1_000})):
            if number == stop:
                print("waits", flush=True)
                sys.stdin.read()
            yield batch

with open_log(sys.argv[1]) as source:
    source = Told(source)
    print(module.copy_log(source, sys.argv[2]).resumed)
"""


@pytest.mark.long
@pytest.mark.parametrize("name", [NAMES[0], pytest.param(NAMES[1], marks=pytest.mark.long)])
def test_a_copy_that_is_killed_is_not_there_and_is_gone_on_with(tmp_path, name):
    with open_log(tmp_path / "source", create=True) as log:
        log.append_table(table([f"S-{j % 40}" for j in range(20_000)]), expected=ANY)
        head = log.head()
    target = tmp_path / name
    for batches in (0, 9):
        copying = subprocess.Popen(
            [sys.executable, "-c", COPY, tmp_path / "source", target, str(batches)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert copying.stdout.readline() == "waits\n"
        copying.kill()
        copying.communicate()
        assert not target.exists()
    with open_log(tmp_path / "source") as source:
        assert copy_log(source, target).resumed > 0
    with open_log(target) as copy:
        assert copy.head() == head
        assert_sound(copy)


def changed(rows, **columns):
    for name, values in columns.items():
        i = rows.schema.get_field_index(name)
        rows = rows.set_column(i, rows.schema.field(name), pa.array(values, rows.schema.field(name).type))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_events_that_do_not_go_on_where_the_log_ends_are_refused(tmp_path, source, name):
    rows = pa.Table.from_batches(source.read(to=20))
    times = rows.column("recorded_at").to_pylist()
    bad = {
        "position": [changed(rows, position=range(2, 22)), changed(rows, position=[1, *range(3, 22)])],
        "recorded_at": [changed(rows, recorded_at=[times[-1], *times[1:]])],
        "version": [changed(rows, version=[*rows.column("version").to_pylist()[:-1], 99])],
        "payload": [rows.drop_columns(["payload"]), changed(rows, payload=[None] * 20)],
    }
    with restoring(tmp_path / name, registry=order_registry(), origin="x") as restoration:
        assert isinstance(restoration._log, Restorable)
        for field, tables in bad.items():
            for given in tables:
                with pytest.raises(InvalidEvent) as caught:
                    restoration.append(given)
                assert caught.value.field == field
        with pytest.raises(VersionConflict):
            restoration.append(rows.slice(1))
        assert restoration.head().position == 0
        restoration.append(rows.slice(0, 10))
        with pytest.raises(VersionConflict):
            restoration.append(rows.slice(0, 10))
        restoration.append(rows.slice(10))
        with pytest.raises(DamagedLog):
            restoration.finish(source.head().root)
    assert not (tmp_path / name).exists()
