import json
import multiprocessing
from datetime import timedelta
from pathlib import Path

import pytest
from checking import check_contests, check_log
from watching import watch
from writing import write_mixed

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

WRITERS = 3
READERS, TARGETS = ("read", "load", "subscribe"), (400, 1_000_000)


def keep_in_shape(folder, stop_path, out_path, target, begun):
    """Compact and vacuum without a pause, with a grace period of nothing, and once more after the last write."""
    segments = removed = 0
    stopped = False
    with open_log(folder) as log:
        assert isinstance(log, ParquetLog)
        begun.wait(600)
        while not stopped:
            stopped = Path(stop_path).exists()
            segments += log.compact(target_events=target).segments
            removed += log.vacuum(grace=timedelta(0)).files
    Path(out_path).write_text(json.dumps([segments, removed]), encoding="utf-8")


@pytest.mark.parametrize("commits", [60, pytest.param(900, marks=pytest.mark.long)])
def test_every_promise_holds(tmp_path, commits):
    folder, stop = str(tmp_path / "log"), tmp_path / "stop"
    open_log(folder, create=True).close()
    processes = multiprocessing.get_context("forkserver")
    barrier = processes.Barrier(WRITERS + len(READERS) + len(TARGETS))
    acks = [str(tmp_path / f"acks-{i}") for i in range(WRITERS)]
    writers = [
        processes.Process(target=write_mixed, args=(folder, f"writer-{i}", commits // WRITERS, path, barrier))
        for i, path in enumerate(acks)
    ]
    others = [
        processes.Process(target=watch, args=(kind, folder, str(stop), str(tmp_path / f"{kind}.json"), barrier))
        for kind in READERS
    ]
    others += [
        processes.Process(
            target=keep_in_shape, args=(folder, str(stop), str(tmp_path / f"kept-{target}"), target, barrier)
        )
        for target in TARGETS
    ]
    for process in (*others, *writers):
        process.start()
    for process in writers:
        process.join(600)
    stop.touch()
    for process in others:
        process.join(600)
    assert [process.exitcode for process in (*writers, *others)] == [0] * (WRITERS + len(others))
    for kind in READERS:
        said = json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8"))
        assert said["error"] is None
        assert said["turns"] >= (1 if kind == "subscribe" else 3)
    facts = check_log(folder, acks)
    assert sum("events" in fact for fact in facts) == commits
    check_contests(facts)
    kept = [json.loads((tmp_path / f"kept-{target}").read_text(encoding="utf-8")) for target in TARGETS]
    assert sum(segments for segments, _ in kept) > 1, "nobody compacted meanwhile"
    assert sum(removed for _, removed in kept) > 1, "and nothing was removed"
