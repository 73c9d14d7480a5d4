"""What a log in a database has made of its old events is kept in files, read again by the next session, and never believed over the log."""

import uuid
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_128_hexdigest

from orders_es.audit import verify
from orders_es.errors import UpcastFailed
from orders_es.log import EventRegistry, kept_copies, open_log
from orders_es.log.protocol import HasUpcastCopies
from orders_es.upcaster import upcaster
from tests.evolution import parcels

QUERY = 'SELECT * FROM events ORDER BY "position"'


@pytest.fixture(params=["duckdb", "postgres"])
def url(request, tmp_path, monkeypatch):
    """A log of three parcels; all of it is worth a file, in pieces of about three events."""
    monkeypatch.setattr(kept_copies, "_LEAST", 1)
    monkeypatch.setattr(kept_copies, "_PIECE", 3)
    monkeypatch.setenv("ORDERS_ES_CACHE", str(tmp_path / "cache"))
    place = str(tmp_path / "log.duckdb")
    if request.param == "postgres":
        place = f"{request.getfixturevalue('postgres')}?schema=t_{uuid.uuid4().hex}"
    parcels.write(place)
    return place


def ask(url, registry=None):
    with open_log(url, registry=registry or parcels.today()) as log, duckdb.connect() as connection:
        log.bind(connection)
        return connection.execute(QUERY).fetchall()


def kept(tmp_path):
    return sorted(tmp_path.glob("**/upcast/*/*.parquet"))


@pytest.mark.long_but_first
def test_the_next_session_reads_what_the_first_one_made(url, tmp_path, monkeypatch):
    wanted = ask(url)
    files = kept(tmp_path)
    assert [path.name[:41] for path in files] == [f"{at + 1:020d}-{at + 3:020d}" for at in (0, 3, 6)]
    assert not list(tmp_path.glob("**/*.tmp"))
    registry = parcels.today()
    monkeypatch.setattr(EventRegistry, "upcast_many", lambda *_: pytest.fail("it was made again"))
    monkeypatch.setattr(EventRegistry, "todays", lambda *_: pytest.fail("it was made again"))
    assert ask(url, registry) == wanted


@pytest.mark.long_but_first
def test_a_session_that_goes_on_adds_what_is_new(url):
    with open_log(url, registry=parcels.today()) as log, duckdb.connect() as connection:
        log.bind(connection)
        log.append("P-5", [parcels.Shipped("south")], expected=0)
        log.bind(connection)
        assert connection.execute(QUERY).fetchall() == ask_open(log)


def ask_open(log):
    with duckdb.connect() as connection:
        log.bind(connection)
        return connection.execute(QUERY).fetchall()


@pytest.mark.long_but_first
@pytest.mark.parametrize("harm", ["flipped", "cut short", "of another root", "deleted"])
def test_harm_is_found_and_mended(url, harm, tmp_path):
    wanted = ask(url)
    first, *_ = files = kept(tmp_path)
    data = first.read_bytes()
    match harm:
        case "flipped":
            first.write_bytes(data[:300] + bytes([data[300] ^ 4]) + data[301:])
        case "cut short":
            first.write_bytes(data[: len(data) // 2])
        case "of another root":
            first.rename(first.with_name(f"{first.name[:42]}{'0' * 32}{first.name[74:]}"))
        case "deleted":
            first.unlink()
    assert ask(url) == wanted
    assert kept(tmp_path) == files


@pytest.mark.long
def test_verify_recomputes_them(url, tmp_path):
    ask(url)
    first, *_ = kept(tmp_path)
    with open_log(url, registry=parcels.today()) as log:
        assert verify(log).problems == ()
    table = pq.read_table(first)
    forged = table.set_column(table.schema.get_field_index("customer"), "customer", table.column("stream_id"))
    pq.write_table(forged, first)
    with open_log(url, registry=parcels.today()) as log:
        assert "its bytes are not those that its name says" in str(verify(log).problems)
        first.rename(first.with_name(f"{first.name[:75]}{xxh3_128_hexdigest(first.read_bytes())}.parquet"))
        assert "it is forged" in str(verify(log).problems)


@pytest.mark.long_but_first
def test_reshred_makes_them_all_and_a_log_to_be_read_makes_none(url, tmp_path):
    with open_log(url, registry=parcels.today(), read_only=True) as log:
        wanted = ask_open(log)
    assert not kept(tmp_path)
    for made in (True, False):
        with open_log(url, registry=parcels.today()) as log:
            assert isinstance(log, HasUpcastCopies)
            done = list(log.reshred())
            assert {one.made for one in done} == {made}
            assert [one.path for one in done] == kept(tmp_path)
            assert log.stale_copies == []
            assert ask_open(log) == wanted


def test_an_upcaster_that_raises_leaves_nothing_half(url, tmp_path):
    def fails(payload):
        raise ValueError(payload["price"])

    broken = EventRegistry(
        [parcels.Booked, parcels.Shipped, parcels.Lost],
        [upcaster("Booked", 1)(fails), *parcels.UPCASTERS[1:]],
    )
    with pytest.raises(UpcastFailed):
        ask(url, broken)
    assert not list(tmp_path.glob("**/upcast/*/*"))


@pytest.mark.long_but_first
def test_nothing_of_a_database_elsewhere_is_left_on_this_machine_unasked(url, tmp_path, monkeypatch):
    monkeypatch.delenv("ORDERS_ES_CACHE")
    wanted = ask(url)
    assert ask(url) == wanted
    assert bool(kept(tmp_path)) == url.endswith(".duckdb")
    assert not (Path(tmp_path) / "cache").exists()
