import json
import multiprocessing

import pytest
from checking import check_contests, check_log
from watching import watch
from writing import write_mixed

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

READERS = ("read", "load", "subscribe", "duckdb")


@pytest.mark.parametrize(("count", "commits"), [(4, 120), pytest.param(8, 2000, marks=pytest.mark.long)])
def test_positions_and_versions_are_gapless_and_each_version_has_one_winner(tmp_path, count, commits):
    folder, stop = str(tmp_path / "log"), tmp_path / "stop"
    open_log(folder, create=True).close()
    processes = multiprocessing.get_context("forkserver")
    barrier = processes.Barrier(count + len(READERS))
    acks = [str(tmp_path / f"acks-{i}") for i in range(count)]
    writers = [
        processes.Process(target=write_mixed, args=(folder, f"writer-{i}", commits // count, path, barrier))
        for i, path in enumerate(acks)
    ]
    readers = [
        processes.Process(target=watch, args=(kind, folder, str(stop), str(tmp_path / f"{kind}.json"), barrier))
        for kind in READERS
    ]
    for process in (*readers, *writers):
        process.start()
    for process in writers:
        process.join(600)
    stop.touch()
    for process in readers:
        process.join(600)
    assert [process.exitcode for process in (*writers, *readers)] == [0] * (count + len(READERS))

    seen = [json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8")) for kind in READERS]
    assert {said["kind"]: said["error"] for said in seen} == dict.fromkeys(READERS)
    assert min(said["turns"] for said in seen if said["kind"] != "subscribe") >= 3, seen
    facts = check_log(folder, acks)
    assert sum("events" in fact for fact in facts) == commits
    assert check_contests(facts) >= 3 * (count - 1)
    with open_log(folder) as log:
        assert isinstance(log, ParquetLog)
        files = log.files()
    # As many as there were commits, or fewer, where some were merged meanwhile.
    assert len(files) <= commits
    assert [file.first for file in files] == [1, *(file.last + 1 for file in files[:-1])]
    assert seen[0]["end"] == seen[2]["end"] == seen[3]["end"] == files[-1].last
