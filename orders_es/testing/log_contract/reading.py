"""What reading promises: streams by version, the log by position, and every moment exactly as it was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest

from orders_es.log import ANY, NO_STREAM, EventLog, EventRegistry, NewEvent
from orders_es.log.columns import event_schema
from orders_es.log.merkle import EMPTY_ROOT
from orders_es.orders import EVENT_TYPES, OrderPlaced
from orders_es.testing.log_contract.basis import WAYS, Contract, HandClock, MakeLog, Measured, events, put, rows, table

__all__ = ["Reading"]

MOMENTS = (
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(1582, 10, 10, 1, 2, 3, 4, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=UTC),
    datetime(2262, 4, 12, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 6, 3, 15, 0, 0, 999999, tzinfo=timezone(timedelta(hours=5, minutes=45))),
)


class Reading(Contract):
    """`load`, `read`, `head`, `stream_version` and `stream_ids`."""

    def test_an_empty_log_holds_nothing(self, log: EventLog) -> None:
        head = log.head()
        assert (head.position, head.recorded_at, head.root) == (0, None, EMPTY_ROOT)
        assert (log.load("A"), log.stream_version("A"), log.stream_ids(), list(log.read())) == ([], 0, [], [])

    def test_a_stream_that_is_not_there_is_empty(self, log: EventLog) -> None:
        log.append("A", events(1), expected=NO_STREAM)
        assert (log.load("B"), log.stream_version("B")) == ([], 0)
        assert (log.load("a"), log.load("A ")) == ([], [])

    @pytest.mark.parametrize(
        ("after", "to", "versions"),
        [
            (0, None, [1, 2, 3, 4, 5]),
            (2, None, [3, 4, 5]),
            (0, 2, [1, 2]),
            (1, 4, [2, 3, 4]),
            (5, None, []),
            (0, 0, []),
            (3, 2, []),
            (0, 99, [1, 2, 3, 4, 5]),
            (99, None, []),
        ],
    )
    def test_a_stream_is_loaded_from_after_one_version_to_another(
        self, log: EventLog, after: int, to: int | None, versions: list[int]
    ) -> None:
        for _ in range(5):
            log.append("A", events(1), expected=ANY)
            log.append("B", events(2), expected=ANY)
        assert [e.version for e in log.load("A", after_version=after, to_version=to)] == versions

    @pytest.mark.parametrize("way", WAYS)
    def test_a_moment_is_kept_to_the_microsecond(self, log: EventLog, way: str) -> None:
        new = [
            NewEvent(data=OrderPlaced(), occurred_at=moment, event_id=e.event_id)
            for moment, e in zip(MOMENTS, events(8), strict=True)
        ]
        put(log, way, "A", new)
        for found in (log.load("A"), self.reopen(log).load("A") if self.durable else log.load("A")):
            assert [e.occurred_at for e in found] == list(MOMENTS)
            assert {e.occurred_at.utcoffset() for e in found} == {timedelta(0)}
        assert [row["occurred_at"] for row in rows(log)] == list(MOMENTS)

    # -- read

    @pytest.mark.parametrize(
        ("after", "to", "positions"),
        [
            (0, None, range(1, 31)),
            (7, None, range(8, 31)),
            (0, 7, range(1, 8)),
            (9, 21, range(10, 22)),
            (29, 30, [30]),
            (30, None, []),
            (99, None, []),
            (12, 12, []),
            (0, 0, []),
            (0, 99, range(1, 31)),
        ],
    )
    def test_the_log_is_read_from_after_one_position_to_another(
        self, log: EventLog, after: int, to: int | None, positions: range
    ) -> None:
        for count in (1, 9, 1, 1, 18):
            log.append("A", events(count), expected=ANY)
        assert [row["position"] for row in rows(log, after=after, to=to)] == list(positions)

    @pytest.mark.parametrize("batch_size", [1, 7, 10, 65_536])
    def test_a_batch_is_never_larger_than_asked_for_and_never_empty(self, log: EventLog, batch_size: int) -> None:
        for count in (1, 9, 20):
            log.append("A", events(count), expected=ANY)
        sizes = [batch.num_rows for batch in log.read(batch_size=batch_size)]
        assert sum(sizes) == 30
        assert all(0 < size <= batch_size for size in sizes)

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_a_batch_size_below_1_is_refused(self, log: EventLog, batch_size: int) -> None:
        with pytest.raises(ValueError, match="batch_size"):
            list(log.read(batch_size=batch_size))

    def test_every_batch_has_the_envelope_and_the_shredded_columns_of_the_registry(self, make_log: MakeLog) -> None:
        registry = EventRegistry([*EVENT_TYPES, Measured])
        log = make_log(registry)
        log.append("A", [OrderPlaced()], expected=ANY)
        log.append("A", events(3), expected=ANY)
        log.append_table(table(["A"] * 70, "Measured", ratio=[1.0] * 70), expected=ANY)
        wanted = event_schema(registry.columns)
        for batch in log.read(batch_size=2):
            assert batch.schema.names == wanted.names
            assert batch.schema.types == wanted.types

    def test_columns_are_given_as_asked_for_in_that_order(self, log: EventLog) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        [batch] = log.read(columns=["price", "type", "carrier"])
        assert batch.schema.names == ["price", "type", "carrier"]
        assert batch.column("type").to_pylist() == ["OrderCreated", "ItemAdded", "ShippingCharged"]
        assert batch.schema.field("price").type == pa.decimal128(18, 4)
        assert batch.column("carrier").null_count == 3

    def test_a_column_that_is_not_there_is_refused_with_the_names_that_are(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match=r"'pirce'.*price"):
            list(log.read(columns=["pirce"]))

    def test_a_read_ends_where_the_log_ended_when_it_was_asked_for(self, log: EventLog) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        reading = log.read(batch_size=1)
        log.append("A", events(2), expected=3)
        assert sum(batch.num_rows for batch in reading) == 3

    # -- head and streams

    @pytest.mark.parametrize("way", WAYS)
    def test_the_head_moves_with_every_append(self, make_log: MakeLog, way: str) -> None:
        clock = HandClock()
        log = make_log(clock=clock)
        heads = [log.head()]
        for _ in range(4):
            clock.turn(seconds=1)
            appended = put(log, way, "A", events(2))
            head = log.head()
            assert (head.position, head.recorded_at) == (appended.last_position, appended.recorded_at)
            heads.append(head)
        assert len({head.root for head in heads}) == 5

    def test_streams_are_listed_in_order_by_prefix_and_up_to_a_limit(self, log: EventLog) -> None:
        log.append_table(table(["b-2", "a-1", "b-10", "c", "b-2", "%", "b"]))
        log.append("b-1", events(1), expected=NO_STREAM)
        assert log.stream_ids() == ["%", "a-1", "b", "b-1", "b-10", "b-2", "c"]
        assert log.stream_ids(prefix="b-") == ["b-1", "b-10", "b-2"]
        assert log.stream_ids(prefix="b-", limit=2) == ["b-1", "b-10"]
        assert log.stream_ids(limit=0) == []
        assert log.stream_ids(prefix="%") == ["%"]
        assert log.stream_ids(prefix="B") == []

    def test_a_negative_limit_is_refused(self, log: EventLog) -> None:
        with pytest.raises(ValueError, match="limit"):
            log.stream_ids(limit=-1)

    def test_streams_in_large_and_in_small_commits_are_listed_alike(self, log: EventLog) -> None:
        names = [f"S-{i % 500:03}" for i in range(1200)]
        log.append_table(table(names))
        log.append("S-new", events(1), expected=NO_STREAM)
        assert log.stream_ids(prefix="S-") == [*sorted(set(names)), "S-new"]
        assert [e.position for e in log.load("S-007")] == [8, 508, 1008]
