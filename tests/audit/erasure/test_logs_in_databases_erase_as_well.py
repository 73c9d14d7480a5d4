import os
import threading
import time
from pathlib import Path

import duckdb
import psycopg
import pytest
from erasable import SECRETS, Subscribed, fill, places_of, registry

from orders_es import audit
from orders_es.errors import CannotErase, ErasureUnfinished
from orders_es.log import ANY, open_log
from orders_es.log.duckdb import DuckDBLog, store
from orders_es.log.postgres import erasing
from orders_es.replay import connect, load_order

KEY = audit.generate_key("example.com/shop")


def figures(log):
    with connect(log) as session:
        return session.sql("SELECT count(*), sum(total), sum(paid), count(customer_id) FROM orders").rows()


def erased_from(log, secrets=SECRETS):
    early = audit.checkpoint(log, KEY)
    receipt = audit.prove_order(log, "mail-1", checkpoint=early)
    before, connection = figures(log), duckdb.connect()
    log.bind(connection)
    assert secrets[0] in str(connection.execute("FROM events").fetchall())
    done = audit.erase(log, customer=secrets[0], why="request", by="Zoë")
    also = audit.erase(log, "mail-1", why="request")
    assert figures(log) == before
    assert load_order(log, "A-1").customer_id == "erased"
    assert load_order(log, "A-2").customer_id == "C-other"
    assert log.load("mail-1")[0].data == Subscribed("erased", phone="erased")
    log.bind(connection)
    assert all(secret not in str(connection.execute("FROM events").fetchall()) for secret in secrets)
    assert audit.verify_receipt(receipt.text, KEY.key).size == early.size
    assert audit.checkpoint(log, KEY).size == early.size + 2
    found = audit.verify(log)
    assert found.ok, found.problems
    assert found.erased == tuple(sorted([*done.positions, *also.positions]))
    assert log.append("B-1", [Subscribed("new@other.example")], expected=ANY).versions == {"B-1": 1}
    return done


@pytest.mark.long
def test_in_a_duckdb_file(tmp_path):
    place = tmp_path / "log.duckdb"
    with open_log(place, create=True, registry=registry()) as log:
        fill(log)
        assert isinstance(log, DuckDBLog)
        log.compact()
        assert {name for name, _ in places_of(tmp_path, *SECRETS)} == {"log.duckdb"}
        mode = place.stat().st_mode
        with open_log(place, registry=registry()) as other:
            erased_from(log)
            assert other.load("mail-1")[0].data.email == "erased"
            assert other.append("B-2", [Subscribed("x@other.example")], expected=ANY).first_position
        assert places_of(tmp_path, *SECRETS) == set()
        assert place.stat().st_mode == mode
    with open_log(place, registry=registry()) as again:
        assert places_of(tmp_path, *SECRETS) == set()
        assert audit.verify(again).ok
    assert {path.name for path in tmp_path.iterdir()} == {"log.duckdb", "log.duckdb.checkpoints"}


@pytest.mark.long
def test_a_program_that_marks_nothing_erases_from_a_duckdb_file_as_well(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True, registry=registry()) as log:
        fill(log)
    with open_log(tmp_path / "log.duckdb") as plain:
        audit.erase(plain, "A-1", why="request")
        audit.erase(plain, "mail-1", why="request")
    with open_log(tmp_path / "log.duckdb", registry=registry()) as again:
        assert again.load("mail-1")[0].data == Subscribed("erased", phone="erased")
        with connect(again, read_models=[]) as session:
            query = "SELECT email, phone, customer_id FROM events WHERE stream_id IN ('A-1', 'mail-1') AND version = 1 ORDER BY 1"
            assert session.sql(query).rows() == [("erased", "erased", None), (None, None, "erased")]
        assert audit.verify(again).ok


@pytest.mark.long
def test_readers_of_the_file_wait_and_go_on(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True, registry=registry()) as log:
        fill(log)
        stop, seen, wrong = threading.Event(), set(), []

        def read():
            try:
                while not stop.is_set():
                    seen.add(log.load("mail-1")[0].data.email)
                    assert sum(batch.num_rows for batch in log.read(batch_size=7)) >= 140
            except BaseException as error:  # noqa: BLE001 - told to the test
                wrong.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(3):
            audit.erase(log, f"A-{number}", why="request")
        audit.erase(log, "mail-1", why="request")
        log.load("A-0")
        stop.set()
        for reader in readers:
            reader.join()
        assert not wrong
        assert seen <= {SECRETS[1], "erased"}
        assert audit.verify(log).ok


def test_a_reader_that_comes_between_the_new_file_and_its_opening_waits_for_that(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True, registry=registry()) as log:
        fill(log)
        store, found = log._store, []  # type: ignore[attr-defined]
        right = store.key
        store.key, store._exchanging = (0, 0), True  # as it is for a moment while the file is exchanged
        reader = threading.Thread(target=lambda: found.append(len(log.load("mail-1"))))
        reader.start()
        while reader.is_alive() and not store._gate._waiters:
            time.sleep(0.01)
        with store._gate:
            store.key, store._exchanging = right, False
            store._gate.notify_all()
        reader.join()
        assert found == [1]


def test_somebodys_own_connection_is_named_and_it_goes_on_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_PATIENCE_SECONDS", 0.2)
    place = tmp_path / "log.duckdb"
    with open_log(place, create=True, registry=registry()) as log:
        fill(log)
        assert isinstance(log, DuckDBLog)
        log.compact()
        own = duckdb.connect(str(place))
        with pytest.raises(ErasureUnfinished, match="connections of its own"):
            audit.erase(log, "mail-1", why="request")
        assert log.load("mail-1")[0].data.email == "erased"
        own.close()
        assert audit.erase(log, "mail-1", why="again").positions == ()
        assert places_of(tmp_path, *SECRETS[1:]) == set()
        os.link(place, tmp_path / "second-name")
        with pytest.raises(CannotErase, match="hard link"):
            audit.erase(log, "A-1", why="request")
        assert log.load("A-1")[0].data.customer_id == SECRETS[0]


def test_what_was_interrupted_goes_on_when_the_file_is_opened(tmp_path, monkeypatch):
    place = tmp_path / "log.duckdb"
    with open_log(place, create=True, registry=registry()) as log, monkeypatch.context() as patched:
        fill(log)
        assert isinstance(log, DuckDBLog)
        log.compact()
        patched.setattr(store, "_PATIENCE_SECONDS", 0.1)
        own = duckdb.connect(str(place))
        with pytest.raises(ErasureUnfinished):
            audit.erase(log, "mail-1", why="request")
        own.close()
    Path(f"{place}.erasing").write_text("left by one who died")
    with open_log(place, registry=registry(), read_only=True) as reader:
        assert reader.load("mail-1")[0].data.email == "erased"
    open_log(place, registry=registry()).close()
    assert places_of(tmp_path, *SECRETS[1:]) == set()
    assert [path.name for path in tmp_path.iterdir()] == ["log.duckdb"]


def data_of(url):
    """The folder of the server's files, but for its write-ahead log, once what it has in memory is in them."""
    with psycopg.connect(url.partition("?")[0], autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        [(folder,)] = connection.execute("SELECT current_setting('data_directory')").fetchall()
    return Path(folder)


def places_on_server(url, *texts):
    return {
        (path.name, text)
        for part in ("base", "global")
        for path in (data_of(url) / part).rglob("*")
        if path.is_file()
        for data in [path.read_bytes()]
        for text in texts
        if text.encode() in data
    }


@pytest.mark.long
def test_in_postgresql(postgres_place):
    url = postgres_place()
    secrets = tuple(f"{secret}-{url[-8:]}" for secret in SECRETS)  # the server's files are shared
    with open_log(url, create=True, registry=registry()) as log:
        fill(log, secrets)
        with psycopg.connect(url.partition("?")[0], autocommit=True) as connection:
            connection.execute("ANALYZE")
        assert places_on_server(url, *secrets)
        with open_log(url, registry=registry()) as other:
            erased_from(log, secrets)
            assert other.load("mail-1")[0].data.email == "erased"
        assert places_on_server(url, *secrets) == set()


def test_a_transaction_that_still_sees_it_is_waited_for_and_it_goes_on_afterwards(postgres_place, monkeypatch):
    url = postgres_place()
    monkeypatch.setattr(erasing, "PATIENCE_SECONDS", 0.2)
    with open_log(url, create=True, registry=registry()) as log:
        fill(log)
        with psycopg.connect(url.partition("?")[0]) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
            with pytest.raises(ErasureUnfinished, match="still sees how it was"):
                audit.erase(log, "mail-1", why="request")
            assert log.load("mail-1")[0].data.email == "erased"
            with open_log(url, registry=registry()) as other:  # nobody is kept from opening it
                assert other.load("mail-1")[0].data.email == "erased"
        assert audit.erase(log, "mail-1", why="again").positions == ()
        assert not tables_like(url, "erasing")


def tables_like(url, name):
    place, _, schema = url.partition("?schema=")
    with psycopg.connect(place) as connection:
        query = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s"
        return connection.execute(query, [schema, name]).fetchall()


def test_a_role_that_does_not_own_the_tables_is_told_so_and_changes_nothing(postgres_place):
    url = postgres_place()
    with open_log(url, create=True, registry=registry()) as log:
        fill(log)
        place, _, schema = url.partition("?schema=")
        with psycopg.connect(place, autocommit=True) as owner:
            owner.execute(f"CREATE ROLE {schema}_w LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA {schema} TO {schema}_w")
            owner.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {schema}_w")
        before = log.head()
        with open_log(f"{url}&user={schema}_w&password=p", registry=registry()) as writer:
            writer.append("B-1", [Subscribed("x@other.example")], expected=ANY)
            with pytest.raises(CannotErase, match="takes the role that owns"):
                audit.erase(writer, "mail-1", why="request")
        assert log.head().position == before.position + 1
        assert log.load("mail-1")[0].data.email == SECRETS[1]
        with (
            psycopg.connect(place) as owner,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"),
        ):
            owner.execute(f"UPDATE {schema}.events SET payload = '{{}}'")
