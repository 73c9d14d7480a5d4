"""The contract, on the outlet to a bucket of NATS JetStream, against a real server; and what only NATS has."""

import asyncio
import json
import multiprocessing
import os
import random
import signal
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from orders_es.errors import InvalidSetting, OutletMismatch, OutletUnavailable, RowsRefused
from orders_es.log import open_log
from orders_es.orders import AddItem, CreateOrder
from orders_es.projections import NatsOutlet, OutletProjection, Projector, open_outlet
from orders_es.replay import connect
from orders_es.service import handle
from orders_es.testing import OutletContract
from orders_es.testing.nats_server import MISSING, NatsServer, program
from orders_es.testing.outlet_contract import _COLUMNS, _TARGET, _gone, _row, _rows

nats = pytest.importorskip("nats")


@pytest.fixture(scope="module")
def server():
    if program() is None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(MISSING)
    with NatsServer() as server:
        yield server


@pytest.fixture
def place(server):
    with suppress(nats.js.errors.NotFoundError):
        asked(server, lambda js: js.delete_key_value("shop"))
    return f"{server.url}?bucket=shop"


def asked(server, ask):
    """What JetStream answers to a plain client."""

    async def work():
        client = await nats.connect(server.url)
        try:
            return await ask(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(work())


def held_by(server):
    """What the bucket has: the last message of each key. (`watchall` may say that it is through before it gave the first.)"""

    async def read(js):
        found = {}
        left = (await js.stream_info("KV_shop")).state.messages
        reading = await js.subscribe("$KV.shop.>", ordered_consumer=True)
        while left:
            message = await reading.next_msg(timeout=600)
            left = message.metadata.num_pending
            if "KV-Operation" not in (message.headers or {}):
                found[message.subject.removeprefix("$KV.shop.")] = json.loads(message.data)
        await reading.unsubscribe()
        return found

    return asked(server, read)


READ: dict[str, Any] = {
    "decimal128(18, 4)": Decimal,
    "date32[day]": date.fromisoformat,
    "timestamp[us, tz=UTC]": datetime.fromisoformat,
}


class TestNatsOutlet(OutletContract):
    @pytest.fixture
    def make_outlet(self, place):
        made = []

        def make():
            made.append(NatsOutlet(place))
            return made[-1]

        yield make
        for outlet in made:
            outlet.close()

    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.server = server

    def contents(self, outlet):
        del outlet
        rows = [row for key, row in held_by(self.server).items() if key != "about"]
        return [
            {f.name: None if row[f.name] is None else READ.get(str(f.type), lambda v: v)(row[f.name]) for f in _COLUMNS}
            for row in rows
        ]


@pytest.fixture
def outlet(place):
    outlet = NatsOutlet(place)
    outlet.open(_TARGET)
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    yield outlet
    outlet.close()


def test_any_client_finds_rows_by_their_keys(outlet, server):
    outlet.deliver(_gone("south"), _rows(_row("a/b ü")), 20)
    found = held_by(server)
    assert set(found) == {"about", "row.north.2026-06-03", "row.a=2Fb=20=C3=BC.2026-06-03"}
    assert (found["about"]["position"], found["row.north.2026-06-03"]["revenue"]) == (20, "12.7500")


def test_an_answer_that_was_lost_is_told_from_somebody_else(outlet, place):
    before = outlet._about_at, outlet._since
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    outlet._about_at, outlet._since = before  # as if the answer had not come
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    other = NatsOutlet(place)
    assert other.open(_TARGET) == 20
    other.deliver(_gone(), _rows(_row("east")), 30)
    other.close()
    with pytest.raises(OutletUnavailable, match="somebody else writes"):
        outlet.deliver(_gone(), _rows(_row("up")), 30)


def test_a_server_that_was_killed_and_started_again_goes_on(outlet, server):
    server.stop(signal.SIGKILL)
    with pytest.raises(OutletUnavailable):
        outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    server.start()
    outlet.deliver(_gone("south"), _rows(_row("west")), 20)
    assert set(held_by(server)) == {"about", "row.north.2026-06-03", "row.west.2026-06-03"}


def test_what_was_purged_is_filled_again_and_what_is_somebody_elses_left_alone(outlet, server, place):
    asked(server, lambda js: js.purge_stream("KV_shop"))
    assert outlet.open(_TARGET) is None
    outlet.deliver(None, _rows(_row("north"), _row("south")), 10)
    assert len(held_by(server)) == 3, "the same messages as before are no duplicates"

    async def theirs(js):
        bucket = await js.create_key_value(bucket="theirs")
        await bucket.put("x", b"1")

    asked(server, theirs)
    stranger = NatsOutlet(place.replace("shop", "theirs"))
    with pytest.raises(OutletMismatch, match="no outlet put there"):
        stranger.open(_TARGET)
    stranger.close()


def test_a_row_that_is_too_long_is_refused_and_the_others_are_there(outlet, server):
    with pytest.raises(RowsRefused) as caught:
        outlet.deliver(_gone(), _rows(_row("west"), _row("north", note="x" * 1_100_000), _row("east")), 20)
    assert list(caught.value.reasons) == [1]
    assert {key.split(".")[1] for key in held_by(server) if key != "about"} == {"south", "west", "east"}
    assert outlet.open(_TARGET) == 20


@pytest.mark.parametrize(
    "url", ["nats://", "nats://h?bucket=", "nats://h?bucket=a.b", "nats://h/x", "nats://h?colour=red"]
)
def test_what_is_no_place_is_refused(url):
    with pytest.raises(InvalidSetting):
        NatsOutlet(url)


def test_nobody_answering_is_said_without_the_password():
    outlet = open_outlet("nats://ann:secret@127.0.0.1:1")
    with pytest.raises(OutletUnavailable) as caught:
        outlet.open(_TARGET)
    assert "secret" not in str(caught.value)
    outlet.close()


@pytest.mark.long
def test_a_read_model_and_its_bucket_are_equal_after_every_run(shop, place, server):
    outlet = NatsOutlet(place)
    for change in (lambda: None, lambda: shop.pay("A-1"), lambda: shop.order("A-9")):
        change()
        shop.run(OutletProjection.into(outlet, "orders"))
        with connect(shop.log) as session:
            ought = sorted(
                (order, status, f"{total:.4f}")
                for order, status, total in session.sql("SELECT order_id, status, total FROM orders").rows()
            )
        rows = [row for key, row in held_by(server).items() if key != "about"]
        assert sorted((row["order_id"], row["status"], row["total"]) for row in rows) == ought
    outlet.close()


def _run(log, models, url):
    with open_log(log) as opened:
        outlet = NatsOutlet(url)
        Projector(opened, models, [OutletProjection.into(outlet, "orders", attempts=100)], batch_size=40).run()
        outlet.close()


@pytest.mark.long
def test_killed_again_and_again_it_ends_with_the_same_rows(tmp_path, server, place):
    draw = random.Random(7)
    processes = multiprocessing.get_context("forkserver")
    models = tmp_path / "m.duckdb"
    with open_log(tmp_path / "log", create=True) as log:
        for turn in range(4):
            for n in range(40):
                order = f"O-{draw.randrange(300):03}"
                if not log.stream_version(order):
                    handle(log, order, CreateOrder(currency="GBP"))
                handle(log, order, AddItem(item_id=f"{turn}-{n}", quantity=1, price=1))
            runner = processes.Process(target=_run, args=(tmp_path / "log", models, place))
            runner.start()
            before = held_at(server)
            while held_at(server) == before and runner.is_alive():
                pass  # until it is at work
            if turn % 2 == 1:
                server.stop(signal.SIGKILL)
                server.start()
            runner.kill()
            runner.join()
        _run(tmp_path / "log", models, place)
        with connect(log) as session:
            ought = session.sql("SELECT order_id, total FROM orders ORDER BY ALL").rows()
    rows = [row for key, row in held_by(server).items() if key != "about"]
    assert sorted((row["order_id"], row["total"]) for row in rows) == [
        (order, f"{total:.4f}") for order, total in ought
    ]


def held_at(server):
    """The position that the bucket says; None where there is none yet."""

    async def read(js):
        with suppress(nats.js.errors.NotFoundError):
            return json.loads((await js.get_last_msg("KV_shop", "$KV.shop.about")).data).get("position")

    return asked(server, read)
