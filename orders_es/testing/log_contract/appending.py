"""What appending promises: places without gaps, all or nothing, and what can be appended at all."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import DuplicateEvent, NaiveTime, UnknownEventType, VersionConflict
from orders_es.log import ANY, NO_STREAM, EventLog, RawEvent, StreamAppend
from orders_es.orders import OrderCreated, OrderPlaced, ShippingCharged
from orders_es.testing.log_contract.basis import (
    MOMENT,
    WAYS,
    Contract,
    HandClock,
    MakeLog,
    assert_sound,
    compact,
    contents,
    event,
    events,
    put,
    rows,
)
from orders_es.testing.log_contract.oddities import BAD_EVENTS, ODD_STREAM_IDS

__all__ = ["Appending"]


class Appending(Contract):
    """Places, wholeness, and what can be appended."""

    @pytest.mark.parametrize("way", WAYS)
    def test_positions_and_versions_run_from_1_without_gaps(self, log: EventLog, way: str) -> None:
        first = put(log, way, "A", events(3))
        second = put(log, way, "B", events(2))
        third = put(log, way, "A", events(1))
        assert [(a.first_position, a.last_position, a.count) for a in (first, second, third)] == [
            (1, 3, 3),
            (4, 5, 2),
            (6, 6, 1),
        ]
        assert [a.versions for a in (first, second, third)] == [{"A": 3}, {"B": 2}, {"A": 4}]
        assert [(e.version, e.position) for e in log.load("A")] == [(1, 1), (2, 2), (3, 3), (4, 6)]
        assert_sound(log)

    @pytest.mark.parametrize("way", WAYS)
    def test_what_was_appended_is_loaded(self, log: EventLog, way: str) -> None:
        entered = MOMENT + timedelta(days=1, microseconds=1)
        envelope = {"entered_at": entered, "actor": "a", "correlation_id": "co", "causation_id": "ca"}
        new = [event(e.data, **envelope) for e in events(4)]
        put(log, way, "A", new)
        loaded = log.load("A")
        assert [e.data for e in loaded] == [e.data for e in new]
        written = [log.registry.encode(e.data)[:2] for e in new]
        assert contents(loaded) == [
            (e.event_id, kind.name, payload, MOMENT, entered, "a", "co", "ca", kind.schema_version)
            for e, (kind, payload) in zip(new, written, strict=True)
        ]

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("count", [1, 9, 130])
    def test_a_time_of_entry_is_kept_where_it_was_given_and_nowhere_else(
        self, log: EventLog, way: str, count: int
    ) -> None:
        given = [None if i % 3 == 2 else MOMENT - timedelta(days=400 * i) for i in range(count)]
        put(log, way, "without", events(count), expected=NO_STREAM)
        new = [event(occurred_at=MOMENT, entered_at=moment) for moment in given]
        appended = put(log, way, "with", new, expected=NO_STREAM)
        put(log, way, "without", events(1), expected=count)

        def check(handle: EventLog) -> None:
            assert [e.entered_at for e in handle.load("with")] == given
            assert {e.entered_at for e in handle.load("without")} == {None}
            assert [row["entered_at"] for row in rows(handle)] == [None] * count + given + [None]
            known = [e.recorded_at if e.entered_at is None else e.entered_at for e in handle.load("with")]
            assert [e.known_at for e in handle.load("with")] == known
            assert_sound(handle)

        if appended.events:
            assert list(appended.events) == log.load("with")
        check(log)
        compact(log)
        check(log)
        again = put(log, way, "with", new, expected=NO_STREAM)
        assert (again.duplicate, again.first_position) == (True, appended.first_position)
        other = [replace(e, entered_at=MOMENT + timedelta(days=1)) for e in new]
        with pytest.raises(DuplicateEvent, match="another entered_at"):
            put(log, way, "with", other, expected=NO_STREAM)
        if self.durable:
            check(self.reopen(log))

    @pytest.mark.parametrize("way", WAYS)
    def test_an_append_says_when_it_was_recorded_and_is_no_duplicate(self, make_log: MakeLog, way: str) -> None:
        log = make_log(clock=HandClock())
        appended = put(log, way, "A", events(2))
        assert (appended.recorded_at, appended.duplicate) == (MOMENT, False)
        assert [e.recorded_at for e in log.load("A")] == [MOMENT, MOMENT]

    def test_a_plain_dataclass_is_appended_as_it_is_with_a_fresh_id(self, log: EventLog) -> None:
        log.append("A", [OrderPlaced(), OrderPlaced()], expected=NO_STREAM)
        one, two = log.load("A")
        assert one.data == two.data == OrderPlaced()
        assert one.event_id != two.event_id

    def test_an_event_without_a_time_occurred_when_it_was_recorded(self, log: EventLog) -> None:
        log.append("A", [OrderPlaced()], expected=NO_STREAM)
        [loaded] = log.load("A")
        assert loaded.occurred_at == loaded.recorded_at

    @pytest.mark.parametrize("way", WAYS)
    def test_recorded_at_never_decreases_even_when_the_clock_goes_back(self, make_log: MakeLog, way: str) -> None:
        clock = HandClock()
        log = make_log(clock=clock)
        put(log, way, "A", events(1))
        clock.turn(hours=-1)
        assert put(log, way, "B", events(1)).recorded_at == MOMENT
        clock.turn(hours=2)
        assert put(log, way, "C", events(1)).recorded_at == MOMENT + timedelta(hours=1)
        assert log.head().recorded_at == MOMENT + timedelta(hours=1)

    def test_a_clock_without_a_time_zone_is_refused(self, make_log: MakeLog) -> None:
        log = make_log(clock=lambda: datetime(2026, 6, 3))  # noqa: DTZ001 - that is the point
        with pytest.raises(NaiveTime):
            log.append("A", [OrderPlaced()], expected=ANY)
        assert log.head().position == 0

    # -- all or nothing

    def test_a_batch_is_one_commit_in_its_own_order(self, log: EventLog) -> None:
        appended = log.append_batch([StreamAppend(s, events(2), NO_STREAM) for s in ("C", "A", "B")])
        assert (appended.first_position, appended.last_position) == (1, 6)
        assert appended.versions == {"C": 2, "A": 2, "B": 2}
        found = rows(log)
        assert [row["stream_id"] for row in found] == ["C", "C", "A", "A", "B", "B"]
        assert {row["recorded_at"] for row in found} == {appended.recorded_at}

    def test_a_large_batch_is_recorded_like_a_small_one(self, log: EventLog) -> None:
        batch = [StreamAppend(f"S-{i:03}", events(3), NO_STREAM) for i in range(120)]
        assert log.append_batch(batch).count == 360
        for piece in batch:
            assert [(e.event_id, e.data, e.occurred_at) for e in log.load(piece.stream_id)] == [
                (e.event_id, e.data, e.occurred_at) for e in piece.events
            ]
        assert_sound(log)

    @pytest.mark.parametrize("others", [3, 100])
    def test_one_conflict_among_many_streams_leaves_nothing_of_the_batch(self, log: EventLog, others: int) -> None:
        log.append("taken", events(2), expected=NO_STREAM)
        batch = [StreamAppend(f"S-{i}", events(1), NO_STREAM) for i in range(others)]
        batch.insert(others // 2, StreamAppend("taken", events(1), 1))
        with pytest.raises(VersionConflict) as caught:
            log.append_batch(batch)
        assert (caught.value.stream_id, caught.value.expected, caught.value.actual) == ("taken", 1, 2)
        assert log.head().position == 2
        assert log.stream_ids() == ["taken"]

    @pytest.mark.parametrize(("bad", "error"), BAD_EVENTS)
    def test_an_event_that_cannot_be_recorded_is_refused_and_so_is_all_beside_it(
        self, log: EventLog, bad: Any, error: type[Exception]
    ) -> None:
        for count in (0, 100):
            with pytest.raises(error) as caught:
                log.append("A", [*events(count), bad], expected=NO_STREAM)
            assert type(caught.value) is error
        assert (log.head().position, log.load("A")) == (0, [])

    def test_a_stream_twice_in_one_batch_is_refused(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="twice"):
            log.append_batch([StreamAppend("A", events(1), NO_STREAM), StreamAppend("A", events(1), 1)])
        assert log.head().position == 0

    def test_an_empty_append_is_refused(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="empty"):
            log.append("A", [], expected=NO_STREAM)
        with pytest.raises(ValueError, match="empty"):
            log.append_batch([])
        with pytest.raises(ValueError, match="empty"):
            log.append_batch([StreamAppend("A", events(1), ANY), StreamAppend("B", [], ANY)])
        assert log.head().position == 0

    def test_a_single_event_in_place_of_a_list_is_refused(self, log: EventLog) -> None:
        with pytest.raises(TypeError, match="list"):
            log.append("A", event(), expected=ANY)  # type: ignore[arg-type]

    # -- the ids of streams

    @pytest.mark.parametrize("way", WAYS)
    def test_any_text_is_a_stream_id(self, log: EventLog, way: str) -> None:
        for stream_id in ODD_STREAM_IDS:
            put(log, way, stream_id, events(2), NO_STREAM)
            put(log, way, stream_id, events(1), 2)
        assert log.stream_ids() == sorted(ODD_STREAM_IDS)
        assert_sound(log)

    @pytest.mark.parametrize("way", WAYS)
    def test_a_stream_id_has_at_most_1024_bytes(self, log: EventLog, way: str) -> None:
        put(log, way, "x" * 1024, events(1))
        put(log, way, "ö" * 512, events(1))
        for too_long in ("x" * 1025, "ö" * 513):
            with pytest.raises(ValueError, match="1,024"):
                put(log, way, too_long, events(1))
        assert_sound(log)

    @pytest.mark.parametrize("way", WAYS)
    def test_a_stream_id_is_never_empty(self, log: EventLog, way: str) -> None:
        with pytest.raises(ValueError, match=r"is empty|1 to 1,024"):
            put(log, way, "", events(1))

    @pytest.mark.parametrize("way", WAYS)
    def test_a_stream_id_holds_no_nul(self, log: EventLog, way: str) -> None:
        with pytest.raises(ValueError, match="NUL"):
            put(log, way, "nul\0inside", events(1))
        assert log.head().position == 0

    @pytest.mark.parametrize("stream_id", [None, 7, b"A"])
    def test_a_stream_id_is_text(self, log: EventLog, stream_id: Any) -> None:
        with pytest.raises(TypeError, match="text"):
            log.append(stream_id, events(1), expected=ANY)
        with pytest.raises(TypeError, match="text"):
            log.load(stream_id)

    # -- several threads

    def test_threads_may_append_to_one_handle(self, log: EventLog) -> None:
        def work(name: str) -> None:
            for _ in range(10):
                log.append("shared", events(1), expected=ANY)
                log.append(name, events(2), expected=ANY)

        threads = [threading.Thread(target=work, args=(f"own-{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.head().position == 4 * 10 * 3
        assert log.stream_version("shared") == 40
        assert_sound(log)

    def test_of_threads_with_the_same_expectation_exactly_one_wins(self, log: EventLog) -> None:
        barrier = threading.Barrier(6)
        won: list[int] = []
        lost: list[VersionConflict] = []

        def work(number: int) -> None:
            barrier.wait()
            try:
                log.append("A", [ShippingCharged(amount=Decimal(number))], expected=NO_STREAM)
                won.append(number)
            except VersionConflict as conflict:
                lost.append(conflict)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, 5)
        assert [e.data.amount for e in log.load("A")] == [Decimal(won[0])]

    # -- JSON that somebody else wrote

    @pytest.mark.parametrize(
        "payload",
        [
            f'{{"a":{"[" * 99}{"]" * 99}}}',
            '{"a":9223372036854775807,"b":-9223372036854775808,"c":1e308,"d":0e-999999}',
            '{"a":"\\ud83d\\ude00 \\\\ud800 \\\\u0000","b":{"a":{"a":1}}}',
        ],
    )
    def test_json_that_every_reader_reads_alike_is_taken(self, log: EventLog, payload: str) -> None:
        log.append("A", [RawEvent("Other", payload)], expected=NO_STREAM)
        assert [e.payload for e in log.load("A")] == [payload]

    # -- events of unknown types

    @pytest.mark.parametrize("payload", ["{}", '{ "b" : 1.10,\n\t"a":[1e3, null, "\\u00e9é\\ud83d\\ude00"] }'])
    @pytest.mark.parametrize("others", [0, 100])
    def test_an_unregistered_event_is_kept_byte_for_byte(self, log: EventLog, payload: str, others: int) -> None:
        log.append("A", [*events(others), RawEvent("ParcelLost", payload, 3)], expected=NO_STREAM)
        found = log.load("A")[-1]
        assert (found.type, found.schema_version, found.payload) == ("ParcelLost", 3, payload)
        assert rows(log)[-1]["payload"] == payload

    def test_only_the_meaning_of_an_unregistered_event_is_an_error(self, log: EventLog) -> None:
        log.append("A", [OrderPlaced(), RawEvent("ParcelLost", "{}")], expected=NO_STREAM)
        found = log.load("A")[1]
        with pytest.raises(UnknownEventType) as caught:
            _ = found.data
        assert (caught.value.type, caught.value.position, caught.value.stream_id) == ("ParcelLost", 2, "A")

    def test_a_registered_type_as_text_is_kept_byte_for_byte_and_understood(self, log: EventLog) -> None:
        payload = '{"currency" : "EUR", "since_forgotten": [1]}'
        log.append("A", [RawEvent("OrderCreated", payload)], expected=NO_STREAM)
        [found] = log.load("A")
        assert found.payload == payload
        assert found.data == OrderCreated(currency="EUR")
