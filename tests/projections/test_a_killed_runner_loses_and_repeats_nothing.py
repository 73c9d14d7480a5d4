"""A runner killed with SIGKILL at random moments again and again, while a writer appends all the time."""

import pickle
import random
import subprocess
import sys
import threading

import pytest

from orders_es.orders import OrderPlaced, PaymentReceived
from orders_es.projections import Handlers, set_projections
from orders_es.replay import connect

# Imports once; each runner is a fork of it, so that a hundred of them take seconds. It starts no thread before it forks.
RUNNERS = """
import os, pickle, signal, sys, time
from contextlib import suppress
import duckdb, pyarrow.compute, pyarrow.parquet
from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.projections import Projector
from orders_es.projections.file.runner_file import RunnerFile

log_path, models, pickled = sys.argv[1:]
projections = pickle.loads(bytes.fromhex(pickled))
log = open_log(log_path)
begun, begin = os.pipe()
say = RunnerFile.say


def say_it_here_too(self, **facts):
    if facts.get("state") in ("catching_up", "rebuilding"):
        os.write(begin, b"!")
    say(self, **facts)


for line in sys.stdin:
    what, batches, seconds = line.split()
    child = os.fork()
    if child == 0:
        RunnerFile.say = say_it_here_too
        os.setsid()
        projector = Projector(log, models, projections, batch_size=7)
        if what == "rebuild":
            projector.run()
            while True:
                projector.rebuild("orders")
                projector.rebuild("takings")
        projector.follow(poll=0.002)
        os._exit(0)
    for _ in range(int(batches)):
        os.read(begun, 1)
    time.sleep(float(seconds))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.set_blocking(begun, False)
    with suppress(BlockingIOError):
        while True:
            os.read(begun, 1000)
    os.set_blocking(begun, True)
    print(os.WTERMSIG(status), flush=True)
"""


def placed(event, tables):
    tables.execute("INSERT INTO seen VALUES (?)", [event.position])
    tables.execute("UPDATE takings SET orders = orders + 1")


def paid(event, tables):
    tables.execute("INSERT INTO seen VALUES (?)", [event.position])
    tables.execute("UPDATE takings SET amount = amount + ?", [event.data.amount])


def projections():
    tables = (
        "CREATE TABLE takings AS SELECT 0 AS orders, 0::DECIMAL(18, 4) AS amount; CREATE TABLE seen(position BIGINT)"
    )
    handlers = {OrderPlaced: placed, PaymentReceived: paid}
    return [*set_projections(["orders"]), Handlers("takings", 1, handlers, tables=tables)]


def append_until(stop, shop):
    number = 0
    while not stop.wait(0.05):
        number += 1
        shop.order(f"B-{number}")
        shop.pay(f"B-{max(number - 5, 1)}")


@pytest.mark.parametrize("kills", [4, pytest.param(100, marks=pytest.mark.long)])
def test_so_many_times(shop, kills):
    stop = threading.Event()
    writer = threading.Thread(target=append_until, args=(stop, shop))
    chance = random.Random(5)
    runners = subprocess.Popen(
        [sys.executable, "-c", RUNNERS, str(shop.folder / "log"), str(shop.path), pickle.dumps(projections()).hex()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    writer.start()
    try:
        for number in range(kills):
            what = "rebuild" if number % 8 == 3 else "follow"
            batches = number % 4  # that have begun
            runners.stdin.write(f"{what} {batches} {chance.uniform(0, 0.1)}\n")
            runners.stdin.flush()
            assert runners.stdout.readline() == "9\n", "the runner ended before it was killed"
    finally:
        stop.set()
        writer.join()
        runners.stdin.close()
        runners.stdout.close()
        runners.wait(600)
    batches_before = shop.rows("SELECT count(*) FROM orders_es.batches")[0][0]
    assert batches_before >= kills // 5, "hardly anything was committed between the kills"
    projector = shop.projector(*projections())
    projector.run()
    assert shop.table("orders") == shop.ought("orders")
    paid_and_placed = "SELECT position FROM events WHERE type IN ('OrderPlaced', 'PaymentReceived') ORDER BY 1"
    assert shop.rows("SELECT position FROM seen ORDER BY 1") == shop_events(shop, paid_and_placed)
    totals = """
        SELECT count(*) FILTER (type = 'OrderPlaced'), coalesce(sum(amount) FILTER (type = 'PaymentReceived'), 0) FROM events
    """
    assert shop.rows("FROM takings") == shop_events(shop, totals)
    assert projector.rebuild("orders", dry_run=True).same
    assert projector.rebuild("takings", dry_run=True).same


def shop_events(shop, query):
    with connect(shop.log) as session:
        return session.sql(query).rows()
