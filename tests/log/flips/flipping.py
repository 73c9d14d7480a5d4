"""A small log with every kind of file, what it answers, and what it answers with one byte changed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from orders_es.errors import OrdersEsError
from orders_es.log import ANY, NO_STREAM, NewEvent, StreamAppend, open_log
from orders_es.log.protocol import NeedsUpkeep
from orders_es.orders import DiscountApplied, ItemAdded, OrderCancelled, OrderCreated, OrderPlaced, PaymentReceived
from orders_es.replay import Snapshots, connect, fold_streams, load_order

START = datetime(2026, 1, 1, tzinfo=UTC)
QUERIES = (
    "SELECT count(*), sum(total), sum(paid), max(last_occurred_at) FROM orders",
    "SELECT country, status, count(*), min(customer_id) FROM orders GROUP BY ALL ORDER BY ALL",
    "SELECT item_id, description, sum(quantity), sum(price) FROM events GROUP BY ALL ORDER BY ALL",
    "SELECT order_id, total, cancel_reason FROM orders_at(TIMESTAMPTZ '2026-01-02') WHERE order_id = 'o-1'",
    "SELECT count(*), max(recorded_at) FROM events WHERE stream_id = 'o-1' AND type = 'OrderCreated'",
    """SELECT md5(string_agg(concat_ws('|', position, event_id, stream_id, version, occurred_at, actor, correlation_id,
    causation_id, schema_version, payload), ';' ORDER BY position)) FROM events""",
)
STREAMS = ("o-0", "o-1", "o-2", "bulk-7")


def order(n):
    made = [
        OrderCreated(currency="GBP", customer_id=f"C-{n % 3}", country="GB" if n % 2 else "IE"),
        ItemAdded(item_id=f"P-{n % 5}", quantity=n % 4 + 1, price=Decimal(n) / 4 + 1, description=f"lamp {n % 5}"),
        OrderPlaced(),
        PaymentReceived(amount=Decimal(n) + 1, method="card", reference=f"R-{n}"),
    ]
    if n % 3 == 0:
        made.append(OrderCancelled(reason="changed their mind"))
    return [
        NewEvent(
            data=data, occurred_at=START + timedelta(hours=n, minutes=i), actor=f"user-{n % 2}", correlation_id="c"
        )
        for i, data in enumerate(made)
    ]


def make(url):
    """A log with a segment and its sorted copy, commits of each encoder, and snapshots; or the like in a DuckDB file."""
    times = (START + timedelta(days=30, seconds=i) for i in range(10_000))
    with open_log(url, create=True, clock=lambda: next(times)) as log:
        assert isinstance(log, NeedsUpkeep)
        for n in range(4):
            log.append(f"o-{n}", order(n), expected=NO_STREAM)
        log.append_batch([StreamAppend(f"bulk-{n}", order(n), NO_STREAM) for n in range(30)])
        log.compact()
        log.vacuum(grace=timedelta(0))
        log.append_batch([StreamAppend(f"late-{n}", order(n), NO_STREAM) for n in range(20)])
        log.append_batch([StreamAppend(f"o-{n}", [DiscountApplied(amount=Decimal(n + 1))], ANY) for n in range(3)])
        log.append("o-1", [ItemAdded(item_id="P-9", quantity=2, price=Decimal("1.25"))], expected=ANY)
        log.append("o-2", [DiscountApplied(amount=Decimal(1))], expected=ANY)
        snapshots = Snapshots(log, every=3)
        for stream in STREAMS:
            snapshots.take(stream)
    return url


def answers_of(url, *, queries=QUERIES, streams=STREAMS):
    """Each question with its answer, or with the error of ours that was raised instead; any other error goes through."""
    answers = {}

    def put(name, call, *given):
        try:
            answers[name] = call(*given)
        except OrdersEsError as error:
            answers[name] = error

    def each(call, *given):
        put("open", lambda: open_log(url).close())
        if not isinstance(answers["open"], OrdersEsError):
            with open_log(url) as log:
                call(log, *given)

    def ask(log):
        for stream in streams:
            put(f"load {stream}", lambda s: [repr(event) for event in log.load(s)], stream)
            put(f"order {stream}", lambda s: repr(load_order(log, s)), stream)
            put(f"version {stream}", log.stream_version, stream)
        put("ids", log.stream_ids)
        put("head", log.head)
        put("fold", lambda: fold_streams(log, lambda so_far, event: (*so_far, repr(event)), lambda _: ()))
        put("session", _ask_sql, log, queries, put)

    def create(log, stream):
        put(f"create {stream}", lambda: log.append(stream, [OrderPlaced()], expected=NO_STREAM))

    each(ask)
    for stream in streams:  # each with a writer of its own, that knows nothing yet
        each(create, stream)
    return answers


def _ask_sql(log, queries, put):
    with connect(log) as session:
        for query in queries:
            put(query, lambda q: session.sql(q).rows(), query)


def wrong_answers(right, answers):
    """The questions whose answers differ from the right ones; an error of ours is no answer."""
    return [
        name
        for name, answer in answers.items()
        if repr(answer) != repr(right[name]) and not isinstance(answer, OrdersEsError)
    ]


@dataclass(frozen=True)
class Flip:
    """One byte of one file with another value."""

    path: Path
    at: int
    value: int

    @contextmanager
    def done(self):
        """The file with the flip in it; as it was afterwards."""
        data = self.path.read_bytes()
        assert data[self.at] != self.value
        self.path.write_bytes(data[: self.at] + bytes([self.value]) + data[self.at + 1 :])
        try:
            yield
        finally:
            self.path.write_bytes(data)


def files_of(url):
    """All files of a log."""
    place = Path(url)
    return sorted(path for path in (place.rglob("*") if place.is_dir() else [place]) if path.is_file())
