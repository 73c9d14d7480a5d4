import multiprocessing
import os
import signal

import pytest

from orders_es.log import open_log
from orders_es.sources.online_retail import import_online_retail
from tests.sources.interrupted import StoppedAfter


@pytest.fixture
def many(write, line):
    """Three lines for each of 600 invoices."""
    return write([line(str(n), quantity=k) for n in range(536365, 536965) for k in (1, -2, 3)])


def history(log):
    return [
        (e["position"], e["stream_id"], e["version"], e["event_id"], e["type"], e["payload"])
        for batch in log.read()
        for e in batch.to_pylist()
    ]


def test_the_same_file_a_second_time_adds_nothing_and_says_so(log, many):
    first = import_online_retail(log, many)
    head = log.head()
    again = import_online_retail(log, many)
    assert (first.events, first.streams, first.duplicates) == (3_000, 600, 0)
    assert (again.events, again.streams, again.commits, again.duplicates) == (0, 0, 0, 3_000)
    assert (again.first_position, again.last_position) == (1, 3_000)
    assert log.head() == head
    assert "added nothing" in str(again)
    assert "3,000 events" in str(again)


def test_a_copy_under_another_name_is_the_same_file(log, many):
    import_online_retail(log, many)
    copy = many.with_name("copy.csv")
    copy.write_bytes(many.read_bytes())
    assert import_online_retail(log, copy).events == 0


def test_the_reference_file_a_second_time_adds_nothing(reference, reference_path):
    log, first = reference
    head = log.head()
    again = import_online_retail(log, reference_path)
    assert (again.events, again.duplicates, again.commits) == (0, first.events, 0)
    assert log.head() == head


@pytest.mark.long_but_first
@pytest.mark.parametrize("batch_events", [700, 3_000, 10**9])
def test_other_batches_make_no_difference(log, many, batch_events):
    import_online_retail(log, many, batch_events=5_000)
    again = import_online_retail(log, many, batch_events=batch_events)
    assert (again.events, again.duplicates) == (0, 3_000)


def test_events_added_to_an_order_since_make_no_difference(log, many):
    from orders_es.orders import CustomerAssigned

    import_online_retail(log, many)
    log.append("536365", [CustomerAssigned(customer_id="1")], expected=5)
    assert import_online_retail(log, many).duplicates == 3_000
    assert log.stream_version("536365") == 6


def run_import(folder, source, batch_events=100, commits=None):
    """Import; and be killed after so many commits, if a number is given."""
    with open_log(folder) as log:
        import_online_retail(log if commits is None else KilledAfter(log, commits), source, batch_events=batch_events)


@pytest.mark.long
def test_an_import_killed_on_its_way_is_completed_by_running_it_again(tmp_path, log, many):
    whole = open_log(tmp_path / "whole", create=True)
    import_online_retail(whole, many, batch_events=100)

    target = multiprocessing.get_context("forkserver").Process
    process = target(target=run_import, args=(tmp_path / "log", many, 100, 7))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = log.head().position
    assert done == 700, "a batch is there whole or not at all"

    result = import_online_retail(log, many, batch_events=100)
    assert (result.duplicates, result.events) == (done, 3_000 - done)
    assert "there already" in str(result)
    assert history(log) == history(whole)


def test_an_interrupted_import_is_completed_with_batches_of_another_size(log, write, line):
    path = write([line(str(n)) for n in range(536365, 536465)])
    with pytest.raises(KeyboardInterrupt):
        import_online_retail(StoppedAfter(log, commits=7), path, batch_events=30)
    assert log.head().position == 7 * 30
    result = import_online_retail(log, path, batch_events=101)
    assert (result.duplicates, result.events) == (210, 90)
    assert import_online_retail(log, path).duplicates == 300


class KilledAfter(StoppedAfter):
    """A log whose program is killed before one commit more."""

    def append_table(self, table, *, expected):
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().append_table(table, expected=expected)


@pytest.mark.long
@pytest.mark.parametrize("batch_events", [(250, 250), (250, 410)])
def test_two_imports_at_once_add_the_file_once(tmp_path, log, many, batch_events):
    context = multiprocessing.get_context("forkserver")
    processes = [context.Process(target=run_import, args=(tmp_path / "log", many, n)) for n in batch_events]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert log.head().position == 3_000
    assert [p.exitcode for p in processes] == [0, 0]
