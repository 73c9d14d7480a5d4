"""All events of a KurrentDB, or a category's, come into a log by their commit positions; against a stand-in made from the client's own service definitions."""

import json
import threading
import uuid

import pytest

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log import open_log
from orders_es.sources.streams import Follower
from orders_es.sources.streams.progress import refused_lines

kurrent = pytest.importorskip("kurrentdbclient")

from orders_es.sources.streams.kurrentdb import KurrentStream, line_of  # noqa: E402 - behind what may not be there
from orders_es.testing.stand_ins import KurrentStandIn  # noqa: E402

from .certificates import self_signed  # noqa: E402

MAPPING = """
ignore_types = ["Noted"]
[envelope]
event_id = "id"
stream_id = "stream"
type = "type"
payload = "data"
occurred_at = "recorded_at"
correlation_id = "metadata.$correlationId"
ignore = ["revision", "position", "metadata"]
[types.Placed]
to = "OrderCreated"
currency = "currency"
[types.Paid]
to = "PaymentReceived"
amount = "amount"
"""
PLACED = b'{"currency": "EUR"}'


@pytest.fixture(scope="module")
def server():
    with KurrentStandIn() as server:
        yield server


@pytest.fixture
def client(server):
    with kurrent.KurrentDBClient(server.url) as client:
        yield client


@pytest.fixture
def kind():
    """A category that no other test has."""
    return f"order{uuid.uuid4().hex[:8]}"


@pytest.fixture
def reading():
    opened = []

    def read(*args, **options):
        opened.append(KurrentStream(*args, **options))
        return opened[-1]

    yield read
    for each in opened:
        each.close()


def write(client, stream, kind="Placed", data=PLACED, metadata=b"", content_type="application/json"):
    event = kurrent.NewEvent(type=kind, data=data, metadata=metadata, content_type=content_type)
    client.append_to_stream(stream, current_version=kurrent.StreamState.ANY, events=[event])
    return event


def test_all_events_come_in_the_order_of_the_database_without_its_own(reading, mapping, log):
    with KurrentStandIn() as server, kurrent.KurrentDBClient(server.url) as client:
        first = write(client, "order-1", metadata=json.dumps({"$correlationId": "c-1"}).encode())
        client.set_stream_metadata("order-1", metadata={"$maxCount": 5})
        write(client, "order-2")
        write(client, "order-1", "Paid", b'{\n "amount": 12.50}')
        write(client, "customer-7", "Noted", b"\xff\x00", content_type="application/octet-stream")
        source = reading(server.url)
        done = Follower(log, source, mapping=mapping, batch_events=2).catch_up()
        assert done.events == 3
        created, paid = log.load("order-1")
        assert (created.type, created.event_id, created.correlation_id) == ("OrderCreated", first.id, "c-1")
        assert json.loads(paid.payload)["amount"] == "12.5000"
        write(client, "$stats", "$statsCollected")
        assert not source.read(done.place, 5), "what the database writes for itself is nothing new"
        assert not source.wait(0)
        write(client, "order-3")
        assert source.wait(0)
        assert Follower(log, reading(server.url), mapping=mapping).catch_up().events == 4


def test_a_category_is_the_streams_of_its_name_and_each_has_to_be_whole(server, client, reading, mapping, log, kind):
    write(client, f"{kind}-1")
    write(client, f"{kind}s-2", "Unheard")
    write(client, f"{kind}-3")
    source = reading(server.url, category=kind)
    follower = Follower(log, source, mapping=mapping)
    assert follower.catch_up().events == 2
    for _ in range(3):
        write(client, f"{kind}-3", "Paid", b'{"amount": 1}')
    client.set_stream_metadata(f"{kind}-3", metadata={"$tb": 3})
    write(client, "$scavenges", "$scavenge", b"{}")
    with pytest.raises(BadSource, match=rf"before the revision 3 of the stream {kind}-3 were removed.*lost here"):
        follower.catch_up()
    whole = Follower(open_log(":memory:"), reading(server.url, category=kind), mapping=mapping)
    with pytest.raises(BadSource, match="they were never read, so this is no whole history"):
        whole.catch_up()
    assert whole.state.events == 1, "what stands before is recorded"


def test_a_stream_that_is_deleted_under_the_follower_ends_it_and_says_so(server, client, reading, mapping, log, kind):
    lost = "there is no such stream any more: it was deleted, and 0 is what was read last"
    for name, delete, said in (
        (f"{kind}-1", client.delete_stream, lost),
        (f"{kind}-2", client.tombstone_stream, "it was deleted, for good"),
    ):
        write(client, name)
        follower = Follower(log, reading(server.url, stream=name), mapping=mapping)
        assert follower.catch_up().events == 1
        delete(name, current_version=0)
        with pytest.raises(BadSource, match=said):
            follower.follow(threading.Event(), poll=0.01)
    write(client, f"{kind}-1", "Paid", b'{"amount": 1}')
    again = Follower(log, reading(server.url, stream=f"{kind}-1"), mapping=mapping)
    assert again.catch_up().events == 2, "written again, a stream goes on with its numbers, and nothing is missing"
    with pytest.raises(BadSource, match="before the revision 1 of the stream"):
        Follower(open_log(":memory:"), reading(server.url, stream=f"{kind}-1"), mapping=mapping).catch_up()


def test_links_are_followed_and_one_that_leads_nowhere_is_a_loss(server, client, reading, mapping, log, kind):
    for number in (1, 2):
        write(client, f"{kind}-{number}")
        write(client, f"$ce-{kind}", "$>", f"0@{kind}-{number}".encode())
    follower = Follower(log, reading(server.url, stream=f"$ce-{kind}"), mapping=mapping, batch_events=1)
    assert follower.catch_up().place == "1"
    assert len(log.load(f"{kind}-2")) == 1
    write(client, f"{kind}-3")
    write(client, f"$ce-{kind}", "$>", f"0@{kind}-3".encode())
    client.delete_stream(f"{kind}-3", current_version=0)
    with pytest.raises(BadSource, match=r"were removed.*lost here"):
        follower.catch_up()


def test_data_that_is_no_json_is_refused_with_what_it_was(server, client, reading, mapping, log, kind):
    write(client, f"{kind}-1", "Placed", b"\xff\x00", content_type="application/octet-stream")
    write(client, f"{kind}-2")
    source = reading(server.url, category=kind)
    done = Follower(log, source, mapping=mapping, on_error="quarantine").catch_up()
    assert (done.events, done.refused) == (1, 1)
    assert json.loads(refused_lines(log)[0]["line"])["data_base64"] == "/wA="


def test_another_database_at_the_same_place_is_not_read_on(server, client, reading, mapping, log, kind):
    write(client, f"{kind}-1")
    for options in ({}, {"stream": f"{kind}-1"}):
        follower = Follower(log, reading(server.url, **options), mapping=mapping, after="99999999")
        with pytest.raises(BadSource, match="it is another database or stream of that name"):
            follower.catch_up()
    with pytest.raises(BadSource, match="is no place there"):
        Follower(log, reading(server.url, category=kind), mapping=mapping, after="C:4").catch_up()


@pytest.mark.long
def test_a_server_that_goes_and_comes_back_is_read_on(reading, mapping, log):
    with KurrentStandIn() as server:
        with kurrent.KurrentDBClient(server.url) as client:
            write(client, "order-1")
        source = reading(server.url)
        follower, told, stop = Follower(log, source, mapping=mapping), [], threading.Event()
        assert follower.catch_up().events == 1
        server.stop()

        def notify(error):
            told.append(error)
            server.start()
            with kurrent.KurrentDBClient(server.url) as again:
                write(again, "order-2")

        wait = source.wait
        source.wait = lambda seconds: stop.set() if follower.state.events == 2 else wait(min(seconds, 0.05))
        assert follower.follow(stop, poll=0.05, notify=notify).events == 2
        assert isinstance(told[0], SourceUnavailable)


@pytest.mark.long
def test_wrong_credentials_are_said_without_the_password(tmp_path, reading):
    certificate, key = self_signed(tmp_path)
    with KurrentStandIn("--user", "ann:right", "--certificate", str(certificate), "--key", str(key)) as server:
        place = f"127.0.0.1:{server.port}?TlsCaFile={certificate}"
        assert reading(f"esdb://ann:right@{place}").read(None, 5) == []
        with pytest.raises(BadSource, match="may not be read by this user") as caught:
            reading(f"kurrentdb://ann:secret@{place}")
        assert "secret" not in str(caught.value)
        with pytest.raises(SourceUnavailable):
            reading(f"kurrentdb://127.0.0.1:{server.port}?tls=false")


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("kurrentdb://ann@db.example:2113", {}, "Username and password are required"),
        ("kurrentdb://ann:secret@db.example?nonsense=1", {}, "Unknown field"),
        ("kurrentdb://db.example?tls=false", {"stream": "a", "category": "b"}, "give one of them"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(url, options, said):
    with pytest.raises(InvalidSetting, match=said) as caught:
        KurrentStream(url, **options)
    assert "secret" not in str(caught.value)


def test_a_line_has_what_the_database_knows_of_an_event():
    event = kurrent.RecordedEvent(
        type="Placed",
        data=b"\xff",
        metadata=b'{"$correlationId": "x"}',
        content_type="application/octet-stream",
        id=uuid.UUID(int=1),
        stream_name="order-ä",
        stream_position=3,
        commit_position=7,
        prepare_position=7,
    )
    assert json.loads(line_of(event)) == {
        "id": str(uuid.UUID(int=1)),
        "type": "Placed",
        "stream": "order-ä",
        "revision": 3,
        "position": 7,
        "recorded_at": None,
        "data_base64": "/w==",
        "metadata": {"$correlationId": "x"},
    }
