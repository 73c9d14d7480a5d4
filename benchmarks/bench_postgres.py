"""A log in PostgreSQL, on a server of its own that syncs to disk, beside the same rows appended bare and beside `eventsourcing`.

The floor of a commit is one INSERT of the same envelope and payload into a table with a primary key, committed by itself: no version
check, no hash, no gapless position. The rival checks versions as we do and takes its positions from a sequence.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
from workload import order_events

from orders_es.log import ANY, NO_STREAM, open_log
from orders_es.orders import OrderPlaced
from orders_es.testing.postgres_server import MISSING, PostgresServer, programs

COMMITS = 600
ROUNDS = 5
BATCH = 100
ROWS = 200_000
PAYLOAD = "{}"


def median_ratios(ways: dict[str, Callable[[int], object]], commits: int) -> dict[str, float]:
    """Commits per second of each way: medians of rounds in which they take turns, so that a slow moment meets them all."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            for i in range(commits // ROUNDS):
                way(turn * commits + i)
            rates[name].append(commits // ROUNDS / (time.perf_counter() - began))
    return {name: sorted(found)[len(found) // 2] for name, found in rates.items()}


def bare(server: PostgresServer) -> Callable[[int], None]:
    connection = psycopg.connect(server.url(), autocommit=True)
    connection.execute(
        "CREATE TABLE bare (position bigint PRIMARY KEY, stream_id text, version int, event_id uuid, type text, "
        "schema_version int, occurred_at timestamptz, recorded_at timestamptz, payload text)"
    )

    def append(i: int) -> None:
        connection.execute(
            "INSERT INTO bare VALUES (%s, %s, 1, %s, 'OrderPlaced', 1, now(), now(), %s)",
            [i, f"order-{i}", uuid.uuid4(), PAYLOAD],
        )

    return append


def rival(server: PostgresServer) -> Callable[[int], None] | None:
    try:
        from eventsourcing.persistence import StoredEvent
        from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
    except ImportError as error:
        print(f"  eventsourcing is left out: {error}")
        return None
    place = {"host": "127.0.0.1", "port": str(server.port), "user": "orders_es", "password": server.password}
    datastore = PostgresDatastore(dbname="orders", **place)
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()

    def append(_: int) -> None:
        recorder.insert_events([StoredEvent(uuid.uuid4(), 1, "shop:OrderPlaced", PAYLOAD.encode())])

    return append


def run(_folder: Path, _data: Path) -> None:
    if programs() is None:
        print(f"  left out: {MISSING}")
        return
    with PostgresServer({"fsync": "on"}) as server:
        log = open_log(server.url("log"), create=True)
        ways: dict[str, Callable[[int], object]] = {
            "bare INSERT": bare(server),
            "append": lambda i: log.append(f"order-{i}", [OrderPlaced()], expected=NO_STREAM),
        }
        other = rival(server)
        if other is not None:
            ways["eventsourcing"] = other
        rates = median_ratios(ways, COMMITS)
        for name, rate in rates.items():
            print(f"  {name:<14} {rate:7.0f} one-event commits/s; ratio to bare {rate / rates['bare INSERT']:.2f}")
        batches = median_ratios(
            {"batch": lambda i: log.append(f"batch-{i}", [OrderPlaced()] * BATCH, expected=NO_STREAM)}, 100
        )
        times = batches["batch"] * BATCH / rates["append"]
        print(f"  batches of {BATCH}  {batches['batch'] * BATCH:7.0f} events/s; {times:.1f} times single ones")
        bulk(server)
        log.close()


def bulk(server: PostgresServer) -> None:
    table = order_events(ROWS)
    with open_log(server.url("bulk"), create=True) as log:
        began = time.perf_counter()
        log.append_table(table, expected=ANY)
        took = time.perf_counter() - began
        began = time.perf_counter()
        for _ in log.read():
            pass
        read = time.perf_counter() - began
        with psycopg.connect(server.url(), autocommit=True) as connection:
            events = "SELECT position, stream_id, version, event_id, type, occurred_at, recorded_at, payload FROM bulk.events"
            connection.execute(
                f"CREATE TABLE copied AS {events} WITH NO DATA; ALTER TABLE copied ADD PRIMARY KEY (position)"
            )
            with connection.cursor() as cursor, cursor.copy(f"COPY ({events}) TO STDOUT") as copy:
                data = b"".join(bytes(piece) for piece in copy)
            began = time.perf_counter()
            with connection.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
                copy.write(data)
            floor = time.perf_counter() - began
            began = time.perf_counter()
            with connection.cursor() as cursor, cursor.copy(f"COPY ({events} ORDER BY position) TO STDOUT") as copy:
                for _ in copy:
                    pass
            floor_read = time.perf_counter() - began
    print(f"  append_table   {ROWS / took:7.0f} events/s; ratio to a bare COPY {floor / took:.2f}")
    print(
        f"  read           {ROWS / read:7.0f} events/s, typed columns and all; ratio to a bare COPY {floor_read / read:.2f}"
    )


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run(Path(), Path())
