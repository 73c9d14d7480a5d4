"""What `subscribe` promises, and what other handles and other processes see."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from orders_es.log import ANY, NO_STREAM, EventLog
from orders_es.testing.log_contract.basis import Contract, assert_sound, compact, events, everything

__all__ = ["Following"]

_LONG = 30.0
_ELSEWHERE = """
import pickle, sys
from orders_es.log import ANY
from orders_es.testing.log_contract.basis import events
log = pickle.loads(sys.stdin.buffer.read())
for _ in range(int(sys.argv[1])):
    log.append(sys.argv[2], events(1), expected=ANY)
print(log.head().position)
"""


class Follower:
    """A thread that follows a log and keeps the positions it was given."""

    def __init__(self, log: EventLog, **options: Any) -> None:
        self.stop = threading.Event()
        self.positions: list[int] = []
        self.sizes: list[int] = []
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._follow, args=(log, options), daemon=True)
        self._thread.start()

    def _follow(self, log: EventLog, options: dict[str, Any]) -> None:
        for batch in log.subscribe(stop=self.stop, poll_interval=0.005, **options):
            with self._arrived:
                self.positions += batch.column("position").to_pylist()
                self.sizes.append(batch.num_rows)
                self._arrived.notify_all()

    def wait_for(self, count: int) -> list[int]:
        """The positions so far, once there are so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.positions) >= count, _LONG), "the events did not arrive"
            return list(self.positions)

    def end(self) -> list[int]:
        """Stop it; all positions it was given."""
        self.stop.set()
        self._thread.join(_LONG)
        assert not self._thread.is_alive(), "the subscription did not stop"
        return self.positions


def elsewhere(log: EventLog, count: int, stream_id: str) -> int:
    """Append so many events from another process; the head that it saw then."""
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", _ELSEWHERE, str(count), stream_id],
        input=pickle.dumps(log),
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return int(done.stdout)


class Following(Contract):
    """Subscriptions, second handles and second processes."""

    def test_a_subscription_catches_up_then_follows(self, log: EventLog) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        follower = Follower(log)
        assert follower.wait_for(3) == [1, 2, 3]
        for _ in range(5):
            log.append("A", events(2), expected=ANY)
        follower.wait_for(13)
        assert follower.end() == list(range(1, 14))

    def test_a_subscription_begins_after_a_position_and_keeps_to_its_batch_size(self, log: EventLog) -> None:
        log.append("A", events(30), expected=NO_STREAM)
        follower = Follower(log, after=10, batch_size=7)
        follower.wait_for(20)
        log.append("A", events(8), expected=30)
        follower.wait_for(28)
        assert follower.end() == list(range(11, 39))
        assert max(follower.sizes) <= 7

    def test_a_subscription_may_begin_before_there_is_anything(self, log: EventLog) -> None:
        follower = Follower(log)
        time.sleep(0.02)
        log.append("A", events(1), expected=NO_STREAM)
        follower.wait_for(1)
        assert follower.end() == [1]

    def test_a_subscription_gives_the_columns_asked_for(self, log: EventLog) -> None:
        log.append("A", events(2), expected=NO_STREAM)
        stop = threading.Event()
        batch = next(log.subscribe(stop=stop, columns=["type", "amount"]))
        assert batch.schema.names == ["type", "amount"]

    def test_a_stopped_subscription_ends_after_the_batch_at_hand(self, log: EventLog) -> None:
        log.append("A", events(10), expected=NO_STREAM)
        stop = threading.Event()
        seen = []
        for batch in log.subscribe(stop=stop, batch_size=2):
            seen.append(batch.num_rows)
            stop.set()
        assert seen == [2]

    def test_an_idle_subscription_stops_without_waiting_for_an_event(self, log: EventLog) -> None:
        stop = threading.Event()
        threading.Timer(0.05, stop.set).start()
        started = time.monotonic()
        assert list(log.subscribe(stop=stop, poll_interval=10)) == []
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize("poll_interval", [0, -1])
    def test_a_subscription_that_would_never_rest_is_refused(self, log: EventLog, poll_interval: float) -> None:
        with pytest.raises(ValueError, match="poll_interval"):
            next(log.subscribe(poll_interval=poll_interval, stop=threading.Event()))

    def test_a_subscription_goes_on_through_compaction(self, log: EventLog) -> None:
        follower = Follower(log)
        for i in range(12):
            log.append("A", events(2), expected=ANY)
            if i % 4 == 3:
                compact(log)
        follower.wait_for(24)
        assert follower.end() == list(range(1, 25))

    # -- other handles, other processes

    def test_two_handles_see_each_others_appends_at_once(self, log: EventLog) -> None:
        other = self.reopened(log)
        for version in range(0, 6, 2):
            log.append("A", events(1), expected=version)
            assert other.stream_version("A") == version + 1
            other.append("A", events(1), expected=version + 1)
            assert log.head() == other.head()
            assert [e.position for e in log.load("A")] == list(range(1, version + 3))
        assert everything(log) == everything(other)

    def test_a_subscription_sees_the_appends_of_another_handle(self, log: EventLog) -> None:
        follower = Follower(self.reopened(log))
        for _ in range(4):
            log.append("A", events(1), expected=ANY)
        follower.wait_for(4)
        assert follower.end() == [1, 2, 3, 4]

    def test_a_log_that_is_opened_later_is_the_same(self, log: EventLog) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        log.append("B", events(80), expected=NO_STREAM)
        before = everything(log)
        with self.reopened(log) as other:
            assert everything(other) == before
            assert (other.log_id, other.origin) == (log.log_id, log.origin)

    def test_a_handle_survives_pickling(self, log: EventLog) -> None:
        if not self.shared_by_processes:
            pytest.skip("this log is not shared by processes: shared_by_processes = False")
        log.append("A", events(3), expected=NO_STREAM)
        other: EventLog = pickle.loads(pickle.dumps(log))  # noqa: S301 - our own bytes
        assert everything(other) == everything(log)
        other.append("A", events(1), expected=3)
        assert log.stream_version("A") == 4

    def test_another_process_appends_and_a_subscription_here_sees_it(self, log: EventLog) -> None:
        if not self.shared_by_processes:
            pytest.skip("this log is not shared by processes: shared_by_processes = False")
        log.append("A", events(2), expected=NO_STREAM)
        follower = Follower(log)
        assert elsewhere(log, 3, "A") == 5
        follower.wait_for(5)
        assert follower.end() == [1, 2, 3, 4, 5]
        assert log.append("A", events(1), expected=5).versions == {"A": 6}
        assert_sound(log)
