"""What the expected version promises."""

from __future__ import annotations

from typing import Any

import pytest

from orders_es.errors import InvalidEvent, VersionConflict
from orders_es.log import ANY, NO_STREAM, STREAM_EXISTS, EventLog
from orders_es.testing.log_contract.basis import WAYS, Contract, assert_sound, events, put, table

__all__ = ["ExpectedVersions"]


class ExpectedVersions(Contract):
    """Every expectation, against streams that are there and that are not."""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("expected", [NO_STREAM, 0, ANY])
    def test_a_new_stream_can_be_expected_not_to_exist(self, log: EventLog, way: str, expected: Any) -> None:
        assert put(log, way, "A", events(2), expected).versions == {"A": 2}

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("expected", [3, ANY, STREAM_EXISTS])
    def test_a_stream_can_be_expected_at_its_version(self, log: EventLog, way: str, expected: Any) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        assert put(log, way, "A", events(2), expected).versions == {"A": 5}
        assert_sound(log)

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(
        ("expected", "carried"), [(1, 1), (2, 2), (4, 4), (99, 99), (NO_STREAM, "NO_STREAM"), (0, "NO_STREAM")]
    )
    def test_a_stream_elsewhere_is_a_conflict_that_tells_both_versions(
        self, log: EventLog, way: str, expected: Any, carried: int | str
    ) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        with pytest.raises(VersionConflict) as caught:
            put(log, way, "A", events(1), expected)
        assert (caught.value.stream_id, caught.value.expected, caught.value.actual) == ("A", carried, 3)
        assert log.head().position == 3

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(("expected", "carried"), [(1, 1), (STREAM_EXISTS, "STREAM_EXISTS")])
    def test_a_stream_that_is_not_there_is_a_conflict_at_version_0(
        self, log: EventLog, way: str, expected: Any, carried: int | str
    ) -> None:
        with pytest.raises(VersionConflict) as caught:
            put(log, way, "A", events(1), expected)
        assert (caught.value.stream_id, caught.value.expected, caught.value.actual) == ("A", carried, 0)
        assert log.head().position == 0

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("expected", [None, True, False, "ANY", 1.0])
    def test_what_is_no_expectation_is_a_type_error(self, log: EventLog, way: str, expected: Any) -> None:
        with pytest.raises(TypeError, match="NO_STREAM"):
            put(log, way, "A", events(1), expected)
        assert log.head().position == 0

    @pytest.mark.parametrize("way", WAYS)
    def test_a_negative_version_is_a_value_error(self, log: EventLog, way: str) -> None:
        with pytest.raises(ValueError, match="-1"):
            put(log, way, "A", events(1), -1)

    def test_a_table_expects_new_streams_unless_told_otherwise(self, log: EventLog) -> None:
        log.append_table(table(["A", "B"]))
        with pytest.raises(VersionConflict) as caught:
            log.append_table(table(["C", "B"]))
        assert (caught.value.stream_id, caught.value.expected, caught.value.actual) == ("B", "NO_STREAM", 1)
        assert log.stream_ids() == ["A", "B"]

    def test_a_table_may_expect_another_version_of_each_stream(self, log: EventLog) -> None:
        log.append("A", events(3), expected=NO_STREAM)
        given = table(["A", "B", "A"])
        for expected, stream_id, actual in (({"A": 3, "B": 1}, "B", 0), ({"A": NO_STREAM, "B": ANY}, "A", 3)):
            with pytest.raises(VersionConflict) as caught:
                log.append_table(given, expected=expected)
            assert (caught.value.stream_id, caught.value.actual) == (stream_id, actual)
        with pytest.raises(InvalidEvent, match="'B'"):
            log.append_table(given, expected={"A": 3})
        with pytest.raises(TypeError, match="NO_STREAM"):
            log.append_table(given, expected={"A": 3, "B": None})  # type: ignore[dict-item]
        assert log.head().position == 3
        assert log.append_table(given, expected={"A": 3, "B": 0, "C": 7}).versions == {"A": 5, "B": 1}

    def test_the_version_holds_across_small_and_large_appends(self, log: EventLog) -> None:
        """Backends that treat large commits differently must not mix up what they know of a stream."""
        version = 0
        for way, count in (("append", 1), ("append_table", 1100), ("append", 2), ("append_table", 1100), ("append", 1)):
            appended = put(log, way, "A", events(count), version)
            version += count
            assert appended.versions == {"A": version}
            assert log.stream_version("A") == version
            if self.durable:
                assert self.reopen(log).stream_version("A") == version
        with pytest.raises(VersionConflict):
            log.append("A", events(1), expected=1101)
        assert_sound(log)

    def test_small_and_large_appends_that_are_seen_together_keep_their_order(self, log: EventLog) -> None:
        other = self.reopened(log)
        log.append("known", events(1), expected=NO_STREAM)
        for before, after in (("B", "C"), ("D", "E")):
            assert other.stream_version("known") == 1
            log.append(before, events(2), expected=NO_STREAM)
            log.append("A", events(1), expected=ANY)
            put(log, "append_table", "A", events(1100))
            log.append(after, events(3), expected=NO_STREAM)
            assert [other.stream_version(s) for s in (before, after)] == [2, 3]
            assert other.stream_version("A") == log.stream_version("A") == len(log.load("A"))
        assert_sound(other)

    def test_another_handle_sees_the_version_across_small_and_large_appends(self, log: EventLog) -> None:
        other = self.reopened(log)
        version = 0
        for way, count in (("append", 1), ("append_table", 1100), ("append", 2), ("append_table", 1100)):
            put(log, way, "A", events(count), version)
            version += count
            assert other.stream_version("A") == version
        with pytest.raises(VersionConflict):
            other.append("A", events(1), expected=1)
        other.append("A", events(1), expected=version)
        assert_sound(log)
