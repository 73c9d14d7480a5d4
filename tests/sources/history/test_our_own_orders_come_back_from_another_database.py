"""Our log, carried by outlets into tables of a real database with history triggers, and brought back from its audit table."""

import random
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from orders_es import orders as o
from orders_es.log import ANY, NewEvent, StreamAppend, open_log
from orders_es.orders import fold, initial_state
from orders_es.projections import OutletProjection, PostgresOutlet, Projector, SetProjection
from orders_es.replay import load_orders
from orders_es.sources.history import import_history

TABLES = ("shop_orders", "shop_lines", "shop_money")
MODELS = Path(__file__).parent / "shop"
"""What a shop's own database would hold: an order with its steps, its lines at each price, and a ledger."""
MAPPING = MODELS / "changes.toml"
PAGE = (Path(__file__).parents[3] / "docs" / "history-postgresql-triggers.md").read_text(encoding="utf-8")
TRIGGERS = re.search(r"```sql\n( *CREATE TABLE audit.*?)```", PAGE, re.DOTALL)[1]
AUDIT = "SELECT id, ts, txid, actor, table_name, op, record, old_record FROM audit ORDER BY id"
ORDERS = ("A-1", "B/2", "007", "Ä", "e5", *map(str, range(20)))
START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = 60 * 24 * 40


def a_story(seed, nights):
    """Orders as they go: added to and taken from, placed, paid in parts, shipped, come back; some of it told late, some twice.

    Each night at most one event of an order: two changes of a row in one transaction are one change to its triggers.
    """
    draw = random.Random(seed)

    def price():
        return Decimal(draw.randint(-100, 99_999)) / draw.choice((100, 10_000))

    def item():
        return draw.choice(("mug", "cup", "Käse/½", "o'clock"))

    makers = (
        lambda: o.ItemAdded(
            item_id=item(), quantity=draw.randint(1, 5), price=price(), description=draw.choice((None, "A pot", "Ä"))
        ),
        lambda: o.ItemAdded(item_id=item(), quantity=2, price=Decimal("2.50")),
        lambda: o.ItemRemoved(item_id=item(), quantity=1, price=Decimal("2.50")),
        lambda: o.ItemQuantityChanged(item_id=item(), difference=draw.choice((-1, 3)), price=Decimal("2.50")),
        lambda: o.ItemReturned(item_id=item(), quantity=1, price=price(), reason="broken"),
        lambda: o.DiscountApplied(amount=price(), code="X"),
        lambda: o.ShippingCharged(amount=price(), method="post"),
        lambda: o.AdjustmentRecorded(amount=price(), reason="a cent", item_id=draw.choice((None, item()))),
        lambda: o.PaymentReceived(amount=price(), method="card", time_estimated=draw.choice((None, True))),
        lambda: o.PaymentFailed(amount=price(), reason="no"),
        lambda: o.RefundIssued(amount=price(), reason="broken"),
        o.OrderPlaced,
        lambda: o.OrderShipped(carrier="RM", tracking=str(draw.random())),
        lambda: o.OrderDelivered(time_estimated=draw.choice((None, True))),
        lambda: o.OrderCancelled(reason=draw.choice((None, "late"))),
        lambda: o.CustomerAssigned(customer_id=f"c{draw.random()}"),
    )

    def happened(night):
        data: o.OrderEvent = draw.choice(makers)()
        if night == 0:
            promised = START + timedelta(days=50)
            data = o.OrderCreated(currency="EUR", country=draw.choice((None, "DE")), city="Köln", promised_at=promised)
        occurred = START + timedelta(minutes=draw.randrange(MINUTES), microseconds=draw.randrange(10**6))
        return NewEvent(data=data, occurred_at=occurred)

    for night in range(nights):
        yield {order: happened(night) for order in ORDERS if night == 0 or draw.random() < 0.9}


class Postgres:
    """Tables of a PostgreSQL database, and the triggers that the documentation gives."""

    def __init__(self, place):
        psycopg = pytest.importorskip("psycopg")
        self.place, (self.url, _, self.schema) = place, place.partition("?schema=")
        self.connection = psycopg.connect(self.url, autocommit=True)
        self.source = f"{self.url}?options=-csearch_path%3D{self.schema}"

    def outlet(self, name):
        return PostgresOutlet(f"{self.place}&table={name}")

    def watch(self):
        self.connection.execute(f"SET search_path = {self.schema}")
        table, trigger = TRIGGERS.split("CREATE TRIGGER", 1)
        self.connection.execute(table.replace("INSERT INTO audit", f"INSERT INTO {self.schema}.audit"))
        for name in TABLES:
            self.connection.execute(f"CREATE TRIGGER{trigger.replace(' ON orders ', f' ON {name} ')}")

    def now(self):
        return self.connection.execute("SELECT clock_timestamp()").fetchone()[0]

    def close(self):
        self.connection.close()


class SqliteTable:
    """An outlet as somebody would write one: a table of SQLite, money as digits, times in UTC."""

    def __init__(self, connection, name):
        self.connection, self.name, self.url = connection, name, f"sqlite:{name}"
        self.position = None

    def open(self, target):
        self.key = ", ".join(target.key)
        if self.position is None:
            names = ", ".join(f'"{name}"' for name in target.columns.names)
            self.connection.execute(f"CREATE TABLE IF NOT EXISTS {self.name} ({names}, PRIMARY KEY ({self.key}))")
        return self.position

    def deliver(self, removed, rows, position):
        with self.connection:
            if removed is None:
                self.connection.execute(f"DELETE FROM {self.name}")
            for row in [] if removed is None else removed.to_pylist():
                self.connection.execute(f"DELETE FROM {self.name} WHERE id = :id", row)
            for row in rows.to_pylist():
                given = {name: str(v) if isinstance(v, Decimal | datetime) else v for name, v in row.items()}
                changes = ", ".join(f'"{name}" = excluded."{name}"' for name in row)
                self.connection.execute(
                    f"INSERT INTO {self.name} VALUES ({', '.join(f':{n}' for n in row)}) ON CONFLICT ({self.key}) DO UPDATE SET {changes}",
                    given,
                )
        self.position = position

    def close(self):
        pass


class Sqlite:
    """Tables of a SQLite file, and triggers that do the same there."""

    def __init__(self, path):
        self.source, self.connection = path, sqlite3.connect(path)

    def outlet(self, name):
        return SqliteTable(self.connection, name)

    def watch(self):
        run = self.connection.executescript
        run(
            "CREATE TABLE audit (id INTEGER PRIMARY KEY, ts TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%f+00:00')), txid TEXT, actor TEXT, "
            "table_name TEXT, op TEXT, record TEXT, old_record TEXT)"
        )
        for name in TABLES:
            columns = [row[1] for row in self.connection.execute(f"PRAGMA table_info({name})")]
            new, old = (f"json_object({', '.join(f'{c!r}, {side}.{c}' for c in columns)})" for side in ("new", "old"))
            for op, one, other in (("INSERT", new, "NULL"), ("UPDATE", new, old), ("DELETE", "NULL", old)):
                run(
                    f"CREATE TRIGGER {name}_{op} AFTER {op} ON {name} BEGIN INSERT INTO audit (table_name, op, record, old_record) "
                    f"VALUES ('{name}', '{op}', {one}, {other}); END"
                )

    def now(self):
        # Its clock shows milliseconds: what comes next is later than what has been.
        ask = "SELECT strftime('%Y-%m-%d %H:%M:%f+00:00')"
        now = last = self.connection.execute(ask).fetchone()[0]
        while last == now:
            last = self.connection.execute(ask).fetchone()[0]
        return datetime.fromisoformat(now)

    def close(self):
        self.connection.close()


@pytest.fixture(params=["postgres", pytest.param("sqlite", marks=pytest.mark.long)])
def database(request, tmp_path):
    made = (
        Postgres(request.getfixturevalue("postgres_place")())
        if request.param == "postgres"
        else Sqlite(tmp_path / "shop.db")
    )
    with closing(made):
        yield made


def whole(order):
    """All that can be seen of an order, but for numbers of events, which a table does not keep."""
    counted = ("version", "position", "event_count")
    return {name: value for name, value in order.as_dict().items() if name not in counted}


def stands(events, known_at=None, at=None):
    chosen = [
        event
        for event in events
        if (known_at is None or event.known_at <= known_at) and (at is None or event.occurred_at <= at)
    ]
    return whole(fold(chosen, initial_state()))


@pytest.mark.parametrize(
    ("seed", "nights"), [(1, 4), *(pytest.param(seed, 12, marks=pytest.mark.long) for seed in (2, 3))]
)
def test_whole_orders_are_the_same_at_every_moment_on_both_clocks(database, seed, nights, tmp_path):
    log = open_log(tmp_path / "log", create=True)
    projections = [OutletProjection.into(database.outlet(name), SetProjection.of(name, MODELS)) for name in TABLES]
    projector = Projector(log, tmp_path / "models.duckdb", projections)
    projector.run()
    database.watch()
    moments = []
    for night in a_story(seed, nights):
        log.append_batch([StreamAppend(order, [event], ANY) for order, event in night.items()])
        projector.run()
        moments.append((log.head().position, database.now()))

    back = open_log(":memory:")
    done = import_history(back, database.source, query=AUDIT, key="id", mapping=MAPPING)
    assert {gap.kind for gap in done.gaps.gaps} <= {"means nothing"}
    middle = START + timedelta(minutes=MINUTES // 2)
    for order in ORDERS:
        told, brought = list(log.load(order)), list(back.load(order))
        for position, moment in moments:
            known = [event for event in told if event.position <= position]
            for at in (middle, None):
                assert stands(brought, moment, at) == stands(known, None, at)
    loaded = load_orders(back, known_at=moment)
    assert {name: loaded[name].total for name in ORDERS} == {name: stands(log.load(name))["total"] for name in ORDERS}
