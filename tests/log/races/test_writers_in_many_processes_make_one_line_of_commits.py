import json
import multiprocessing

from checking import check_contests, check_log
from watching import watch
from writing import write_mixed

from orders_es.log import open_log

WRITERS, COMMITS = 8, 2000
READERS = ("read", "load", "subscribe", "duckdb")


def test_positions_and_versions_are_gapless_and_each_version_has_one_winner(tmp_path):
    folder, stop = str(tmp_path / "log"), tmp_path / "stop"
    open_log(folder, create=True).close()
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(WRITERS)
    acks = [str(tmp_path / f"acks-{i}") for i in range(WRITERS)]
    writers = [
        spawn.Process(target=write_mixed, args=(folder, f"writer-{i}", COMMITS // WRITERS, path, barrier))
        for i, path in enumerate(acks)
    ]
    readers = [
        spawn.Process(target=watch, args=(kind, folder, str(stop), str(tmp_path / f"{kind}.json"))) for kind in READERS
    ]
    for process in (*readers, *writers):
        process.start()
    for process in writers:
        process.join(120)
    stop.touch()
    for process in readers:
        process.join(60)
    assert [process.exitcode for process in (*writers, *readers)] == [0] * (WRITERS + len(READERS))

    seen = [json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8")) for kind in READERS]
    assert {said["kind"]: said["error"] for said in seen} == dict.fromkeys(READERS)
    assert min(said["turns"] for said in seen) > 3, seen
    facts = check_log(folder, acks)
    assert sum("events" in fact for fact in facts) == COMMITS
    assert check_contests(facts) > 50
    with open_log(folder) as log:
        files = log.files()
    assert len(files) == COMMITS
    assert seen[0]["end"] == seen[2]["end"] == seen[3]["end"] == files[-1].last
