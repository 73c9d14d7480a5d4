"""Processes that erase, and kill themselves at the k-th step of it.

`python dying_eraser.py` reads lines `K URL`. For each it forks a process that erases the personal data of `mail-1` in the log at URL, and
writes a line with the signal that ended it, or 0. A step begins and ends with each call that the log makes of the operating
system and of PostgreSQL, and with each line of what changes a DuckDB file.
"""

import os
import signal
import sys

import duckdb  # noqa: F401 - all of these are loaded before a fork, and not in every process again
import pyarrow.compute
import pyarrow.parquet  # noqa: F401
from erasable import registry

from orders_es import audit
from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog, erasing, upcast_copies  # noqa: F401

_CHANGING = frozenset(("open", "write", "fsync", "link", "rename", "replace", "unlink", "rmdir", "chmod", "close"))
_DUCKDB = frozenset(("commit", "finish_erasing", "erase_personal", "checkpoint", "connect", "close"))


def die_at(k):
    """Have this process die at the k-th moment before or after such a call; before any line of what changes a DuckDB file."""
    steps = 0

    def pass_by():
        nonlocal steps
        steps += 1
        if steps == k:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(frame, event, call):
        if event in ("c_call", "c_return", "c_exception"):
            if (getattr(call, "__module__", "") or "") == "posix" and call.__name__ in _CHANGING:
                pass_by()
        elif frame.f_code.co_name in ("execute", "copy") and "psycopg" in frame.f_code.co_filename:
            pass_by()

    def line_of(_frame, event, _):
        if event == "line":
            pass_by()
        return line_of

    def trace(frame, _event, _):  # DuckDB's methods are no functions that a profiler sees
        changing = frame.f_code.co_filename.endswith("/log/duckdb/erasing.py") or frame.f_code.co_name in _DUCKDB
        return line_of if changing and "/log/duckdb/" in frame.f_code.co_filename else None

    sys.setprofile(watch)
    sys.settrace(trace)


def main():
    for line in sys.stdin:
        k, _, url = line.strip().partition(" ")
        child = os.fork()
        if not child:
            try:
                log = open_log(url, registry=registry())
                if isinstance(log, ParquetLog):
                    log.upkeep = False
                die_at(int(k))
                audit.erase(log, "mail-1", why="request")
                os._exit(0)
            finally:
                sys.stderr.flush()
                os._exit(3)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
