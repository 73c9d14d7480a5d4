"""A logical replication slot comes into a log: whole transactions in the order of their commits, each once, and the slot is moved on."""

import threading
import uuid

import pytest

from orders_es.errors import BadSource
from orders_es.sources.streams import Follower
from orders_es.sources.streams.pgoutput import transactions
from orders_es.testing.postgres_server import PostgresServer

from .test_killed_while_a_source_goes_on_each_line_comes_once import kill_again_and_again

MAPPING = """
[envelope]
event_id = "event_id"
stream_id = "aggregate"
type = "kind"
payload = "body"
occurred_at = "happened"
entered_at = "_committed_at"
ignore = ["id", "_transaction", "ok"]
[types.created]
to = "OrderCreated"
currency = "currency"
[types.paid]
to = "PaymentReceived"
amount = "amount"
"""


@pytest.fixture(scope="module")
def server(postgres):
    del postgres  # where none can be started, this is left out for the same reason
    with PostgresServer(settings={"wal_level": "logical"}) as server:
        yield server.url()


@pytest.fixture
def connection(server):
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


@pytest.fixture
def table(connection):
    name = f"events_{uuid.uuid4().hex}"
    connection.execute(
        f"CREATE TABLE {name} (id bigserial PRIMARY KEY, event_id uuid DEFAULT gen_random_uuid(), aggregate text, kind text, "
        "body jsonb, ok boolean DEFAULT true, happened timestamptz DEFAULT now())"
    )
    connection.execute(f"CREATE PUBLICATION p_{name} FOR TABLE {name} WITH (publish = 'insert')")
    connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (f"s_{name}",))
    yield name
    connection.execute("SELECT pg_drop_replication_slot(%s)", (f"s_{name}",))


@pytest.fixture
def slot(server, table):
    from orders_es.sources.streams.postgres_slot import PostgresSlot

    opened = []

    def read():
        opened.append(PostgresSlot(server, f"s_{table}", f"p_{table}"))
        return opened[-1]

    yield read
    for each in opened:
        each.close()


def write(connection, table, aggregate, kind="created", body='{"currency": "EUR"}'):
    connection.execute(f"INSERT INTO {table} (aggregate, kind, body) VALUES (%s, %s, %s)", (aggregate, kind, body))


def waiting(connection, table):
    query = "SELECT count(*) FROM pg_logical_slot_peek_binary_changes(%s, NULL, NULL, 'proto_version', '1', 'publication_names', %s)"
    return connection.execute(query, (f"s_{table}", f"p_{table}")).fetchone()[0]


@pytest.mark.long
def test_transactions_come_whole_in_the_order_of_their_commits(server, connection, table, slot, mapping, log):
    import psycopg

    follower = Follower(log, slot(), mapping=mapping)
    with psycopg.connect(server, autocommit=True) as slow, slow.transaction():
        write(slow, table, "slow")
        write(connection, table, "quick")
        assert follower.catch_up().events == 1
        write(slow, table, "slow", "paid", '{"amount": 12.50}')
    assert follower.catch_up().events == 3
    [quick], [created, paid] = log.load("quick"), log.load("slow")
    assert quick.position < created.position < paid.position
    assert str(paid.data.amount) == "12.5000"
    assert created.entered_at == paid.entered_at > quick.entered_at, "the time of the commit"


@pytest.mark.long
def test_the_server_is_told_what_it_may_forget(connection, table, slot, mapping, log):
    write(connection, table, "A-1")
    assert waiting(connection, table) > 0
    Follower(log, slot(), mapping=mapping).catch_up()
    assert waiting(connection, table) == 0


@pytest.mark.long
def test_a_crash_before_the_slot_is_moved_on_repeats_nothing(connection, table, slot, mapping, log, monkeypatch):
    for n in range(6):
        write(connection, table, f"A-{n}")
    source = slot()
    monkeypatch.setattr(source, "_advance", lambda _: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        Follower(log, source, mapping=mapping, batch_events=4).catch_up()
    source.close()
    assert Follower(log, slot(), mapping=mapping, batch_events=4).catch_up().events == 6
    assert all(len(log.load(f"A-{n}")) == 1 for n in range(6))


def test_a_transaction_larger_than_a_commit_of_ours_is_taken_in_parts(connection, table, slot, mapping, log):
    connection.execute(
        f"""INSERT INTO {table} (aggregate, kind, body) SELECT 'A-' || n, 'created', '{{"currency": "EUR"}}' FROM generate_series(1, 25) n"""
    )
    write(connection, table, "last")
    source = slot()
    follower = Follower(log, source, mapping=mapping, batch_events=10)
    follower._step()
    assert (follower.state.events, waiting(connection, table) > 25) == (10, True)
    follower = Follower(log, slot(), mapping=mapping, batch_events=10)
    assert follower.catch_up().events == 26
    assert all(len(log.load(f"A-{n}")) == 1 for n in range(1, 26))
    assert waiting(connection, table) == 0


def test_rolled_back_rows_and_other_tables_are_passed_over(connection, table, slot, mapping, log):
    with connection.transaction(force_rollback=True):
        write(connection, table, "undone")
    other = f"other_{uuid.uuid4().hex}"
    connection.execute(f"CREATE TABLE {other} (a int)")
    for _ in range(20):
        connection.execute(f"INSERT INTO {other} VALUES (1)")
    write(connection, table, "A-1")
    assert Follower(log, slot(), mapping=mapping, batch_events=2).catch_up().events == 1


def test_a_changed_row_stops_it_in_words(connection, table, slot, mapping, log):
    connection.execute(f"ALTER PUBLICATION p_{table} SET (publish = 'insert, update, delete, truncate')")
    write(connection, table, "A-1")
    connection.execute(f"UPDATE {table} SET kind = 'paid'")
    with pytest.raises(BadSource, match=r"were changed, and events never are.*publish = 'insert'"):
        Follower(log, slot(), mapping=mapping).catch_up()


def test_a_slot_or_publication_that_is_not_there_says_how_to_make_one(server, table):
    from orders_es.sources.streams.postgres_slot import PostgresSlot

    with pytest.raises(
        BadSource, match="there is no such slot; make one, with wal_level = logical: CREATE PUBLICATION"
    ):
        PostgresSlot(server, "none", f"p_{table}")
    with pytest.raises(BadSource, match="there is no publication 'none'; make one: CREATE PUBLICATION none"):
        PostgresSlot(server, f"s_{table}", "none")


def test_a_message_of_another_protocol_is_refused():
    with pytest.raises(ValueError, match="protocol version 1"):
        list(transactions([b"S\0\0\0\1"]))


def test_a_server_that_was_put_back_is_noticed(slot):
    source = slot()
    with pytest.raises(BadSource, match="put back from a backup"):
        source.read(f"[{1 << 60}, 0]", 10)


def test_a_slot_that_is_dropped_under_a_follower_ends_it_and_says_so(connection, table, slot, mapping, log):
    write(connection, table, "A-1")
    follower = Follower(log, slot(), mapping=mapping)
    follower.catch_up()
    connection.execute("SELECT pg_drop_replication_slot(%s)", (f"s_{table}",))
    try:
        with pytest.raises(BadSource, match="it was dropped, and the server has kept nothing since"):
            follower.follow(threading.Event(), poll=0.01)
    finally:
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (f"s_{table}",))


@pytest.mark.long
def test_killed_again_and_again_each_row_comes_once(server, connection, table, tmp_path, mapping):
    def write_all(orders):
        with connection.transaction():
            for order in orders:
                write(connection, table, order)

    def free():
        while connection.execute(
            "SELECT active FROM pg_replication_slots WHERE slot_name = %s", (f"s_{table}",)
        ).fetchone()[0]:
            connection.execute("SELECT pg_sleep(0.05)")

    kill_again_and_again(tmp_path, mapping, write_all, "postgresql-slot", server, table, settled=free)
