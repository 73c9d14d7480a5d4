import multiprocessing
import time

from writing import events_for, table_of

from orders_es.log import ANY, NO_STREAM, NewEvent, open_log
from orders_es.orders import OrderPlaced

EVENTS, RIVALS = 100_000, 3


def append_without_a_pause(folder, name, ready, stop, done):
    with open_log(folder) as log:
        log.append(name, [OrderPlaced()], expected=ANY)
        ready.wait(60)
        count = 0
        while not stop.is_set():
            log.append(f"{name}-{count % 50}", [NewEvent(data=OrderPlaced())], expected=ANY)
            count += 1
    done.put(count)


def test_a_large_commit_is_in_within_seconds(tmp_path):
    folder = str(tmp_path / "log")
    spawn = multiprocessing.get_context("spawn")
    with open_log(folder, create=True) as log:
        ready, stop, done = spawn.Barrier(RIVALS + 1), spawn.Event(), spawn.Queue()
        rivals = [
            spawn.Process(target=append_without_a_pause, args=(folder, f"rival-{i}", ready, stop, done))
            for i in range(RIVALS)
        ]
        for process in rivals:
            process.start()
        table = table_of(events_for([f"bulk-{i % 2000}" for i in range(EVENTS)]))
        ready.wait(60)
        time.sleep(0.3)
        started = time.monotonic()
        made = log.append_table(table, expected=NO_STREAM)
        seconds = time.monotonic() - started
        stop.set()
        counts = [done.get(timeout=60) for _ in rivals]
        for process in rivals:
            process.join(60)
    assert made.count == EVENTS
    assert seconds < 15
    assert min(counts) > 10
