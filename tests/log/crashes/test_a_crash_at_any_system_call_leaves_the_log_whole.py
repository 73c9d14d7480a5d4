"""One process for each moment before and after each system call of an append, a compaction and a vacuum."""

import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from checking import check_log, rows_of
from watching import gapless, whole
from writing import batch_of, events_for, read_acks

from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog

PROGRAM = Path(__file__).parents[1] / "programs" / "dying.py"
MOST = 400


def filled(path, commits=6):
    with open_log(path, create=True) as log:
        for _ in range(commits):
            log.append_batch(batch_of(events_for(["a", "b", "b"]), {"a": ANY, "b": ANY}))
    return str(path)


def found_in(folder):
    """The files of a log and their sizes; of temporary files, whose names are random, whether there is something in them."""
    for path in sorted(Path(folder).rglob("*")):
        yield ("temporary", path.stat().st_size > 0) if path.suffix == ".tmp" else (path.name, path.stat().st_size)


class Dying:
    """Makes processes that die at a moment of an append, a compaction or a vacuum, each on a copy of a log."""

    def __init__(self, source, what, temporary):
        self.source = source
        self.states = set()
        self.program = subprocess.Popen(
            [sys.executable, PROGRAM, what, temporary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stdin.close()
        self.program.stdout.close()
        assert self.program.wait(600) == 0

    def copies(self):
        """A copy of the log for each moment in turn, with whether its process died; ends after the first that lived.

        Of moments that leave the same files of the same sizes, and the same acknowledgement, only the first is given.
        """
        died, k = True, 0
        while died:
            k += 1
            assert k < MOST, "it never comes to its end"
            folder = f"{self.source}-{k}"
            shutil.copytree(self.source, folder)
            self.program.stdin.write(f"{k} {folder}\n")
            self.program.stdin.flush()
            status = int(self.program.stdout.readline())
            assert status in (0, signal.SIGKILL)
            died = status != 0
            state = (died, Path(f"{folder}-acks").stat().st_size > 0, *found_in(folder))
            if state not in self.states:
                yield folder, died
            else:
                shutil.rmtree(folder)
            self.states.add(state)
        assert k > 10


@pytest.mark.parametrize("temporary", ["unnamed", pytest.param("named", marks=pytest.mark.long)])
@pytest.mark.parametrize("what", ["batch", pytest.param("table", marks=pytest.mark.long)])
def test_an_append_is_there_whole_or_not_at_all_and_the_next_one_goes_on(tmp_path, what, temporary):
    size = 3 if what == "batch" else 200
    outcomes = set()
    with Dying(filled(tmp_path / "log"), what, temporary) as dying:
        for folder, died in dying.copies():
            rows, _ = rows_of(folder)
            acknowledged = bool(read_acks(f"{folder}-acks"))
            count = len(rows["position"]) - 18
            assert count in (0, size)
            assert count == size or not acknowledged
            assert died or acknowledged
            outcomes.add(("there" if count else "not there", acknowledged))
            with open_log(folder) as log:
                made = log.append_batch(batch_of(events_for(["a"]), {"a": ANY}))
            assert made.first_position == 18 + count + 1
            check_log(folder, [f"{folder}-acks"])
    assert outcomes == {("not there", False), ("there", False), ("there", True)}


@pytest.mark.long
@pytest.mark.parametrize("temporary", ["unnamed", pytest.param("named", marks=pytest.mark.long)])
@pytest.mark.parametrize("what", ["compact", pytest.param("vacuum", marks=pytest.mark.long)])
def test_maintenance_changes_nothing_and_can_be_run_again(tmp_path, what, temporary):
    source = filled(tmp_path / "log")
    with open_log(source) as log:
        assert isinstance(log, ParquetLog)
        if what == "vacuum":
            log.compact()
        head, before = log.head(), rows_of(source)
    files: set[Any] = set()
    with Dying(source, what, temporary) as dying:
        for folder, _ in dying.copies():
            assert rows_of(folder) == before
            files.add(len(list(Path(folder, "commits").glob("*.parquet"))))
            with open_log(folder) as log:
                assert isinstance(log, ParquetLog)
                assert log.head() == head
                files.add(("in the chain", len(log.files())))
                log.append_batch(batch_of(events_for(["a"]), {"a": ANY}))
                assert log.compact().files_after == 1
                assert log.vacuum(grace=timedelta(0)).waiting == 0
                assert [(file.kind, file.first, file.last) for file in log.files()] == [("segment", 1, 19)]
            rows, _ = rows_of(folder)
            gapless(rows["position"], 1, "positions")
            whole(rows["correlation_id"])
    if what == "compact":
        assert files == {6, ("in the chain", 6), ("in the chain", 1)}
    else:
        assert files == {*range(7), ("in the chain", 1)}
