import multiprocessing

from writing import events_for, table_of

from orders_es.log import ANY, NO_STREAM, NewEvent, open_log
from orders_es.orders import OrderPlaced

EVENTS, RIVALS, MOST = 40_000, 3, 5_000


def append_without_a_pause(folder, name, stop, done):
    """Until told to stop; and no more than `MOST` times, which is for ever to somebody who does not get in meanwhile."""
    count = 0
    with open_log(folder) as log:
        while not stop.is_set() and count < MOST:
            log.append(f"{name}-{count % 50}", [NewEvent(data=OrderPlaced())], expected=ANY)
            count += 1
    done.put(count)


def test_a_large_commit_is_in_while_they_go_on(tmp_path):
    folder = str(tmp_path / "log")
    processes = multiprocessing.get_context("forkserver")
    with open_log(folder, create=True) as log:
        stop, done = processes.Event(), processes.Queue()
        rivals = [
            processes.Process(target=append_without_a_pause, args=(folder, f"rival-{i}", stop, done))
            for i in range(RIVALS)
        ]
        table = table_of(events_for([f"bulk-{i % 2000}" for i in range(EVENTS)]))
        for process in rivals:
            process.start()
        while not all(log.stream_version(f"rival-{i}-9") for i in range(RIVALS)):
            assert all(process.is_alive() for process in rivals)
        made = log.append_table(table, expected=NO_STREAM)
        stop.set()
        counts = [done.get(timeout=600) for _ in rivals]
        for process in rivals:
            process.join(600)
    assert made.count == EVENTS
    assert min(counts) >= 10
    assert max(counts) < MOST, "the large one came in only when a rival had nothing left to write"
