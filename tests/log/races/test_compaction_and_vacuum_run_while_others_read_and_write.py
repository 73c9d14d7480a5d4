import json
import multiprocessing
from datetime import timedelta
from pathlib import Path

from checking import check_contests, check_log
from watching import watch
from writing import write_mixed

from orders_es.log import open_log

WRITERS, COMMITS = 3, 360
READERS = ("read", "load", "subscribe")


def keep_in_shape(folder, stop_path, out_path, target):
    """Compact and vacuum without a pause, with a grace period of nothing."""
    segments = removed = 0
    with open_log(folder) as log:
        while not Path(stop_path).exists():
            segments += log.compact(target_events=target).segments
            removed += log.vacuum(grace=timedelta(0)).files
    Path(out_path).write_text(json.dumps([segments, removed]), encoding="utf-8")


def test_every_promise_holds(tmp_path):
    folder, stop = str(tmp_path / "log"), tmp_path / "stop"
    open_log(folder, create=True).close()
    spawn = multiprocessing.get_context("spawn")
    acks = [str(tmp_path / f"acks-{i}") for i in range(WRITERS)]
    writers = [
        spawn.Process(target=write_mixed, args=(folder, f"writer-{i}", COMMITS // WRITERS, path))
        for i, path in enumerate(acks)
    ]
    others = [
        spawn.Process(target=watch, args=(kind, folder, str(stop), str(tmp_path / f"{kind}.json"))) for kind in READERS
    ]
    others += [
        spawn.Process(target=keep_in_shape, args=(folder, str(stop), str(tmp_path / f"kept-{target}"), target))
        for target in (400, 1_000_000)
    ]
    for process in (*others, *writers):
        process.start()
    for process in writers:
        process.join(120)
    stop.touch()
    for process in others:
        process.join(60)
    assert [process.exitcode for process in (*writers, *others)] == [0] * (WRITERS + len(others))
    for kind in READERS:
        said = json.loads((tmp_path / f"{kind}.json").read_text(encoding="utf-8"))
        assert said["error"] is None
        assert said["turns"] > 3
    facts = check_log(folder, acks)
    assert sum("events" in fact for fact in facts) == COMMITS
    check_contests(facts)
    kept = [json.loads((tmp_path / f"kept-{target}").read_text(encoding="utf-8")) for target in (400, 1_000_000)]
    assert sum(segments for segments, _ in kept) > 5
    assert sum(removed for _, removed in kept) > 50
