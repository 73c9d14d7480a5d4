"""The contract, on the outlet to a table in PostgreSQL, against a real server; and what only a database has."""

from datetime import UTC

import pyarrow as pa
import pytest

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable
from orders_es.projections import OutletProjection, PostgresOutlet, open_outlet
from orders_es.replay import connect
from orders_es.testing import OutletContract
from orders_es.testing.outlet_contract import _KEY, _TARGET, _gone, _row, _rows

psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def place(postgres_place):
    return postgres_place()


@pytest.fixture
def asked(place):
    with psycopg.connect(place.partition("?")[0], autocommit=True) as connection:
        connection.execute(f"SET search_path = {place.partition('schema=')[2]}; SET TimeZone = 'UTC'")
        connection.cursor_factory = psycopg.Cursor
        yield connection


def _read(connection, table):
    cursor = connection.cursor(row_factory=psycopg.rows.dict_row)
    rows = cursor.execute(f"SELECT * FROM {table}").fetchall()
    for row in rows:
        row["last_at"] = row["last_at"] and row["last_at"].astimezone(UTC)
    return rows


class TestPostgresOutlet(OutletContract):
    @pytest.fixture
    def make_outlet(self, place):
        made = []

        def make():
            made.append(PostgresOutlet(f"{place}&table=sales"))
            return made[-1]

        yield make
        for outlet in made:
            outlet.close()

    def contents(self, outlet):
        with psycopg.connect(outlet._given.partition("?")[0], autocommit=True) as connection:
            return _read(connection, outlet._place())


@pytest.fixture
def outlet(place):
    outlet = PostgresOutlet(place)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    yield outlet
    outlet.close()


def test_rows_and_position_are_there_together_or_not_at_all(outlet, asked):
    asked.execute("ALTER TABLE orders_es_outlets ADD CHECK (position < 20)")
    with pytest.raises(OutletUnavailable, match="violates check constraint"):
        outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert {row["region"] for row in _read(asked, "sales")} == {"north", "south"}
    asked.execute("ALTER TABLE orders_es_outlets DROP CONSTRAINT orders_es_outlets_position_check")
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert {row["region"] for row in _read(asked, "sales")} == {"north", "west"}


def test_readers_see_the_old_rows_until_the_new_ones_are_all_there(outlet, asked):
    asked.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    before = _read(asked, "sales")
    outlet.deliver(None, _rows(_row("east")), 20)
    assert _read(asked, "sales") == before
    asked.execute("COMMIT")
    assert {row["region"] for row in _read(asked, "sales")} == {"east"}


def test_a_connection_that_broke_is_made_anew_by_the_next_try(outlet, asked):
    [idle] = outlet._connections._idle
    asked.execute("SELECT pg_terminate_backend(%s, 5000)", [idle.info.backend_pid])
    with pytest.raises(OutletUnavailable):
        outlet.deliver(_gone("south"), _rows(), 20)
    outlet.deliver(_gone("south"), _rows(), 20)
    assert {row["region"] for row in _read(asked, "sales")} == {"north"}


def test_a_table_that_was_dropped_is_filled_again_and_one_of_somebody_elses_is_left_alone(outlet, place, asked):
    asked.execute("DROP TABLE sales")
    assert outlet.open(_TARGET) is None
    outlet.deliver(None, _rows(_row("north")), 10)
    asked.execute("CREATE TABLE theirs (x integer)")
    with pytest.raises(OutletMismatch, match="no outlet made"):
        PostgresOutlet(f"{place}&table=theirs").open(_TARGET)


def test_a_column_that_a_database_cannot_hold_is_said(place):
    columns = pa.schema([_TARGET.columns.field(name) for name in _KEY] + [pa.field("items", pa.list_(pa.string()))])
    with pytest.raises(InvalidSetting, match="'items' is of type list"):
        PostgresOutlet(place).open(type(_TARGET)("p", "listed", _KEY, columns, _TARGET.log_id, "f"))


def test_passwords_are_never_shown_and_nobody_answering_is_said(place):
    assert place.partition("@")[0].rpartition(":")[2] not in open_outlet(place).url
    with pytest.raises(OutletUnavailable) as caught:
        open_outlet("postgresql://ann:secret@127.0.0.1:1/shop").open(_TARGET)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_a_read_model_and_its_table_are_equal_after_every_run(shop, place, asked):
    outlet = PostgresOutlet(f"{place}&table=orders_now")

    def equal():
        columns = "order_id, status, total, paid"
        with connect(shop.log) as session:
            ought = sorted(tuple(row) for row in session.sql(f"SELECT {columns} FROM orders").rows())
        return sorted(asked.execute(f"SELECT {columns} FROM orders_now").fetchall()) == ought

    shop.run(OutletProjection.into(outlet, "orders"))
    assert equal()
    shop.pay("A-1")
    shop.order("A-9")
    shop.run(OutletProjection.into(outlet, "orders"))
    assert equal()
