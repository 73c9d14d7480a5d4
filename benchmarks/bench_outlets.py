"""Rows of a read model into each outlet, beside what its client library does bare with the same rows: no position, no keys that go, nothing that is safe when it is killed.

`full` is all rows in the place of what was there, `changes` a delivery of rows that are there already and are different now, as a caught-up projection makes them. Servers are private ones on
this machine, and share its cores with us; so the last column has rows per second of CPU of our process alone. For OpenSearch and Kafka they are stand-ins (osmem-server, noida-db), whose speed says nothing about the real ones; ours beside the bare library on the same stand-in does.
"""

from __future__ import annotations

import asyncio
import gc
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from orders_es.projections import KafkaOutlet, NatsOutlet, Outlet, PostgresOutlet, RedisOutlet, SearchOutlet, Target
from orders_es.projections.outlets.row_text import json_rows, row_keys
from orders_es.testing.nats_server import NatsServer
from orders_es.testing.postgres_server import PostgresServer
from orders_es.testing.redis_server import RedisServer
from orders_es.testing.stand_ins import KafkaStandIn, OpenSearchStandIn

ROWS = 20_000
CHANGES = 5_000
ROUNDS = 3


def rows_of(n: int, orders: int) -> pa.Table:
    i = np.arange(n)
    return pa.table(
        {
            "order_id": pa.array(np.char.add("A-", i.astype(str))),
            "status": pa.repeat("paid", n),
            "orders": pa.array(np.full(n, orders)),
            "total": pa.array(i % 9_000).cast(pa.decimal128(19, 0)).cast(pa.decimal128(18, 4)),
            "paid_at": pa.array(1_700_000_000_000_000 + i).cast(pa.timestamp("us", "UTC")),
            "note": pa.nulls(n, pa.string()),
            "late": pa.array(i % 2 == 0),
        }
    )


@dataclass
class Case:
    outlet: Outlet
    bare: Callable[[pa.Table], None]


@contextmanager
def postgres() -> Iterator[Case]:
    import psycopg

    with PostgresServer(settings={"fsync": "on"}) as server, psycopg.connect(server.url(), autocommit=True) as client:
        client.execute(
            "CREATE TABLE bare (order_id text PRIMARY KEY, status text, orders bigint, total numeric, paid_at timestamptz, note text, late bool)"
        )

        def bare(rows: pa.Table) -> None:
            with client.transaction(), client.cursor() as cursor:
                cursor.execute("DELETE FROM bare")
                with cursor.copy("COPY bare FROM STDIN") as copy:
                    for row in rows.to_pylist():
                        copy.write_row(tuple(row.values()))

        yield Case(PostgresOutlet(f"{server.url()}?table=ours"), bare)


@contextmanager
def redis() -> Iterator[Case]:
    import redis as library

    with RedisServer() as server:
        client = library.Redis.from_url(server.url)

        def bare(rows: pa.Table) -> None:
            with client.pipeline(transaction=False) as pipe:
                for row in rows.to_pylist():
                    pipe.hset(f"bare:{row['order_id']}", mapping={k: str(v) for k, v in row.items() if v is not None})
                pipe.execute()

        yield Case(RedisOutlet(f"{server.url}?prefix=ours"), bare)


@contextmanager
def nats() -> Iterator[Case]:
    import nats as library

    with NatsServer() as server:

        async def put(rows: pa.Table) -> None:
            client = await library.connect(server.url)
            stream = client.jetstream(publish_async_max_pending=1_000)
            await stream.create_key_value(bucket="bare", storage="file")
            waiting = [
                await stream.publish_async(f"$KV.bare.{key}", row, wait_stall=30)
                for key, row in zip(row_keys(rows, ["order_id"]), json_rows(rows), strict=True)
            ]
            for future in waiting:
                await future
            await client.close()

        yield Case(NatsOutlet(f"{server.url}?bucket=ours"), lambda rows: asyncio.run(put(rows)))


@contextmanager
def opensearch() -> Iterator[Case]:
    import opensearchpy

    with OpenSearchStandIn() as server:
        client = opensearchpy.OpenSearch(f"http://127.0.0.1:{server.port}")

        def bare(rows: pa.Table) -> None:
            actions = (
                {"_index": "bare", "_id": row["order_id"], "_source": {**row, "total": str(row["total"])}}
                for row in rows.to_pylist()
            )
            opensearchpy.helpers.bulk(client, actions, chunk_size=2_000)

        yield Case(SearchOutlet(f"{server.url}?index=ours"), bare)


@contextmanager
def kafka() -> Iterator[Case]:
    import confluent_kafka

    with KafkaStandIn() as server:
        producer = confluent_kafka.Producer({"bootstrap.servers": server.broker, "linger.ms": 5, "acks": "all"})

        def bare(rows: pa.Table) -> None:
            for key, row in zip(row_keys(rows, ["order_id"]), json_rows(rows), strict=True):
                producer.produce("bare", key=key, value=row)
            producer.flush()

        yield Case(KafkaOutlet(f"{server.url}?topic=ours"), bare)


def run(_: Path, __: Path) -> None:
    everything, changed = rows_of(ROWS, 1), rows_of(CHANGES, 2)
    target = Target("ours_out", "ours", ("order_id",), everything.schema, uuid.UUID(int=7), "f" * 16)
    nothing = everything.select(["order_id"]).slice(0, 0)
    print(f"{ROWS:,} rows of {everything.num_columns} columns, {CHANGES:,} changes; rows/s, the best of {ROUNDS}")
    print(f"{'':12}{'bare':>12}{'full':>12}{'/ bare':>8}{'changes':>12}{'/ bare':>8}{'full/CPU s':>12}")
    for server in (postgres, redis, nats, opensearch, kafka):
        with server() as case:
            case.outlet.open(target)
            best: dict[str, float] = {}
            for turn in range(ROUNDS):
                works: dict[str, tuple[int, Callable[[], Any]]] = {
                    "bare": (ROWS, partial(case.bare, everything)),
                    "full": (ROWS, partial(case.outlet.deliver, None, everything, 10 * turn + 1)),
                    "changes": (CHANGES, partial(case.outlet.deliver, nothing, changed, 10 * turn + 2)),
                }
                for name, (rows, work) in works.items():
                    gc.collect()
                    started, cpu = time.perf_counter(), time.process_time()
                    work()
                    best[name] = max(best.get(name, 0), rows / (time.perf_counter() - started))
                    best[f"{name} cpu"] = max(best.get(f"{name} cpu", 0), rows / (time.process_time() - cpu))
            case.outlet.close()
        bare, full, changes = best["bare"], best["full"], best["changes"]
        print(
            f"{server.__name__:12}{bare:12,.0f}{full:12,.0f}{full / bare:8.2f}{changes:12,.0f}{changes / bare:8.2f}{best['full cpu']:12,.0f}",
            flush=True,
        )
