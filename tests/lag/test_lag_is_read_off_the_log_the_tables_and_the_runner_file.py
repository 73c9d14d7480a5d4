import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta

import duckdb
import pytest

from orders_es.errors import DamagedReadModels, NaiveTime, NoReadModels
from orders_es.log import open_log
from orders_es.projections import Projector, set_projections
from orders_es.projections.lag.gathering import seen_runner
from orders_es.projections.lag.measure import Freshness, lag_history, measure_lag

FOLLOWER = """
import sys
from orders_es.log import open_log
from orders_es.projections import Projector, set_projections
Projector(open_log(sys.argv[1]), sys.argv[2], set_projections(["orders"])).follow()
"""
HOLDER = """
import duckdb, sys
con = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_that_is_not_there_is_an_error_and_no_lag_of_nought(shop):
    with pytest.raises(NoReadModels):
        shop.lag()


def test_a_file_of_something_else_is_an_error(shop):
    duckdb.connect(str(shop.models)).close()
    with pytest.raises(DamagedReadModels):
        shop.lag()


def test_the_time_it_is_asked_for_has_a_zone(shop):
    with pytest.raises(NaiveTime):
        measure_lag(shop.log, shop.models, now=datetime(2026, 6, 3))  # noqa: DTZ001


def test_each_figure_follows_the_clock(shop, clock):
    shop.order(10)
    clock.forward(2)
    shop.run()
    with shop.runner():
        assert (shop.lag().state, shop.lag().events_behind, shop.lag().seconds_behind) == ("caught_up", 0, 0)
        clock.forward(1)
        shop.order(3)
        clock.forward(4)
        shop.order(1)
        clock.forward(2)
        lag = shop.lag()
    assert (lag.state, lag.position, lag.head_position, lag.events_behind) == ("catching_up", 10, 14, 4)
    # Recorded at seconds 0 (processed), 3 and 7; it is second 9 now.
    assert (lag.seconds_behind, lag.definition_seconds) == (6, 7)
    assert lag.arrivals == pytest.approx(1 / 6), "since the oldest waiting event was recorded: the last one"


@pytest.mark.long
def test_freshness_is_the_age_of_events_when_they_could_be_seen(shop, clock):
    shop.order()
    shop.run()
    for _ in range(98):
        shop.order()
    clock.forward(7)
    shop.order(2)
    clock.forward(3)
    shop.run()
    assert shop.lag().freshness == Freshness(10, 10, 10, 10)
    for _ in range(300):
        shop.order()
    clock.forward(1)
    shop.run()
    # 98 events of 10 s, 2 of 3 s, 300 of 1 s.
    assert shop.lag().freshness == Freshness(1, 10, 10, 10)
    clock.forward(16 * 60)
    assert shop.lag().freshness is None, "nothing was processed lately"


@pytest.mark.long_but_first
@pytest.mark.parametrize("begin", ["run", "follow"])
def test_an_outage_is_in_the_history_though_its_first_batch_ends_it(shop, clock, begin):
    shop.order()
    shop.run()
    shop.order(2)
    clock.forward(3600)
    projector = Projector(shop.log, shop.models, set_projections(["orders"]), clock=clock)
    if begin == "run":
        projector.run()
    else:
        stop = threading.Event()
        following = threading.Thread(target=projector.follow, args=(stop,))
        following.start()
        try:
            wait_for(shop.lag, lambda lag: lag.events_behind == 0 and lag.freshness is not None)
            wait_for(lambda: lag_history(shop.models), lambda frame: len(frame) >= 3)
        finally:
            stop.set()
            following.join()
    # On a slow machine a runner notes more samples than one; each figure is told once here.
    told = [figure for figure, _ in itertools.groupby(lag_history(shop.models).seconds_behind)]
    assert told[:3] == [0, 3600, 0]


def test_a_live_runner_is_stuck_when_it_commits_nothing(shop, clock):
    shop.order()
    shop.run()
    shop.order()
    with shop.runner() as runner:
        for _ in range(31):
            clock.forward(1)
            runner._beat()
        lag = shop.lag()
    assert (lag.state, lag.seconds_behind, lag.pid) == ("stuck", 31, os.getpid())
    assert shop.lag().state == "stopped", "it has let go"


def test_another_log_under_its_name_makes_the_figures_unknown(shop, clock, tmp_path):
    shop.order()
    shop.run()
    with open_log(str(tmp_path / "other"), create=True, clock=clock) as other:
        [lag] = measure_lag(other, shop.models, now=clock.now)
    assert (lag.events_behind, lag.seconds_behind, lag.definition_seconds) == (None, None, None)
    assert "another log" in lag.reason


def test_while_another_process_holds_the_file_the_runner_file_is_asked_alone(shop, clock, killed):
    shop.order(3)
    shop.run()
    shop.order(1)
    clock.forward(3)
    with shop.runner() as runner:
        runner.say(position=2, head_position=4, state="catching_up")
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(shop.models)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        killed.append(holder)
        holder.stdout.readline()
        lag = shop.lag(timeout=0.05)
        # The oldest waiting event grows older than the limit while the runner moves on; then it moves no more.
        clock.forward(40)
        runner.say(position=3)
        moving = shop.lag(timeout=0.05)
        clock.forward(31)
        runner._beat()
        stuck = shop.lag(timeout=0.05)
        holder.stdin.close()
    assert (lag.source, lag.state, lag.events_behind, lag.seconds_behind) == ("runner file", "catching_up", 2, 3)
    assert (lag.freshness, lag.throughput) == (None, None)
    assert f"held by process {holder.pid}" in lag.reason
    assert (moving.state, moving.events_behind, moving.seconds_behind) == ("catching_up", 1, 43)
    assert (stuck.state, stuck.seconds_behind) == ("stuck", 74)


def test_a_projection_that_is_being_made_has_only_a_runner_file(shop, clock):
    shop.order(2)
    with shop.runner() as runner:
        lag = shop.lag()
        assert (lag.state, lag.events_behind, lag.source) == ("catching_up", None, "runner file")
        clock.forward(31)
        runner._beat()
        assert shop.lag().state == "stuck"
    assert not shop.models.exists(), "measuring makes no file"
    with pytest.raises(NoReadModels):
        shop.lag()


def test_a_projection_that_was_dropped_is_gone(shop):
    shop.order()
    shop.run()
    projector = Projector(shop.log, shop.models, set_projections(["orders", "order_items"]), clock=shop.clock)
    projector.run()
    assert [lag.projection for lag in measure_lag(shop.log, shop.models)] == ["order_items", "orders"]
    projector.drop("order_items")
    assert [lag.projection for lag in measure_lag(shop.log, shop.models)] == ["orders"]


def test_measuring_never_keeps_a_runner_from_starting(shop):
    shop.order()
    shop.run()
    done = threading.Event()
    path = shop.models.with_name(shop.models.name + ".runners") / "orders.json"

    def measure():
        while not done.is_set():
            seen_runner(path)

    measuring = threading.Thread(target=measure)
    measuring.start()
    try:
        for _ in range(100):
            shop.runner().close()
    finally:
        done.set()
        measuring.join()


@pytest.mark.long
def test_a_follower_that_is_frozen_or_killed_is_stopped(shop, killed):
    shop.order(3)
    follower = subprocess.Popen([sys.executable, "-c", FOLLOWER, shop.log.url, str(shop.models)])
    killed.append(follower)

    def now(**later):
        [lag] = measure_lag(shop.log, shop.models, now=datetime.now().astimezone() + timedelta(**later))
        return lag

    lag = wait_for(now, lambda lag: lag.events_behind == 0)
    assert (lag.state, lag.pid) == ("writer_silent", follower.pid), "the shop's log was written long ago"
    history = wait_for(lambda: lag_history(shop.models), len)
    assert list(history.events_behind[-1:]) == [0]
    assert set(history.columns) >= {"sampled_at", "seconds_behind", "throughput", "state", "dead_letters"}

    follower.send_signal(signal.SIGSTOP)
    assert now().state == "writer_silent"
    frozen = now(seconds=12)
    assert frozen.state == "stopped"
    assert "holds on to it" in frozen.reason
    follower.kill()
    follower.wait()
    assert (now().state, now().pid) == ("stopped", follower.pid)
    assert now().reason.endswith("has ended")


def wait_for(look, good):
    until = time.monotonic() + 600
    while time.monotonic() < until:
        with contextlib.suppress(NoReadModels):
            found = look()
            if good(found):
                return found
        time.sleep(0.05)
    raise AssertionError("it never came")
