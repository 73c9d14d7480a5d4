import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from checking import check_log
from watching import watch
from writing import read_acks, write_mixed

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

TIMES = 50
READERS = ("read", "subscribe")


def killed_again_and_again(folder, ack_path, times):
    """Fork writers that write for ever, and kill each at a random moment of its life."""
    import duckdb  # noqa: F401 - loaded before the forks
    import pandas  # noqa: F401, ICN001

    from orders_es.log import bulk  # noqa: F401
    from orders_es.log.parquet import ParquetLog  # noqa: F401

    random.seed(7)
    for i in range(times):
        child = os.fork()
        if not child:
            try:
                write_mixed(folder, f"writer-{i}", 1_000_000, ack_path)
            finally:
                os._exit(3)
        if i % 3:  # otherwise it dies while it opens the log, or at its first append
            wait_for_growth(ack_path)
        time.sleep(random.uniform(0.0, 0.06))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert status == signal.SIGKILL, f"writer {i} ended by itself: {status}"


def wait_for_growth(path):
    """Until something is written to the file, but not for ever."""
    size = Path(path).stat().st_size if Path(path).exists() else 0
    for _ in range(5000):
        if Path(path).exists() and Path(path).stat().st_size > size:
            return
        time.sleep(0.001)


@pytest.mark.long
def test_fifty_writers_killed_while_others_read(tmp_path):
    folder, acks, stop = str(tmp_path / "log"), str(tmp_path / "acks"), tmp_path / "stop"
    open_log(folder, create=True).close()
    processes = multiprocessing.get_context("forkserver")
    readers = [
        processes.Process(target=watch, args=(kind, folder, str(stop), str(tmp_path / f"{kind}.json")))
        for kind in READERS
    ]
    killer = processes.Process(target=killed_again_and_again, args=(folder, acks, TIMES))
    for process in (*readers, killer):
        process.start()
    killer.join(600)
    stop.touch()
    for process in readers:
        process.join(600)
    assert [process.exitcode for process in (killer, *readers)] == [0, 0, 0]
    for kind in READERS:
        said = json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8"))
        assert said["error"] is None
        assert said["turns"] > 3
    facts = check_log(folder, [acks])
    acknowledged = sum("events" in fact for fact in facts)
    assert acknowledged > TIMES // 5  # on a busy machine, many die before their first append is through
    with open_log(folder) as log:
        assert isinstance(log, ParquetLog)
        assert acknowledged <= len(log.files()) <= acknowledged + TIMES
        end = log.head().position
    write_mixed(folder, "after", 5, acks)
    check_log(folder, [acks])
    with open_log(folder) as log:
        assert log.head().position >= end + 5
    assert read_acks(acks)[-1] == {"finished": "after"}
