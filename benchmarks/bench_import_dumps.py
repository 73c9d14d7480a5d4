"""Nightly dumps of a table of a million rows, of which two in a hundred change a night, beside DuckDB's read_csv of one dump.

What is measured of a night is all that an import of one more dump among several does: looking at the dump before anything is
appended, reading it, comparing it with the table as it stands, and appending what differs. The first dump, which is a
million insertions, is measured alone, and so is reading the table as it stands out of the log, once per import.
"""

from __future__ import annotations

import resource
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb

from orders_es.sources.dumps import import_dumps

ROWS = 1_000_000
NIGHTS = 4
MANY, FEW_ROWS, GROUP = 300, 20_000, 50


def dumps_of_a_shop(folder: Path, rows: int = ROWS, nights: int = NIGHTS) -> list[Path]:
    """A dump for each night: one row in a hundred paid, one in two hundred gone, as many new."""
    paths = []
    with duckdb.connect() as shop:
        shop.execute(
            f"CREATE TABLE orders AS SELECT i AS id, 'C' || (i % 50000) AS customer, (i % 7) * 3.5 AS total, 'open' AS status, "
            f"TIMESTAMP '2026-06-01 08:00:00' + to_seconds(i % 3600) AS updated_at FROM range({rows}) AS r(i)"
        )
        for night in range(1, nights + 1):
            if night > 1:
                at = f"(TIMESTAMP '2026-05-31 09:00:00' + to_days({night}))"
                shop.execute(f"UPDATE orders SET status = 'paid', updated_at = {at} WHERE id % 100 = {night % 100}")
                shop.execute(f"DELETE FROM orders WHERE id % 200 = {(night + 50) % 200}")
                first, new = rows + night * (rows // 200), rows // 200
                shop.execute(
                    f"INSERT INTO orders SELECT i, 'new', 1, 'open', {at} FROM range({first}, {first + new}) AS r(i)"
                )
            paths.append(folder / f"orders-{date(2026, 5, 31) + timedelta(days=night)}.csv")
            shop.execute(f"COPY orders TO '{paths[-1]}' (HEADER)")
    return paths


def run(folder: Path, data: Path) -> None:
    del data
    paths = dumps_of_a_shop(folder)
    print(f"  {NIGHTS} dumps of {ROWS:,} rows, {paths[0].stat().st_size / 1e6:,.0f} MB each")
    start = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS FROM read_csv('{paths[0]}', all_varchar = true)")
    read = time.perf_counter() - start

    def timed(*files: Path) -> float:
        start = time.perf_counter()
        import_dumps(folder / "log", files, key="id", at_from_name="%Y-%m-%d", occurred="updated_at")
        return time.perf_counter() - start

    first = timed(paths[0])
    again = timed(paths[0])
    nights = timed(*paths[1:]) - again
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each = nights / (NIGHTS - 1)
    print(f"  read_csv into a table     {read:6.2f} s")
    print(f"  the first dump            {first:6.2f} s: {first / read:.0f} x read_csv")
    print(f"  the table out of the log  {again:6.2f} s, once per import: {again / read:.0f} x read_csv")
    print(f"  each dump after it        {each:6.2f} s (aim: 5): {each / read:.0f} x read_csv")
    print(f"  peak memory {peak:,.0f} MB (aim: below 1,000)")
    many(folder / "many")


def many(folder: Path) -> None:
    """Hundreds of dumps, fifty at a time: the last ones take as long as the first, and no more memory."""
    folder.mkdir()
    paths = dumps_of_a_shop(folder, FEW_ROWS, MANY)
    seconds = []
    for start in range(0, MANY, GROUP):
        used = time.process_time()
        import_dumps(
            folder / "log", paths[start : start + GROUP], key="id", at_from_name="%Y-%m-%d", occurred="updated_at"
        )
        seconds.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  {MANY} dumps of {FEW_ROWS:,} rows, {GROUP} at a time: processor time {', '.join(f'{s:.1f}' for s in seconds)} s"
    )
    print(f"  the last {GROUP} {seconds[-1] / seconds[1]:.2f} x the second {GROUP}; peak memory {peak:,.0f} MB")
