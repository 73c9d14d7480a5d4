"""A program of an earlier day on the log that a later one went on with: whoever looks at a newer event's values is told who wrote it."""

import uuid
from dataclasses import dataclass

import duckdb
import pytest

from orders_es.errors import InvalidEvent, UnknownEventType
from orders_es.log import EventRegistry, open_log
from orders_es.log.copy import copy_log
from orders_es.log.protocol import NeedsUpkeep
from orders_es.replay import connect, fold_streams
from tests.evolution import rentals

NEWER = "holds schema version 3, the registry knows 2 .*; tests wrote it; upgrade"


@pytest.fixture(scope="module", params=["folder", "compacted", "copied", "duckdb", "postgres"])
def url(request, tmp_path_factory):
    url = str(tmp_path_factory.mktemp("newer") / ("log.duckdb" if request.param == "duckdb" else "log"))
    if request.param == "postgres":
        url = f"{request.getfixturevalue('postgres')}?schema=t_{uuid.uuid4().hex}"
    rentals.write(url)
    with open_log(url, registry=rentals.today()) as log:
        if request.param == "compacted":
            assert isinstance(log, NeedsUpkeep)
            log.compact()
        if request.param == "copied":
            copy_log(log, url := f"{url}.copy")
    return url


@dataclass(frozen=True)
class ByMethod:
    method: str


def ways(log):
    return {
        "SQL": lambda: connect(log).sql("SELECT sum(fee) FROM events").rows(),
        "a plain connection": lambda: _sum(log),
        "columns": lambda: list(log.read(columns=["fee"])),
        "a subscription": lambda: next(iter(log.subscribe(columns=["fee"]))),
        "a stream": lambda: [event.data for event in log.load("R-4")],
    }


def _sum(log):
    with duckdb.connect() as connection:
        log.bind(connection, "mine")
        try:
            return connection.execute("SELECT sum(fee) FROM mine").fetchall()
        except duckdb.Error as error:
            said = str(error)
    assert '["RentalOpened",3,14,"R-4"]' in said
    raise log.registry.not_known("RentalOpened", 3, 14, "R-4")


@pytest.mark.long_but_first
def test_its_values(url):
    with open_log(url, registry=rentals.PROGRAMS[2]) as log:
        for name, way in ways(log).items():
            with pytest.raises(InvalidEvent, match=NEWER):
                pytest.fail(f"{name} gave {way()}")
        # A copy says who made it, and of what that program did not have as its own nobody knows the writer.
        writer = "" if url.endswith(".copy") else "tests wrote it, so install that"
        with pytest.raises(UnknownEventType, match=f"'DepositPaid'.*; {writer}"):
            fold_streams(log, lambda state, _: state + 1, lambda _: 0)


@pytest.mark.long_but_first
def test_what_is_around_them_can_be_looked_at(url):
    with open_log(url, registry=rentals.PROGRAMS[2]) as log:
        with connect(log) as session:
            counts = session.sql("SELECT type, schema_version, count(*) FROM events GROUP BY ALL ORDER BY ALL").rows()
            early = session.sql('SELECT sum(fee) FROM events WHERE "position" <= 13').rows()
        assert ("RentalOpened", 3, 1) in counts
        assert ("DepositPaid", 2, 1) in counts
        assert str(early[0][0]) == "28.2745"
        assert sum(batch.num_rows for batch in log.read(columns=["type", "payload"])) == len(rentals.WRITTEN)
        fees = [row["fee"] for batch in log.read(columns=["fee"], as_recorded=True) for row in batch.to_pylist()]
        assert sum(fee is not None for fee in fees) >= 2, "what is named as recorded can be read"


@pytest.mark.long_but_first
def test_a_type_that_nobody_registered_has_no_columns(url):
    with open_log(url, registry=rentals.today()) as log, connect(log) as session:
        assert session.sql("SELECT count(*) FROM events WHERE method IS NOT NULL").rows() == [(1,)]
    other = EventRegistry([rentals.RentalOpened, rentals.Extended, rentals.Returned, ByMethod], rentals.UPCASTERS)
    with open_log(url, registry=other) as log:
        with connect(log) as session:
            assert session.sql("SELECT count(method) FROM events").rows() == [(0,)]
        assert {value for batch in log.read(columns=["method"]) for value in batch.column(0).to_pylist()} == {None}
