"""A connection that breaks loses nothing, repeats nothing, and says what is known."""

import contextlib
import socket
import threading

import pytest

from orders_es.errors import LogUnavailable, UnansweredAppend
from orders_es.log import NO_STREAM, open_log
from orders_es.testing.log_contract.basis import assert_sound, event, events

psycopg = pytest.importorskip("psycopg")


class Proxy:
    """A wire to the server that can be cut at a word of the client's, before it arrives or after the server has heard it."""

    def __init__(self, port):
        self._port = port
        self._word, self._heard, self.closed = None, False, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut_at(self, word, *, heard, for_good=False):
        self._word, self._heard, self._for_good = word, heard, for_good

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.closed:
                    client.close()
                    continue
                server = socket.create_connection(("127.0.0.1", self._port))
                cut = threading.Event()
                for one, other, out in ((client, server, True), (server, client, False)):
                    thread = threading.Thread(target=self._pump, args=(one, other, out, cut), daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def _pump(self, one, other, out, cut):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if out and self._word is not None and self._word in data:
                    self._word, self.closed = None, self._for_good
                    if self._heard:
                        cut.set()  # the answer is let fall
                        other.sendall(data)
                        continue
                    break
                if not out and cut.is_set():
                    break
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(600)


@pytest.fixture
def place(postgres_place):
    return postgres_place()


@pytest.fixture
def there(place):
    with open_log(place, create=True) as log:
        yield log


@pytest.fixture
def proxy(place):
    wire = Proxy(int(place.rpartition(":")[2].partition("/")[0]))
    yield wire
    wire.close()


@pytest.fixture
def log(place, there, proxy):  # noqa: ARG001 - it has to be there
    port = place.rpartition(":")[2].partition("/")[0]
    with open_log(place.replace(f":{port}/", f":{proxy.port}/")) as opened:
        yield opened


@pytest.mark.parametrize("count", [1, 200])
def test_a_commit_whose_answer_was_lost_is_known_to_be_there(log, there, proxy, count):
    log.append("A", events(1), expected=NO_STREAM)
    proxy.cut_at(b"COMMIT\0", heard=True)
    appended = log.append("A", events(count), expected=1)
    assert (appended.first_position, appended.duplicate) == (2, False)
    assert there.stream_version("A") == 1 + count
    log.append("A", events(1), expected=1 + count)
    assert_sound(there)


@pytest.mark.parametrize("word", [b"COMMIT\0", b"INSERT INTO", b"COPY"])
def test_a_commit_that_never_arrived_is_known_to_be_nowhere(log, there, proxy, word):
    proxy.cut_at(word, heard=False)
    new = events(1 if word != b"COPY" else 200)
    with pytest.raises(LogUnavailable, match="nothing was appended"):
        log.append("A", new, expected=NO_STREAM)
    assert there.head().position == 0
    assert log.append("A", new, expected=NO_STREAM).first_position == 1
    assert_sound(there)


@pytest.mark.parametrize("heard", [True, False])
def test_where_nobody_answers_any_more_it_says_so_and_a_retry_is_harmless(log, there, proxy, heard):
    one = event()
    proxy.cut_at(b"COMMIT\0", heard=heard, for_good=True)
    with pytest.raises(UnansweredAppend, match="whole, or not at all"):
        log.append("A", [one], expected=NO_STREAM)
    assert there.append("A", [one], expected=NO_STREAM).duplicate == heard
    assert there.head().position == 1


def test_connections_that_died_while_they_were_idle_are_made_anew(place, there):
    there.append("A", events(2), expected=NO_STREAM)
    following = there.subscribe(poll_interval=0.01)
    assert next(following).num_rows == 2
    with psycopg.connect(place.partition("?")[0], autocommit=True) as connection:
        for version in (2, 3):
            others = "FROM pg_stat_activity WHERE application_name = 'orders_es' AND query LIKE %s"
            connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}", [f"%{there.address.schema}%"])
            assert there.append("A", events(1), expected=version).versions == {"A": version + 1}
            assert next(following).num_rows == 1
            connection.execute(f"SELECT pg_terminate_backend(pid, 5000) {others}", [f"%{there.address.schema}%"])
            assert len(there.load("A")) == version + 1
    following.close()
