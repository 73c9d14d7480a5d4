"""Streams of Redis and of NATS JetStream come into a log, message by message: each once, and what was removed unread is said."""

import asyncio
import json
import os
import threading
import uuid
from importlib import import_module

import pytest

from orders_es.errors import BadSource, InvalidSetting, SourceUnavailable
from orders_es.log import open_log
from orders_es.sources.streams import Follower

MAPPING = """
[envelope]
event_id = "id"
stream_id = "order"
type = "kind"
payload = "data"
occurred_at = "at"
[types.created]
to = "OrderCreated"
currency = "currency"
[types.paid]
to = "PaymentReceived"
amount = "amount"
"""

MAPPING_OF_KURRENT = (
    MAPPING.replace('"order"', '"metadata.order"')
    .replace('"at"', '"metadata.at"')
    .replace('"kind"', '"type"')
    .replace("[types.created]", 'ignore = ["stream", "revision", "position", "recorded_at"]\n[types.created]')
)


def line(order, kind="created", **data):
    return {
        "id": str(uuid.uuid4()),
        "order": order,
        "kind": kind,
        "data": data or {"currency": "EUR"},
        "at": "2026-06-01T10:00:00Z",
    }


class OfRedis:
    """A stream in a private Redis."""

    mapping = MAPPING

    module, program, library = "redis_server", "RedisServer", "redis"

    def __init__(self, server):
        import redis

        self.url, self.stream = server.url, f"orders-{uuid.uuid4().hex}"
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        self.client.xgroup_create(self.stream, "somebody", mkstream=True)

    def write(self, *lines):
        for each in lines:
            self.client.xadd(self.stream, {"event": json.dumps(each)})

    def cut(self, keep):
        self.client.xtrim(self.stream, maxlen=keep, approximate=False)

    def delete(self):
        self.client.delete(self.stream)

    def open(self, stream=None, **options):
        from orders_es.sources.streams.redis_stream import RedisStream

        return RedisStream(self.url, stream or self.stream, **options)

    def close(self):
        self.client.close()


class OfNats:
    """A stream in a private NATS server."""

    mapping = MAPPING

    module, program, library = "nats_server", "NatsServer", "nats"

    def __init__(self, server):
        self.url, self.stream = server.url, f"orders-{uuid.uuid4().hex}"
        self.asked(lambda js: js.add_stream(name=self.stream, subjects=[f"{self.stream}.>"]))

    def asked(self, *asks):
        import nats

        async def ask():
            client = await nats.connect(self.url)
            for each in asks:
                await each(client.jetstream())
            await client.close()

        asyncio.run(ask())

    def write(self, *lines, subject="a"):
        self.asked(
            *(lambda js, each=each: js.publish(f"{self.stream}.{subject}", json.dumps(each).encode()) for each in lines)
        )

    def cut(self, keep):
        self.asked(lambda js: js.purge_stream(self.stream, keep=keep))

    def delete(self):
        self.asked(lambda js: js.delete_stream(self.stream))

    def open(self, stream=None, **options):
        from orders_es.sources.streams.nats_stream import NatsStream

        return NatsStream(self.url, stream or self.stream, **options)

    def close(self):
        pass


class OfKafka:
    """A topic of three partitions in a stand-in for Kafka; what is written is committed, behind something that was taken back."""

    mapping = MAPPING

    module, program, library = "stand_ins", "KafkaStandIn", "confluent_kafka"

    def __init__(self, server):
        self.url, self.stream = server.url, f"orders-{uuid.uuid4().hex}"
        self.admin = import_module("confluent_kafka.admin")
        self.client = self.admin.AdminClient({"bootstrap.servers": server.broker})
        [made] = self.client.create_topics([self.admin.NewTopic(self.stream, 3, 1)]).values()
        made.result(30)
        producer = import_module("confluent_kafka").Producer
        # Two of them: where one producer has taken back something, the stand-in says so of records behind it as well,
        # and a reader that begins there gets nothing. Kafka names only what overlaps with what is asked for.
        settings = {"bootstrap.servers": server.broker, "log_level": 0}
        self.failing, self.producer = (producer({**settings, "transactional.id": f"{self.stream}-{n}"}) for n in (1, 2))
        self.failing.init_transactions(30)
        self.producer.init_transactions(30)

    def write(self, *lines):
        self.failing.begin_transaction()
        self.failing.produce(self.stream, json.dumps(line("TAKEN-BACK")).encode(), partition=0)
        self.failing.flush(30)
        self.failing.abort_transaction(30)
        self.producer.begin_transaction()
        for each in lines:
            self.producer.produce(self.stream, json.dumps(each).encode(), partition=0)
        self.producer.commit_transaction(30)

    def cut(self, keep):
        consumer = import_module("confluent_kafka").Consumer({**self.seen, "group.id": "x"})
        partition = import_module("confluent_kafka").TopicPartition
        _, high = consumer.get_watermark_offsets(partition(self.stream, 0), timeout=600)
        consumer.close()
        [cut] = self.client.delete_records([partition(self.stream, 0, high - keep - 1)]).values()  # one is a mark
        cut.result(30)

    def delete(self):
        [gone] = self.client.delete_topics([self.stream]).values()
        gone.result(30)

    @property
    def seen(self):
        return {"bootstrap.servers": self.url.partition("://")[2]}

    def open(self, stream=None):
        from orders_es.sources.streams.kafka_topic import KafkaTopic

        return KafkaTopic(self.url, stream or self.stream)

    def close(self):
        pass


class OfKurrent:
    """A stream in a stand-in for KurrentDB; what is beside an event's type and data is in its metadata."""

    mapping = MAPPING_OF_KURRENT

    module, program, library = "stand_ins", "KurrentStandIn", "kurrentdbclient"

    def __init__(self, server):
        self.url, self.stream = server.url, f"orders-{uuid.uuid4().hex}"
        self.theirs = import_module("kurrentdbclient")
        self.client = self.theirs.KurrentDBClient(self.url)
        self.append(self.stream, self.theirs.NewEvent(type="$begun", data=b"{}"))  # there is no stream without events

    def write(self, *lines, stream=None):
        self.append(stream or self.stream, *(self.event(each) for each in lines))

    def event(self, said):
        if not isinstance(said, dict):
            return self.theirs.NewEvent(type="created", data=json.dumps(said).encode())
        metadata = json.dumps({key: said[key] for key in ("order", "at") if key in said}).encode()
        data = json.dumps(said.get("data")).encode()
        return self.theirs.NewEvent(
            type=said["kind"], data=data, metadata=metadata, id=uuid.UUID(said.get("id", uuid.uuid4().hex))
        )

    def append(self, stream, *events):
        self.client.append_to_stream(stream, current_version=self.theirs.StreamState.ANY, events=events)

    def cut(self, keep):
        last = self.client.get_current_version(self.stream)
        self.client.set_stream_metadata(self.stream, metadata={"$tb": last - keep + 1})

    def delete(self):
        self.client.delete_stream(self.stream, current_version=self.theirs.StreamState.ANY)

    def open(self, stream=None, **options):
        from orders_es.sources.streams.kurrentdb import KurrentStream

        url = self.url if "?" in self.url else f"{self.url}?tls=false"
        return KurrentStream(url, **(options or {"stream": stream or self.stream}))

    def close(self):
        self.client.close()


@pytest.fixture(
    scope="module",
    params=[OfRedis, OfNats, OfKafka, OfKurrent],
    ids=["redis", "nats", "kafka", "kurrentdb-stand-in"],
)
def server(request):
    broker = request.param
    leave_out = pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip
    try:
        import_module(broker.library)
    except ImportError:
        leave_out(f"there is no {broker.library} here: pip install 'orders_es[dev]'")
    module = import_module(f"orders_es.testing.{broker.module}")
    try:
        running = getattr(module, broker.program)()
    except InvalidSetting as error:
        leave_out(str(error))
    with running as server:
        yield broker, server


@pytest.fixture
def theirs(server):
    broker, running = server
    made = broker(running)
    yield made
    made.close()


@pytest.fixture
def reading(theirs):
    opened = []

    def read(**options):
        opened.append(theirs.open(**options))
        return opened[-1]

    yield read
    for each in opened:
        each.close()


@pytest.fixture
def mapping(tmp_path, server):
    path = tmp_path / "shop.toml"
    path.write_text(server[0].mapping, "utf-8")
    return path


def orders(log):
    return [stream for stream in log.stream_ids() if not stream.startswith("follow:")]


@pytest.mark.long_but_first
def test_messages_become_events_once_in_their_order(theirs, reading, mapping, log):
    theirs.write(line("A-1"), line("A-1", "paid", amount=12.5), line("A-2"))
    assert Follower(log, reading(), mapping=mapping, batch_events=2).catch_up().events == 3
    assert [event.type for event in log.load("A-1")] == ["OrderCreated", "PaymentReceived"]
    theirs.write(line("A-3"))
    assert Follower(log, reading(), mapping=mapping).catch_up().events == 4
    assert Follower(log, reading(), mapping=mapping).catch_up().events == 4
    assert orders(log) == ["A-1", "A-2", "A-3"]


@pytest.mark.long_but_first
def test_a_crash_between_two_commits_neither_loses_nor_repeats(theirs, reading, mapping, log, crash):
    theirs.write(*(line(f"A-{n}") for n in range(7)))
    crash(lambda: Follower(log, reading(), mapping=mapping, batch_events=2).catch_up())
    assert Follower(log, reading(), mapping=mapping, batch_events=2).catch_up().events == 7
    assert all(len(log.load(f"A-{n}")) == 1 for n in range(7))


@pytest.mark.long_but_first
def test_what_is_written_meanwhile_comes_in_as_it_is_written(theirs, reading, mapping, log, monkeypatch):
    source, stop = reading(), threading.Event()
    follower = Follower(log, source, mapping=mapping)
    wait, written = source.wait, []

    def then_write(seconds):
        if not written:
            written.append(theirs.write(line("A-1")))
        if follower.state.events:
            stop.set()
        return wait(min(seconds, 0.05))

    monkeypatch.setattr(source, "wait", then_write)
    assert follower.follow(stop, poll=1).events == 1


@pytest.mark.long_but_first
def test_messages_that_were_removed_before_they_were_read_are_said_to_be_lost(theirs, reading, mapping, log):
    theirs.write(line("A-1"), line("A-2"))
    Follower(log, reading(), mapping=mapping).catch_up()
    theirs.cut(1)
    theirs.write(line("A-3"))
    assert Follower(log, reading(), mapping=mapping).catch_up().events == 3, "what was read may go"
    theirs.write(line("A-4"), line("A-5"), line("A-6"))
    theirs.cut(1)
    with pytest.raises(BadSource, match=r"were removed.*lost here"):
        Follower(log, reading(), mapping=mapping).catch_up()


def test_a_stream_that_was_cut_before_the_first_look_is_no_whole_history_unless_one_says_so(
    theirs, reading, mapping, log
):
    theirs.write(line("A-1"), line("A-2"), line("A-3"))
    theirs.cut(1)
    with pytest.raises(BadSource, match=r"after='(.+?)'") as caught:
        Follower(log, reading(), mapping=mapping).catch_up()
    after = str(caught.value).partition("(--after ")[2].rstrip(")")
    assert Follower(log, reading(), mapping=mapping, after=after).catch_up().events == 1
    assert orders(log) == ["A-3"]


@pytest.mark.long_but_first
def test_what_is_no_json_is_refused_with_its_place(theirs, reading, mapping, log):
    theirs.write(line("A-1"), ["no object"])
    with pytest.raises(BadSource, match="What stands before it is recorded"):
        Follower(log, reading(), mapping=mapping).catch_up()
    done = Follower(log, reading(), mapping=mapping, on_error="quarantine").catch_up()
    assert (done.events, done.refused) == (1, 1)


def test_a_stream_that_is_not_there_is_said_so(reading):
    with pytest.raises(BadSource, match=r"there is no such (stream|topic)"):
        reading(stream="none")


def test_a_stream_that_is_deleted_under_a_follower_ends_it_and_says_so(theirs, reading, mapping, log):
    theirs.write(line("A-1"), line("A-2"))
    follower = Follower(log, reading(), mapping=mapping)
    assert follower.catch_up().events == 2
    theirs.delete()
    with pytest.raises(BadSource, match=r"there is no such (stream|topic)"):
        follower.follow(threading.Event(), poll=0.01)


def test_a_server_that_does_not_answer_is_said_so(server):
    broker, running = server
    scheme = running.url.partition("://")[0]
    gone = broker.__new__(broker)
    gone.url, gone.stream = f"{scheme}://127.0.0.1:9", "orders"
    with pytest.raises(SourceUnavailable, match="read when it answers again"):
        gone.open()


def test_what_breaks_within_a_client_is_told_and_the_connection_made_anew(theirs, reading, mapping, log, monkeypatch):
    if not isinstance(theirs, OfNats):
        pytest.skip("the others ask in the thread that reads")
    from nats.js.client import JetStreamContext

    source, told, stop = reading(), [], threading.Event()
    follower = Follower(log, source, mapping=mapping)
    theirs.write(line("A-1"))

    async def breaks(*_, **__):
        raise AttributeError("'NoneType' object has no attribute 'write'")

    def notify(error):
        told.append(error)
        broken.undo()

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(JetStreamContext.PullSubscription, "fetch", breaks)
        monkeypatch.setattr(source, "wait", lambda _: stop.set())
        assert follower.follow(stop, poll=0.01, notify=notify).events == 1
    assert "AttributeError: 'NoneType'" in str(told[0])


def test_another_kind_of_url_is_refused(theirs):
    theirs.url = "http://127.0.0.1"
    with pytest.raises(InvalidSetting, match="write "):
        theirs.open()


@pytest.mark.long_but_first
def test_how_much_waits_is_said_and_nothing_is_read_in(theirs, reading, mapping, tmp_path):
    from click.testing import CliRunner

    from orders_es.cli import main

    log = tmp_path / "log"
    words = ["follow", theirs.url, "--topic" if theirs.library == "confluent_kafka" else "--stream", theirs.stream]
    words += ["--mapping", str(mapping), "--log", str(log), "--lag"]

    def asked(*more, code):
        done = CliRunner().invoke(main, [*words, "--json", *more])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    assert CliRunner().invoke(main, words).exit_code == 2, "there is no log, and none is made"
    assert not log.exists()
    theirs.write(line("A"), line("B"))
    with open_log(log, create=True) as opened:
        Follower(opened, reading(), mapping=mapping).catch_up()
        ahead = asked("--sla", "1s", code=0)
        assert (ahead["lines_behind"], ahead["seconds_behind"], ahead["breached"]) == (0, 0, False)
        theirs.write(line("C"), line("A", "paid", amount="1"))
        metrics = tmp_path / "source.prom"
        late = asked("--sla", "30s", "--prometheus-file", str(metrics), code=1)
        assert (late["lines_behind"], late["at_least"], late["breached"], late["place"]) == (
            2,
            False,
            True,
            ahead["place"],
        )
        assert late["seconds_behind"] > 86_400, "it happened in June"
        assert "behind_lines" in metrics.read_text()
        theirs.write({"order": "D", "kind": "unheard of"})
        assert opened.head().position == 3
        Follower(opened, reading(), mapping=mapping, batch_events=2)._step()
        stands = asked(code=0)
        assert stands["lines_behind"] == 1
        assert stands["reason"]
        assert "no event can be made of the next one" in CliRunner().invoke(main, words).output
        assert asked("--sla", "1h", code=1)["seconds_behind"] is None
