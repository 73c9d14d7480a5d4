"""SQL comes from wherever people get it: it reads its log, and no other file, and writes none, unless that is permitted."""

from dataclasses import replace

import duckdb
import pytest

from orders_es.errors import BadReadModel, FilesNotAllowed, InvalidSetting, QueryError, TargetInLog
from orders_es.log import NO_STREAM, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderCreated
from orders_es.projections import Projector, set_projections
from orders_es.read_models import load_read_models
from orders_es.replay import connect
from orders_es.replay.catalog import write_catalog
from orders_es.replay.permissions import check_models


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def log(place):
    (place / "secret.csv").write_text("a,b\n1,2\n")
    duckdb.connect(str(place / "other.duckdb")).close()
    with open_log(place / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        (place / "log" / "way-out.csv").symlink_to(place / "secret.csv")
        yield log


@pytest.fixture(scope="module")
def shut(log):
    with connect(log) as session:
        yield session


@pytest.fixture(scope="module")
def permitted(log):
    with connect(log, allow_files=True) as session:
        yield session


READS = [
    "FROM read_text('{p}/secret.csv')",
    "FROM read_blob('{p}/secret.csv')",
    "FROM read_csv('{p}/secret.csv')",
    "FROM read_json('{p}/secret.csv')",
    "FROM read_parquet('{p}/secret.csv')",
    "FROM parquet_schema('{p}/secret.csv')",
    "FROM sniff_csv('{p}/secret.csv')",
    "FROM '{p}/secret.csv'",
    "FROM read_text('{p}/log/../secret.csv')",
    "FROM read_text('{p}/log/way-out.csv')",
    "FROM read_text('file://{p}/secret.csv')",
    "FROM glob('{p}/*')",
    "FROM read_duckdb('{p}/other.duckdb')",
    "FROM read_text('/proc/self/environ')",
    "FROM query('FROM read_text(''{p}/secret.csv'')')",
    "SELECT (SELECT content FROM read_text('{p}/secret.csv'))",
    "WITH a AS (FROM read_text('{p}/secret.csv')) FROM a",
    "FROM 'https://example.org/orders.csv'",
]
OTHERS = [
    "COPY orders TO '{p}/out.csv'",
    "COPY orders TO '{p}/log/commits/out.csv'",
    "COPY (SELECT 1) TO '{p}/log/commits/00000000000000000001.parquet' (FORMAT parquet)",
    "SELECT 1; COPY orders TO '{p}/out.csv'",
    "WITH a AS (COPY (SELECT 1) TO '{p}/log/out.csv') FROM a",
    "WITH a AS MATERIALIZED (/* ( */ cOpY orders TO '{p}/log/out.csv') FROM a",
    "CREATE TABLE b AS WITH a AS (COPY (SELECT 1) TO '{p}/log/out.csv') FROM a",
    "EXPLAIN ANALYZE COPY orders TO '{p}/log/out.csv'",
    "EXPLAIN (ANALYZE, FORMAT json) COPY orders TO '{p}/log/out.csv'",
    "PREPARE a AS COPY orders TO '{p}/log/out.csv'",
    "CREATE TABLE c(a INTEGER); COPY c FROM '{p}/secret.csv'",
    "FROM json_execute_serialized_sql('[]')",
    'FROM system.main."json_execute_serialized_SQL"($1)',
    "PRAGMA json_execute_serialized_sql('[]')",
    "FROM query('FROM json_execute_serialized_sql(''[]'')')",
    "FROM query('FROM json_' || 'execute_serialized_sql(''[]'')')",
    "CREATE MACRO m(a) AS TABLE FROM query(a)",
    "UPDATE EXTENSIONS",
    "EXPORT DATABASE '{p}/log/out'",
    "IMPORT DATABASE '{p}'",
    "ATTACH '{p}/log/out.duckdb'",
    "ATTACH '{p}/other.duckdb'",
    "INSTALL httpfs",
    "LOAD '{p}/other.duckdb_extension'",
    "CREATE PERSISTENT SECRET (TYPE http, BEARER_TOKEN 'a')",
    "FROM duckdb_secrets()",
]
LOCKED = [
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET temp_directory = '{p}/log'",
    "SET profiling_output = '{p}/log/out'",
    "PRAGMA enable_profiling = 'json'",
    "CALL enable_profiling(save_location = '{p}/log/out')",
    "FROM enable_logging(storage = 'file', storage_path = '{p}/log/out')",
    "SET log_query_path = '{p}/log/out'",
    "SET home_directory = '{p}'",
]


def files(place):
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.mark.long_but_first
@pytest.mark.parametrize("query", READS + OTHERS)
def test_every_other_way_to_a_file_is_shut_and_says_what_opens_it(shut, place, query):
    before = files(place)
    with pytest.raises(FilesNotAllowed) as refused:
        shut.sql(query.format(p=place))
    said = str(refused.value)
    assert "\n" not in said
    assert said.endswith("unless it is permitted to: --allow-files, or allow_files=True in Python")
    assert files(place) == before


@pytest.mark.long_but_first
@pytest.mark.parametrize("query", LOCKED)
def test_settings_stay_as_they_are_also_where_files_are_permitted(shut, permitted, place, query):
    before = files(place)
    for session in (shut, permitted):
        with pytest.raises(QueryError):
            session.sql(query.format(p=place))
    assert files(place) == before


@pytest.mark.parametrize("query", ["SELECT getenv('HOME')", "FROM frame", "FROM shut", "FROM events_in_python"])
def test_neither_the_environment_nor_the_programs_variables_are_there(shut, query):
    frame = {"a": [1]}  # noqa: F841 - DuckDB would look for it
    with pytest.raises(QueryError):
        shut.sql(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM orders_at('2999-01-01')",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE FROM orders",
        "SHOW TABLES",
        "DESCRIBE orders",
        "SUMMARIZE orders",
        "PIVOT events ON type USING count(*)",
        "CREATE OR REPLACE TEMP TABLE mine AS FROM orders; SELECT count(*) FROM mine",
        "SET VARIABLE a = 1",
        "SET TimeZone = 'Europe/Berlin'",
        "SET threads = 1",
        "SELECT 'COPY (a) TO b' AS copy, copy + 1 FROM (SELECT 1 AS copy)",
        'SELECT "copy" FROM (SELECT 1 AS "copy")',
    ],
)
def test_what_touches_no_file_goes_on_as_before(shut, query):
    shut.sql(query)


def test_where_it_is_permitted_files_are_read_and_written(permitted, place):
    assert permitted.sql(f"SELECT b FROM '{place}/secret.csv'").rows() == [(2,)]
    permitted.sql(f"COPY (SELECT order_id FROM orders) TO '{place}/permitted.csv'")
    assert (place / "permitted.csv").read_text() == "order_id\nA-1\n"
    permitted.sql(f"ATTACH '{place}/new.duckdb'; CREATE TABLE new.a AS FROM orders; DETACH new")


@pytest.mark.parametrize(
    "query",
    [
        "COPY orders TO '{p}/log/out.csv'",
        "COPY (SELECT 1) TO '{p}/log/commits/00000000000000000001.parquet' (FORMAT parquet)",
        "copy orders to '{p}/new/../log/out.csv'",
        "COPY orders TO '{p}/link/out.csv'",
        "COPY orders TO 'file://{p}/log/out.csv'",
        "COPY orders TO '{p}/hard-link.parquet'",
        "COPY orders TO '{p}' (PARTITION_BY status, OVERWRITE)",
        "WITH a AS (COPY orders TO '{p}/log/out.csv') FROM a",
        "EXPLAIN ANALYZE COPY orders TO '{p}/log/out.csv'",
        "PREPARE a AS COPY orders TO '{p}/log/out.csv'",
        "SELECT 1; EXPORT DATABASE '{p}/log'",
        "ATTACH IF NOT EXISTS '{p}/log/out.duckdb' AS a",
        'ATTACH "{p}/log/out.duckdb" AS a',
    ],
)
def test_the_log_is_no_target_even_where_files_are_permitted(permitted, place, query):
    (place / "new").mkdir(exist_ok=True)
    if not (place / "link").exists():
        (place / "link").symlink_to(place / "log")
        (place / "hard-link.parquet").hardlink_to(next((place / "log" / "commits").glob("*.parquet")))
    before = files(place)
    with pytest.raises(TargetInLog, match="nothing else is ever written there"):
        permitted.sql(query.format(p=place))
    assert files(place) == before


@pytest.mark.parametrize(
    "query",
    [
        "COPY orders TO $1",
        "COPY orders TO (concat('{p}', '/log/a'))",
        "COPY orders TO $${p}/log/a$$",
        "COPY orders TO E'{p}/log/a'",
    ],
)
def test_a_target_is_written_out_where_files_are_permitted(permitted, place, query):
    with pytest.raises(FilesNotAllowed, match="written out"):
        permitted.sql(query.format(p=place), [f"{place}/log/a"] if "$1" in query else None)


def test_a_query_that_is_written_to_a_file_is_one_select(shut, tmp_path):
    out = tmp_path / "out.csv"
    assert shut.write("SELECT order_id FROM orders -- all", out, form="csv") == 1
    assert out.read_text() == "order_id\nA-1\n"
    for query in (
        f"SELECT 1) TO '{tmp_path}/b.csv'; --",
        "COPY orders TO 'a.csv'",
        "SELECT 1; SELECT 2",
        f"WITH a AS (COPY (SELECT 1) TO '{tmp_path}/b.csv') FROM a",
        "FROM read_text('/etc/hostname')",
    ):
        with pytest.raises(QueryError):
            shut.write(query, out)
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_what_was_permitted_once_or_could_not_be_looked_at_once_is_looked_at_again(log, place, tmp_path):
    (tmp_path / "peeks.sql").write_text(
        f"-- Peeks again: one row per file.\n-- Key: filename\nSELECT filename FROM read_text('{place}/secret.csv')\n"
    )
    connect(log, read_models=tmp_path, allow_files=True).close()
    with pytest.raises(BadReadModel, match="allow_files=True"):
        connect(log, read_models=tmp_path)

    class Interrupted:
        """A parser that Ctrl-C has just reached."""

        def extract_statements(self, query):
            raise duckdb.InterruptException(query)

    (model,) = [model for model in load_read_models(tmp_path) if model.name == "peeks"]
    writes = replace(model, sql="WITH a AS (COPY (SELECT 1 AS x) TO 'x.csv') SELECT 2 AS filename")
    check_models(Interrupted(), [writes], log, allow=False)
    with pytest.raises(BadReadModel, match="COPY"):
        check_models(duckdb.connect(), [writes], log, allow=False)


@pytest.mark.long
def test_read_models_of_ones_own_are_queries_too(log, place, tmp_path):
    definition = (
        f"-- Peeks: one row per file.\n-- Key: filename\nSELECT filename FROM read_text('{place}/secret.csv')\n"
    )
    (tmp_path / "peeks.sql").write_text(definition)
    with pytest.raises(BadReadModel, match="allow_files=True"):
        connect(log, read_models=tmp_path)
    with pytest.raises(BadReadModel, match="allow_files=True"):
        write_catalog(log, tmp_path / "catalog.duckdb", read_models=tmp_path)
    with connect(log, read_models=tmp_path, allow_files=True) as session:
        assert len(session.sql("FROM peeks")) == 1
    projections = set_projections(["peeks"], tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "hides.sql").write_text(
        "-- Hides: one row.\n-- Key: a\nSELECT a FROM json_execute_serialized_sql('[]') AS t(a)\n"
    )
    with pytest.raises(BadReadModel, match="cannot be looked at"):
        connect(log, read_models=tmp_path / "more")
    with pytest.raises((BadReadModel, FilesNotAllowed), match="allow_files=True"):
        Projector(log, tmp_path / "models.duckdb", projections).run()
    assert Projector(log, tmp_path / "models.duckdb", projections, allow_files=True).run()[0].position == 1


@pytest.mark.long
def test_a_session_that_is_shut_still_spills_and_follows_its_log(tmp_path):
    folder = tmp_path / "[a]* k=v"
    with open_log(folder, create=True) as log, connect(log, memory_limit="60MB") as session:
        assert isinstance(log, ParquetLog)
        assert not session.sql("FROM orders").rows()
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        assert len(session.sql("FROM orders")) == 1
        log.compact()
        log.append("A-2", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        assert len(session.sql("FROM orders")) == 2
        sort = "SELECT count(DISTINCT a) FROM (SELECT range::VARCHAR || repeat('x', 50) AS a FROM range(600_000) ORDER BY a)"
        assert session.sql(sort).rows() == [(600_000,)]


@pytest.mark.parametrize("name", ["log.duckdb", ":memory:"])
def test_a_log_in_a_database_can_be_asked_as_well(tmp_path, name):
    url = name if name == ":memory:" else tmp_path / name
    with open_log(url, create=True) as log, connect(log) as session:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        assert len(session.sql("FROM orders")) == 1
        if name != ":memory:":
            for target in (url, f"{url}.wal", f"{url}.derived/a.parquet"):
                if target == url or target.endswith("wal"):
                    with pytest.raises(TargetInLog):
                        session.write("FROM orders", target)


@pytest.mark.usefixtures("log")
def test_a_link_to_a_log_is_the_log(place, tmp_path):
    (tmp_path / "shop").symlink_to(place / "log")
    with open_log(tmp_path / "shop") as linked, connect(linked) as session:
        assert len(session.sql("FROM orders")) == 1
        with pytest.raises(TargetInLog):
            session.write("FROM orders", place / "log" / "out.parquet")


def test_a_zone_that_is_none_is_still_told(log):
    with pytest.raises(InvalidSetting):
        connect(log, tz="Mars/Olympus")
