"""A writer that is fast, slow or dead, beside a projection that is slow, stuck or killed, second by second on a scripted clock."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orders_es.projections.lag.facts import Facts, Runner
from orders_es.projections.lag.formula import rates_since
from orders_es.projections.lag.judgement import LagLimits, judge

from .conftest import NOON

FAST, SLOW, DEAD = 100, 10, 0
CAPACITY = 50
"""What the slow projection gets through in a second."""


class World:
    """Each second the writer appends `written` events at once, and then the projection works for a second."""

    def __init__(self):
        self.second = 0
        self.recorded = []
        self.position = 0
        self.batches = []
        self.beat = 0

    def go(self, seconds, *, written, processed, alive=True):
        for _ in range(seconds):
            self.second += 1
            self.recorded += [self.second] * written
            done = min(processed, len(self.recorded) - self.position)
            if done:
                self.position += done
                self.batches.append((self.second - 1, self.second, done))
            self.beat = self.second if alive else self.beat
        return self

    def judged(self, *, holds=True, limits=None):
        limits = limits or LagLimits()
        waiting = at(self.recorded[self.position]) if self.position < len(self.recorded) else None
        longest = max((end - start for start, end, _ in self.batches[-20:]), default=0)
        since = rates_since(at(self.second), waiting, at(0), longest, limits)
        return judge(
            Facts(
                projection="orders",
                now=at(self.second),
                head_position=len(self.recorded),
                head_recorded_at=at(self.recorded[-1]) if self.recorded else None,
                position=self.position,
                position_recorded_at=at(self.recorded[self.position - 1]) if self.position else None,
                next_recorded_at=waiting,
                runner=Runner(holds, at(self.beat), at(0), 7, "shop-1"),
                since=since,
                arrived=sum(at(moment) > since for moment in self.recorded),
                processed=sum(events for _, end, events in self.batches if at(end) > since),
                longest=longest,
                progress_at=at(self.batches[-1][1]) if self.batches else None,
            ),
            limits,
        )


def at(second):
    return NOON + timedelta(seconds=second)


def test_a_fast_writer_leaves_a_slow_projection_falling_behind():
    lag = World().go(120, written=FAST, processed=CAPACITY).judged()
    assert (lag.state, lag.events_behind, lag.eta_seconds) == ("falling_behind", 120 * 50, None)
    assert (lag.throughput, lag.arrivals) == (50, 100)
    # It has done the events of seconds 1 to 60, so the oldest that waits is of second 61.
    assert (lag.seconds_behind, lag.definition_seconds) == (59, 60)


def test_a_slow_writer_lets_a_slow_projection_catch_up():
    world = World().go(60, written=FAST, processed=0)
    lag = world.go(60, written=SLOW, processed=CAPACITY).judged()
    assert (lag.state, lag.events_behind) == ("catching_up", 60 * 100 + 60 * 10 - 60 * 50)
    assert (lag.throughput, lag.arrivals) == (50, 10)
    assert lag.eta_seconds == pytest.approx(3600 / 40)
    assert world.go(90, written=SLOW, processed=CAPACITY).judged().state == "caught_up"


def test_what_a_dead_writer_left_is_caught_up_with_and_then_it_is_silent():
    world = World().go(60, written=FAST, processed=0)
    lag = world.go(60, written=DEAD, processed=CAPACITY).judged()
    assert (lag.state, lag.events_behind, lag.eta_seconds) == ("catching_up", 3000, 60)
    assert lag.definition_seconds == 30, "the plain definition: second 60 less second 30"
    assert lag.seconds_behind == 120 - 31, "and how long somebody has been waiting, which goes on growing"
    world.go(60, written=DEAD, processed=CAPACITY)
    assert (world.judged().state, world.judged().events_behind, world.judged().eta_seconds) == ("caught_up", 0, 0)
    world.go(15 * 60 - 120, written=DEAD, processed=0)
    assert world.judged().state == "caught_up"
    world.go(1, written=DEAD, processed=0)
    lag = world.judged()
    assert (lag.state, lag.seconds_behind, lag.definition_seconds) == ("writer_silent", 0, 0)
    assert "15 min" in lag.reason


@pytest.mark.parametrize(("written", "behind"), [(FAST, 40 * 100), (SLOW, 40 * 10)])
def test_a_stuck_projection_is_stuck_whether_the_writer_is_fast_or_slow(written, behind):
    world = World().go(60, written=written, processed=FAST)
    assert world.judged().state == "caught_up"
    assert world.go(30, written=written, processed=0).judged().state != "stuck", "it may be a long batch"
    lag = world.go(10, written=written, processed=0).judged()
    assert (lag.state, lag.events_behind, lag.eta_seconds) == ("stuck", behind, None)
    assert (lag.seconds_behind, lag.definition_seconds) == (39, 40)


def test_a_projection_that_is_stuck_on_what_a_dead_writer_left_is_not_hidden_by_the_silence():
    world = World().go(60, written=FAST, processed=FAST).go(1, written=FAST, processed=0)
    lag = world.go(3600, written=DEAD, processed=0).judged()
    assert (lag.state, lag.events_behind, lag.seconds_behind) == ("stuck", 100, 3600)
    assert lag.definition_seconds == 1, "which reads as if all were well"


@pytest.mark.parametrize("written", [FAST, SLOW, DEAD])
def test_a_killed_projection_is_stopped_whatever_the_writer_does(written):
    world = World().go(60, written=FAST, processed=FAST).go(5, written=written, processed=0, alive=False)
    lag = world.judged(holds=False)
    assert (lag.state, lag.events_behind) == ("stopped", 5 * written)
    assert lag.reason == "its runner, process 7 on shop-1, has ended"
    assert world.go(86_400, written=DEAD, processed=0, alive=False).judged(holds=False).state == "stopped", "for ever"


@pytest.mark.parametrize("written", [FAST, SLOW, DEAD])
@pytest.mark.parametrize("holds", [True, None])
def test_a_runner_that_gives_no_sign_of_life_is_stopped_though_its_lock_is_held_or_cannot_be_seen(written, holds):
    world = World().go(60, written=FAST, processed=FAST).go(10, written=written, processed=0, alive=False)
    assert world.judged(holds=holds).state != "stopped", "ten seconds are allowed"
    lag = world.go(1, written=written, processed=0, alive=False).judged(holds=holds)
    assert (lag.state, lag.events_behind) == ("stopped", 11 * written)
    assert "no sign of life for 11 s" in lag.reason


def test_a_projection_that_keeps_up_with_a_fast_writer_is_never_called_late():
    world = World()
    for _ in range(120):
        lag = world.go(1, written=FAST, processed=FAST).judged()
        assert lag.state == "caught_up"
    # One second's events on their way: processed at just the rate at which they come.
    lag = world.go(1, written=FAST, processed=0).judged()
    assert (lag.state, lag.events_behind, lag.seconds_behind) == ("catching_up", 100, 0)


def test_a_burst_is_no_sign_of_falling_behind():
    world = World().go(60, written=SLOW, processed=FAST).go(1, written=24_000, processed=0)
    lag = world.go(20, written=SLOW, processed=CAPACITY).judged()
    assert (lag.state, lag.events_behind) == ("catching_up", 24_000 - 20 * 40)
    assert lag.eta_seconds == pytest.approx(23_200 / 40)


def test_a_runner_that_has_just_begun_is_given_time_though_the_oldest_event_is_old():
    world = World().go(3600, written=SLOW, processed=0)
    begun = Runner(holds=True, beat_at=at(3600), started_at=at(3590), pid=7, host="shop-1")
    facts = {"projection": "orders", "head_position": 9, "position": 0, "next_recorded_at": at(1), "runner": begun}
    assert judge(Facts(now=at(3600), **facts)).state == "catching_up"
    facts["runner"] = Runner(holds=True, beat_at=at(3630), started_at=at(3590), pid=7, host="shop-1")
    assert judge(Facts(now=at(3630), **facts)).state == "stuck"
    assert world.position == 0


def test_a_projection_whose_batches_take_long_is_given_longer():
    world = World().go(10, written=FAST, processed=FAST)
    world.batches[-1] = (0, 10, 100)
    world.go(61, written=SLOW, processed=0)
    assert world.judged().state != "stuck"
    assert world.go(1, written=SLOW, processed=0).judged().state == "stuck"


def test_a_projection_that_stands_before_an_event_is_stuck_at_once():
    runner = Runner(holds=True, beat_at=NOON, pid=7, host="shop-1")
    facts = Facts(projection="orders", now=NOON, head_position=9, position=9, runner=runner, error="a poisoned event")
    assert (judge(facts).state, judge(facts).reason) == ("stuck", "a poisoned event")
    ended = judge(replace(facts, runner=replace(runner, holds=False)))
    assert (ended.state, ended.reason) == ("stopped", "its runner, process 7 on shop-1, has ended; a poisoned event")


def test_what_is_not_known_is_blank_and_never_nought():
    lag = judge(Facts(projection="orders", now=NOON))
    blank = (lag.events_behind, lag.seconds_behind, lag.definition_seconds, lag.throughput, lag.eta_seconds)
    assert blank == (None,) * 5
    assert lag.state == "stopped"


def test_an_empty_log_has_a_silent_writer():
    runner = Runner(holds=True, beat_at=NOON, pid=7, host="shop-1")
    lag = judge(Facts(projection="orders", now=NOON, head_position=0, position=0, runner=runner))
    assert (lag.state, lag.reason, lag.seconds_behind) == ("writer_silent", "the log is empty", 0)


def test_one_that_has_not_made_sure_of_what_it_holds_is_not_caught_up_though_nothing_waits():
    facts = Facts(
        projection="orders",
        now=at(20),
        head_position=5,
        head_recorded_at=at(0),
        position=5,
        runner=Runner(True, at(20), at(0)),
    )
    assert judge(facts).state == "caught_up"
    beginning = replace(facts, runner=replace(facts.runner, ready=False))
    assert (judge(beginning).state, judge(beginning).events_behind) == ("catching_up", 0)
    late = replace(beginning, now=at(31), runner=replace(beginning.runner, beat_at=at(31)))
    assert (judge(late).state, judge(late).reason[:18]) == ("stuck", "it began 31 s ago,")
