"""The contract, on the outlet to a search index, against a stand-in for OpenSearch (`osmem-server`, in memory); and what only an index has.

The stand-in for Elasticsearch (`noida-db`, on disk) is used where a server is killed. Neither is the real server.
"""

import os
import signal
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable, RowsRefused
from orders_es.projections import OutletProjection, SearchOutlet, open_outlet
from orders_es.replay import connect
from orders_es.testing import OutletContract
from orders_es.testing.outlet_contract import _COLUMNS, _TARGET, _gone, _row, _rows
from orders_es.testing.stand_ins import ElasticsearchStandIn, OpenSearchStandIn, noida, osmem

opensearchpy = pytest.importorskip("opensearchpy")


def started(kind, program):
    if program() is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(f"no stand-in for {kind.kind}")
    return kind()


@pytest.fixture(scope="module")
def server():
    with started(OpenSearchStandIn, osmem) as server:
        yield server


def client_of(server):
    return opensearchpy.OpenSearch(f"http://127.0.0.1:{server.port}")


@pytest.fixture
def client(server):
    client = client_of(server)
    for name in client.indices.get(index="*"):
        client.indices.delete(index=name)
    return client


@pytest.fixture
def place(server, client):
    del client
    return f"{server.url}?index=shop"


def shown(client, index="shop"):
    """What whoever asks for the name finds, by its id."""
    client.indices.refresh(index=index)
    found, after = {}, {}
    while True:
        page = client.search(index=index, body={"size": 1_000, "sort": [{"_id": "asc"}], **after})["hits"]["hits"]
        if not page:
            return found
        found.update((hit["_id"], hit["_source"]) for hit in page)
        after = {"search_after": page[-1]["sort"]}


READ: dict[str, Any] = {
    "decimal128(18, 4)": Decimal,
    "date32[day]": date.fromisoformat,
    "timestamp[us, tz=UTC]": datetime.fromisoformat,
}


class TestSearchOutlet(OutletContract):
    @pytest.fixture
    def make_outlet(self, place):
        return lambda: SearchOutlet(place)

    @pytest.fixture(autouse=True)
    def _client(self, client):
        self.client = client

    def contents(self, outlet):
        del outlet
        return [
            {f.name: None if row[f.name] is None else READ.get(str(f.type), lambda v: v)(row[f.name]) for f in _COLUMNS}
            for row in shown(self.client).values()
        ]


@pytest.fixture
def outlet(place):
    outlet = SearchOutlet(place)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    yield outlet
    outlet.close()


def test_a_row_that_went_stays_as_a_hidden_document_and_a_late_older_write_loses(outlet, client):
    outlet.deliver(_gone("south"), _rows(), 20)
    late = {"version": 10, "version_type": "external"}
    with pytest.raises(opensearchpy.exceptions.ConflictError):
        client.index(index="shop", id="south.2026-06-03", body={"region": "south"}, params=late)
    assert set(shown(client)) == {"north.2026-06-03"}


def test_what_was_broken_off_is_made_again_exactly_as_far(outlet, place, monkeypatch):
    def broken(self, client):
        del client
        raise OutletUnavailable(self.url, "cut off")

    with monkeypatch.context() as patched:
        patched.setattr(SearchOutlet, "_count", broken)
        with pytest.raises(OutletUnavailable):
            outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    again = SearchOutlet(place)
    assert again.open(_TARGET) == 20
    again.deliver(_gone("south"), _rows(_row("west")), 20)
    assert again.open(_TARGET) == 20
    with pytest.raises(OutletUnavailable, match="somebody else writes"):
        outlet.deliver(_gone(), _rows(_row("east")), 30)


def test_all_rows_are_built_beside_and_exchanged_in_one_step(outlet, client, monkeypatch):
    [before] = client.indices.get_alias(name="shop")
    put = SearchOutlet._put

    def cut(self, *args):
        put(self, *args)
        raise OutletUnavailable(self.url, "cut off")

    with monkeypatch.context() as patched:
        patched.setattr(SearchOutlet, "_put", cut)
        with pytest.raises(OutletUnavailable):
            outlet.deliver(None, _rows(_row("east")), 20)
    assert len(shown(client)) == 2
    outlet.deliver(None, _rows(_row("east")), 20)
    [after] = client.indices.get_alias(name="shop")
    assert after != before
    assert set(client.indices.get(index="shop-*")) == {after}, "what was half built is gone"
    assert set(shown(client)) == {"east.2026-06-03"}


def test_documents_that_somebody_deleted_are_filled_in_again(outlet, client):
    client.delete(index="shop", id="south.2026-06-03", params={"refresh": "true"})
    assert outlet.open(_TARGET) is None
    client.indices.delete(index="shop-*")
    with pytest.raises(OutletMismatch, match="open it again"):
        outlet.deliver(_gone(), _rows(_row("north")), 20)
    assert not client.indices.exists(index="shop"), "nothing is made by the way"
    assert outlet.open(_TARGET) is None


def test_what_an_index_will_never_take_is_refused_and_the_others_are_there(outlet, client):
    client.indices.put_mapping(index="shop", body={"properties": {"late_by": {"type": "integer"}}})
    refused = {
        "index": {"_id": "x", "status": 400, "error": {"type": "mapper_parsing_exception", "reason": "no number"}}
    }
    answers = iter([{"errors": True, "items": [{"index": {**refused["index"], "_id": "north.2026-06-03"}}]}])
    real = outlet._client.bulk
    outlet._client.bulk = lambda **asked: next(answers, None) or real(**asked)
    with pytest.raises(RowsRefused) as caught:
        outlet.deliver(_gone(), _rows(_row("west"), _row("north")), 20)
    assert list(caught.value.reasons) == [1]
    assert "north.2026-06-03" not in shown(client), "better no row than the one of before"


@pytest.mark.long
def test_an_index_whose_mapping_somebody_changed_refuses_rows_and_is_mended_by_filling_it_anew(outlet, client):
    [name] = client.indices.get_alias(name="shop")
    mapping = client.indices.get(index=name)[name]["mappings"]
    about = client.get(index=name, id=":about")["_source"]
    client.indices.delete(index=name)
    mapping = {**mapping, "properties": {**mapping["properties"], "note": {"type": "integer"}}}
    client.indices.create(index=name, body={"mappings": mapping, "aliases": {"shop": {}}})
    client.index(index=name, id=":about", body=about, params={"refresh": "true"})
    assert outlet.open(_TARGET) is None, "its documents are gone, so all of them are delivered"
    row = _rows(_row("west", note="not a number"))
    with pytest.raises(RowsRefused, match=r"failed to parse field \[note\]"):
        outlet.deliver(_gone(), row, 20)
    outlet.deliver(None, row, 20)
    assert set(shown(client)) == {"west.2026-06-03"}


def test_a_full_server_is_asked_again(outlet):
    full = {"_id": "x", "status": 403, "error": {"type": "cluster_block_exception", "reason": "disk usage exceeded"}}
    outlet._client.bulk = lambda **_: {"errors": True, "items": [{"index": full}]}
    with pytest.raises(OutletUnavailable, match="disk usage"):
        outlet.deliver(_gone(), _rows(_row("west")), 20)


def test_what_is_somebody_elses_is_left_alone(client, place):
    client.index(index="shop", id="1", body={"a": 1})
    with pytest.raises(OutletMismatch, match="no outlet made"):
        SearchOutlet(place).open(_TARGET)


def test_nobody_answering_is_said_without_the_password():
    outlet = open_outlet("opensearch://ann:secret@127.0.0.1:1")
    with pytest.raises(OutletUnavailable) as caught:
        outlet.open(_TARGET)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["opensearch://", "opensearch://h?index=", "opensearch://h?index=A", "opensearch://h/x", "elasticsearch://h?a=b"],
)
def test_what_is_no_place_is_refused(url):
    with pytest.raises(InvalidSetting):
        SearchOutlet(url)


@pytest.mark.long
def test_a_read_model_and_its_index_are_equal_after_every_run(shop, place, client):
    outlet = SearchOutlet(place)
    for change in (lambda: None, lambda: shop.pay("A-1"), lambda: shop.order("A-9")):
        change()
        shop.run(OutletProjection.into(outlet, "orders"))
        with connect(shop.log) as session:
            ought = sorted(
                (order, status, f"{total:.4f}")
                for order, status, total in session.sql("SELECT order_id, status, total FROM orders").rows()
            )
        rows = shown(client).values()
        assert sorted((row["order_id"], row["status"], row["total"]) for row in rows) == ought


def test_a_server_that_was_killed_and_started_again_goes_on():
    with started(ElasticsearchStandIn, noida) as server:
        outlet = SearchOutlet(f"{server.url}?index=shop")
        outlet.open(_TARGET)
        outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
        server.stop(signal.SIGKILL)
        with pytest.raises(OutletUnavailable):
            outlet.deliver(_gone("south"), _rows(_row("west")), 20)
        server.start()
        if outlet.open(_TARGET) is None:  # this stand-in may have lost it
            outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
        outlet.deliver(_gone("south"), _rows(_row("west")), 20)
        found = client_of(server).search(index="shop")["hits"]["hits"]
        assert {hit["_source"]["region"] for hit in found} == {"north", "west"}
