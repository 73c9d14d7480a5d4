"""Eight writers that are killed, a server that is killed, and a reader that polls: nothing missed, no gap, nothing lost."""

import random
import signal
import subprocess
import sys
import threading

import pytest

from orders_es.log import open_log
from orders_es.testing.log_contract.basis import assert_sound
from orders_es.testing.postgres_server import MISSING, PostgresServer, programs

psycopg = pytest.importorskip("psycopg")

WRITERS = 8
KILLS = 10
BETWEEN = 100
"""Events between two kills."""
_WRITER = """
import random, sys, time
from orders_es.errors import LogUnavailable, UnansweredAppend, VersionConflict
from orders_es.log import ANY, open_log
from orders_es.testing.log_contract.basis import events

def insist(call):
    while True:
        try:
            return call()
        except (LogUnavailable, UnansweredAppend):
            time.sleep(0.05)

url, seed, acknowledged = sys.argv[1:]
draw = random.Random(seed)
log = insist(lambda: open_log(url))
with open(acknowledged, "a", encoding="ascii") as known:
    while True:
        stream, new = f"S-{draw.randrange(20)}", events(draw.choice((1, 1, 1, 2, 5, 70)))
        expected = draw.choice((ANY, insist(lambda: log.stream_version(stream))))
        try:
            insist(lambda: log.append(stream, new, expected=expected))
        except VersionConflict:
            continue
        known.write("".join(f"{event.event_id}.\\n" for event in new))
        known.flush()
"""


class Reader(threading.Thread):
    """Asks for what comes after the last position that it saw, again and again."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.log = open_log(url)
        self.seen, self.wrong = 0, None
        self.stop = threading.Event()
        self._more = threading.Condition()

    def run(self):
        try:
            while not self.stop.is_set():
                for batch in self.log.read(after=self.seen, columns=["position", "event_id"]):
                    positions = batch.column("position").to_pylist()
                    assert positions == list(range(self.seen + 1, self.seen + 1 + len(positions)))
                    with self._more:
                        self.seen = positions[-1]
                        self._more.notify_all()
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            with self._more:
                self.wrong = error
                self._more.notify_all()

    def wait_for(self, position):
        with self._more:
            assert self._more.wait_for(lambda: self.wrong or self.seen >= position, 120), "writers make no progress"
        if self.wrong:
            raise self.wrong


@pytest.mark.long
@pytest.mark.skipif(programs() is None, reason=MISSING)
def test_nothing_is_missed_and_nothing_that_was_acknowledged_is_lost(tmp_path):
    draw = random.Random(18)
    writers = {}

    def begin(number, turn):
        given = [sys.executable, "-c", _WRITER, url, f"{number} {turn}", str(tmp_path / f"{number}-{turn}")]
        writers[number] = subprocess.Popen(given)

    with PostgresServer({"fsync": "on"}) as server:
        url = server.url("race")
        open_log(url, create=True).close()
        try:
            for number in range(WRITERS):
                begin(number, 0)
            for life in range(2):
                reader = Reader(url)
                reader.start()
                start = reader.log.head().position
                for kill in range(KILLS // 2):
                    reader.wait_for(start + BETWEEN * (kill + 1))
                    if kill % 4 == 3:
                        with psycopg.connect(server.url(), autocommit=True) as connection:
                            connection.execute(
                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%commits%' AND pid <> pg_backend_pid() LIMIT 2"
                            )
                    number = draw.randrange(WRITERS)
                    assert not [one for one in writers.values() if one.poll() is not None], "a writer met an error"
                    writers[number].kill()
                    writers[number].wait()
                    begin(number, (life + 1) * 1_000 + kill)
                reader.stop.set()
                reader.join(600)
                assert reader.wrong is None
                reader.log.close()
                if not life:
                    server.stop(signal.SIGQUIT)  # the server, too: as a power cut would, in the middle of it all
                    server.start()
        finally:
            for writer in writers.values():
                writer.kill()
                writer.wait()
        with open_log(url) as log:
            assert_sound(log)
            there = {one.bytes for batch in log.read() for one in batch.column("event_id").to_pylist()}
        known = [line for file in tmp_path.iterdir() for line in file.read_text(encoding="ascii").splitlines()]
        known = [line.rstrip(".").replace("-", "") for line in known if line.endswith(".")]  # a last one may be cut off
        assert len(known) > KILLS * BETWEEN / 4
        assert not [one for one in known if bytes.fromhex(one) not in there]
