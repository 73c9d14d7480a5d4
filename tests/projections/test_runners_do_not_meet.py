"""One runner per projection; each projection goes its own way; a follower ends after its batch."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from orders_es.errors import InvalidSetting, ProjectionRunning, ProjectionStopped
from orders_es.log import ANY, RawEvent
from orders_es.orders import OrderPlaced
from orders_es.projections import Handlers, Projector, set_projections
from orders_es.projections.file.runner_file import RunnerFile, who_runs


def until(true, seconds=600):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


@pytest.fixture
def following():
    """Begin to follow with a projector; what it came to is in the list once the test is over."""
    stop, threads, came_to = threading.Event(), [], []

    def follow(projector, **options):
        thread = threading.Thread(target=lambda: came_to.extend(projector.try_follow(stop, poll=0.01, **options)))
        threads.append(thread)
        thread.start()
        return stop, thread, came_to

    yield follow
    stop.set()
    for thread in threads:
        thread.join()


def test_the_second_says_who_is_the_first(shop, following):
    following(shop.projector())
    until(lambda: shop.path.exists() and who_runs(shop.path, "orders"))
    here = rf"process {os.getpid()} on {socket.gethostname()}"
    with pytest.raises(ProjectionRunning, match=f"projection 'orders' is being run by {here}") as told:
        shop.run()
    assert (told.value.pid, told.value.projection) == (os.getpid(), "orders")
    for refused in (lambda p: p.rebuild("orders"), lambda p: p.rollback("orders"), lambda p: p.drop("orders")):
        with pytest.raises(ProjectionRunning):
            refused(shop.projector())
    ran = shop.projector(names=["orders", "order_items"]).try_run()
    assert [type(one.error) for one in ran] == [ProjectionRunning, type(None)]
    assert shop.table("order_items") == shop.ought("order_items")


def test_who_looks_whether_a_runner_lives_is_no_runner(shop):
    assert who_runs(shop.path, "orders") is None
    shop.run()
    assert who_runs(shop.path, "orders") is None
    with RunnerFile(shop.path, "orders", clock=shop.projector()._settings.clock):
        told = who_runs(shop.path, "orders")
        assert (told["pid"], told["projection"], told["state"]) == (os.getpid(), "orders", "starting")


@pytest.mark.long
def test_a_follower_sees_what_others_commit(shop, following):
    names = ["orders", "order_items", "customer_value"]
    stop, thread, came_to = following(shop.projector(names=names))
    until(lambda: shop.path.exists() and len(shop.models.status()) == 3)
    last = shop.order("A-9")
    until(lambda: all(shop.checkpoint(name) == last for name in names))
    stop.set()
    thread.join()
    assert [(one.projection, one.position, one.error) for one in came_to] == [(name, last, None) for name in names]
    for name in names:
        assert shop.table(name) == shop.ought(name)


@pytest.mark.long
def test_one_that_fails_ends_and_the_others_go_on(shop, following):
    told = []
    _, _, came_to = following(
        shop.projector(names=["orders", "activity"]),
        notify=lambda *what: told.append((what[0], type(what[1]), what[2])),
    )
    shop.log.append("A-1", [RawEvent("OrderBlessed", "{}")], expected=ANY)
    until(lambda: told)
    assert told == [("orders", ProjectionStopped, True)]
    last = shop.order("A-9")
    until(lambda: shop.checkpoint("activity") == last)
    assert shop.checkpoint("orders") < last
    assert came_to == []


def test_a_mistake_in_the_machinery_itself_is_not_hidden(shop, monkeypatch):
    monkeypatch.setattr("orders_es.projections.run.set_work.SetWork.batch", lambda *_: 1 / 0)
    mails = Handlers("mails", 1, {OrderPlaced: lambda *_: None})
    with pytest.raises(ZeroDivisionError):
        shop.run(*set_projections(["orders"]), mails)
    assert shop.checkpoint("mails") == 12
    with pytest.raises(ZeroDivisionError):
        shop.projector().follow()


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_batch_be_finished(shop, number):
    last = shop.order("A-9")
    program = "from orders_es.cli import main; main()"
    command = [sys.executable, "-c", program, "project", "follow", "orders", "--models", str(shop.path)]
    with subprocess.Popen(
        [*command, "--log", str(shop.folder / "log")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as runner:
        until(lambda: runner.poll() is not None or (shop.path.exists() and shop.models.status()))
        runner.send_signal(number)
        out, err = runner.communicate(timeout=600)
    assert runner.returncode == 0, err
    assert f"orders: up to position {last} of {last}" in out
    assert "Traceback" not in err


def test_handlers_that_are_stopped_between_tries_have_lost_nothing(shop, following):
    tried = threading.Event()

    def fail(_event, tables):
        tables.execute("INSERT INTO seen VALUES (1)")
        tried.set()
        raise ValueError("not today")

    tables = "CREATE TABLE seen(a INTEGER)"
    stop, thread, came_to = following(shop.projector(Handlers("x", 1, {OrderPlaced: fail}, tables=tables, pause=60)))
    assert tried.wait(600)
    stop.set()
    thread.join(600)
    assert [(one.position, one.error) for one in came_to] == [(2, None)]
    assert shop.rows("SELECT count(*) FROM seen") == [(0,)]


@pytest.mark.parametrize(
    "wrong",
    [{"batch_size": 0}, {"tz": "Mars/Olympus"}, {"projections": set_projections(["orders", "orders"])}],
    ids=str,
)
def test_settings_that_are_none_are_refused(shop, wrong):
    options = {"projections": set_projections(["orders"])} | wrong
    with pytest.raises(InvalidSetting):
        Projector(shop.log, shop.path, **options)
    with pytest.raises(InvalidSetting, match="poll"):
        shop.projector().follow(poll=0)
