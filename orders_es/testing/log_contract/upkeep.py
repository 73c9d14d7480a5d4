"""What compaction, vacuum and closing promise: nothing that can be read changes."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from orders_es.errors import VersionConflict
from orders_es.log import ANY, NO_STREAM, EventLog, NewEvent, RawEvent
from orders_es.log.protocol import NeedsUpkeep
from orders_es.orders import EVENT_TYPES
from orders_es.testing.log_contract.basis import (
    Contract,
    MakeLog,
    assert_sound,
    compact,
    event,
    events,
    everything,
    files_of,
    table,
    vacuum,
)
from orders_es.testing.log_contract.tables import one_of_each

__all__ = ["Upkeep"]


def fill(log: EventLog) -> None:
    """Commits of many sizes, with every event type, of an unknown one too, over a few streams."""
    for i, data in enumerate(one_of_each()):
        log.append(f"S-{i % 3}", [event(data)], expected=ANY)
    log.append("S-1", [RawEvent("ParcelLost", '{ "b":1.10}')], expected=ANY)
    log.append("S-2", events(80), expected=ANY)
    log.append_table(table(["S-0", "S-1", "S-9"] * 400), expected=ANY)
    log.append("S-0", events(1), expected=ANY)


class Upkeep(Contract):
    """Maintenance under the feet of readers and writers."""

    def test_compaction_and_vacuum_change_nothing_that_can_be_read(self, log: EventLog) -> None:
        fill(log)
        before = everything(log)
        for _ in range(2):
            compact(log)
            assert everything(log) == before
            vacuum(log, grace=timedelta(0))
            assert everything(log) == before
        assert_sound(log)
        if self.durable:
            assert everything(self.reopen(log)) == before

    def test_compaction_by_another_handle_changes_nothing_that_can_be_read(self, log: EventLog) -> None:
        other = self.reopened(log)
        fill(log)
        before = everything(log)
        compact(other)
        vacuum(other, grace=timedelta(0))
        assert files_of(log) == files_of(other)
        assert everything(log) == before
        assert everything(other) == before

    def test_a_read_that_is_under_way_goes_on_through_compaction_and_vacuum(self, log: EventLog) -> None:
        for _ in range(30):
            log.append("A", events(1), expected=ANY)
        reading = log.read(batch_size=1)
        seen = [next(reading).column("position")[0].as_py() for _ in range(3)]
        compact(log)
        vacuum(log, grace=timedelta(0))
        seen += [batch.column("position")[0].as_py() for batch in reading]
        assert seen == list(range(1, 31))

    def test_appending_goes_on_after_compaction_and_vacuum(self, log: EventLog) -> None:
        for round_ in range(3):
            for _ in range(4):
                log.append("A", events(2), expected=ANY)
            compact(log)
            vacuum(log, grace=timedelta(0))
            with pytest.raises(VersionConflict):
                log.append("A", events(1), expected=round_ * 9)
            log.append("A", events(1), expected=round_ * 9 + 8)
        assert_sound(log)

    def test_a_handle_that_slept_through_compaction_and_vacuum_appends_at_the_end(self, log: EventLog) -> None:
        sleeper = self.reopened(log)
        sleeper.append("B", events(1), expected=NO_STREAM)
        version = 0
        for expected in ("right", "wrong", "right"):
            for _ in range(5):
                log.append("A", events(1), expected=version)
                version += 1
            compact(log)
            vacuum(log, grace=timedelta(0))
            if expected == "right":
                assert sleeper.append("A", events(1), expected=version).last_position == log.head().position
                version += 1
            else:
                with pytest.raises(VersionConflict) as caught:
                    sleeper.append("A", events(1), expected=version - 1)
                assert caught.value.actual == version
        assert_sound(log)
        assert everything(sleeper) == everything(log)

    def test_an_empty_log_can_be_compacted_and_vacuumed(self, log: EventLog) -> None:
        compact(log)
        vacuum(log)
        assert log.head().position == 0

    def test_a_negative_grace_period_is_refused(self, log: EventLog) -> None:
        if not isinstance(log, NeedsUpkeep):
            pytest.skip("this log needs no upkeep")
        with pytest.raises(ValueError, match="grace"):
            vacuum(log, grace=timedelta(seconds=-1))

    def test_a_log_has_an_identity_of_its_own(self, make_log: MakeLog) -> None:
        one, two = make_log(), make_log()
        assert isinstance(one.log_id, uuid.UUID)
        assert one.log_id != two.log_id
        assert one.origin
        assert isinstance(one, EventLog)
        assert [t.cls for t in one.registry] == list(EVENT_TYPES)

    def test_a_handle_can_be_closed_and_closing_twice_is_fine(self, log: EventLog) -> None:
        with log as same:
            assert same is log
            log.append("A", [NewEvent(data=events(1)[0].data)], expected=NO_STREAM)
        log.close()
        if self.durable:
            assert self.reopen(log).stream_version("A") == 1
