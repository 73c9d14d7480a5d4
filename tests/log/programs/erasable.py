"""Logs with personal data in them, and where these are found."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from orders_es.log import ANY, order_registry
from orders_es.orders import ItemAdded, OrderCreated, OrderPlaced

SECRETS = ("C-secret-7", "zoe@secret.example", "+44 secret")


@dataclass(frozen=True)
class Subscribed:
    email: str = field(metadata={"personal": True})
    list: str = "news"
    phone: str | None = field(default=None, metadata={"personal": True})


def registry():
    known = order_registry()
    known.mark_personal("OrderCreated", "customer_id")
    known.register(Subscribed)
    return known


def fill(log, secrets=SECRETS):
    for number in range(6):
        customer = secrets[0] if number % 2 else "C-other"
        created = OrderCreated(currency="EUR", customer_id=customer, country="DE")
        added = ItemAdded(item_id="mug", quantity=2, price=Decimal(5))
        log.append(f"A-{number}", [created, added, OrderPlaced()], expected=ANY)
    log.append("A-1", [OrderPlaced()] * 120, expected=ANY)
    log.append("mail-1", [Subscribed(secrets[1], phone=secrets[2])], expected=ANY)
    log.append("mail-2", [Subscribed("b@other.example")], expected=ANY)


def everything(folder):
    """All bytes under a folder: files as they are, Parquet columns and sorted blocks decompressed."""
    for path in Path(folder).rglob("*"):
        if not path.is_file():
            continue
        yield path, path.read_bytes()
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as parquet:
                yield path, str(parquet.read().to_pydict()).encode() + str(parquet.metadata.metadata).encode()
                groups = [parquet.metadata.row_group(i) for i in range(parquet.num_row_groups)]
                yield path, str([g.column(c).statistics for g in groups for c in range(g.num_columns)]).encode()


def places_of(folder, *texts):
    return {(path.name, text) for path, data in everything(folder) for text in texts if text.encode() in data}
