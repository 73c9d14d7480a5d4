"""Nobody has to call `compact`: files are merged beside the appends, and nothing of the log changes by it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.audit import verify
from orders_es.log import ANY, NO_STREAM, StreamAppend, open_log
from orders_es.log.event import LogFile
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.streams import is_small
from orders_es.log.parquet.upkeep import FAN_OUT, FULL, LOOSE, SWITCH, ripe
from orders_es.orders import DiscountApplied, OrderCreated
from orders_es.replay import connect


def opened(place, *, create=False) -> ParquetLog:
    log = open_log(place, create=create)
    assert isinstance(log, ParquetLog)
    return log


def chain_of(counts):
    files, first = [], 1
    for count in counts:
        files.append(LogFile(f"{first}", "commit", first, first + count - 1))
        first += count
    return files


def merged(chain, run):
    begin = chain.index(run[0])
    segment = LogFile("merged", "segment", run[0].first, run[-1].last)
    return [*chain[:begin], segment, *chain[begin + len(run) :]]


SIZES = st.one_of(st.just(1), st.integers(1, 300), st.integers(1, 70_000), st.integers(1, 3 * FULL))


@given(st.lists(st.tuples(SIZES, st.integers(1, 700)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_is_ripe_are_neighbours_and_merging_them_ends_with_few_files(runs):
    chain = chain_of([count for count, times in runs for _ in range(times)])
    events = sum(file.count for file in chain)
    while run := ripe(chain):
        begin = chain.index(run[0])
        assert run == chain[begin : begin + len(run)]
        assert len(run) > 1
        assert all(file.count < FULL for file in run)
        assert sum(file.count for file in run) <= 2 * FULL
        chain = merged(chain, run)
    assert sum(file.count for file in chain) == events
    full = sum(file.count >= FULL for file in chain)
    assert len(chain) < full + (1 + full) * 5 * (LOOSE + 4 * FAN_OUT)


def test_one_event_commits_leave_few_files_however_many_they_are():
    chain, rewritten = [], 0
    for number in range(20_000):
        chain.append(LogFile("new", "commit", number + 1, number + 1))
        if number % 64 == 0:
            while run := ripe(chain):
                rewritten += sum(file.count for file in run)
                chain = merged(chain, run)
        assert len(chain) < LOOSE + 64 + 3 * FAN_OUT
    assert rewritten < 4 * 20_000  # an event is written again once for each size


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    place = tmp_path_factory.mktemp("many") / "log"
    log = opened(place, create=True)
    for number in range(LOOSE + 100):
        log.append(f"A-{number % 90}", [DiscountApplied(amount=Decimal(1))], expected=ANY)
    log._upkeep.wait()
    yield log
    log.close()


@pytest.mark.long
def test_a_writer_that_never_calls_compact_ends_with_few_files(many):
    assert len(many.files()) < LOOSE
    assert many.files()[0].kind == "segment"
    assert many.unsorted_events() == 0


@pytest.mark.long
def test_all_is_as_if_nothing_had_been_merged(many):
    assert verify(many).ok
    another = opened(many.url)
    assert another.head() == many.head()
    assert [e.version for e in another.load("A-7")] == [e.version for e in many.load("A-7")] == [1, 2, 3, 4]
    with connect(many) as session:
        assert session.sql("SELECT count(*), count(DISTINCT stream_id) FROM events").rows() == [(LOOSE + 100, 90)]
    another.close()


def test_a_handle_of_somebody_else_takes_in_what_was_merged(tmp_path):
    with opened(tmp_path / "log", create=True) as log:
        log.upkeep = False
        with opened(tmp_path / "log") as reader:
            for number in range(LOOSE):
                log.append(f"A-{number}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
            assert len(reader.files()) == LOOSE
            log.upkeep = True
            log.append("B", [OrderCreated(currency="GBP")], expected=NO_STREAM)
            log._upkeep.wait()
            assert reader.head() == log.head()
            assert len(reader.files()) == len(log.files()) == 1
            assert reader.load("A-3")[0].version == 1


def test_a_fresh_handle_merges_what_programs_left_that_append_once(tmp_path):
    with opened(tmp_path / "log", create=True) as log:
        log.upkeep = False
        for number in range(LOOSE):
            log.append(f"A-{number}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    with opened(tmp_path / "log") as again:
        again.append("B", [OrderCreated(currency="GBP")], expected=NO_STREAM)
    assert [file.kind for file in opened(tmp_path / "log").files()] == ["segment"]  # closing waits for it


def test_a_switch_turns_it_off(tmp_path, monkeypatch):
    monkeypatch.setenv(SWITCH, "off")
    with opened(tmp_path / "log", create=True) as log:
        assert not log.upkeep
        for number in range(LOOSE + 70):
            log.append(f"A-{number}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        assert len(log.files()) == LOOSE + 70


def test_what_is_searched_often_gets_a_sorted_copy(tmp_path):
    with opened(tmp_path / "log", create=True) as log:
        log.append_batch(
            [StreamAppend(f"A-{number}", [OrderCreated(currency="GBP")], NO_STREAM) for number in range(1200)]
        )
        assert log.unsorted_events() == 1200
        for _ in range(3):
            log.load("A-3")
        log._upkeep.wait()
        assert log.unsorted_events() == 0
        assert [e.stream_id for e in log.load("A-3")] == ["A-3"]


def test_superseded_files_go_by_themselves_an_hour_later_and_not_before(tmp_path, monkeypatch):
    with opened(tmp_path / "log", create=True) as log:
        for number in range(LOOSE):
            log.append(f"A-{number}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        log._upkeep._appended = 10**6
        log.append("B", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        log._upkeep.wait()
        commits = tmp_path / "log" / "commits"
        assert sum(1 for _ in commits.iterdir()) == LOOSE + 1
        monkeypatch.setattr("orders_es.log.parquet.upkeep._GRACE", timedelta(0))
        log._upkeep._vacuums_from = 0.0
        log._upkeep._start(copies=True)
        log._upkeep.wait()
        left = [file for file in log.files() if is_small(file)]
        assert sum(1 for _ in commits.iterdir()) == len(left) < LOOSE
        assert verify(log).ok


def test_a_folder_that_refuses_costs_no_append(tmp_path):
    with opened(tmp_path / "log", create=True) as log:
        (tmp_path / "log" / "segments").rmdir()
        (tmp_path / "log" / "segments").symlink_to("nowhere")
        log._upkeep._work(False)  # what it meets is no matter of whoever appends
        assert log._upkeep._rests_until > 0
