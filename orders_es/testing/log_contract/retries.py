"""What a retry promises: an append made twice, with the same event ids, is there once."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import DuplicateEvent, VersionConflict
from orders_es.log import ANY, NO_STREAM, STREAM_EXISTS, Appended, EventLog, StreamAppend
from orders_es.orders import OrderPlaced, ShippingCharged
from orders_es.testing.log_contract.basis import (
    MOMENT,
    WAYS,
    Contract,
    assert_sound,
    compact,
    event,
    events,
    put,
    table,
    table_of,
)

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
        compact(log)
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

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(
        "other",
        [
            {"data": ShippingCharged(amount=Decimal(9))},
            {"data": OrderPlaced()},
            {"occurred_at": MOMENT + timedelta(microseconds=1)},
            {"actor": "somebody"},
            {"correlation_id": "another"},
            {"causation_id": "another"},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_the_same_id_with_other_content_is_no_retry(self, log: EventLog, way: str, other: dict[str, Any]) -> None:
        first, second = event(), event()
        put(log, way, "A", [first, second], NO_STREAM)
        changed = event(**{"data": second.data, "event_id": second.event_id, **other})
        for expected in (NO_STREAM, 0, ANY, STREAM_EXISTS):
            with pytest.raises(DuplicateEvent) as caught:
                put(log, way, "A", [first, changed], expected)
            assert caught.value.event_id == str(second.event_id)
        assert log.head().position == 2

    def test_a_retry_need_not_repeat_a_time_that_the_log_gave(self, log: EventLog) -> None:
        new = event(occurred_at=None)
        first = log.append("A", [new], expected=NO_STREAM)
        assert facts(log.append("A", [new], expected=NO_STREAM)) == facts(first)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("others", [0, 100])
    def test_an_event_id_is_in_a_log_once(self, log: EventLog, way: str, others: int) -> None:
        one = event()
        log.append("A", events(2), expected=NO_STREAM)
        put(log, way, "A", [one], 2)
        compact(log)
        handles = (log, self.reopen(log)) if self.durable else (log,)
        for handle in handles:
            for stream_id, expected in (("A", 3), ("B", NO_STREAM), ("B", ANY)):
                with pytest.raises(DuplicateEvent, match="position 3 as version 3 of stream 'A'") as caught:
                    put(handle, way, stream_id, [*events(others), one], expected)
                assert caught.value.event_id == str(one.event_id)
        assert log.head().position == 3

    def test_an_id_that_the_log_gave_is_not_given_again(self, log: EventLog) -> None:
        log.append("A", [OrderPlaced()], expected=NO_STREAM)
        [first] = log.load("A")
        with pytest.raises(DuplicateEvent, match="position 1"):
            log.append("B", [OrderPlaced(), event(event_id=first.event_id)], expected=NO_STREAM)

    def test_an_event_id_twice_in_one_batch_is_refused(self, log: EventLog) -> None:
        one = event()
        with pytest.raises(DuplicateEvent):
            log.append_batch([StreamAppend("A", [one], ANY), StreamAppend("B", [one], ANY)])
        assert log.head().position == 0
