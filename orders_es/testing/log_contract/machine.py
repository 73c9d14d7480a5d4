"""A log against forty lines that keep everything in memory: any history of calls, and both must agree at every step."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from orders_es.errors import VersionConflict
from orders_es.log import ANY, NO_STREAM, STREAM_EXISTS, EventLog, NewEvent, StreamAppend
from orders_es.testing.log_contract.basis import assert_sound, compact, contents, events, put, table_of, vacuum

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Model", "compare_with_model"]


class Model:
    """What a log is, in as few lines as possible: the reference for every implementation."""

    def __init__(self) -> None:
        self.log: list[tuple[str, NewEvent]] = []

    def version(self, stream_id: str) -> int:
        """How many events the stream has."""
        return len(self.stream(stream_id))

    def stream(self, stream_id: str) -> list[NewEvent]:
        """The stream's events."""
        return [one for owner, one in self.log if owner == stream_id]

    def conflict(self, parts: dict[str, Any]) -> str | None:
        """The first stream that is not where it is expected to be."""
        for stream_id, expected in parts.items():
            actual = self.version(stream_id)
            wanted = {ANY: True, NO_STREAM: actual == 0, STREAM_EXISTS: actual > 0}.get(expected, actual == expected)
            if not wanted:
                return stream_id
        return None

    def append(self, new: list[tuple[str, NewEvent]], parts: dict[str, Any]) -> tuple[int, int, dict[str, int]]:
        """Where the events are then: first and last position, and the version of each stream."""
        first = len(self.log) + 1
        self.log += new
        return first, len(self.log), {stream_id: self.version(stream_id) for stream_id in parts}


STREAMS = st.sampled_from(["A", "B", "C", "d/é"])
EXPECTED = st.sampled_from(["actual", "actual", "actual", 0, 1, 7, ANY, NO_STREAM, STREAM_EXISTS])
WAYS = st.sampled_from(["append", "append_batch", "append_table"])


class LogMachine(RuleBasedStateMachine):
    """Calls in any order. `make` and `reopen` are set by `compare_with_model`."""

    make: ClassVar[Callable[[], EventLog]]
    reopen: ClassVar[Callable[[EventLog], EventLog] | None]

    def __init__(self) -> None:
        super().__init__()
        self.log = type(self).make()
        self.model = Model()
        self.done: list[tuple[Any, Any]] = []

    def meant(self, stream_id: str, expected: Any) -> Any:
        """An expectation, with the version that is right at this moment filled in."""
        return self.model.version(stream_id) if expected == "actual" else expected

    def expect(self, call: Any, new: list[tuple[str, NewEvent]], parts: dict[str, Any]) -> None:
        """Make a call, and hold what it does to what the model does."""
        conflict = self.model.conflict(parts)
        if conflict is not None:
            with pytest.raises(VersionConflict) as caught:
                call()
            assert caught.value.stream_id == conflict
            assert caught.value.actual == self.model.version(conflict)
            return
        appended = call()
        assert not appended.duplicate
        assert (appended.first_position, appended.last_position, appended.versions) == self.model.append(new, parts)
        self.done.append((call, appended))

    @rule(way=WAYS, stream_id=STREAMS, expected=EXPECTED, count=st.sampled_from([1, 1, 2, 3, 70, 1100]))
    def append(self, way: str, stream_id: str, expected: Any, count: int) -> None:
        """One stream."""
        expected, new = self.meant(stream_id, expected), events(count)
        self.expect(
            lambda: put(self.log, way, stream_id, new, expected), [(stream_id, e) for e in new], {stream_id: expected}
        )

    @rule(parts=st.dictionaries(STREAMS, st.tuples(EXPECTED, st.sampled_from([1, 2, 40])), min_size=1))
    def append_batch(self, parts: dict[str, tuple[Any, int]]) -> None:
        """Many streams, each with its own expectation."""
        batch = [StreamAppend(s, events(count), self.meant(s, expected)) for s, (expected, count) in parts.items()]
        new = [(piece.stream_id, e) for piece in batch for e in piece.events]
        self.expect(lambda: self.log.append_batch(batch), new, {p.stream_id: p.expected for p in batch})

    @rule(streams=st.lists(STREAMS, min_size=1, max_size=8), times=st.sampled_from([1, 1, 150]), typed=st.booleans())
    def append_table(self, streams: list[str], times: int, typed: bool) -> None:  # noqa: FBT001 - drawn by name
        """Interleaved rows of many streams."""
        new = list(zip(streams * times, events(len(streams) * times), strict=True))
        table = table_of(self.log.registry, new, typed=typed)
        self.expect(lambda: self.log.append_table(table, expected=ANY), new, dict.fromkeys(streams, ANY))

    @rule(which=st.integers(0, 1000))
    def retry(self, which: int) -> None:
        """An append that was made before, made once more."""
        if self.done:
            call, first = self.done[which % len(self.done)]
            again = call()
            assert again.duplicate
            assert (again.first_position, again.versions, again.recorded_at) == (
                first.first_position,
                first.versions,
                first.recorded_at,
            )

    @rule(grace=st.sampled_from([None, timedelta(0)]))
    def compact(self, grace: timedelta | None) -> None:
        """Compact, with or without a vacuum."""
        compact(self.log)
        if grace is not None:
            vacuum(self.log, grace=grace)

    @rule()
    def open_again(self) -> None:
        """Go on with another handle; retries go through it too."""
        reopen = type(self).reopen
        if reopen is not None:
            self.log = reopen(self.log)

    @invariant()
    def streams_agree(self) -> None:
        """After every step."""
        assert self.log.head().position == len(self.model.log)
        assert self.log.stream_ids() == sorted({stream_id for stream_id, _ in self.model.log})
        for stream_id in ("A", "B", "C", "d/é"):
            assert self.log.stream_version(stream_id) == self.model.version(stream_id)

    def teardown(self) -> None:
        """The whole log, at the end of a history."""
        assert_sound(self.log)
        registry = self.log.registry
        for stream_id in self.log.stream_ids():
            assert contents(self.log.load(stream_id)) == [
                (
                    e.event_id,
                    type(e.data).__name__,
                    registry.encode(e.data)[1],
                    e.occurred_at,
                    e.entered_at,
                    None,
                    None,
                    None,
                    registry.encode(e.data)[0].schema_version,
                )
                for e in self.model.stream(stream_id)
            ]


def compare_with_model(
    make: Callable[[], EventLog], reopen: Callable[[EventLog], EventLog] | None, examples: int
) -> None:
    """Run so many random histories of calls against a fresh log each and the model.

    Args:
        make: Gives a fresh log.
        reopen: Gives another handle on a log; None where there is no such thing.
        examples: How many histories.
    """

    class Machine(LogMachine):
        pass

    Machine.make = staticmethod(make)
    Machine.reopen = None if reopen is None else staticmethod(reopen)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
