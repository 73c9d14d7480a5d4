"""Processes that kill themselves at the k-th moment of what they are told to do.

`python dying.py WHAT TEMPORARY` reads lines `K FOLDER`. For each it forks a process that does WHAT (`batch`, `table`,
`compact` or `vacuum`) to the log in FOLDER, with `unnamed` or `named` temporary files, and writes a line with the signal
that ended it, or 0. The moments lie before and after each system call that the log builds its promises on: at moment K
the process sends itself SIGKILL. The acknowledgement, if the process lives to make one, goes to `FOLDER-acks`.
"""

import os
import signal
import sys
from datetime import timedelta

import duckdb  # noqa: F401 - all of these are loaded before a fork, and not in every process again
import pandas  # noqa: F401, ICN001
import pyarrow.compute
import pyarrow.parquet  # noqa: F401
import pytest
from writing import Acks, batch_of, events_for, places, table_of

from orders_es.log import (
    ANY,
    bulk,  # noqa: F401
    open_log,
)
from orders_es.log.parquet import ParquetLog, compaction, storage  # noqa: F401

CALLS = ("open", "write", "fsync", "link", "unlink", "stat", "listdir")


def die_at(k):
    """Wrap the calls, so that this process dies at the k-th moment before or after one."""
    moments = 0

    def pass_by():
        nonlocal moments
        moments += 1
        if moments == k:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(call):
        def run(*args, **options):
            pass_by()
            try:
                return call(*args, **options)
            finally:
                pass_by()

        return run

    for name in CALLS:
        setattr(os, name, wrapped(getattr(os, name)))


def do(what, k, folder):
    """What a forked process does; it never returns."""
    acks = Acks(f"{folder}-acks")
    with open_log(folder) as log:
        assert isinstance(log, ParquetLog)
        pairs = events_for(["a", "b", "b"] if what != "table" else ["a"] * 150 + ["b"] * 50)
        batch, table = batch_of(pairs, {"a": ANY, "b": ANY}), table_of(pairs)
        die_at(k)
        if what == "batch":
            acks.tell(events=places(pairs, log.append_batch(batch)))
        elif what == "table":
            acks.tell(events=places(pairs, log.append_table(table, expected=ANY)))
        elif what == "compact":
            log.compact()
        else:
            log.vacuum(grace=timedelta(0))
    os._exit(0)


def main(what, temporary):
    if temporary == "named":
        pytest.MonkeyPatch().setattr(os, "O_TMPFILE", 0)  # for the rest of this process
    for line in sys.stdin:
        k, _, folder = line.strip().partition(" ")
        child = os.fork()
        if not child:
            try:
                do(what, int(k), folder)
            finally:
                sys.stderr.flush()
                os._exit(3)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
