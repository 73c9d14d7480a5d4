"""DuckDB takes parts of paths for columns and patterns, and names of columns for its own: none of that is ever meant."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.errors import InvalidSetting
from orders_es.export import check_export, export
from orders_es.log import NO_STREAM, open_log
from orders_es.log.scan import literal, parquet_files
from orders_es.orders import OrderCreated
from orders_es.projections import Projector, set_projections
from orders_es.replay import connect

PLACES = ["status=paid/order_id=7", "[a]*", "what?'s {a,b}", "back\\slash"]
QUERY = "SELECT order_id, status, total, 'mine' AS filename, 7 AS file_row_number, 1 AS file_index FROM orders"


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with open_log(tmp_path_factory.mktemp("shop") / "log", create=True) as log, connect(log) as session:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        yield session


@pytest.mark.long
@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("place", PLACES)
def test_an_untouched_file_is_well_and_a_tampered_one_is_not(session, tmp_path, place, kind):
    folder = tmp_path / place
    folder.mkdir(parents=True)
    (tmp_path / "ab").mkdir()  # what a pattern would find as well
    file = folder / f"a.{kind}"
    export(session, QUERY, file)
    (tmp_path / "ab" / file.name).write_bytes(b"not this")
    assert check_export(file, session.log).ok
    if kind == "parquet":
        table = pq.read_table(file, partitioning=None)
        values = pa.array(["other"] * table.num_rows)
        pq.write_table(table.set_column(1, table.schema.field(1).name, values), file)
        assert not check_export(file, session.log).ok


@pytest.mark.long
def test_a_table_keeps_columns_that_bear_duckdbs_own_names(session, tmp_path):
    file = tmp_path / "filename=x" / "a.parquet"
    file.parent.mkdir()
    export(session, QUERY, file)
    with connect(session.log, allow_files=True) as free:
        sql = f"SELECT filename, file_row_number, file_index FROM {parquet_files([str(file)])}"
        assert free.sql(sql).rows() == [("mine", 7, 1)]


def test_a_path_that_duckdb_has_no_spelling_for_is_refused():
    assert literal("/a\\b") == "/a\\b"
    with pytest.raises(InvalidSetting, match="rename it"):
        literal("/a\\[b]")


@pytest.mark.long_but_first
@pytest.mark.parametrize("place", ["total=1", "[a]*", "what?"])
def test_a_log_and_its_read_models_lie_anywhere(tmp_path, place):
    folder = tmp_path / place
    with open_log(folder / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
        with connect(log) as session:
            assert session.sql("SELECT total FROM orders").rows()[0][0] == 0
        # DuckDB itself cannot keep a database below a name with a question mark.
        models = tmp_path / "models.duckdb" if "?" in place else folder / "models.duckdb"
        assert Projector(log, models, set_projections(["orders"])).run()[0].position == 1
