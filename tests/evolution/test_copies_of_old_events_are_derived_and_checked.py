"""What lies under `derived/upcast` may be deleted, cut short or altered: answers stay what they are."""

import shutil
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from xxhash import xxh3_128_hexdigest

from orders_es.audit import verify
from orders_es.log import EventRegistry, open_log
from orders_es.log.protocol import HasUpcastCopies
from orders_es.upcaster import Upcaster, upcaster
from tests.evolution import parcels

QUERY = "SELECT stream_id, version, type, customer, price::VARCHAR, currency FROM events ORDER BY ALL"


def ask(url, registry):
    with open_log(url, registry=registry) as log, duckdb.connect() as connection:
        log.bind(connection)
        return connection.execute(QUERY).fetchall()


@pytest.fixture
def url(tmp_path):
    place = str(tmp_path / "log")
    parcels.write(place)
    return place


def copies(url):
    return sorted(Path(url, "derived", "upcast").glob("*/*"))


def test_made_once_and_found_again(url):
    wanted = ask(url, parcels.today())
    [first] = copies(url)
    before = first.stat()
    assert ask(url, parcels.today()) == wanted
    assert [(path, path.stat().st_ino) for path in copies(url)] == [(first, before.st_ino)]


@pytest.mark.long_but_first
@pytest.mark.parametrize("harm", ["flipped", "cut short", "deleted", "another's"])
def test_harm_is_found_and_mended(url, harm):
    wanted = ask(url, parcels.today())
    [copy] = copies(url)
    data = copy.read_bytes()
    match harm:
        case "flipped":
            for place in range(4, len(data), len(data) // 5):
                copy.write_bytes(data[:place] + bytes([data[place] ^ 64]) + data[place + 1 :])
                assert ask(url, parcels.today()) == wanted
                assert copies(url)[0].read_bytes() == data
        case "cut short":
            copy.write_bytes(data[: len(data) // 2])
        case "deleted":
            shutil.rmtree(copy.parent.parent)
        case "another's":
            copy.rename(copy.with_name(copy.name.replace(copy.name[42:50], "00000000")))
    assert ask(url, parcels.today()) == wanted


def test_verify_recomputes_them(url):
    ask(url, parcels.today())
    [copy] = copies(url)
    with open_log(url, registry=parcels.today()) as log:
        assert verify(log).problems == ()
        rows = pq.read_table(copy)
        price = pc.multiply(rows.column("price"), 2).cast(rows.schema.field("price").type)
        forged = rows.set_column(rows.schema.get_field_index("price"), "price", price)
        pq.write_table(forged.replace_schema_metadata(None), copy)
        assert "its bytes are not those that its name says" in str(verify(log).problems)
        name = copy.name.rpartition("-")[0] + f"-{xxh3_128_hexdigest(copy.read_bytes())}.parquet"
        copy.rename(copy.with_name(name))
        assert "it is forged, or was made from files that were" in str(verify(log).problems)


def test_deleted_under_an_open_session(url):
    from orders_es.replay import connect

    with open_log(url, registry=parcels.today()) as log, connect(log) as session:
        wanted = session.sql(QUERY).rows()
        shutil.rmtree(copies(url)[0].parent.parent)
        assert session.sql(QUERY).rows() == wanted


def test_another_upcaster_is_another_copy(url):
    before = ask(url, parcels.today())

    @upcaster("Booked", 2)
    def otherwise(payload):
        return payload | {"customer": f"C-{payload['customer']}", "currency": "CHF"}

    steps = [otherwise if step.type == "Booked" and step.schema_version == 2 else step for step in parcels.UPCASTERS]
    registry = EventRegistry([parcels.Booked, parcels.Shipped, parcels.Lost], steps)
    after = ask(url, registry)
    assert {row[-1] for row in after if row[2] == "Booked"} == {"CHF", "USD"}
    assert ask(url, parcels.today()) == before
    assert len(copies(url)) == 2
    with open_log(url, registry=registry) as log:
        assert isinstance(log, HasUpcastCopies)
        assert [place.name for place in log.stale_copies] == [parcels.today().fingerprint[:32]]


RATE = 100


def test_a_fingerprint_follows_what_a_function_uses(monkeypatch):
    def helped(payload):
        return {"grams": payload["kilos"] * RATE}

    step = Upcaster("Weighed", 1, helped)
    before = step.fingerprint
    assert before == Upcaster("Weighed", 1, helped).fingerprint
    monkeypatch.setattr(f"{__name__}.RATE", 1000)
    assert step.fingerprint != before
    assert Upcaster("Weighed", 1, helped, revision=2).fingerprint != step.fingerprint


def test_events_of_old_versions_among_very_many_small_files(tmp_path):
    """Runs end at some thousand events, so one more commit of an older program copies these again and no more."""
    url = str(tmp_path / "many")
    with open_log(url, create=True, registry=parcels.first()) as log:
        log.append("P-1", [parcels.Booked1(1, 5)] * 5_000, expected=0)
        log.append("P-2", [parcels.Booked1(1, 5)], expected=0)
        with open_log(url, registry=parcels.today()) as later:
            assert isinstance(later, HasUpcastCopies)
            assert [(done.first, done.last, done.made) for done in later.reshred()] == [
                (1, 5000, True),
                (5001, 5001, True),
            ]
            log.append("P-3", [parcels.Booked1(1, 5)], expected=0)
            assert [(done.first, done.last, done.made) for done in later.reshred()] == [
                (1, 5000, False),
                (5001, 5002, True),
            ]
