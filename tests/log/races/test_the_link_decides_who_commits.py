"""Writers' turns are politeness: without them races are frequent, and no promise may depend on them."""

import multiprocessing

from checking import check_contests, check_log
from writing import write_mixed

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

WRITERS, COMMITS = 4, 80


def test_writers_that_take_no_turns_make_one_line_of_commits(tmp_path):
    folder = str(tmp_path / "log")
    open_log(folder, create=True).close()
    processes = multiprocessing.get_context("forkserver")
    barrier = processes.Barrier(WRITERS)
    acks = [str(tmp_path / f"acks-{i}") for i in range(WRITERS)]
    writers = [
        processes.Process(
            target=write_mixed,
            args=(folder, f"writer-{i}", COMMITS // WRITERS, path, barrier),
            kwargs={"polite": False},
        )
        for i, path in enumerate(acks)
    ]
    for process in writers:
        process.start()
    for process in writers:
        process.join(600)
    assert [process.exitcode for process in writers] == [0] * WRITERS
    facts = check_log(folder, acks)
    assert sum("events" in fact for fact in facts) == COMMITS
    assert check_contests(facts) >= 3 * (WRITERS - 1)
    with open_log(folder) as log:
        assert isinstance(log, ParquetLog)
        assert len(log.files()) == COMMITS
