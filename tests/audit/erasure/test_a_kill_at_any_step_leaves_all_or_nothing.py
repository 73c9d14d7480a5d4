import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from erasable import SECRETS, Subscribed, places_of, registry

from orders_es import audit
from orders_es.log import ANY, open_log

PROGRAM = Path(__file__).parents[2] / "log" / "programs" / "dying_eraser.py"
MOST = 2_000


def filled(url):
    with open_log(url, create=True, registry=registry()) as log:
        log.append("mail-1", [Subscribed(SECRETS[1])], expected=ANY)
        log.append("mail-2", [Subscribed(SECRETS[1], phone=SECRETS[2])], expected=ANY)
        log.append("mail-1", [Subscribed(SECRETS[1])], expected=ANY)


class Dying:
    """Makes processes that die at a step of an erasure."""

    def __enter__(self):
        self.program = subprocess.Popen(
            [sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        self.program.stdin.close()
        self.program.stdout.close()
        assert self.program.wait(120) == 0

    def died_at(self, step, url):
        self.program.stdin.write(f"{step} {url}\n")
        self.program.stdin.flush()
        status = int(self.program.stdout.readline())
        assert status in (0, signal.SIGKILL)
        return status != 0


def said_and_whole(url):
    """Whether the erasure was begun, and then it is complete for whoever opens the log; run again, nothing of it is left."""
    with open_log(url, registry=registry()) as again:
        begun = bool(audit.erasures(again))
        assert [event.data.email for event in again.load("mail-1")] == ["erased" if begun else SECRETS[1]] * 2
        assert again.load("mail-2")[0].data.phone == SECRETS[2]
        assert audit.verify(again).ok
        audit.erase(again, "mail-1", why="once more")
        audit.erase(again, "mail-2", why="once more")
        assert audit.verify(again).erased == (1, 2, 3)
    return begun


def all_steps(places, stride):
    """What came of dying at each step, until one process lives; `places` gives the URL for a step."""
    begun = []
    with Dying() as dying:
        for step in range(1, MOST, stride):
            url = places(step)
            died = dying.died_at(step, url)
            begun.append(said_and_whole(url))
            if not died:
                return begun
    raise AssertionError("it never comes to its end")


def rightly(begun):
    assert begun == sorted(begun)  # once it is decided, it is done
    assert set(begun) == {False, True}
    assert begun.count(True) > 1


@pytest.mark.long
@pytest.mark.parametrize("stride", [31, pytest.param(1, marks=pytest.mark.long)])
def test_in_a_folder(tmp_path, stride):
    filled(tmp_path / "log")

    def place(step):
        shutil.copytree(tmp_path / "log", tmp_path / str(step))
        return tmp_path / str(step)

    begun = all_steps(place, stride)
    rightly(begun)
    for step in range(1, len(begun) * stride, stride):
        assert places_of(tmp_path / str(step), *SECRETS) == set()
        assert not (tmp_path / str(step) / "erasing.json").exists()


@pytest.mark.long
@pytest.mark.parametrize("stride", [17, pytest.param(1, marks=pytest.mark.long)])
def test_in_a_duckdb_file(tmp_path, stride):
    filled(tmp_path / "log.duckdb")

    def place(step):
        (tmp_path / str(step)).mkdir()
        shutil.copy(tmp_path / "log.duckdb", tmp_path / str(step) / "log.duckdb")
        return tmp_path / str(step) / "log.duckdb"

    begun = all_steps(place, stride)
    rightly(begun)
    for step in range(1, len(begun) * stride, stride):
        assert places_of(tmp_path / str(step), *SECRETS) == set()
        assert [path.name for path in (tmp_path / str(step)).iterdir()] == ["log.duckdb"]
        with duckdb.connect(str(tmp_path / str(step) / "log.duckdb"), read_only=True) as file:
            tables = {name for (name,) in file.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            assert tables >= {"commits", "events", "log"}
            assert "erasing" not in tables


@pytest.mark.parametrize("stride", [40, pytest.param(1, marks=pytest.mark.long)])
def test_in_postgresql(postgres_place, stride):
    def place(_):
        url = postgres_place()
        filled(url)
        return url

    rightly(all_steps(place, stride))


ERASER = PROGRAM.with_name("eraser.py")
KILLS = 12


def filled_well(url):
    """As `filled`, and with so many other events that a database has work to do."""
    filled(url)
    with open_log(url, registry=registry()) as log:
        log.append("mail-3", [Subscribed(f"{n}@other.example") for n in range(6_000)], expected=ANY)


@pytest.mark.long
def test_killed_at_any_time_within_the_calls_of_duckdb(tmp_path):
    filled_well(tmp_path / "log.duckdb")
    begun, whole = [], None
    for number in range(KILLS):
        place = tmp_path / str(number) / "log.duckdb"
        place.parent.mkdir()
        shutil.copy(tmp_path / "log.duckdb", place)
        with subprocess.Popen([sys.executable, ERASER, place], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "go\n"
            since = time.monotonic()
            if whole is not None:  # the first one lives, to see how long it takes
                time.sleep(whole * number / KILLS)
                process.kill()
            done = process.stdout.read() == "done\n"
        whole = time.monotonic() - since if whole is None else whole
        begun.append(said_and_whole(place))
        assert begun[-1] or not done
        assert places_of(place.parent, *SECRETS) == set()
        assert [path.name for path in place.parent.iterdir()] == ["log.duckdb"]
    assert begun[0]


@pytest.mark.long
@pytest.mark.usefixtures("postgres")  # fails or is left out where there is none
def test_a_postgresql_server_that_is_stopped_as_by_a_power_cut():
    from orders_es.testing.postgres_server import PostgresServer

    with PostgresServer(settings={"fsync": "on"}) as server:
        whole = None
        for number in range(KILLS):
            url = server.url(f"s{number}")
            filled_well(url)
            with subprocess.Popen(
                [sys.executable, ERASER, url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "go\n"
                since = time.monotonic()
                if whole is not None:
                    time.sleep(whole * number / KILLS)
                    server.stop(signal.SIGQUIT)
                done = process.stdout.read() == "done\n"
            if whole is None:
                whole = time.monotonic() - since
            else:
                server.start()
            assert said_and_whole(url) or not done
