"""Many un-compacted commits: each footer is read once, and nothing that grows with them is quadratic. Work is counted, not timed."""

import os
import shutil

import pyarrow.parquet as pq
import pytest

from orders_es.errors import DamagedLog
from orders_es.log import ANY, open_log
from orders_es.log.event import LogFile
from orders_es.log.leaf import leaf_hashes
from orders_es.log.parquet import ParquetLog, compaction
from orders_es.orders import OrderPlaced

COMMITS = 60


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "log"
    with open_log(folder, create=True) as log:
        for number in range(COMMITS):
            log.append(f"order-{number % 7}", [OrderPlaced()], expected=ANY)
    return folder


@pytest.fixture
def folder(template, tmp_path):
    return shutil.copytree(template, tmp_path / "log")


@pytest.fixture
def opened(monkeypatch):
    """The data files that Python opens, by name: for their footers, and the last one to hold it."""
    seen = []
    real = os.open

    def counting(path, *args, **options):
        if str(path).endswith(".parquet"):
            seen.append(os.path.basename(path))  # noqa: PTH119 - a name out of a str
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", counting)
    return seen


@pytest.mark.parametrize("first", ["load", "append", "files", "version"])
def test_a_fresh_handle_reads_each_footer_once(folder, opened, first):
    log = open_log(folder)
    assert isinstance(log, ParquetLog)
    {
        "load": lambda: log.load("order-3"),
        "append": lambda: log.append("order-3", [OrderPlaced()], expected=ANY),
        "files": log.files,
        "version": lambda: log.stream_version("order-3"),
    }[first]()
    assert len(set(opened)) == COMMITS
    assert len(opened) <= COMMITS + 20  # of one order's events besides
    opened.clear()
    log.stream_version("order-4")
    log.append("order-3", [OrderPlaced()], expected=ANY)
    log.files()
    assert len(opened) <= 1


def test_a_new_commit_of_others_opens_that_one(folder, opened):
    log, other = open_log(folder), open_log(folder)
    assert isinstance(log, ParquetLog)
    log.load("order-3")
    other.append("order-3", [OrderPlaced()], expected=ANY)
    opened.clear()
    assert log.load("order-3")[-1].position == COMMITS + 1
    assert log.files()[-1].last == COMMITS + 1
    assert set(opened) == {f"{COMMITS + 1:020d}.parquet"}


def test_a_compaction_of_a_part_opens_nothing_of_the_rest(folder, opened):
    log, other = open_log(folder), open_log(folder)
    assert isinstance(log, ParquetLog)
    assert isinstance(other, ParquetLog)
    log.load("order-3")
    other.compact()
    other.append("order-3", [OrderPlaced()], expected=ANY)
    for number in range(10):
        other.append(f"order-{number}", [OrderPlaced()], expected=ANY)
    log.load("order-3")
    other.compact(target_events=COMMITS)
    opened.clear()
    log.relist()
    log.relist()
    log.files()
    assert len(set(opened)) <= 2


def test_small_files_are_read_without_a_parquet_library_and_larger_ones_without_threads(folder, monkeypatch):
    asked = []
    real = pq.ParquetFile.iter_batches

    def noting(self, *args, **options):
        asked.append(options.get("use_threads"))
        return real(self, *args, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", noting)
    assert sum(batch.num_rows for batch in open_log(folder).read()) == COMMITS
    assert asked == []
    open_log(folder).append("order-3", [OrderPlaced()] * 100, expected=ANY)
    assert sum(batch.num_rows for batch in open_log(folder).read()) == COMMITS + 100
    assert asked == [False]


def test_small_files_are_hashed_together(folder, monkeypatch):
    sizes = []
    real = leaf_hashes

    def noting(events):
        sizes.append(events.num_rows)
        return real(events)

    monkeypatch.setattr(compaction, "leaf_hashes", noting)
    log = open_log(folder)
    assert isinstance(log, ParquetLog)
    assert log.compact().files_after == 1
    assert sizes == [COMMITS]  # what was read; what was written is compared with it, value by value


def test_one_altered_file_among_many_is_named(folder):
    first, second = sorted((folder / "commits").iterdir())[30:32]
    data = second.read_bytes()
    at = data.rindex(b'"range":"') + len(b'"range":"')
    second.write_bytes(data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :])
    log = open_log(folder)
    assert isinstance(log, ParquetLog)
    with pytest.raises(DamagedLog, match=second.name):
        log.compact()
    assert first.exists()


def test_a_plan_looks_at_each_file_a_few_times():
    looks = 0

    class Counting(LogFile):
        @property
        def count(self):
            nonlocal looks
            looks += 1
            return self.last - self.first + 1

    chain = [Counting("c", "commit", n, n) for n in range(1, 20_001)]
    assert [len(run) for run in compaction.plan(list[LogFile](chain), 1_000_000)] == [20_000]
    assert looks < 10 * len(chain)
