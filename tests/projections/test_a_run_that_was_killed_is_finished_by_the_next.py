"""What a run is asked for is noted before it begins: the next run finishes it, or says what is missing."""

import signal
import subprocess
import sys

import pytest

from orders_es.errors import UnknownProjection
from orders_es.orders import OrderPlaced
from orders_es.projections import Handlers, Projector, set_projections
from orders_es.projections.run import running as running_module
from orders_es.projections.run.set_work import SetWork

NAMES = ["orders", "order_items", "daily_sales"]

KILLED = """
import os, signal, sys
from orders_es.log import open_log
from orders_es.projections import Projector, set_projections
from orders_es.projections.run import set_work

what, after = sys.argv[3], int(sys.argv[4])
call = getattr(set_work.SetWork, what)
set_work._SHARE = 1e9
count = 0

def call_or_die(self, *args):
    global count
    count += 1
    if count > after:
        os.kill(os.getpid(), signal.SIGKILL)
    call(self, *args)

setattr(set_work.SetWork, what, call_or_die)
with open_log(sys.argv[1]) as log:
    Projector(log, sys.argv[2], set_projections(sys.argv[5:]), batch_size=3).run()
"""


def killed(shop, after, names=NAMES, what="begin"):
    """A run that dies as it begins with a projection, or with a batch."""
    program = [sys.executable, "-c", KILLED, shop.folder / "log", shop.path, what, str(after), *names]
    assert subprocess.run(program, check=False).returncode == -signal.SIGKILL


def asked_files(shop):
    return list(shop.path.with_name(shop.path.name + ".runners").glob("*.asked"))


@pytest.mark.long
@pytest.mark.parametrize("after", [0, 1])
def test_what_it_left_is_known_and_the_next_run_of_it_settles_it(shop, after):
    killed(shop, after)
    assert shop.models.unfinished() == NAMES[after:]
    shop.run(names=NAMES[:1])
    assert shop.models.unfinished() == NAMES[max(after, 1) :]
    shop.run(names=NAMES)
    assert shop.models.unfinished() == []
    assert not asked_files(shop)


def test_what_one_run_failed_at_is_noted_once_however_often_it_fails(shop):
    def fail(*_):
        raise ValueError("no")

    bad = Handlers("bad", 1, {OrderPlaced: fail}, attempts=1)
    for _ in range(3):
        shop.projector(bad).try_run()
    assert shop.models.unfinished() == ["bad"]
    assert len(asked_files(shop)) == 1
    shop.run(Handlers("bad", 1, {OrderPlaced: lambda *_: None}))
    assert not asked_files(shop)


def test_ctrl_c_leaves_it_noted_as_well(shop, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("orders_es.projections.run.projector.run_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shop.run(names=NAMES)
    assert shop.models.unfinished() == NAMES


def test_a_run_that_lives_has_left_nothing(shop, monkeypatch):
    seen = []
    run_one = running_module.run_one

    def looking(*args, **options):
        seen.append(shop.models.unfinished())
        return run_one(*args, **options)

    monkeypatch.setattr("orders_es.projections.run.projector.run_one", looking)
    shop.run(names=NAMES)
    assert seen == [[], [], []]


@pytest.mark.long
def test_dropping_gives_it_up(shop):
    killed(shop, 1)
    projector = Projector(shop.log, shop.path, [])
    projector.drop("daily_sales")
    assert shop.models.unfinished() == ["order_items"]
    with pytest.raises(UnknownProjection):
        projector.drop("daily_sales")


@pytest.mark.long
def test_a_status_of_running_needs_a_runner(shop):
    killed(shop, 1, ["orders"], what="advance")
    [state] = shop.models.status()
    assert (state.status, state.checkpoint) == ("interrupted", 3)
    shop.run()
    assert [state.status for state in shop.models.status()] == ["ok"]


def test_a_run_that_ended_before_the_log_did_is_behind_and_not_interrupted(shop, monkeypatch):
    next_state = SetWork.next_state

    def meanwhile(self, *args):
        shop.order("B-1")
        return next_state(self, *args)

    monkeypatch.setattr(SetWork, "next_state", meanwhile)
    shop.run()
    assert [state.status for state in shop.models.status()] == ["behind"]
    assert shop.models.unfinished() == [], "it did all that there was when it was asked"


@pytest.mark.long
def test_set_projections_are_all_there_is_to_run_again(shop):
    killed(shop, 0, [projection.name for projection in set_projections()])
    assert set(shop.models.unfinished()) == {projection.name for projection in set_projections()}
