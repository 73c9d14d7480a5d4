"""Processes that kill themselves at the k-th moment of what they are told to do.

`python dying.py WHAT TEMPORARY` reads lines `K FOLDER`. For each it forks a process that does WHAT (`batch`, `table`,
`compact` or `vacuum`) to the log in FOLDER, with `unnamed` or `named` temporary files, and writes a line with the signal
that ended it, or 0. The moments lie before and after each system call that changes what is on disk: at moment K the
process sends itself SIGKILL. Around a call that only looks, the files are those of the moment before, so it is none.
The acknowledgement, if the process lives to make one, goes to `FOLDER-acks`.
"""

import gc
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

CALLS = ("open", "write", "pwrite", "fsync", "link", "rename", "replace", "unlink")
CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def die_at(k):
    """Wrap the calls, so that this process dies at the k-th moment before or after one."""
    moments, opening = 0, os.open

    def pass_by():
        nonlocal moments
        moments += 1
        if moments == k:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(call):
        def run(*args, **options):
            if call is opening and (args[1:] or (os.O_RDONLY,))[0] & CHANGING == 0:
                return call(*args, **options)
            pass_by()
            try:
                return call(*args, **options)
            finally:
                pass_by()

        return run

    for name in CALLS:
        setattr(os, name, wrapped(getattr(os, name)))


def do(what, k, folder, pairs, given):
    """What a forked process does; it never returns."""
    acks = Acks(f"{folder}-acks")
    with open_log(folder) as log:
        assert isinstance(log, ParquetLog)
        die_at(k)
        if what == "batch":
            acks.tell(events=places(pairs, log.append_batch(given)))
        elif what == "table":
            acks.tell(events=places(pairs, log.append_table(given, expected=ANY)))
        elif what == "compact":
            log.compact()
        else:
            log.vacuum(grace=timedelta(0))
    os._exit(0)


def main(what, temporary):
    if temporary == "named":
        pytest.MonkeyPatch().setattr(os, "O_TMPFILE", 0)  # for the rest of this process
    pairs = events_for(["a", "b", "b"] if what != "table" else ["a"] * 150 + ["b"] * 50)
    given = table_of(pairs) if what == "table" else batch_of(pairs, {"a": ANY, "b": ANY})
    gc.freeze()
    for line in sys.stdin:
        k, _, folder = line.strip().partition(" ")
        child = os.fork()
        if not child:
            try:
                do(what, int(k), folder, pairs, given)
            finally:
                sys.stderr.flush()
                os._exit(3)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
