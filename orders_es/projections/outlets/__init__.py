"""Outlets: what carries a read model's changes into another system, each with a checkpoint of its own.

`OutletProjection` is run by a `Projector` as any projection: it has a checkpoint, lag, retries and dead letters. An `Outlet` is told
exactly which keys went and which rows came, in order. `FolderOutlet` writes them to files, `PostgresOutlet` into a table, `RedisOutlet` into hashes and a stream, `NatsOutlet` into a bucket, `SearchOutlet` into an index, `KafkaOutlet` into a topic; whoever connects another system writes
a class with three methods, holds it to `orders_es.testing.OutletContract`, and offers it as an entry point of `orders_es.outlets`
under its URL scheme.
"""

from orders_es.projections.outlets.folder import FolderOutlet
from orders_es.projections.outlets.kafka import KafkaOutlet
from orders_es.projections.outlets.nats import NatsOutlet
from orders_es.projections.outlets.opening import open_outlet
from orders_es.projections.outlets.outlet import Outlet, OutletProjection, Target
from orders_es.projections.outlets.postgres import PostgresOutlet
from orders_es.projections.outlets.redis import RedisOutlet
from orders_es.projections.outlets.search import SearchOutlet

__all__ = [
    "FolderOutlet",
    "KafkaOutlet",
    "NatsOutlet",
    "Outlet",
    "OutletProjection",
    "PostgresOutlet",
    "RedisOutlet",
    "SearchOutlet",
    "Target",
    "open_outlet",
]
