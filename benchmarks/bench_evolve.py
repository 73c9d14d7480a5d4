"""A million events of an old version: making their copies, beside the bare functions; asked and loaded, beside events of today.

The floor of making a copy is what nobody can leave out who has a Python function: JSON in, the function, JSON out.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orders_es.decider import Decider
from orders_es.log import EventLog, EventRegistry, open_log
from orders_es.log.protocol import HasUpcastCopies, NeedsUpkeep
from orders_es.replay.load import load_state
from orders_es.upcaster import SqlForm, Upcaster, upcaster

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = int(os.environ.get("BENCH_EVOLVE_ROWS", "1_000_000"))
"""Ten million take some 4 GB of disk and several minutes."""
A_PIECE = 1_000_000
A_STREAM = 8
LOADS = 300
ROUNDS = 7


@dataclass(frozen=True)
class Cents:
    item: str
    price: int


@dataclass(frozen=True)
class Sold:
    item: str
    price: Decimal
    currency: str

    __schema_version__ = 2


@upcaster("Sold", 1)
def exact(payload: dict[str, Any]) -> dict[str, Any]:
    """The step from whole cents to an exact price."""
    cents = payload["price"]
    return {"item": payload["item"], "price": f"{cents // 100}.{cents % 100:02}00", "currency": "EUR"}


def first() -> EventRegistry:
    registry = EventRegistry()
    registry.register(Cents, name="Sold")
    return registry


def today(step: Upcaster = exact) -> EventRegistry:
    return EventRegistry([Sold], [step])


def with_a_form() -> EventRegistry:
    """The same function, with its SQL form."""
    form = SqlForm(Cents, {"item": "{item}", "price": "{price} * 0.01", "currency": "'EUR'"})
    return today(Upcaster("Sold", 1, exact.function, sql=form))


def sales(begin: int, end: int, *, old: bool) -> pa.Table:
    """Some of the sales, in the shape of then or of today."""
    numbers = np.arange(begin, end)
    cents = numbers % 9_999
    prices = pa.array(cents).cast(pa.decimal128(19, 0))
    columns = {
        "stream_id": np.char.add("S-", (numbers // A_STREAM).astype(str)),
        "type": pa.repeat("Sold", len(numbers)),
        "occurred_at": pa.array(1_700_000_000_000_000 + numbers).cast(pa.timestamp("us", "UTC")),
        "item": np.char.add("I", (cents % 400).astype(str)),
        "price": pa.array(cents) if old else pc.multiply(prices, pa.scalar(Decimal("0.01"))).cast(pa.decimal128(18, 4)),
    }
    if not old:
        columns["currency"] = pa.repeat("EUR", len(numbers))
    return pa.table(columns)


def written(url: Path, rows: int, *, old: bool) -> EventLog:
    """A log with so many sales, compacted, in the shape of then or of today; opened by today's program."""
    with open_log(url, create=True, registry=first() if old else today()) as log:
        for begin in range(0, rows, A_PIECE):
            log.append_table(sales(begin, min(begin + A_PIECE, rows), old=old))
        assert isinstance(log, NeedsUpkeep)
        log.compact()
    return open_log(url, registry=today())


def median(work: Callable[[], object]) -> float:
    """Seconds of processor time, of all threads; the median of a few rounds after one that does not count."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def asked(log: EventLog) -> Callable[[], object]:
    connection = duckdb.connect()
    log.bind(connection)
    query = "SELECT sum(total), count(*) FROM (SELECT stream_id, sum(price) AS total FROM events GROUP BY stream_id)"
    return lambda: connection.execute(query).fetchall()


def loaded(log: EventLog) -> Callable[[], object]:
    decider = Decider(
        name="sales",
        event_types=(Sold,),
        decide=lambda _command, _state: [],
        evolve=lambda total, event: total + event.data.price,
        initial=lambda _stream_id: Decimal(),
    )
    streams = ROWS // A_STREAM
    return lambda: [load_state(log, f"S-{i * 7_919 % streams}", decider) for i in range(LOADS)]


def floor(rows: int) -> float:
    """Events a second: JSON in, the function, JSON out."""
    decode, encode = msgspec.json.Decoder(dict[str, Any]).decode, msgspec.json.Encoder().encode
    texts = [f'{{"item":"I{i % 400}","price":{i % 9_999}}}' for i in range(rows)]
    function = exact.function
    assert function is not None
    start = time.process_time()
    for text in texts:
        encode(function(decode(text)))
    return rows / (time.process_time() - start)


def run(folder: Path, data: Path) -> None:
    del data
    old, new = written(folder / "old", ROWS, old=True), written(folder / "new", ROWS, old=False)
    assert isinstance(old, HasUpcastCopies)
    start = time.process_time()
    list(old.reshred())
    rate, bare = ROWS / (time.process_time() - start), floor(200_000)
    print(
        f"  copies of {ROWS:,} events: {rate:,.0f}/s of one core; JSON and the function alone {bare:,.0f}/s: {bare / rate:.1f} times (aim: 300,000/s)"
    )
    one, other = asked(old), asked(new)
    assert one() == other()
    before, after = median(one), median(other)
    with open_log(folder / "old", registry=with_a_form()) as log:
        start = time.process_time()
        through_form = asked(log)
        looked = time.process_time() - start
        assert through_form() == other()
        spared = median(through_form)
    print(
        f"  without copies, through an SQL form: {ROWS / looked:,.0f} events/s of one core looked at once, "
        f"{ROWS / looked / rate:.1f} times as fast as copies are made; then {spared * 1e3:,.0f} ms"
    )
    print(
        f"  sums per stream over old events {before * 1e3:,.0f} ms, over today's {after * 1e3:,.0f} ms: {before / after:.2f} times (aim: 1.2)"
    )
    one, other = loaded(old), loaded(new)
    assert one() == other()
    before, after = median(one) / LOADS, median(other) / LOADS
    print(
        f"  one stream of {A_STREAM} loaded: old {before * 1e6:,.0f} µs, today's {after * 1e6:,.0f} µs: {before / after:.2f} times (aim: 1.3)"
    )
