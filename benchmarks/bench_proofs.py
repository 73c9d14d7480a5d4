"""Signing, receipts and consistency proofs over ten million events, compacted, beside hashing alone.

A first signature hashes every event; what it keeps (one hash for each 256 events) is what receipts are quick by. `PROOFS_EVENTS`
makes a smaller log; `PROOFS_LOG` says where it is made, kept, and used again (one event is appended to it each time).
"""

from __future__ import annotations

import os
import random
import statistics
import time
from hashlib import sha256
from pathlib import Path

from workload import order_events

from orders_es.audit import checkpoint, generate_key, prove_consistency, prove_order, prove_position, verify_receipt
from orders_es.log import ANY, RawEvent, open_log
from orders_es.log.parquet import ParquetLog

EVENTS = int(os.environ.get("PROOFS_EVENTS", "10000000"))
COMMIT = 250_000
SAMPLE = 20


def run(folder: Path, _data: Path) -> None:
    place = Path(os.environ.get("PROOFS_LOG", folder / "log"))
    if not place.exists():
        make(place)
    signer = generate_key("example.com/bench")
    with open_log(place) as log:
        assert isinstance(log, ParquetLog)
        events = log.head().position
        blob = bytes(300)
        started = time.perf_counter()
        for _ in range(100_000):
            sha256(sha256(blob).digest()).digest()
        floor = (time.perf_counter() - started) / 100_000
        started = time.perf_counter()
        first = checkpoint(log, signer)
        took = time.perf_counter() - started
        each = took / events * 1e6
        print(
            f"first signature: {events:,} events read and hashed in {took:.1f} s, {each:.2f} µs each; two SHA-256 alone take {floor * 1e6:.2f}"
        )
        assert log.derived is not None
        kept = sum(path.stat().st_size for path in (log.derived / "tree").iterdir())
        print(f"kept for proofs: {kept / 1e6:.2f} MB")
        started = time.perf_counter()
        log.append("order-0", [RawEvent("Noted", "{}")], expected=ANY)
        second = checkpoint(log, signer)
        print(f"next signature, one event later: {time.perf_counter() - started:.2f} s")
    draw = random.Random(7)
    streams = max(events // 8, 1)
    timed(
        "receipt of a position", lambda log: prove_position(log, draw.randrange(events) + 1, checkpoint=second), place
    )
    timed(
        "receipt of an order, 8 events",
        lambda log: prove_order(log, f"order-{draw.randrange(streams)}", checkpoint=second),
        place,
    )
    timed("consistency proof", lambda log: prove_consistency(log, first, second), place)
    with open_log(place) as log:
        text = prove_order(log, "order-1", checkpoint=second).text
    started = time.perf_counter()
    for _ in range(SAMPLE):
        verify_receipt(text, signer.key)
    print(
        f"checking an order's receipt of {len(text):,} bytes: {(time.perf_counter() - started) / SAMPLE * 1e3:.2f} ms"
    )


def timed(what: str, ask: object, place: Path) -> None:
    """Each in a log opened afresh, so that nothing is known beforehand; opening counts."""
    times = []
    for _ in range(SAMPLE):
        started = time.perf_counter()
        with open_log(place) as log:
            ask(log)  # type: ignore[operator]
        times.append(time.perf_counter() - started)
    print(
        f"{what}: median {statistics.median(times):.2f} s, worst of {SAMPLE} {max(times):.2f} s, opening the log included"
    )


def make(place: Path) -> None:
    started = time.perf_counter()
    with open_log(place, create=True) as log:
        assert isinstance(log, ParquetLog)
        for start in range(0, EVENTS, COMMIT):
            log.append_table(order_events(min(COMMIT, EVENTS - start), start=start))
        print(f"made: {EVENTS:,} events in {time.perf_counter() - started:.0f} s, not counted")
        log.compact()
        print(f"compacted after {time.perf_counter() - started:.0f} s")
