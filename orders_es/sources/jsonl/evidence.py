"""What lines of our own say of themselves: how many, their control totals, and the root of the tree that they give.

A line holds all that a leaf commits to, so a file of lines is held to a root without the log. For `export_jsonl`, and for
whoever checks such a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from orders_es.evidence import LINES, Controls, Provenance, Totals
from orders_es.log.envelope import FIELDS
from orders_es.log.event import to_micros
from orders_es.log.leaf import leaf_bytes, payload_hash
from orders_es.log.merkle import CompactRange, leaf_hash
from orders_es.sources.jsonl.line_reader import OwnLine

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from orders_es.log import EventLog, Head

__all__ = ["add_batch", "lines_provenance", "read_lines"]

_DEFINITION = "every event as recorded, one JSON object a line"
_KINDS = {
    "int64": "BIGINT",
    "int32": "INTEGER",
    "string": "VARCHAR",
    "uuid": "UUID",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
_NUMBERS = ("position", "version", "schema_version")
_STEP = 16_384


def _payload_decoder() -> Any:
    from decimal import Decimal as Exact

    return msgspec.json.Decoder(float_hook=Exact)


def add_batch(totals: Totals, batch: Any) -> None:
    """Take in the numbers of events: those of the envelope, and what payloads hold directly under a name.

    Args:
        batch: Events, with the envelope's columns.
    """
    decode = _payload_decoder().decode
    for name in _NUMBERS:
        for value in batch.column(name).to_pylist():
            totals.add(name, value)
    for payload in batch.column("payload").to_pylist():
        _add_payload(totals, decode(payload))


def _add_payload(totals: Totals, payload: Any) -> None:
    if isinstance(payload, dict):
        for name, value in payload.items():
            totals.add(f"payload.{name}", value)


def lines_provenance(
    log: EventLog, head: Head, totals: Totals, last: tuple[datetime | None, datetime | None]
) -> Provenance:
    """Where a file of a whole log's lines comes from.

    Args:
        head: The log's head, which is the last line's.
        totals: What `add_batch` took in.
        last: The last time of what happened, and the last at which something was known.
    """
    import hashlib
    from importlib.metadata import version

    return Provenance(
        LINES,
        None,
        hashlib.sha256(_DEFINITION.encode()).hexdigest(),
        None,
        None,
        *last,
        "UTC",
        str(log.log_id),
        log.origin,
        head.position,
        head.recorded_at,
        head.root.hex(),
        version("orders_es"),
        tuple((field.name, _KINDS[field.kind]) for field in FIELDS),
        rows=head.position,
        sums=totals.sums,
    )


def read_lines(path: Path) -> tuple[Controls, bytes]:
    """The control totals of a file of lines, and the root of the tree of which they are the events.

    Raises:
        ValueError: A line is no event of ours, or stands in another place than it says.
        OSError: The file cannot be read.
    """
    totals, lines = Totals(), 0
    decode, payloads = msgspec.json.Decoder(OwnLine).decode, _payload_decoder().decode
    tree, leaves = CompactRange(0, 0, ()), []
    with path.open("rb") as file:
        for text in file:
            lines += 1
            try:
                own = decode(text)
                leaf = _leaf(own, lines)
                _add_payload(totals, payloads(own.payload or (own.payload_text or "").encode()))
            except (msgspec.DecodeError, ValueError, OverflowError) as error:
                raise ValueError(f"line {lines:,} is no event as it was written: {error}") from error
            for name in _NUMBERS:
                totals.add(name, getattr(own, name))
            leaves.append(leaf_hash(leaf))
            if len(leaves) == _STEP:
                tree, leaves = tree.merge(CompactRange.of_leaves(tree.end, leaves)), []
    tree = tree.merge(CompactRange.of_leaves(tree.end, leaves))
    return Controls(lines, totals.sums), tree.root()


def _leaf(own: OwnLine, place: int) -> bytes:
    if own.position != place or own.recorded_at is None:
        raise ValueError(f"it says that it is the event at position {own.position}")
    payload = bytes(own.payload) or (own.payload_text or "").encode()
    return leaf_bytes(
        own.position,
        own.version,
        own.schema_version,
        to_micros(own.occurred_at, "occurred_at"),
        to_micros(own.recorded_at, "recorded_at"),
        own.event_id.bytes,
        payload_hash(payload, own.personal),
        own.stream_id,
        own.type,
        own.actor,
        own.correlation_id,
        own.causation_id,
        entered_at=None if own.entered_at is None else to_micros(own.entered_at, "entered_at"),
        personal=own.personal is not None,
    )
