"""`python forking.py FOLDER ACKS`: uses a handle, forks, and goes on with it in both processes at once."""

import os
import sys
import warnings
from datetime import timedelta

from writing import Acks, events_for, places

from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog


def main(folder, ack_path):
    acks = Acks(ack_path)
    log = open_log(folder, create=True)
    assert isinstance(log, ParquetLog)

    def append():
        pairs = events_for(["a"])
        acks.tell(events=places(pairs, log.append("a", [pairs[0][1]], expected=ANY)))

    append()
    log.compact()
    log.vacuum(grace=timedelta(0))
    assert log.load("a")  # through DuckDB, whose connection no fork survives
    assert log.stream_version("a") == 1
    with warnings.catch_warnings():  # newer Pythons warn of other libraries' threads, which is what is tried here
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    for _ in range(20):
        append()
        assert log.load("a")
    if not child:
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
    sys.stdout.write(f"[{len(log.load('a'))}, {log.head().position}]")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
