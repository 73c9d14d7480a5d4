"""The ways to a file, each tried at every place where SQL of somebody else comes in."""

import contextlib
import json
import shutil
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from orders_es.audit import questions
from orders_es.cli.main import main
from orders_es.errors import OrdersEsError
from orders_es.export import check_export, export
from orders_es.export.answer_evidence import write_answer_evidence
from orders_es.log import NO_STREAM, open_log
from orders_es.mcp.questions import Questions
from orders_es.orders import OrderCreated
from orders_es.projections import Projector, set_projections
from orders_es.replay import connect
from orders_es.replay.catalog import write_catalog
from orders_es.report import write_report

MARK = "TOPSECRET"
WAYS = """
SELECT content AS order_id FROM read_text('{p}/secret.csv')
SELECT {mark}::VARCHAR AS order_id FROM '{p}/secret.parquet'
SELECT content AS order_id FROM read_text('{p}/log/../secret.csv')
SELECT content AS order_id FROM read_text('{p}/log/out.csv')
SELECT file AS order_id FROM glob('{p}/*')
SELECT content AS order_id FROM query('FROM read_text(''{p}/secret.csv'')')
SELECT order_id FROM (WITH a AS (FROM read_text('{p}/secret.csv')) SELECT content AS order_id FROM a)
SELECT line AS order_id FROM read_csv('{p}/secret.csv', columns := {{'line': 'VARCHAR'}}, header := false)
SELECT file_name AS order_id FROM parquet_metadata('{p}/secret.parquet')
SELECT getenv('HOME') AS order_id
SELECT a AS order_id FROM '{p}/other.duckdb'.secret
SELECT 1 AS order_id; COPY (SELECT 1) TO '{p}/log/written.csv'
COPY (SELECT 1) TO '{p}/written.csv'
ATTACH '{p}/other.duckdb' AS o
INSTALL httpfs
SET enable_external_access = true
""".strip().splitlines()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    (place / "secret.csv").write_text(f"{MARK},b\n1,2\n")
    pq.write_table(pa.table({MARK: [f"{MARK}-in"]}), place / "secret.parquet")
    with duckdb.connect(str(place / "other.duckdb")) as other:
        other.execute(f"CREATE TABLE secret AS SELECT '{MARK}' AS a")
    with open_log(place / "log", create=True) as log:
        log.append("A-1", [OrderCreated(currency="EUR")], expected=NO_STREAM)
    (place / "log" / "out.csv").symlink_to(place / "secret.csv")
    return place


def models(tmp_path, query):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "peeks.sql").write_text(f"-- Peeks: one row per file.\n-- Key: order_id\n{query}\n")
    return tmp_path / "models"


def by_sql(log, query, tmp_path):
    del tmp_path
    done = CliRunner().invoke(main, ["sql", query, "--csv", "--log", log.url])
    return done.stdout


def by_sql_with_evidence(log, query, tmp_path):
    CliRunner().invoke(main, ["sql", query, "--json", "--evidence", str(tmp_path / "e"), "--log", log.url])
    return (tmp_path / "e").read_text() if (tmp_path / "e").exists() else ""


def by_export(log, query, tmp_path):
    with connect(log) as session:
        export(session, query, tmp_path / "x.csv")
    return (tmp_path / "x.csv").read_text()


def by_a_rule(log, query, tmp_path):
    del tmp_path
    with connect(log) as session:
        return str(questions.rule_violations(session, f"order_id IN ({query})").rows())


def by_a_read_model(log, query, tmp_path):
    with connect(log, read_models=models(tmp_path, query)) as session:
        return str(session.sql("FROM peeks").rows())


def by_a_model_of_the_shell(log, query, tmp_path):
    options = ["--read-models", str(models(tmp_path, query)), "--log", log.url]
    return "".join(
        CliRunner().invoke(main, [*arguments, *options]).stdout
        for arguments in (
            ["sql", "FROM peeks"],
            ["diff", "--model", "peeks", "--from", "2020-01-01", "--to", "2030-01-01"],
        )
    )


def by_a_projection(log, query, tmp_path):
    projections = set_projections(["peeks"], models(tmp_path, query))
    Projector(log, tmp_path / "models.duckdb", projections).run()
    with duckdb.connect(str(tmp_path / "models.duckdb"), read_only=True) as held:
        return str(held.execute("FROM peeks").fetchall())


def by_a_projection_made_by_hand(log, query, tmp_path):
    """Whose read model nobody has looked at yet."""
    [projection] = set_projections(["orders"])
    model = replace(projection.model, name="peeks", sql=query, key=("order_id",))
    Projector(log, tmp_path / "models.duckdb", [replace(projection, model=model, reads=())]).run()
    with duckdb.connect(str(tmp_path / "models.duckdb"), read_only=True) as held:
        return str(held.execute("FROM peeks").fetchall())


def by_an_assistant(log, query, tmp_path):
    del tmp_path
    with Questions(log) as asked:
        return str(asked.sql(query))


def by_a_catalog(log, query, tmp_path):
    write_catalog(log, tmp_path / "catalog.duckdb", read_models=models(tmp_path, query))
    with duckdb.connect(str(tmp_path / "catalog.duckdb"), read_only=True) as held:
        return str(held.execute("FROM peeks").fetchall())


def by_a_report(log, query, tmp_path):
    with connect(log, read_models=models(tmp_path, query)) as session:
        write_report(session, tmp_path / "out", form="csv")
    return (tmp_path / "out" / "peeks.csv").read_text()


def by_evidence(log, query, tmp_path):
    """A file that says which query it comes from, made by somebody else."""
    with connect(log) as session:
        write_answer_evidence(session, session.sql("SELECT 'x' AS order_id"), tmp_path / "e.json")
    said = json.loads((tmp_path / "e.json").read_text())
    (tmp_path / "e.json").write_text(json.dumps(said | {"query": query}))
    return str(check_export(tmp_path / "e.json", log).findings)


def by_an_exported_file(log, query, tmp_path):
    with connect(log) as session:
        export(session, "SELECT 'x' AS order_id", tmp_path / "x.csv")
    said = json.loads((tmp_path / "x.csv.json").read_text())
    (tmp_path / "x.csv.json").write_text(json.dumps(said | {"query": query}))
    return str(check_export(tmp_path / "x.csv", log).findings)


def by_a_magic(log, query, tmp_path):
    from IPython.core.interactiveshell import InteractiveShell

    del tmp_path
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "orders_es.ipython")
    try:
        with connect(log) as session:
            shell.user_ns["session"] = session
            done = shell.run_cell(f"%%events_sql\n{query}")
            return done.result.to_csv() if done.success and done.result is not None else ""
    finally:
        shell.run_line_magic("unload_ext", "orders_es.ipython")
        shell.history_manager.end_session()
        InteractiveShell.clear_instance()


DOORS = [
    by_sql,
    by_sql_with_evidence,
    by_export,
    by_a_rule,
    by_a_read_model,
    by_a_model_of_the_shell,
    by_a_projection,
    by_a_projection_made_by_hand,
    by_an_assistant,
    by_a_catalog,
    by_a_report,
    by_evidence,
    by_an_exported_file,
    by_a_magic,
]


def files(place):
    return {str(file): file.read_bytes() for file in place.rglob("*") if file.is_file()}


@pytest.mark.long_but_first
@pytest.mark.parametrize("stride", [8, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("door", DOORS)
def test_nothing_outside_of_the_log_comes_in_or_goes_out(place, tmp_path, door, stride):
    if door is by_a_report:
        pytest.importorskip("matplotlib")
    before, open_ = files(place), []
    with open_log(place / "log", read_only=True) as log:
        for number, way in enumerate(WAYS[::stride]):
            query = way.format(p=place, mark=MARK)
            own = tmp_path / str(number)
            own.mkdir()
            said = ""
            with contextlib.suppress(OrdersEsError):
                said = door(log, query, own)
            if MARK in said.replace(query, "") or "secret.parquet" in said.replace(query, "") or "/root" in said:
                open_.append(query)
            shutil.rmtree(own)
    assert open_ == []
    assert files(place) == before


@pytest.mark.long_but_first
@pytest.mark.parametrize("door", [door for door in DOORS if door not in (by_a_report, by_a_model_of_the_shell)])
def test_the_door_itself_works(place, tmp_path, door):
    with open_log(place / "log", read_only=True) as log:
        said = door(log, "SELECT 'harmless' AS order_id", tmp_path)
    assert "harmless" in said or door in (by_evidence, by_an_exported_file, by_a_rule)
