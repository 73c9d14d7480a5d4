"""What a user would take instead, in turns with us in one run: `make bench` writes docs/performance.md from it.

Each figure is a ratio beside a floor or a rival that does the same work, durable where ours is, through its published API. The sides take
turns, the best turn of each counts. A library that is not installed is left out, and named.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench_commit import bare
from workload import order_events

from orders_es.audit import verify
from orders_es.log import NO_STREAM, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import ItemAdded
from orders_es.replay import connect, load_order
from orders_es.replay.states import make_states

TURNS = 3
APPENDS = int(os.environ.get("PERFORMANCE_APPENDS", "200"))
EVENTS = int(os.environ.get("PERFORMANCE_EVENTS", "1048576"))
BATCH = 131_072
LIBRARIES = ("orders_es", "duckdb", "pyarrow", "pandas", "polars", "eventsourcing", "deltalake", "pyiceberg")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
MIDDLE = datetime.fromtimestamp(1_700_000_000 + EVENTS // 2_000, UTC)
STATUS = "CASE max(CASE type WHEN 'OrderShipped' THEN 4 WHEN 'PaymentReceived' THEN 3 WHEN 'OrderPlaced' THEN 2 ELSE 1 END) WHEN 4 THEN 'shipped' WHEN 3 THEN 'paid' WHEN 2 THEN 'placed' ELSE 'created' END"


@dataclass(frozen=True)
class Row:
    """One comparison.

    Args:
        work: What is done.
        other: What it stands beside.
        ours: Our figure, in `unit`.
        theirs: The other one.
        ratio: How many times as fast as the other one we are.
    """

    work: str
    other: str
    ours: float
    theirs: float
    unit: str
    ratio: float


def in_turns(sides: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The best of some turns of each side, in seconds; one that lacks its library is left out."""
    best: dict[str, float] = {}
    missing: set[str] = set()
    for _ in range(TURNS):
        for name, side in sides.items():
            if name in missing:
                continue
            try:
                best[name] = min(best.get(name, float("inf")), side())
            except ImportError as error:
                print(f"  {name}: left out ({error})")
                missing.add(name)
    return best


def rows_of(work: str, sides: dict[str, Callable[[], float]], count: int, unit: str) -> list[Row]:
    """A row beside each other side; figures are `count` a second, or milliseconds where the unit is ms."""
    best = in_turns(sides)
    ours = best.pop("orders_es")

    def figure(seconds: float) -> float:
        return seconds * 1e3 / count if unit == "ms" else count / seconds

    made = [Row(work, name, figure(ours), figure(theirs), unit, theirs / ours) for name, theirs in best.items()]
    for row in made:
        print(
            f"  {row.work} beside {row.other}: {row.ours:,.4g} and {row.theirs:,.4g} {row.unit}: {row.ratio:.2f}",
            flush=True,
        )
    return made


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def appends(folder: Path) -> list[Row]:
    """One-event durable appends."""
    event = ItemAdded(item_id="85123A", quantity=6, price=Decimal("2.55"), description="A lantern")
    with open_log(folder / "single", create=True) as log:
        done = log.append("first", [event], expected=NO_STREAM)
        content = (folder / "single" / "commits" / f"{done.first_position:020d}.parquet").read_bytes()

        def ours() -> float:
            return timed(lambda: [log.append(uuid.uuid4().hex, [event], expected=NO_STREAM) for _ in range(APPENDS)])

        sides = {"orders_es": ours, "floor: the system calls on the same bytes": lambda: protocol(folder, content)}
        sides |= {name: partial(side, folder) for name, side in ELSEWHERE.items()}
        return rows_of("one-event durable append", sides, APPENDS, "a second")


def protocol(folder: Path, content: bytes) -> float:
    place = folder / uuid.uuid4().hex
    place.mkdir()
    descriptor = os.open(place, os.O_RDONLY)

    def many() -> None:
        for _ in range(APPENDS):
            bare(place, descriptor, content)

    try:
        return timed(many)
    finally:
        os.close(descriptor)


def with_sqlite(folder: Path) -> float:
    database = sqlite3.connect(folder / f"{uuid.uuid4().hex}.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE events (stream TEXT, version INTEGER, payload TEXT, PRIMARY KEY (stream, version))")
    insert = "INSERT INTO events VALUES (?, 1, ?)"
    spent = timed(lambda: [database.execute(insert, (uuid.uuid4().hex, PAYLOAD)) for _ in range(APPENDS)])
    database.close()
    return spent


def with_duckdb(folder: Path) -> float:
    import duckdb

    with duckdb.connect(folder / f"{uuid.uuid4().hex}.duckdb") as database:
        database.execute(
            "CREATE TABLE events (stream VARCHAR, version INTEGER, payload VARCHAR, PRIMARY KEY (stream, version))"
        )
        insert = "INSERT INTO events VALUES (?, 1, ?)"
        return timed(lambda: [database.execute(insert, [uuid.uuid4().hex, PAYLOAD]) for _ in range(APPENDS)])


def with_eventsourcing(folder: Path) -> float:
    from replay_eventsourcing import Order, application

    app: Any = application(folder / f"{uuid.uuid4().hex}.db")
    orders = [Order("GBP") for _ in range(APPENDS)]
    spent = timed(lambda: [app.save(order) for order in orders])
    app.close()
    return spent


def with_deltalake(folder: Path) -> float:
    from deltalake import write_deltalake

    row, place, few = one_row(), folder / uuid.uuid4().hex, APPENDS // 10
    return timed(lambda: [write_deltalake(place, row, mode="append") for _ in range(few)]) * APPENDS / few


def with_pyiceberg(folder: Path) -> float:
    from pyiceberg.catalog.sql import SqlCatalog

    row, place, few = one_row(), folder / uuid.uuid4().hex, APPENDS // 10
    place.mkdir()
    catalog = SqlCatalog("bench", uri=f"sqlite:///{place}/catalog.db", warehouse=f"file://{place}")
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.events", schema=row.schema)

    def many() -> None:
        for _ in range(few):
            table.append(row)

    spent = timed(many) * APPENDS / few
    catalog.close()
    return spent


def one_row() -> Any:
    import pyarrow as pa

    return pa.table({"stream": ["a"], "version": pa.array([1], pa.int32()), "payload": [PAYLOAD]})


PAYLOAD = '{"item_id":"85123A","quantity":6,"price":"2.55"}'
ELSEWHERE: dict[str, Callable[[Path], float]] = {
    "sqlite3 (WAL, FULL)": with_sqlite,
    "DuckDB, with a key": with_duckdb,
    "eventsourcing (SQLite)": with_eventsourcing,
    "deltalake (no fsync of its own)": with_deltalake,
    "pyiceberg (no fsync of its own)": with_pyiceberg,
}


def bulk(folder: Path) -> list[Row]:
    """Tables of events, appended with payloads, hashes and fsync."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = order_events(BATCH)
    log = open_log(folder / "bulk", create=True)
    log.append_table(order_events(BATCH, start=BATCH))
    recorded = pa.Table.from_batches(log.read())
    start = 2

    def ours() -> float:
        nonlocal start
        fresh = order_events(BATCH, start=start * BATCH)
        start += 1
        return timed(lambda: log.append_table(fresh))

    def floor() -> float:
        path = folder / f"{uuid.uuid4().hex}.parquet"

        def write() -> None:
            pq.write_table(recorded, path, compression="zstd", compression_level=1)
            with path.open("rb") as file:
                os.fsync(file.fileno())

        return timed(write)

    def with_deltalake() -> float:
        from deltalake import write_deltalake

        return timed(lambda: write_deltalake(folder / "delta", table, mode="append"))

    sides = {"orders_es": ours, "floor: pyarrow writes the same, and fsync": floor, "deltalake": with_deltalake}
    made = rows_of(f"append_table, {BATCH:,} events", sides, BATCH, "events a second")
    log.close()
    return made


def questions(folder: Path) -> list[Row]:
    """Orders by status, now and at a past moment, over a log of some size; one order; verification."""
    place = folder / "asked"
    with open_log(place, create=True) as log:
        assert isinstance(log, ParquetLog)
        for first in range(0, EVENTS, BATCH):
            log.append_table(order_events(min(BATCH, EVENTS - first), start=first))
        log.compact()
        make_states(log)
        files = [file.path for file in log.files()]
        made = []
        with connect(log) as session:
            for name, moment in (("now", None), ("in the middle of the log", MIDDLE)):
                made += rows_of(
                    f"orders by status, {name}, {EVENTS:,} events", by_status(session, files, moment), 1, "ms"
                )
        ids = log.stream_ids(limit=2_000)[::10]
        single = {"orders_es": lambda: timed(lambda: [load_order(log, each) for each in ids])}
        theirs = 8 * int(os.environ.get("EVENTSOURCING_ORDERS", "12500"))
        single[f"eventsourcing (SQLite), {theirs:,} events"] = loading_elsewhere(folder, len(ids))
        made += rows_of(f"load one order of {EVENTS:,} events", single, len(ids), "ms")
        payload = log.load(ids[0])[0].payload.encode()

        def hashing() -> float:
            def three() -> None:
                for _ in range(EVENTS // 8):
                    sha256(sha256(payload).digest()).digest()
                    sha256(payload).digest()

            return timed(three) * 8

        sides = {"orders_es": lambda: timed(lambda: verify(log)), "floor: three SHA-256 an event, one core": hashing}
        return made + rows_of("verify everything", sides, EVENTS, "events a second")


def by_status(session: Any, files: list[str], moment: datetime | None) -> dict[str, Callable[[], float]]:
    """The same question by us and by hand, over the same files."""
    query = "SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY status"
    wanted = session.sql(query, at=moment).rows()

    def check(rows: list[tuple[Any, ...]]) -> None:
        if sorted(rows) != sorted(wanted):
            raise AssertionError(f"{rows} is not {wanted}")

    def with_duckdb() -> float:
        import duckdb

        limit = "" if moment is None else f"WHERE occurred_at <= TIMESTAMPTZ '{moment.isoformat()}'"
        steps = f"SELECT stream_id, {STATUS} AS status FROM read_parquet({files!r}) {limit} GROUP BY stream_id"
        with duckdb.connect() as database:
            return timed(
                lambda: check(database.execute(f"SELECT status, count(*) FROM ({steps}) GROUP BY status").fetchall())
            )

    ranks = {"OrderCreated": 1, "ItemAdded": 1, "OrderPlaced": 2, "PaymentReceived": 3, "OrderShipped": 4}
    names = {1: "created", 2: "placed", 3: "paid", 4: "shipped"}

    def with_polars() -> float:
        import polars as pl

        def ask() -> None:
            events = pl.scan_parquet(files)
            if moment is not None:
                events = events.filter(pl.col("occurred_at") <= moment)
            steps = events.select("stream_id", pl.col("type").replace_strict(ranks, return_dtype=pl.Int8).alias("step"))
            counted = steps.group_by("stream_id").agg(pl.col("step").max()).group_by("step").len().collect()
            check([(names[step], n) for step, n in counted.rows()])

        return timed(ask)

    def with_pandas() -> float:
        import pandas as pd

        def ask() -> None:
            events = pd.concat(pd.read_parquet(path, columns=["stream_id", "type", "occurred_at"]) for path in files)
            if moment is not None:
                events = events[events["occurred_at"] <= moment]
            steps = events["type"].map(ranks).groupby(events["stream_id"]).max().value_counts()
            check([(names[int(str(step))], n) for step, n in steps.items()])

        return timed(ask)

    return {
        "orders_es": lambda: timed(lambda: session.sql(query, at=moment).rows()),
        "DuckDB, by hand on the same files": with_duckdb,
        "Polars, by hand on the same files": with_polars,
        "pandas, by hand on the same files": with_pandas,
    }


def loading_elsewhere(folder: Path, count: int) -> Callable[[], float]:
    known: list[Any] = []

    def load() -> float:
        from replay_eventsourcing import ORDERS, application, filled

        if not known:
            app: Any = application(folder / "loading.db")
            known.extend((app, filled(app)))
        app, ids = known
        return timed(lambda: [app.repository.get(ids[i]) for i in range(0, ORDERS, ORDERS // count)][:count])

    return load


def page(rows: list[Row], seconds: float) -> str:
    """The page, from what was measured."""
    installed = []
    for name in LIBRARIES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            installed.append(f"{name} not installed")
    load = os.getloadavg()[0]
    lines = [
        "# Performance",
        "",
        "<!-- Written by `make bench`. Do not edit: change benchmarks/performance.py and run it. -->",
        "",
        "What the same work takes with what a user would take instead, and with nothing but the work itself.",
        "**The ratio is what counts**: above 1, orders_es was faster. Both sides took turns in one process, and the best",
        "of three turns counts for each. Figures of one machine mean little elsewhere.",
        "",
        "| work | beside | orders_es | the other | | ratio |",
        "| --- | --- | ---: | ---: | --- | ---: |",
    ]
    lines += [
        f"| {row.work} | {row.other} | {row.ours:,.4g} | {row.theirs:,.4g} | {row.unit} | **{row.ratio:.2f}** |"
        for row in rows
    ]
    lines += [
        "",
        "![Ratios, on a logarithmic scale](images/performance.svg)",
        "",
        f"Measured on {datetime.now(UTC).date()} in {seconds / 60:.0f} minutes: {platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{', '.join(installed)}. The load average at the end was {load:.1f}"
        + (", so other programs took part of the machine." if load > 2 * (os.cpu_count() or 1) else "."),
        "",
        "What stands behind each figure is in `benchmarks/`; `python benchmarks/run.py NAME` measures one part more closely, `make bench-scale` the growth from 10⁵ events on.",
        "",
    ]
    return "\n".join(lines)


def draw(rows: list[Row], path: Path) -> None:
    """Bars of the ratios."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "orders_es", "svg.fonttype": "none", "font.size": 8}
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.28 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots()
    names = [f"{row.work} / {row.other.removeprefix('floor: ')}" for row in rows]
    colours = ["#999999" if row.other.startswith("floor") else "#2b6cb0" for row in rows]
    axes.set_xscale("log")
    lengths = [row.ratio - 1 for row in rows]  # from 1 on: to the left slower, to the right faster
    axes.barh(names[::-1], lengths[::-1], left=1, color=colours[::-1])
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times as fast as the other (grey: beside a floor)")
    figure.savefig(path, format="svg", metadata={"Date": None})


def main() -> int:
    started = time.monotonic()
    rows: list[Row] = []
    for part in (appends, bulk, questions):
        print(f"\n== {part.__doc__}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            rows += part(Path(folder))
    draw(rows, PAGE.parent / "images" / "performance.svg")
    PAGE.write_text(page(rows, time.monotonic() - started), encoding="utf-8")
    print(f"\nwrote {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
