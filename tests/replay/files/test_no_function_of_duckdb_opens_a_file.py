"""A review of what DuckDB 2 can do: every function that takes a text, every kind of statement, every setting, tried on a session."""

import contextlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.errors import FilesNotAllowed, QueryError
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
from orders_es.replay import connect
from orders_es.replay.permissions import check_statements

MARK = "TOPSECRET"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with secrets in every form, beside a log from which links lead to them."""
    place = tmp_path_factory.mktemp("place")
    (place / "log2").mkdir()
    for folder in (place, place / "log2"):
        (folder / "secret.csv").write_text(f"{MARK},b\n1,2\n")
    pq.write_table(pa.table({MARK: [1]}), place / "secret.parquet")
    with duckdb.connect(str(place / "other.duckdb")) as other:
        other.execute(f"CREATE TABLE secret AS SELECT '{MARK}' AS a")
    return place


@pytest.fixture(scope="module")
def log(place):
    with open_log(place / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        (place / "log" / "out.csv").symlink_to(place / "secret.csv")
        (place / "log" / "out").symlink_to(place)
        yield log


@pytest.fixture(scope="module")
def session(log):
    with connect(log) as session:
        yield session


def files(place):
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.mark.long
def test_no_table_function_or_pragma_gives_what_is_in_a_file_outside_of_the_log(session, place):
    known = session.connection.execute(
        "SELECT DISTINCT function_name, function_type FROM duckdb_functions() WHERE function_type IN ('table', 'pragma')"
    ).fetchall()
    assert len(known) > 100
    before = files(place)
    for name, kind in sorted(known):
        for file in ("secret.csv", "secret.parquet", "other.duckdb", "log/out/secret.csv"):
            query = f"FROM \"{name}\"('{place}/{file}')" if kind == "table" else f"PRAGMA {name}='{place}/{file}'"
            with contextlib.suppress(QueryError, FilesNotAllowed):
                assert MARK not in str(session.sql(query).to_arrow().to_pylist()), query
    assert files(place) == before


REFUSED = """
FROM query_table('{p}/secret.csv')
FROM query_table(['{p}/secret.csv'])
PREPARE a AS FROM read_text(?); EXECUTE a('{p}/secret.csv')
PREPARE b AS SELECT * FROM read_csv($1); EXECUTE b('{p}/secret.csv')
SET VARIABLE x = '{p}/secret.csv'; FROM read_text(getvariable('x'))
SET VARIABLE x = 'FROM read_text(''{p}/secret.csv'')'; FROM query(getvariable('x'))
CREATE VIEW v AS FROM '{p}/secret.csv'
CREATE TEMP VIEW v AS FROM read_text('{p}/secret.csv'); FROM v
CREATE MACRO m(f) AS TABLE FROM read_text(f); FROM m('{p}/secret.csv')
CREATE TABLE t AS FROM '{p}/secret.csv'
ATTACH IF NOT EXISTS '{p}/other.duckdb' AS o (READ_ONLY)
ATTACH OR REPLACE '{p}/other.duckdb' AS o
ATTACH ':memory:' AS o
FROM read_text(['{p}/secret.csv'])
FROM read_csv('{p}/log2/secret.csv')
FROM read_csv('{p}/log/../log2/secret.csv')
FROM read_csv('{p}/log/./../secret.csv')
FROM read_csv('{p}/log/*/../../secret.csv')
FROM read_csv('{p}/lo[g]/../secret.csv')
FROM read_text('{p}/log/out/secret.csv')
FROM read_text('{p}/log/out/**/secret.csv')
FROM glob('{p}/log/out/*')
FROM read_text('../secret.csv')
FROM 'secret.csv'
FROM read_text('~/.bashrc')
FROM read_text('http://127.0.0.1:9/x')
FROM read_text('s3://bucket/x')
FROM read_text('hf://datasets/x')
FROM read_text('/dev/stdin')
FROM parquet_metadata('{p}/secret.parquet')
FROM parquet_file_metadata('{p}/secret.parquet')
FROM parquet_kv_metadata('{p}/secret.parquet')
FROM parquet_bloom_probe('{p}/secret.parquet', 'TOPSECRET', 1)
FROM read_ndjson_objects('{p}/secret.csv')
PRAGMA import_database('{p}')
FORCE INSTALL httpfs
INSTALL httpfs FROM community
INSTALL '{p}/x.duckdb_extension'
LOAD httpfs
UPDATE EXTENSIONS (httpfs)
CREATE SECRET x (TYPE s3, KEY_ID 'a', SECRET 'b')
DROP SECRET x
FROM which_secret('s3://x', 's3')
VALUES (1); EXPORT DATABASE '{p}/log/o' (FORMAT parquet)
DESCRIBE FROM '{p}/secret.csv'
SUMMARIZE '{p}/secret.csv'
EXPLAIN FROM read_text('{p}/secret.csv')
WITH RECURSIVE a AS (FROM read_text('{p}/secret.csv') UNION ALL FROM a) FROM a
SELECT 1 /* ; */ ; /* x */ COPY (SELECT 1) TO '{p}/log/o.csv'
BEGIN; COPY (SELECT 1) TO '{p}/log/o.csv'; COMMIT
FROM query($$FROM read_text('{p}/secret.csv')$$)
FROM query(E'FROM read_text(\\'{p}/secret.csv\\')')
FROM "query"('FROM read_text(''{p}/secret.csv'')')
FROM system.main.query('FROM read_text(''{p}/secret.csv'')')
FROM query/**/('COPY (SELECT 1) TO ''{p}/log/o.csv''')
FROM query(query := 'WITH a AS (COPY (SELECT 1) TO ''{p}/log/o.csv'') FROM a')
FROM ask_actor_events((SELECT content FROM read_text('{p}/secret.csv')))
""".strip().splitlines()
LOCKED = [
    "file_search_path",
    "extension_directory",
    "custom_extension_repository",
    "secret_directory",
    "autoinstall_known_extensions",
    "allow_unsigned_extensions",
    "allow_community_extensions",
    "python_enable_replacements",
    "python_scan_all_frames",
    "allowed_configs",
    "allowed_paths",
    "max_temp_directory_size",
    "profile_output",
    "log_query_path",
    "enable_external_access",
    "allow_persistent_secrets",
]


@pytest.mark.long_but_first
@pytest.mark.parametrize("query", REFUSED)
def test_a_way_to_a_file_is_refused_by_a_sentence_that_says_what_permits_it(session, place, query):
    before = files(place)
    with pytest.raises(
        FilesNotAllowed, match="unless it is permitted to: --allow-files, or allow_files=True in Python"
    ):
        session.sql(query.format(p=place))
    assert files(place) == before


def test_no_setting_that_opens_something_can_be_set_or_reset(session):
    for name in LOCKED:
        for statement in (f"SET {name} = 'true'", f"SET GLOBAL {name} = '/'", f"RESET {name}", f"PRAGMA {name} = '/'"):
            with pytest.raises(QueryError):
                session.sql(statement)


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    "query",
    [
        "DROP VIEW orders",
        "SELECT 1; CREATE OR REPLACE VIEW orders AS SELECT 42 AS order_id",
        "SET TimeZone = 'Asia/Tokyo'",
        "WITH a AS (DROP VIEW orders) FROM a",
        "WITH a AS (SET VARIABLE orders_es_at = '2000-01-01') FROM a",
        "WITH a AS (CREATE TABLE t(a INTEGER)) FROM a",
    ],
)
def test_where_a_session_is_shared_one_select_cannot_change_what_the_next_one_is_answered(log, query):
    with connect(log) as shared:
        asked = "SELECT order_id, current_setting('TimeZone') FROM orders"
        before = shared.sql(asked).rows()

        def only_one_select(cursor, _):
            check_statements(cursor, query, log, allow=False, one=True)
            return cursor.sql(query)

        with pytest.raises((FilesNotAllowed, QueryError)):
            shared.using(only_one_select, query)
        assert shared.sql(asked).rows() == before
