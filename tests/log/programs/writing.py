"""Writers for the tests of a log under several processes. Each tells what was acknowledged, and only then.

An event carries the append it belongs to in `correlation_id`: `<append>/<events of the append>/<of those, in this stream>`.
Whoever reads the log can so tell a whole append from half of one.
"""

import json
import os
import random
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from orders_es.errors import VersionConflict
from orders_es.log import ANY, NO_STREAM, NewEvent, StreamAppend, open_log
from orders_es.log.parquet.turns import Turns
from orders_es.orders import ItemAdded


def events_for(streams, name=None):
    """New events for an append, one for each entry of `streams`: pairs of stream and event."""
    name = name or uuid.uuid4().hex
    per_stream = Counter(streams)
    return [
        (
            stream,
            NewEvent(
                data=ItemAdded(item_id=f"item-{i}", quantity=1 + i, price=Decimal("2.5000")),
                event_id=uuid.uuid4(),
                correlation_id=f"{name}/{len(streams)}/{per_stream[stream]}",
            ),
        )
        for i, stream in enumerate(streams)
    ]


def batch_of(pairs, expected):
    """The same as an argument of `append_batch`."""
    parts = {}
    for stream, event in pairs:
        parts.setdefault(stream, []).append(event)
    return [StreamAppend(stream, events, expected[stream]) for stream, events in parts.items()]


def table_of(pairs):
    """The same as an argument of `append_table`."""
    now = datetime.now(UTC)
    return pa.table(
        {
            "stream_id": [stream for stream, _ in pairs],
            "type": ["ItemAdded"] * len(pairs),
            "occurred_at": pa.array([now] * len(pairs), pa.timestamp("us", "UTC")),
            "event_id": pa.array([event.event_id.bytes for _, event in pairs], pa.binary(16)),
            "correlation_id": [event.correlation_id for _, event in pairs],
            "item_id": [event.data.item_id for _, event in pairs],
            "quantity": [event.data.quantity for _, event in pairs],
            "price": pa.array([event.data.price for _, event in pairs], pa.decimal128(18, 4)),
        }
    )


def places(pairs, appended):
    """Where an append says its events are: event id, stream, version, position."""
    seen = Counter()
    totals = Counter(stream for stream, _ in pairs)
    found = []
    in_order = [pair for stream in dict.fromkeys(s for s, _ in pairs) for pair in pairs if pair[0] == stream]
    for i, (stream, event) in enumerate(in_order):
        seen[stream] += 1
        version = appended.versions[stream] - totals[stream] + seen[stream]
        found.append([event.event_id.hex, stream, version, appended.first_position + i])
    return found


class Acks:
    """A file of one JSON line a fact, each there the moment it is told, whatever then becomes of the process."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def tell(self, **fact):
        line = json.dumps(fact).encode() + b"\n"
        assert os.write(self._fd, line) == len(line)


def read_acks(path):
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


@contextmanager
def no_turn(*_):
    """Instead of a writer's turn: go on at once, as where a file system knows no locks."""
    yield False


def write_mixed(folder, name, commits, ack_path, barrier=None, *, polite=True):
    """Make so many commits: to contested streams, to own ones, to several at once, as tables."""
    random.seed(name)
    if not polite:
        pytest.MonkeyPatch().setattr(Turns, "take", no_turn)  # for the rest of this process
    acks = Acks(ack_path)
    known = {}
    with open_log(folder) as log:
        if barrier is not None:
            barrier.wait(600)
        done = 0
        while done < commits:
            kind = random.random()
            if kind < 0.5:  # a contested version: everybody believes to know it
                stream = f"contested-{random.randrange(3)}"
                pairs = events_for([stream])
                version = known.get(stream, 0)
                try:
                    made = log.append(stream, [event for _, event in pairs], expected=version)
                except VersionConflict as conflict:
                    acks.tell(lost=[stream, version, conflict.actual])
                    known[stream] = conflict.actual
                    continue
                acks.tell(won=[stream, version], events=places(pairs, made))
                known[stream] = version + 1
            elif kind < 0.7:
                stream = f"{name}-{random.randrange(20)}"
                pairs = events_for([stream] * random.randrange(1, 4))
                made = log.append(stream, [event for _, event in pairs], expected=ANY)
                acks.tell(events=places(pairs, made))
            elif kind < 0.95:
                streams = [f"shared-{random.randrange(5)}", f"{name}-batch", f"shared-{5 + random.randrange(5)}"]
                pairs = events_for([s for s in streams for _ in range(random.randrange(1, 3))])
                made = log.append_batch(batch_of(pairs, dict.fromkeys(streams, ANY)))
                acks.tell(events=places(pairs, made))
            else:
                pairs = events_for([f"{name}-table-{done}"] * 70 + [f"{name}-table-{done}-b"] * 30)
                made = log.append_table(table_of(pairs), expected=NO_STREAM)
                acks.tell(events=places(pairs, made))
            done += 1
    acks.tell(finished=name)
