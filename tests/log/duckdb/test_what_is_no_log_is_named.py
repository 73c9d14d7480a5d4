import duckdb
import pytest

from orders_es.errors import DamagedLog, LogInUse, NotALog, RegistrationClash
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderPlaced


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "log.duckdb")


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"", b"not a database", b"PAR1" * 5000])
def test_a_file_that_is_no_duckdb_database_is_refused_and_left_alone(tmp_path, content, create):
    file = tmp_path / "log.duckdb"
    file.write_bytes(content)
    with pytest.raises(NotALog, match="no DuckDB database"):
        open_log(file, create=create)
    assert file.read_bytes() == content


@pytest.mark.long_but_first
@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        "CREATE TABLE customers (id INTEGER)",
        "CREATE TABLE events (id INTEGER)",
        "CREATE TABLE log (line VARCHAR)",
        "CREATE VIEW v AS SELECT 1",
    ],
)
def test_a_database_that_holds_other_things_is_refused_and_left_alone(path, make, create):
    with duckdb.connect(path) as connection:
        connection.execute(make)
        before = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    with pytest.raises(NotALog, match="name a new file"):
        open_log(path, create=create)
    with duckdb.connect(path) as connection:
        assert connection.execute("SELECT table_name FROM information_schema.tables").fetchall() == before


def test_an_empty_database_becomes_a_log_only_where_one_may_be_created(path):
    duckdb.connect(path).close()
    with pytest.raises(NotALog):
        open_log(path)
    with open_log(path, create=True) as log:
        assert log.head().position == 0


def test_a_mistyped_name_is_an_error_and_makes_no_file(tmp_path):
    with pytest.raises(NotALog, match="create=True"):
        open_log(tmp_path / "mistyped.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_that_name_is_a_folder_log(tmp_path):
    (tmp_path / "log.duckdb").mkdir()
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        assert isinstance(log, ParquetLog)
        log.append("A", [OrderPlaced()], expected=ANY)
        assert len(log.files()) == 1


def made(path, change=None):
    with open_log(path, create=True) as log:
        log.append("A", [OrderPlaced(), OrderPlaced()], expected=ANY)
        log.append("B", [OrderPlaced()], expected=ANY)
    if change:
        with duckdb.connect(path) as connection:
            connection.execute(change)


def test_a_newer_format_is_refused_with_both_numbers(path):
    made(path, "UPDATE log SET format = 4")
    with pytest.raises(NotALog, match="its format is 4, this program reads 1 to 3"):
        open_log(path)


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM log", "0 rows"),
        ("DROP TABLE commits", "commits"),
        ("DELETE FROM events WHERE position = 3", "position 3"),
        ('DELETE FROM commits WHERE "first" = 3', "position 2"),
        ("UPDATE commits SET tree_root = 'x'", "tree"),
        ("UPDATE commits SET tree_range = tree_root", "tree"),
        ("UPDATE commits SET tree_size = 2", "tree"),
    ],
)
def test_a_log_whose_tables_contradict_each_other_is_damaged(path, change, says):
    made(path, change)
    with pytest.raises(DamagedLog, match=says):
        open_log(path)


def test_a_gap_in_the_middle_is_found_when_it_is_read(path):
    made(path, "DELETE FROM events WHERE position = 2")
    with open_log(path) as log, pytest.raises(DamagedLog, match="between the positions 1 and 3"):
        list(log.read())


def test_a_file_cut_short_is_damaged_or_no_log(path):
    made(path)
    with open(path, "r+b") as file:  # noqa: PTH123 - it is a text
        file.truncate(20_000)
    with pytest.raises((DamagedLog, NotALog)):
        open_log(path)


def test_events_that_another_program_put_into_the_table_are_named_and_not_overwritten(path):
    made(path)
    with open_log(path) as log:
        with duckdb.connect(path) as connection:
            connection.execute(
                "INSERT INTO events SELECT * REPLACE (4 AS position, 'C' AS stream_id) FROM events LIMIT 1"
            )
        with pytest.raises(DamagedLog):
            log.append("D", [OrderPlaced()], expected=ANY)


def test_a_file_that_this_process_opened_with_other_settings_is_in_use(path):
    made(path)
    with duckdb.connect(path, read_only=True), pytest.raises(LogInUse, match="other settings"):
        open_log(path)


def test_a_column_of_another_type_is_a_clash(path):
    made(path)
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1")
        connection.execute("ALTER TABLE events ADD COLUMN grams VARCHAR")
    from dataclasses import make_dataclass

    from orders_es.log import EventRegistry

    weighed = make_dataclass("Weighed", [("grams", int)])
    with (
        open_log(path, registry=EventRegistry([weighed])) as log,
        pytest.raises(RegistrationClash, match="the log holds it as VARCHAR"),
    ):
        log.append("W", [weighed(5)], expected=ANY)
