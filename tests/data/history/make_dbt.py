"""Makes `dbt_orders.csv` and `dbt_prices.csv` beside this file, by dbt-core and dbt-duckdb themselves: three runs of `dbt snapshot`.

Run in an environment that has both: `pip install dbt-core dbt-duckdb`, then `python make_dbt.py`. The orders are told apart by
`updated_at` and say in a row of their own what was deleted (`hard_deletes: new_record`); the prices are told apart by their values, and
a deletion ends them (`hard_deletes: invalidate`).
"""

# mypy: ignore-errors
import csv
import os
import tempfile
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunner

HERE = Path(__file__).parent
PROJECT = """
name: shop
version: "1.0"
profile: shop
flags: {send_anonymous_usage_stats: false}
"""
PROFILES = "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}"
SNAPSHOTS = """
snapshots:
  - name: orders_snapshot
    relation: source('shop', 'orders')
    config: {schema: snapshots, unique_key: id, strategy: timestamp, updated_at: updated_at, hard_deletes: new_record}
  - name: prices_snapshot
    relation: source('shop', 'prices')
    config: {schema: snapshots, unique_key: sku, strategy: check, check_cols: all, hard_deletes: invalidate}
sources:
  - {name: shop, schema: main, tables: [{name: orders}, {name: prices}]}
"""
NIGHTS = (
    """
    CREATE TABLE orders (id INTEGER, status VARCHAR, total DECIMAL(10, 2), updated_at TIMESTAMP);
    CREATE TABLE prices (sku VARCHAR, price DECIMAL(10, 2));
    INSERT INTO orders VALUES (1, 'open', 21, '2026-06-01 09:00'), (2, 'open', 4.5, '2026-06-01 10:00');
    INSERT INTO prices VALUES ('007', 2.5), ('pot', 12);
    """,
    """
    UPDATE orders SET status = 'paid', updated_at = '2026-06-02 08:30' WHERE id = 1;
    DELETE FROM orders WHERE id = 2;
    INSERT INTO orders VALUES (3, 'open', 9.99, '2026-06-02 11:00');
    UPDATE prices SET price = 2.75 WHERE sku = '007';
    DELETE FROM prices WHERE sku = 'pot';
    """,
    """
    INSERT INTO orders VALUES (2, 'reopened', 4.5, now()::TIMESTAMP);
    INSERT INTO prices VALUES ('pot', 13);
    """,
)


def night(statements):
    with duckdb.connect("shop.duckdb") as shop:
        shop.execute(statements)
    result = dbtRunner().invoke(["snapshot", "--quiet"])
    if not result.success:
        raise SystemExit(str(result.exception or result.result))


def export(table, key, name):
    with duckdb.connect("shop.duckdb") as shop, (HERE / name).open("w", newline="") as file:
        found = shop.execute(f"SELECT * FROM main_snapshots.{table} ORDER BY {key}, dbt_valid_from")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column[0] for column in found.description])
        writer.writerows(found.fetchall())


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    Path("snapshots").mkdir()
    for name, text in (("dbt_project.yml", PROJECT), ("profiles.yml", PROFILES), ("snapshots/shop.yml", SNAPSHOTS)):
        Path(name).write_text(text)
    for statements in NIGHTS:
        night(statements)
    export("orders_snapshot", "id", "dbt_orders.csv")
    export("prices_snapshot", "sku", "dbt_prices.csv")
    os.chdir(HERE)
