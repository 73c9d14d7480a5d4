"""`parcels.write` has three versions of a program write one log; whatever is done with it, today's program reads one thing."""

import uuid
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context

import duckdb
import pytest

from orders_es.decider import Decider, StateCodec
from orders_es.log import RecordedEvent, open_log
from orders_es.log.copy import copy_log
from orders_es.log.protocol import HasUpcastCopies, NeedsUpkeep
from orders_es.projections import Handlers, Projector, ReadModels, SetProjection
from orders_es.replay import Snapshots, connect, fold_streams
from orders_es.replay.load import load_state
from orders_es.sources.jsonl import export_jsonl, import_jsonl
from tests.evolution import parcels

MODEL = """-- Bookings: what was booked, with the depot that each parcel came to.
-- Key: parcel.
-- Stream: parcel
-- Types: Booked, Shipped, Lost
-- Columns:
--   parcel: The parcel.
--   customer: Who booked it.
--   price: What it costs.
--   currency: In which currency.
--   depot: Where it went.
--   events: How many events it had.
SELECT
    stream_id AS parcel,
    max(customer) AS customer,
    sum(price) AS price,
    max(currency) AS currency,
    max(depot) AS depot,
    count(*) AS events
FROM events
GROUP BY stream_id
"""
BOOKINGS = [
    ("P-1", "C-7", "19.9900", "GBP", "early", 2),
    ("P-2", "C-8", "0.0500", "GBP", None, 2),
    ("P-3", "C-9", "1.2345", "GBP", "north", 2),
    ("P-4", "C-10", "7.5000", "USD", None, 1),
]
COLUMNS = "stream_id, version, type, schema_version, customer, price::VARCHAR, currency, note, depot"


def told(states, event):
    name = event.current_type if isinstance(event, RecordedEvent) else event.type
    return [*states, f"{name} {event.data}"]


def nothing(_stream_id):
    return []


LONG = ("compacted", "copied", "JSON lines", "as recorded", "duckdb to folder", "postgres")
"""What `rentals` are asked in, by default as well."""
FORMS = ("folder", "reshredded", "duckdb")


@pytest.fixture(scope="module", params=[*FORMS, *(pytest.param(form, marks=pytest.mark.long) for form in LONG)])
def log(request, tmp_path_factory):
    registry, folder = parcels.today(), tmp_path_factory.mktemp("parcels")
    url = str(folder / ("log.duckdb" if request.param.startswith("duckdb") else "log"))
    if request.param == "postgres":
        url = f"{request.getfixturevalue('postgres')}?schema=t_{uuid.uuid4().hex}"
    parcels.write(url)
    with open_log(url, registry=registry) as written:
        match request.param:
            case "compacted":
                assert isinstance(written, NeedsUpkeep)
                written.compact()
            case "reshredded":
                assert isinstance(written, HasUpcastCopies)
                assert [done.made for done in written.reshred()] == [True]
                assert [done.made for done in written.reshred()] == [False]
            case "copied" | "duckdb to folder":
                copy_log(written, str(folder / "copy"))
                url = str(folder / "copy")
            case "JSON lines" | "as recorded":
                export_jsonl(written, str(folder / "out.jsonl"))
                url = str(folder / "other")
                with open_log(url, create=True, registry=registry) as other:
                    import_jsonl(other, str(folder / "out.jsonl"), as_recorded=request.param == "as recorded")
    with open_log(url, registry=registry) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    url = str(tmp_path_factory.mktemp("folder") / "log")
    parcels.write(url)
    with open_log(url, registry=parcels.today()) as opened:
        yield opened


def test_loaded_stream_by_stream(log):
    loaded = [event for stream_id in log.stream_ids() for event in log.load(stream_id)]
    assert [(e.stream_id, e.version, e.current_type, e.data) for e in loaded if not e.retired] == parcels.TODAY
    retired = [(e.recorded_as, e.data) for e in loaded if e.retired]
    assert retired == [("LabelPrinted v1", None), ("StatusChanged v1", None)]
    first = loaded[0]
    assert (first.type, first.schema_version, first.payload) == ("Booked", 1, '{"customer":7,"price":1999}')
    assert (first.recorded_as, loaded[-1].recorded_as) == ("Booked v1", None)
    assert first.today == ("Booked", 3, '{"customer":"C-7","price":"19.9900","currency":"GBP"}')


def test_folded(log):
    assert fold_streams(log, told, nothing) == states()


def states():
    wanted = {}
    for stream_id, _, name, data in parcels.TODAY:
        wanted.setdefault(stream_id, []).append(f"{name} {data}")
    return wanted


def test_asked_in_sql(log):
    wanted = [
        (stream_id, version, name, 3 if name == "Booked" else 1, *_columns(data))
        for stream_id, version, name, data in parcels.TODAY
    ]
    query = f"SELECT {COLUMNS} FROM mine ORDER BY stream_id, version"
    with duckdb.connect() as connection:
        for _ in range(2):
            log.bind(connection, "mine")
            assert connection.execute(query).fetchall() == wanted
        early = connection.execute(query.replace("mine", 'mine WHERE "position" <= 3')).fetchall()
        assert early == wanted[:2]
        keys = "SELECT DISTINCT json_keys(payload) FROM mine WHERE type = 'Booked' AND note IS NULL"
        assert connection.execute(keys).fetchall() == [(["customer", "price", "currency"],)]


def test_asked_by_a_connection_to_the_very_file_of_a_log(tmp_path):
    url = str(tmp_path / "log.duckdb")
    parcels.write(url)
    with open_log(url, registry=parcels.today()) as log, duckdb.connect(url) as connection:
        log.bind(connection, "mine")
        log.append("P-5", [parcels.Booked("C-11", Decimal(3))], expected=0)
        log.bind(connection, "mine")
        found = connection.execute("SELECT stream_id, customer FROM mine WHERE type = 'Booked' ORDER BY ALL").fetchall()
        assert found == [("P-1", "C-7"), ("P-2", "C-8"), ("P-3", "C-9"), ("P-4", "C-10"), ("P-5", "C-11")]
        tables = connection.execute("SELECT schema_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
        assert {name for (name,) in tables} == {"main"}, "nothing of it is in the log's own file"


def test_shown_with_what_was_recorded(folder):
    told = [(event.recorded_as, event.today) for event in folder.load("P-3")]
    assert told[0] == ("Booked v2", ("Booked", 3, '{"customer":"C-9","price":"1.2345","currency":"GBP"}'))
    assert told[1] == (None, ("Shipped", 1, '{"depot":"north"}'))


def _columns(data):
    price = getattr(data, "price", None)
    others = (getattr(data, name, None) for name in ("currency", "note", "depot"))
    return (getattr(data, "customer", None), None if price is None else str(price), *others)


def test_read_as_columns(log):
    batches = list(log.read(columns=["type", "customer", "price"]))
    rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    assert [name for name, *_ in rows].count("StatusChanged") == 3, "the envelope is as recorded"
    booked = sorted((customer, str(price)) for name, customer, price in rows if name == "Booked")
    assert booked == [("C-10", "7.5000"), ("C-7", "19.9900"), ("C-8", "0.0500"), ("C-9", "1.2345")]
    assert {row[1:] for row in rows if row[0] != "Booked"} == {(None, None)}


def test_asked_in_a_session(folder):
    with connect(folder) as session:
        held = session.sql("SELECT type, count(*) FROM events GROUP BY ALL ORDER BY ALL", position=8).rows()
        assert held == [("Booked", 3), ("Lost", 1), ("Shipped", 2)]


@pytest.mark.long
def test_folded_in_another_process(folder):
    with ProcessPoolExecutor(1, get_context("forkserver")) as executor:
        assert fold_streams(folder, told, nothing, executor=executor, buckets=1) == states()


@pytest.mark.long
def test_projected_by_select_and_by_handlers(folder, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "bookings.sql").write_text(MODEL)
    seen = []
    handlers = Handlers(
        "seen", 1, {name: lambda event, _: seen.append(event) for name in ("Booked", "Shipped", "Lost")}
    )
    bookings = SetProjection.of("bookings", tmp_path / "models")
    for batch_size in (2, 100):
        seen.clear()
        file = tmp_path / f"models-{batch_size}.duckdb"
        Projector(folder, file, [bookings, handlers], batch_size=batch_size).run()
        found = (
            ReadModels(file).query("SELECT * REPLACE (price::VARCHAR AS price) FROM bookings ORDER BY parcel").rows()
        )
        assert found == BOOKINGS
        assert sorted((e.stream_id, e.version, e.current_type, e.data) for e in seen) == parcels.TODAY


def test_kept_in_snapshots(folder):
    decider = Decider(
        name="parcels",
        event_types=(parcels.Booked, parcels.Shipped, parcels.Lost),
        decide=lambda _command, _state: [],
        evolve=told,
        initial=nothing,
        snapshots=StateCodec(lambda state: "\n".join(state).encode(), lambda data: data.decode().split("\n")),
    )
    before = load_state(folder, "P-2", decider)
    assert len(before) == 2
    Snapshots(folder, decider=decider, every=2).take("P-2")
    assert load_state(folder, "P-2", decider) == before
