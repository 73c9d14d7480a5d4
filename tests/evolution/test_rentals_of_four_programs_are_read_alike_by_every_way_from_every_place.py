"""Whatever was done with the log of `rentals`, and however it is asked: today's rentals, and today's events."""

import dataclasses
import io
import json
import math
import threading
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from orders_es.cli.main import main
from orders_es.export import export
from orders_es.log import open_log
from orders_es.log.copy import copy_log
from orders_es.log.protocol import HasUpcastCopies, NeedsUpkeep
from orders_es.mcp import Questions
from orders_es.projections import FolderOutlet, Handlers, OutletProjection, Projector, ReadModels, SetProjection
from orders_es.replay import Snapshots, connect, fold_streams, load_state
from orders_es.replay.catalog import write_catalog
from orders_es.sources.jsonl import export_jsonl, import_jsonl
from tests.evolution import rentals

LONG = ("copied", "lines", "duckdb to folder")
FORMS = ("folder", "compacted", "reshredded", "as recorded", "duckdb", "postgres")
MODELS = rentals.RENTALS.read_models
HALF = 10
"""After so many events is the other moment that is asked about."""
THEN = rentals.START + timedelta(hours=HALF - 1)
ALL = len(rentals.WRITTEN)
KEYS = [field.name for field in dataclasses.fields(rentals.Rental)]


@pytest.fixture(scope="module", params=[*FORMS, *(pytest.param(form, marks=pytest.mark.long) for form in LONG)])
def log(request, tmp_path_factory):
    form, folder, registry = request.param, tmp_path_factory.mktemp("rentals"), rentals.today()
    url = str(folder / ("log.duckdb" if form.startswith("duckdb") else "log"))
    if form == "postgres":
        url = f"{request.getfixturevalue('postgres')}?schema=t_{uuid.uuid4().hex}"
    rentals.write(url)
    with open_log(url, registry=registry) as written:
        if form == "compacted":
            assert isinstance(written, NeedsUpkeep)
            written.compact()
        elif form == "reshredded":
            assert isinstance(written, HasUpcastCopies)
            list(written.reshred())
        elif form in ("copied", "duckdb to folder"):
            copy_log(written, url := str(folder / "copy"))
        elif form in ("lines", "as recorded"):
            export_jsonl(written, folder / "out.jsonl")
            with open_log(url := str(folder / "other"), create=True, registry=registry) as other:
                import_jsonl(other, str(folder / "out.jsonl"), as_recorded=form == "as recorded")
    with open_log(url, registry=registry) as opened:
        yield opened


def plain(value):
    """A value as one text, however the way out spells it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):  # pandas' and Excel's nothing
        return None
    if isinstance(value, str):
        try:
            value = Decimal(value)
        except ArithmeticError:
            return {"true": "True", "false": "False"}.get(value, value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return f"{Decimal(str(value)):.4f}"
    return str(value)


def told(rows):
    """Rentals by their names, each a row of texts; what has no value anywhere is None or an empty text, by the way out."""
    return {row["rental"]: [plain(row[key]) or None for key in KEYS] for row in rows}


def wanted(until=ALL):
    found = {name: dataclasses.asdict(state) for name, state in rentals.states(until).items()}
    return told({"rental": name, **state} for name, state in found.items())


def sorted_out(rows):
    """SQL says nothing of rentals without lines, where Python has an empty text and no money."""
    return {name: [None if value == "0.0000" else value for value in row] for name, row in rows.items()}


def same(rows, until=ALL):
    assert sorted_out(told(rows)) == sorted_out(wanted(until))


def by_python(states):
    return ({"rental": name, **dataclasses.asdict(state)} for name, state in states.items() if state.renter)


@pytest.mark.long_but_first
def test_by_python(log):
    loaded = [(e.stream_id, e.version, e.data) for s in log.stream_ids() for e in log.load(s) if not e.retired]
    assert loaded == sorted(rentals.meant(), key=lambda row: row[:2])
    same(by_python(fold_streams(log, rentals.evolve, rentals.initial)))
    same(by_python(fold_streams(log, rentals.evolve, rentals.initial, at=THEN)), HALF)
    names = list(rentals.states())
    same(by_python({name: load_state(log, name, rentals.RENTALS) for name in names}))
    same(by_python({name: load_state(log, name, rentals.RENTALS, at=THEN) for name in rentals.states(HALF)}), HALF)
    snapshots = Snapshots(log, decider=rentals.RENTALS, every=2)
    if not log.url.startswith("postgres"):
        for name in names:
            snapshots.take(name)
        same(by_python({name: load_state(log, name, rentals.RENTALS) for name in names}))


@pytest.mark.long_but_first
def test_by_sql(log, tmp_path):
    with connect(log, read_models=MODELS) as session:
        same(session.table("rentals").to_arrow().to_pylist())
        same(session.sql("FROM rentals", at=THEN).to_arrow().to_pylist(), HALF)
        same(session.sql("FROM rentals_at($at)", {"at": THEN}).to_arrow().to_pylist(), HALF)
        both = session.sql("FROM rentals", at=[THEN, THEN + timedelta(days=9)]).to_arrow().to_pylist()
        same([row for row in both if row["at"] == THEN], HALF)
        same([row for row in both if row["at"] != THEN])
        changed = {row["rental"]: row for row in session.diff("rentals", from_=THEN).to_arrow().to_pylist()}
        assert set(changed) == {"R-3", "R-4", "R-5", "R-6"}
        assert changed["R-3"]["changed"] == ["returned"]
        assert {cause["type"] for row in changed.values() for cause in row["causes"]} <= {
            *("RentalOpened", "Extended", "Returned", "DepositPaid")
        }
        for form in ("parquet", "csv", "xlsx"):
            exact = (
                "SELECT * REPLACE (rate::VARCHAR AS rate) FROM rentals ORDER BY rental" if form == "xlsx" else "rentals"
            )
            export(session, exact, tmp_path / f"out.{form}")
    same(pq.read_table(tmp_path / "out.parquet").to_pylist())
    same(
        duckdb.sql(f"FROM read_csv('{tmp_path}/out.csv', all_varchar = true, quote = '\"', header = true)")
        .fetchdf()
        .to_dict("records")
    )
    sheet = list(openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[-1].iter_rows(values_only=True))
    same(dict(zip(sheet[0], row, strict=True)) for row in sheet[1:])
    if not log.url.startswith(("postgres", "duckdb")) and not log.url.endswith(".duckdb"):
        write_catalog(log, tmp_path / "catalog.duckdb", read_models=MODELS)
        with duckdb.connect(str(tmp_path / "catalog.duckdb"), read_only=True) as plain_duckdb:
            same(plain_duckdb.sql("FROM rentals").to_arrow_table().to_pylist())


COLUMNS = (
    "renter",
    "fee",
    "phone",
    "currency",
    "since",
    "insured",
    "weight",
    "hours",
    "until",
    "condition",
    "amount",
    "method",
)


def todays_columns():
    return [
        (stream_id, version, type(data).__name__, *(getattr(data, name, None) for name in COLUMNS))
        for stream_id, version, data in rentals.meant()
    ]


@pytest.mark.long_but_first
def test_event_by_event(log):
    with connect(log) as session:
        listed = ", ".join(f'"{name}"' for name in COLUMNS)
        found = session.sql(f"SELECT stream_id, version, type, {listed} FROM events ORDER BY position").rows()
        assert [
            tuple(v.astimezone(UTC) if isinstance(v, datetime) else v for v in row) for row in found
        ] == todays_columns()
    columns = ["stream_id", "version", "current_type", *COLUMNS]
    rows = [tuple(row.values()) for row in pa.Table.from_batches(log.read(columns=columns)).to_pylist()]
    assert [row for row in rows if row[2] is not None] == todays_columns()
    assert [row[2:] for row in rows if row[2] is None] == [(None,) * (len(COLUMNS) + 1)] * 2
    stop = threading.Event()
    followed = next(iter(log.subscribe(columns=columns, stop=stop))).to_pylist()
    assert [tuple(row.values()) for row in followed] == rows[: len(followed)]
    recorded = pa.Table.from_batches(
        log.read(columns=["type", "schema_version", "fee", "currency", "condition"], as_recorded=True)
    )
    assert [tuple(row.values()) for row in recorded.to_pylist()][:1] == [("Opened", 1, None, None, None)]
    [fee] = [row for row in recorded.to_pylist() if row["fee"] is not None]
    assert fee == {
        "type": "RentalOpened",
        "schema_version": 3,
        "fee": Decimal("7.0001"),
        "currency": "USD",
        "condition": None,
    }


@pytest.mark.long
def test_projected(log, tmp_path):
    seen = []
    types = ("RentalOpened", "Extended", "Returned", "DepositPaid")
    handlers = Handlers(
        "seen", 1, {name: lambda event, _: seen.append((event.stream_id, event.version, event.data)) for name in types}
    )
    outlet = OutletProjection.into(FolderOutlet(tmp_path / "out"), SetProjection.of("rentals", MODELS))
    for batch in (3, 100):
        seen.clear()
        file = tmp_path / f"read-{batch}.duckdb"
        rebuilt = SetProjection.of("rentals", MODELS)
        projections: list[Any] = [rebuilt, handlers, outlet] if batch == 3 else [rebuilt, handlers]
        Projector(log, file, projections, batch_size=batch).run()
        same(ReadModels(file).query("FROM rentals").to_arrow().to_pylist())
        assert sorted(seen, key=lambda row: row[:2]) == sorted(rentals.meant(), key=lambda row: row[:2])
    same(FolderOutlet(tmp_path / "out").table().to_pylist())


@pytest.mark.long_but_first
def test_by_doors(log, tmp_path):
    if log.url.startswith("postgres") or log.url.endswith(".duckdb"):
        return  # what is asked of folders is asked of all
    starlette = pytest.importorskip("starlette.testclient")
    from orders_es.http import ServerSettings, create_app

    with Questions(log, read_models=MODELS) as questions:
        same(questions.sql("FROM rentals")["rows"])
    with starlette.TestClient(
        create_app(log, ServerSettings(read_models=MODELS)), base_url="http://localhost"
    ) as client:
        same(client.get("/read-models/rentals").json()["rows"])
        lines = [json.loads(line) for line in client.get("/events?format=ndjson").text.splitlines()]
    out = io.BytesIO()
    export_jsonl(log, out, today=True)
    for carried in (lines, [json.loads(line) for line in out.getvalue().splitlines()]):
        assert [(line["type"], line["payload"]) for line in carried][1] == ("Printed", {"printer": "front"})
        read = [line.get("today") or line for line in carried]
        events = [
            log.registry.decode(row["type"], row["schema_version"], json.dumps(row["payload"]))
            for row in read
            if row["type"]
        ]
        assert events == [data for _, _, data in rentals.meant()]
        assert [line["position"] for line, row in zip(carried, read, strict=True) if row["type"] is None] == [2, 6]
    with open_log(tmp_path / "again", create=True, registry=rentals.today()) as again:
        (tmp_path / "lines.jsonl").write_bytes(out.getvalue())
        import_jsonl(again, str(tmp_path / "lines.jsonl"), as_recorded=True)
        assert again.head().root == log.head().root
    domain = ["--domain", "tests.evolution.rentals:RENTALS", "--domain", "tests.evolution.rentals:DEPOSITS"]

    def said(*call):
        done = CliRunner().invoke(main, [*call, "--log", log.url, "--json", *domain])
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    same(said("sql", "FROM rentals")["rows"])
    same({"rental": name, **said("show", name)["state"]} for name in rentals.states())
    events = said("history", "R-2")["events"]
    assert [(event["type"], (event["today"] or event)["type"]) for event in events] == [
        ("Opened", "RentalOpened"),
        ("Returned", "Returned"),
    ]
