"""Copies sorted by stream are derived: with them, without them, or with damaged ones, `load` says the same."""

import itertools
import shutil
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.log import ANY, StreamAppend, open_log
from orders_es.log.parquet import ParquetLog, by_stream_build
from orders_es.log.parquet import streams as streams_module
from orders_es.log.parquet.by_stream import FOLDER, ByStream
from orders_es.log.parquet.reader import Scanner
from orders_es.log.parquet.stream_directory import BLOCK_ROWS
from orders_es.orders import DiscountApplied, OrderCreated

COPIES = Path(FOLDER)


def append(log, streams):
    """Events in one commit, in runs: the n-th item says how many events the n-th stream gets."""
    batch = [
        StreamAppend(stream, [DiscountApplied(amount=Decimal(n + 1)) for n in range(count)], ANY)
        for stream, count in streams.items()
        if count
    ]
    return log.append_batch(batch)


def facts(events):
    return [(e.position, e.version, e.event_id, e.occurred_at, e.recorded_at, e.payload, e.type) for e in events]


def scanned(folder, target, **limits):
    """What the log gives of a stream where there are no copies."""
    plain = folder.with_name(folder.name + "-plain")
    shutil.rmtree(plain, ignore_errors=True)
    shutil.copytree(folder, plain)
    shutil.rmtree(plain / "derived", ignore_errors=True)
    with open_log(plain) as log:
        return facts(log.load(target, **limits))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "log"
    with open_log(folder, create=True) as log:
        assert isinstance(log, ParquetLog)
        for part in range(4):
            append(log, {f"s-{n}": 1 + n % 5 for n in range(part, 500)} | {"giant": BLOCK_ROWS - 100})
        log.compact()
        log.vacuum(grace=timedelta(0))
        append(log, {"s-7": 2, "giant": 3, "late": 1})
    return folder


@pytest.fixture
def large(made, tmp_path):
    """A compacted log with streams of one event, of many, and of more than two blocks; and small commits after it."""
    return Path(shutil.copytree(made, tmp_path / "log"))


def test_compaction_makes_a_copy_of_each_large_file_and_says_so(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        append(log, {"a": 3000})
        append(log, {"b": 10})
        append(log, {"c": 1000})
        assert log.compact(target_events=3000).sorted_copies == 2
        assert log.compact(target_events=3000).sorted_copies == 0
    assert sorted(p.name for p in (tmp_path / "log" / COPIES).iterdir()) == [
        "00000000000000000001-00000000000000003000.blocks",
        "00000000000000003001-00000000000000004010.blocks",
    ]


@pytest.mark.long
@given(after=st.integers(0, 4200), length=st.none() | st.integers(0, 2100))
@settings(max_examples=settings.default.max_examples // 4)
def test_a_stream_of_many_blocks_is_read_from_any_version_to_any(shared_large, after, length):
    log, everything = shared_large
    to = None if length is None else after + length
    expected = [row for row in everything if row[1] > after and (to is None or row[1] <= to)]
    assert facts(log.load("giant", after_version=after, to_version=to)) == expected


@pytest.fixture(scope="module")
def shared_large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared") / "log"
    with open_log(folder, create=True) as log:
        assert isinstance(log, ParquetLog)
        append(log, {f"s-{n}": 1 for n in range(700)} | {"giant": 4000})
        append(log, {"giant": 150} | {f"t-{n}": 1 for n in range(700)})
        log.compact()
        yield log, scanned(folder, "giant")


def test_every_stream_is_what_the_scan_gives(large):
    with open_log(large) as log:
        for stream in ["s-0", "s-7", "s-499", "giant", "late", "nobody"]:
            everything = scanned(large, stream)
            for after, to in ((0, 9_999), (2, 9_999), (0, 2), (1, 3)):
                expected = [row for row in everything if after < row[1] <= to]
                assert facts(log.load(stream, after_version=after, to_version=to)) == expected, (stream, after, to)
            assert facts(log.load(stream)) == everything
            assert log.stream_version(stream) == len(everything)


def test_the_scan_is_not_asked_where_there_are_copies(large, monkeypatch):
    monkeypatch.setattr(Scanner, "query", lambda *_: pytest.fail("a scan"))
    with open_log(large) as log:
        assert len(log.load("s-7")) == 14
        assert log.stream_version("nobody") == 0


def damage(name):
    def cut(path):
        path.write_bytes(path.read_bytes()[:-100])

    def empty(path):
        path.write_bytes(b"")

    def flip_a_block(path):
        data = bytearray(path.read_bytes())
        data[len(data) // 4] ^= 0x40
        path.write_bytes(data)

    def flip_the_directory(path):
        data = bytearray(path.read_bytes())
        data[-400] ^= 0x40
        path.write_bytes(data)

    def remove(path):
        path.unlink()

    def not_ours(path):
        path.write_bytes(b"something else entirely" * 100)

    return {f.__name__: f for f in (cut, empty, flip_a_block, flip_the_directory, remove, not_ours)}[name]


@pytest.mark.long_but_first
@pytest.mark.parametrize("how", ["cut", "empty", "flip_a_block", "flip_the_directory", "remove", "not_ours"])
def test_a_damaged_copy_is_as_good_as_none(large, how):
    [copy] = (large / COPIES).iterdir()
    damage(how)(copy)
    with open_log(large) as log:
        for stream in ("s-3", "s-250", "giant", "nobody"):
            assert facts(log.load(stream)) == scanned(large, stream)


@pytest.mark.parametrize("how", ["cut", "empty", "flip_the_directory", "not_ours"])
def test_compaction_replaces_a_copy_that_cannot_be_used(large, how):
    [copy] = (large / COPIES).iterdir()
    damage(how)(copy)
    with open_log(large) as log:
        assert isinstance(log, ParquetLog)
        assert log.compact().sorted_copies == 1
        assert log.compact().sorted_copies == 0


def test_the_copy_of_another_log_is_not_used(tmp_path, large):
    [name] = [copy.name for copy in (large / COPIES).iterdir()]
    with open_log(large) as log:
        events = log.head().position - 6
    with open_log(tmp_path / "other", create=True) as other:
        assert isinstance(other, ParquetLog)
        append(other, {"giant": events})
        other.compact()
        assert [copy.name for copy in (tmp_path / "other" / COPIES).iterdir()] == [name]
        shutil.copy(large / COPIES / name, tmp_path / "other" / COPIES / name)
    with open_log(tmp_path / "other") as other:
        assert len(other.load("giant")) == events
        assert other.load("s-7") == []


def test_vacuum_removes_the_copies_of_files_that_are_gone(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        assert isinstance(log, ParquetLog)
        append(log, {"a": 1200})
        log.compact()
        append(log, {"b": 1200})
        log.compact()
        assert len(list((tmp_path / "log" / COPIES).iterdir())) == 2
        log.vacuum(grace=timedelta(hours=1))
        assert len(list((tmp_path / "log" / COPIES).iterdir())) == 2
        log.vacuum(grace=timedelta(0))
        [copy] = (tmp_path / "log" / COPIES).iterdir()
        assert copy.name == "00000000000000000001-00000000000000002400.blocks"
        assert [len(log.load(s)) for s in ("a", "b")] == [1200, 1200]


@pytest.mark.long
def test_a_log_that_is_open_uses_the_copies_that_another_process_makes(tmp_path, monkeypatch):
    with open_log(tmp_path / "log", create=True) as reader:
        append(reader, {"a": 1500, "b": 1500})
        before = facts(reader.load("a"))
        with open_log(tmp_path / "log") as writer:
            assert isinstance(writer, ParquetLog)
            assert writer.compact().sorted_copies == 1
        monkeypatch.setattr(Scanner, "query", lambda *_: pytest.fail("a scan"))
        assert facts(reader.load("a")) == before


def test_an_order_that_only_the_tail_knows_can_be_appended_to(large):
    with open_log(large) as log:
        assert log.append("late", [OrderCreated(currency="GBP")], expected=1).first_position == log.head().position
        assert log.append("s-3", [OrderCreated(currency="GBP")], expected=16).versions == {"s-3": 17}


IDS_KEPT = [f"s-{n}" for n in range(500)] + ["giant", "late"]


@pytest.mark.parametrize("pieces", [4096, 7])
def test_ids_are_listed_from_the_copies_and_no_further_than_asked(large, monkeypatch, pieces):
    monkeypatch.setattr(by_stream_build, "IDS", pieces)
    shutil.rmtree(large / "derived")
    with open_log(large) as log:
        assert isinstance(log, ParquetLog)
        log.compact()
    monkeypatch.setattr(Scanner, "query", lambda *_: pytest.fail("a scan"))
    read = []
    whole = ByStream._ids

    def noted(copy, number):
        read.append(number)
        return whole(copy, number)

    monkeypatch.setattr(ByStream, "_ids", noted)
    with open_log(large) as log:
        for prefix, limit in itertools.product(("", "s", "s-1", "s-499", "t", "giant", "gianu"), (None, 0, 1, 3, 1000)):
            wanted = sorted(i for i in IDS_KEPT if i.startswith(prefix))[:limit]
            assert log.stream_ids(prefix=prefix, limit=limit) == wanted
        read.clear()
        assert log.stream_ids(limit=2) == ["giant", "late"]
        assert len(read) == 1


@pytest.mark.parametrize("sorted_copies", [True, False])
def test_the_versions_of_all_streams_are_those_of_their_last_events(large, monkeypatch, sorted_copies):
    if not sorted_copies:
        shutil.rmtree(large / "derived")
    monkeypatch.setattr(streams_module, "_SORTED_PROBES_MOST", 0)  # which learns the versions of all
    if sorted_copies:
        monkeypatch.setattr(Scanner, "query", lambda *_: pytest.fail("a scan"))
    with open_log(large) as log:
        versions = {stream: log.stream_version(stream) for stream in (*IDS_KEPT, "nobody")}
    with open_log(large) as log:
        monkeypatch.undo()
        assert versions == {stream: len(log.load(stream)) for stream in (*IDS_KEPT, "nobody")}


@pytest.mark.long
def test_a_byte_flipped_anywhere_in_a_copy_changes_no_answer(large):
    [copy] = (large / COPIES).iterdir()
    whole = copy.read_bytes()
    with open_log(large) as log:
        right = facts(log.load("s-3")), log.stream_ids(), log.existing(["s-3", "s-4", "no"])
    for at in range(0, len(whole), len(whole) // 150):
        copy.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with open_log(large) as log:
            assert (facts(log.load("s-3")), log.stream_ids(), log.existing(["s-3", "s-4", "no"])) == right, at
