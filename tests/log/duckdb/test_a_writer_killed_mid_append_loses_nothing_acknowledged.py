import os
import random
import signal
import subprocess
import sys
import time

import pytest

from orders_es.log import open_log
from orders_es.testing.log_contract.basis import assert_sound

WRITE = """
import itertools, sys
from decimal import Decimal
from orders_es.log import ANY, StreamAppend, open_log
from orders_es.orders import ItemAdded, OrderPlaced
log = open_log(sys.argv[1])
for i in itertools.count():
    few = [OrderPlaced()] * (1 + i % 3)
    many = [ItemAdded(item_id="I", quantity=1, price=Decimal(1))] * (200 if i % 5 == 0 else 2)
    done = log.append_batch([StreamAppend("few", few, ANY), StreamAppend("many", many, ANY)])
    print(done.first_position, done.last_position, done.versions["few"], done.versions["many"], flush=True)
    if i % 40 == 39:
        log.compact()
"""


@pytest.mark.parametrize("times", [3, pytest.param(30, marks=pytest.mark.long)])
def test_whatever_was_acknowledged_is_there_and_nothing_is_half_there(tmp_path, times):
    path = str(tmp_path / "log.duckdb")
    open_log(path, create=True).close()
    chance = random.Random(7)
    acknowledged = [0, 0, 0]
    for _ in range(times):
        writer = subprocess.Popen([sys.executable, "-c", WRITE, path], stdout=subprocess.PIPE, text=True)
        told = [writer.stdout.readline()]
        time.sleep(chance.random() * 0.2)
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.stdout.read().splitlines()
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        numbers = next(line for line in reversed(told) if line.count(" ") == 3).split()
        first, *acknowledged = map(int, numbers)
        with open_log(path) as log:
            position, few, many = log.head().position, log.stream_version("few"), log.stream_version("many")
            assert position >= acknowledged[0]
            assert few >= acknowledged[1]
            assert many >= acknowledged[2]
            assert position == few + many
            assert 0 < first <= position
    with open_log(path) as log:
        assert_sound(log)
        commits = [batch.num_rows for batch in log.read()]
        assert sum(commits) == log.head().position
