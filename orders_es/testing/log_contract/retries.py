"""What a retry promises: an append made twice, with the same event ids, is there once."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from orders_es.errors import DuplicateEvent, VersionConflict
from orders_es.log import ANY, NO_STREAM, STREAM_EXISTS, Appended, EventLog, StreamAppend
from orders_es.orders import OrderPlaced
from orders_es.testing.log_contract.basis import WAYS, Contract, assert_sound, event, events, put, table, table_of

__all__ = ["Retries"]


def facts(appended: Appended) -> tuple[Any, ...]:
    """What the first try and the retry must agree on."""
    return (
        appended.first_position,
        appended.last_position,
        appended.count,
        appended.recorded_at,
        appended.versions,
    )


class Retries(Contract):
    """The first result again where it is a retry, an error where it only looks like one."""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("expected", [NO_STREAM, 0, ANY])
    def test_a_retry_into_a_new_stream_gives_the_first_result(self, log: EventLog, way: str, expected: Any) -> None:
        new = events(3)
        first = put(log, way, "A", new, expected)
        again = put(log, way, "A", new, expected)
        assert again.duplicate
        assert facts(again) == facts(first)
        assert log.head().position == 3

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("expected", [2, ANY, STREAM_EXISTS])
    def test_a_retry_gives_the_first_result_whatever_came_after_it(
        self, log: EventLog, way: str, expected: Any
    ) -> None:
        log.append("A", events(2), expected=NO_STREAM)
        new = events(2)
        first = put(log, way, "A", new, expected)
        log.append("B", events(5), expected=NO_STREAM)
        log.append("A", events(3), expected=4)
        again = put(log, way, "A", new, expected)
        assert again.duplicate
        assert facts(again) == facts(first)
        assert_sound(log)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("expected", [NO_STREAM, ANY])
    def test_a_retry_is_known_after_compaction_and_reopening(self, log: EventLog, way: str, expected: Any) -> None:
        new = events(2)
        first = put(log, way, "A", new, expected)
        log.append("A", events(1), expected=2)
        log.compact()
        for handle in (log, self.reopened(log)):
            again = put(handle, way, "A", new, expected)
            assert again.duplicate
            assert facts(again) == facts(first)
        assert log.head().position == 3

    @pytest.mark.parametrize("others", [1, 100])
    def test_a_batch_is_retried_as_a_whole(self, log: EventLog, others: int) -> None:
        log.append("B", events(1), expected=NO_STREAM)
        batch = [
            StreamAppend("A", events(2), NO_STREAM),
            StreamAppend("B", events(1), 1),
            *(StreamAppend(f"S-{i}", events(1), ANY) for i in range(others)),
        ]
        first = log.append_batch(batch)
        again = log.append_batch(batch)
        assert again.duplicate
        assert facts(again) == facts(first)
        assert_sound(log)

    def test_a_table_of_many_streams_is_retried_as_a_whole(self, log: EventLog) -> None:
        new = table_of(log.registry, [(f"S-{i % 7}", one) for i, one in enumerate(events(1500))])
        first = log.append_table(new)
        again = log.append_table(new)
        assert again.duplicate
        assert facts(again) == facts(first)
        assert log.head().position == 1500

    @pytest.mark.parametrize("way", WAYS)
    def test_a_batch_with_more_than_was_recorded_is_no_retry(self, log: EventLog, way: str) -> None:
        new = events(3)
        put(log, way, "A", new[:2], NO_STREAM)
        with pytest.raises(VersionConflict):
            put(log, way, "A", new, NO_STREAM)
        for expected in (ANY, STREAM_EXISTS):
            with pytest.raises(DuplicateEvent) as caught:
                put(log, way, "A", new, expected)
            assert caught.value.event_id in {str(one.event_id) for one in new[:2]}
        assert log.head().position == 2

    @pytest.mark.parametrize("way", WAYS)
    def test_the_same_events_in_another_order_are_no_retry(self, log: EventLog, way: str) -> None:
        new = events(2)
        put(log, way, "A", new, NO_STREAM)
        with pytest.raises(VersionConflict):
            put(log, way, "A", new[::-1], NO_STREAM)
        with pytest.raises(DuplicateEvent):
            put(log, way, "A", new[::-1], ANY)
        assert log.head().position == 2

    @pytest.mark.parametrize("way", WAYS)
    def test_the_same_events_at_another_version_are_no_retry(self, log: EventLog, way: str) -> None:
        new = events(2)
        log.append("A", events(1), expected=NO_STREAM)
        put(log, way, "A", new, 1)
        with pytest.raises(VersionConflict):
            put(log, way, "A", new, NO_STREAM)
        with pytest.raises(VersionConflict):
            put(log, way, "A", new, 2)
        assert log.head().position == 3

    def test_a_batch_of_which_one_stream_is_there_is_no_retry(self, log: EventLog) -> None:
        new = events(2)
        log.append("A", new[:1], expected=NO_STREAM)
        with pytest.raises(VersionConflict):
            log.append_batch([StreamAppend("A", new[:1], NO_STREAM), StreamAppend("B", new[1:], NO_STREAM)])
        with pytest.raises(DuplicateEvent):
            log.append_batch([StreamAppend("A", new[:1], ANY), StreamAppend("B", new[1:], ANY)])
        assert log.stream_ids() == ["A"]

    def test_appends_that_were_two_commits_are_not_retried_as_one(self, log: EventLog) -> None:
        new = events(2)
        log.append("A", new[:1], expected=NO_STREAM)
        log.append("between", events(1), expected=NO_STREAM)
        log.append("B", new[1:], expected=NO_STREAM)
        with pytest.raises(VersionConflict):
            log.append_batch([StreamAppend("A", new[:1], NO_STREAM), StreamAppend("B", new[1:], NO_STREAM)])
        with pytest.raises(DuplicateEvent):
            log.append_batch([StreamAppend("A", new[:1], ANY), StreamAppend("B", new[1:], ANY)])

    @pytest.mark.parametrize("way", WAYS)
    def test_an_append_without_ids_of_the_callers_is_never_a_retry(self, log: EventLog, way: str) -> None:
        def append(expected: Any) -> Appended:
            if way == "append_table":
                return log.append_table(table(["A"]), expected=expected)
            return log.append_batch([StreamAppend("A", [OrderPlaced()], expected)])

        append(NO_STREAM)
        with pytest.raises(VersionConflict):
            append(NO_STREAM)
        assert append(ANY).versions == {"A": 2}

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("others", [0, 100])
    def test_an_event_id_twice_in_one_append_is_refused(self, log: EventLog, way: str, others: int) -> None:
        event_id = uuid.uuid4()
        with pytest.raises(DuplicateEvent) as caught:
            put(log, way, "A", [event(event_id=event_id), *events(others), event(event_id=event_id)])
        assert caught.value.event_id == str(event_id)
        assert log.head().position == 0

    def test_an_event_id_twice_in_one_batch_is_refused(self, log: EventLog) -> None:
        one = event()
        with pytest.raises(DuplicateEvent):
            log.append_batch([StreamAppend("A", [one], ANY), StreamAppend("B", [one], ANY)])
        assert log.head().position == 0
