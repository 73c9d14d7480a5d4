"""A writer decides on a name, sleeps, and others append, compact and vacuum that very name away before it goes on."""

import multiprocessing
import os
import signal
from datetime import timedelta

import pytest
from checking import rows_of
from writing import batch_of, events_for, table_of

from orders_es.errors import VersionConflict
from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.log.parquet import ParquetLog, vacuuming

PROCESSES = multiprocessing.get_context("forkserver")
NOW = timedelta(0)


def sleeping_append(folder, expected, at, reached, go, said, unnamed):
    """Append with one handle, asleep at one moment of it until told to go on; `at` is where."""
    if not unnamed:
        pytest.MonkeyPatch().setattr(os, "O_TMPFILE", 0)  # for the rest of this process
    link, fsync = os.link, os.fsync

    def sleep():
        reached.set()
        go.wait(600)

    def slow_link(*args, **options):
        sleep_here = at == "before the link"
        if sleep_here:
            sleep()
        link(*args, **options)
        if at == "killed after the link":
            os.kill(os.getpid(), signal.SIGKILL)

    def slow_fsync(fd):
        if at != "before the link" and not reached.is_set():
            sleep()
        fsync(fd)

    with open_log(folder) as log:
        os.link, os.fsync = slow_link, slow_fsync
        ((_, event),) = events_for(["contested"])
        try:
            made = log.append("contested", [event], expected=expected)
        except VersionConflict as conflict:
            said.put(("conflict", conflict.expected, conflict.actual))
        else:
            said.put((event.event_id.hex, "contested", made.versions["contested"], made.first_position))


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("expected", "outcome", "unnamed"),
    [(1, "conflict", True), (ANY, "at the end", True), (ANY, "at the end", False)],
    ids=["version", "any", "any, named temporary files"],
)
def test_its_events_land_at_the_true_end_or_conflict(tmp_path, expected, outcome, unnamed):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log:
        log.append("contested", [event for _, event in events_for(["contested"])], expected=NO_STREAM)
        reached, go, said = PROCESSES.Event(), PROCESSES.Event(), PROCESSES.Queue()
        writer = PROCESSES.Process(
            target=sleeping_append, args=(folder, expected, "before the lock", reached, go, said, unnamed)
        )
        writer.start()
        assert reached.wait(600)
        ids = compacted_away(log, 6)
        before = log.head()
        old = open_log(folder)
        go.set()
        answer = said.get(timeout=600)
        writer.join(600)
        with open_log(folder) as fresh:
            rows, where = rows_of(folder)
            assert all(event_id in where for event_id in ids)
            if outcome == "conflict":
                assert answer == ("conflict", 1, 7)
                assert old.head() == log.head() == fresh.head() == before
            else:
                assert where[answer[0]] == answer[1:] == ("contested", 8, 8)
                assert old.head() == log.head() == fresh.head()
                assert fresh.head().position == 8
        assert len(rows["position"]) == (7 if outcome == "conflict" else 8)


def compacted_away(log, count):
    """Append so much to the contested stream, then compact and vacuum every commit away; the ids of what was appended."""
    ids = []
    for _ in range(count):
        ((_, event),) = events_for(["contested"])
        log.append("contested", [event], expected=ANY)
        ids.append(event.event_id.hex)
    log.compact()
    assert log.vacuum(grace=NOW).waiting == 0
    assert [file.kind for file in log.files()] == ["segment"]
    return ids


def test_a_writer_stopped_right_before_its_link_keeps_vacuum_from_freeing_the_name(tmp_path, monkeypatch):
    monkeypatch.setattr(vacuuming, "_PATIENCE_SECONDS", 0.1)  # it would wait for the writer for so long, and no longer
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log:
        assert isinstance(log, ParquetLog)
        reached, go, said = PROCESSES.Event(), PROCESSES.Event(), PROCESSES.Queue()
        writer = PROCESSES.Process(
            target=sleeping_append, args=(folder, ANY, "before the link", reached, go, said, True)
        )
        writer.start()
        assert reached.wait(600)
        os.kill(writer.pid, signal.SIGSTOP)
        log.append("a", [event for _, event in events_for(["a"])], expected=ANY)
        log.append("b", [event for _, event in events_for(["b"])], expected=ANY)
        log.compact()
        assert log.vacuum(grace=NOW).waiting == 2
        os.kill(writer.pid, signal.SIGCONT)
        go.set()
        assert said.get(timeout=600)[1:] == ("contested", 1, 3)
        writer.join(600)
        assert log.vacuum(grace=NOW).files == 2
        assert [file.kind for file in log.files()] == ["segment", "commit"]


def test_a_writer_killed_right_after_its_link_leaves_a_whole_commit_and_no_lock(tmp_path):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log:
        assert isinstance(log, ParquetLog)
        reached, go, said = PROCESSES.Event(), PROCESSES.Event(), PROCESSES.Queue()
        writer = PROCESSES.Process(
            target=sleeping_append, args=(folder, ANY, "killed after the link", reached, go, said, True)
        )
        writer.start()
        assert reached.wait(600)
        go.set()
        writer.join(600)
        assert writer.exitcode == -signal.SIGKILL
        assert log.head().position == 1
        log.append("a", [event for _, event in events_for(["a"])], expected=ANY)
        log.compact()
        assert log.vacuum(grace=NOW).files == 2


@pytest.mark.long
def test_a_writer_killed_after_its_link_onto_a_vacuumed_name_changes_nothing(tmp_path):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log:
        log.append("contested", [event for _, event in events_for(["contested"])], expected=NO_STREAM)
        old = open_log(folder)
        assert isinstance(old, ParquetLog)
        assert len(old.files()) == 1
        reached, go, said = PROCESSES.Event(), PROCESSES.Event(), PROCESSES.Queue()
        writer = PROCESSES.Process(
            target=sleeping_append, args=(folder, ANY, "killed after the link", reached, go, said, True)
        )
        writer.start()
        assert reached.wait(600)
        ids = compacted_away(log, 3)
        go.set()
        writer.join(600)
        assert writer.exitcode == -signal.SIGKILL
        rows, where = rows_of(folder)
        assert all(event_id in where for event_id in ids)
        seen = [str(event.event_id.hex) for event in old.load("contested")]
        assert seen[1:4] == ids
        assert len(seen) == len(rows["position"]) == old.head().position


@pytest.mark.long
def test_a_reader_with_an_old_listing_never_reads_a_commit_that_came_late(tmp_path):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log:
        assert isinstance(log, ParquetLog)
        log.append("contested", [event for _, event in events_for(["contested"])], expected=NO_STREAM)
        reached, go, said = PROCESSES.Event(), PROCESSES.Event(), PROCESSES.Queue()
        writer = PROCESSES.Process(
            target=sleeping_append, args=(folder, ANY, "killed after the link", reached, go, said, True)
        )
        writer.start()
        assert reached.wait(600)
        ids = [append_one(log) for _ in range(3)]
        old = open_log(folder)
        assert isinstance(old, ParquetLog)
        assert [file.first for file in old.files()] == [1, 2, 3, 4]
        log.compact()
        log.vacuum(grace=NOW)
        go.set()
        writer.join(600)
        batches = list(old.read(after=1, to=4, columns=["event_id"]))
        assert [event_id.hex for batch in batches for event_id in batch.column(0).to_pylist()] == ids


def append_one(log):
    ((_, event),) = events_for(["contested"])
    log.append("contested", [event], expected=ANY)
    return event.event_id.hex


def test_a_bulk_writer_that_slept_lands_at_the_true_end(tmp_path):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log, open_log(folder) as sleeper:
        append_one(log)
        compacted_away(log, 5)
        pairs = events_for(["bulk"] * 100)
        made = sleeper.append_table(table_of(pairs))
        assert (made.first_position, made.last_position) == (7, 106)
        assert log.head() == sleeper.head()


@pytest.mark.parametrize("call", ["append", "append_batch"])
def test_a_right_expectation_is_not_refused_by_a_handle_that_slept(tmp_path, call):
    folder = str(tmp_path / "log")
    with open_log(folder, create=True) as log, open_log(folder) as sleeper:
        append_one(log)
        assert sleeper.stream_version("contested") == 1
        compacted_away(log, 5)
        pairs = events_for(["contested"])
        if call == "append":
            made = sleeper.append("contested", [pairs[0][1]], expected=6)
        else:
            made = sleeper.append_batch(batch_of(pairs, {"contested": 6}))
        assert made.versions == {"contested": 7}
        with pytest.raises(VersionConflict) as raised:
            log.append("contested", [events_for(["contested"])[0][1]], expected=6)
        assert raised.value.actual == 7
