"""`follow` and `followed` on the command line: against a real server, in a process that is killed, and with wrong calls."""

import os
import signal
import subprocess
import sys
import time
import uuid

import psycopg
import pytest

from orders_es.lag import measure_lag
from orders_es.log import open_log

MAPPING = """
[envelope]
stream_id = "aggregate"
type = "kind"
payload = "body"
occurred_at = "happened"
ignore = ["id", "tx"]
[types.created]
to = "OrderCreated"
currency = "currency"
"""


@pytest.fixture
def table(postgres):
    name = f"events_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {name} (id bigserial, tx xid8 DEFAULT pg_current_xact_id(), aggregate text, kind text, body jsonb, "
            "happened timestamptz DEFAULT now())"
        )
        yield name, connection


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "shop.toml"
    path.write_text(MAPPING, "utf-8")
    return path


def write(table, first, last, kind="created"):
    name, connection = table
    connection.execute(
        f"""INSERT INTO {name} (aggregate, kind, body) SELECT 'A-' || n, %s, '{{"currency": "EUR"}}' FROM generate_series(%s::int, %s::int) n""",
        (kind, first, last),
    )
    query = f"SELECT max(tx) < pg_snapshot_xmin(pg_current_snapshot()) FROM {name}"
    while not connection.execute(query).fetchone()[0]:
        connection.execute("SELECT pg_sleep(0.01)")


def test_what_is_there_comes_in_once_and_the_log_says_how_far(run, postgres, table, mapping, tmp_path):
    write(table, 1, 3)
    call = (
        "follow",
        postgres,
        "--table",
        table[0],
        "--transaction",
        "tx",
        "--mapping",
        mapping,
        "--log",
        tmp_path / "log",
        "--once",
    )
    assert "3 events more, 3 in all" in run(*call).out
    assert "0 events more, 3 in all" in run(*call).out
    [state] = run("followed", "--log", tmp_path / "log", "--json").json["sources"]
    assert (state["events"], state["refused"]) == (3, 0)
    assert "3" in run("followed", "--log", tmp_path / "log").out


def test_what_no_event_can_be_made_of_is_shown_with_its_reason(run, postgres, table, mapping, tmp_path):
    write(table, 1, 1, "lost")
    call = ("follow", postgres, "--table", table[0], "--mapping", mapping, "--log", tmp_path / "log", "--once")
    assert "[types.lost]" in run(*call, code=2).err
    assert "1 line refused" in run(*call, "--on-error", "quarantine").out
    assert "[types.lost]" in run("followed", "--refused", "--log", tmp_path / "log").out
    assert run("followed", "--refused", "--log", tmp_path / "log", "--json").json["refused"][0]["line"].startswith("{")


def start(postgres, table, mapping, log):
    command = [sys.executable, "-m", "orders_es", "follow", postgres, "--table", table[0], "--transaction", "tx"]
    command += ["--mapping", str(mapping), "--log", str(log), "--poll", "0.01", "--batch-events", "3"]
    command += ["--models", f"{log}.duckdb"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kills(postgres, table, mapping, log, times):
    """Kill a follower again and again while rows are written, then let one end in good order."""
    for n in range(times):
        write(table, n * 10 + 1, n * 10 + 10)
        with start(postgres, table, mapping, log) as process:
            process.stderr.readline()  # it follows
            process.send_signal(signal.SIGSTOP if n % 3 == 2 else signal.SIGCONT)
            process.kill()
    with start(postgres, table, mapping, log) as process:
        process.stderr.readline()
        with open_log(log) as opened:
            streams = []
            for batch in opened.subscribe(columns=["stream_id", "type"]):
                rows = batch.to_pylist()
                streams += [row["stream_id"] for row in rows if row["type"] == "OrderCreated"]
                if len(streams) >= times * 10:
                    break
            assert sorted(streams) == sorted(f"A-{n}" for n in range(1, times * 10 + 1))
            until = time.monotonic() + 600
            while (lag := measure_lag(opened, f"{log}.duckdb")[0]).state != "caught_up":
                assert time.monotonic() < until, lag
                time.sleep(0.05)
            assert (lag.events_behind, lag.position, lag.pid) == (0, times * 10, process.pid)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert f"{times * 10:,} in all" in out
    with open_log(log) as opened:
        assert [one.state for one in measure_lag(opened, f"{log}.duckdb")] == ["stopped"]


@pytest.mark.long
def test_a_follower_that_is_killed_neither_loses_nor_repeats(postgres, table, mapping, tmp_path):
    kills(postgres, table, mapping, tmp_path / "log", 2)


@pytest.mark.long
def test_a_follower_that_is_killed_often_neither_loses_nor_repeats(postgres, table, mapping, tmp_path):
    kills(postgres, table, mapping, tmp_path / "log", int(os.environ.get("ORDERS_ES_KILLS", "8")))


MISTAKES = {
    "nothing that can be followed": (("events.csv",), "is nothing that can be followed; give postgresql://"),
    "no table": (("postgresql://h/d",), "--table is missing"),
    "a table of Redis": (("redis://h/0", "--table", "t"), "--table does not go with redis://; there it is --stream"),
    "no stream": (("nats://h",), "--stream is missing"),
    "a shape without a key": (("kafka://h", "--topic", "t", "--shape", "debezium"), "--key is missing"),
    "a key without a shape": (("kafka://h", "--topic", "t", "--key", "id"), "they need --shape debezium"),
    "a watch and one look": (
        ("kafka://h", "--topic", "t", "--models", "m.duckdb", "--once"),
        "does not go with --lag or",
    ),
    "a stream and a category": (("kurrentdb://h", "--stream", "a", "--category", "b"), "give one of them, or none"),
    "a table and a slot": (
        ("postgresql://h/d", "--table", "t", "--slot", "s", "--publication", "p"),
        "give one of them",
    ),
    "a slot without a publication": (("postgresql://h/d", "--slot", "s"), "belong together"),
    "a currency without a mapping": (("postgresql://h/d", "--table", "t", "--currency", "EUR"), "it needs --mapping"),
    "no such mapping": (("postgresql://h/d", "--table", "t", "--mapping", "none.toml"), "none.toml"),
    "no password in what is said": (
        ("postgresql://me:secret@127.0.0.1:9/d", "--table", "t"),
        "postgresql://me",
    ),
}


@pytest.mark.parametrize(("call", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_makes_no_log(run, tmp_path, call, says):
    answer = run("follow", *call, "--log", tmp_path / "log", code=1 if "secret" in call[0] else 2)
    assert says in answer.err
    assert "secret" not in answer.err
    assert not (tmp_path / "log").exists()


def test_a_log_that_followed_nothing_says_so(run, empty_log):
    assert run("followed", "--log", empty_log).out == "no source was followed into this log\n"
