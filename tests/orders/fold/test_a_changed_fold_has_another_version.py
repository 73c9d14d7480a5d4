"""The declared version of the order fold: whoever changes what events come to has to raise it, for snapshots go by it."""

import dataclasses
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import get_args, get_type_hints

from orders_es.orders import EVENT_TYPES, ORDERS, Happened, fold, initial_state
from orders_es.orders.order_bytes import order_bytes, order_from_bytes

DIGESTS = {1: "44a1f4b568f081a1", 2: "aa6ddfb4947c66c6"}
"""What the histories below come to, by version. Never change an entry: raise `ORDERS.version` and add one."""

START = datetime(2011, 6, 1, tzinfo=UTC)


def drawn(rng, hint):
    """A value of a field's type; None among those of an optional one."""
    arms = get_args(hint) or (hint,)
    kind = rng.choice(arms) if len(arms) > 1 else arms[0]
    if kind is type(None):
        return None
    return {
        str: lambda: rng.choice(("A", "b", "EUR", "")),
        int: lambda: rng.randint(-3, 9),
        bool: lambda: rng.random() < 0.5,
        Decimal: lambda: Decimal(rng.randint(-99_999, 99_999)).scaleb(-4),
        datetime: lambda: START + timedelta(hours=rng.randint(0, 99)),
        date: lambda: date(2011, 6, rng.randint(1, 30)),
    }[kind]()


def histories(count):
    """Odd histories of all event types, in any order: the same ones on every machine."""
    rng = random.Random(7)
    for number in range(count):
        events = []
        for version in range(1, rng.randint(2, 30)):
            cls = rng.choice(EVENT_TYPES)
            hints = get_type_hints(cls)
            data = cls(**{field.name: drawn(rng, hints[field.name]) for field in dataclasses.fields(cls)})
            events.append(Happened(data, START + timedelta(minutes=rng.randint(0, 9_999)), version))
        rng.shuffle(events)
        yield f"o-{number}", events


def test_the_same_events_come_to_the_same_orders_under_one_version():
    digest = sha256()
    for order_id, events in histories(300):
        order = fold(events, initial_state(order_id))
        assert order_from_bytes(order_bytes(order)) == order
        digest.update(repr(sorted(order.as_dict().items(), key=lambda item: item[0])).encode())
    assert digest.hexdigest()[:16] == DIGESTS[ORDERS.version]
