"""Receipts: that an event, or all events of an order, were in a log when it was signed, for somebody without the log.

A receipt is a C2SP `.tlog-proof`. Its extra data holds the record that the proof is about, so that nothing else is needed to
check it but the log's public key: `verify_proof.py` does, alone, and so does `verify-proof.html`, in a browser.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import SignedCheckpoint, newest_checkpoint, read_checkpoint
from orders_es.audit.keys import public_key, public_keys
from orders_es.audit.tree import LogTree
from orders_es.audit.verify_proof import HEADER, Holds, Key, Receipt, Refused, check_receipt
from orders_es.errors import BadKey, BadProof, NoCheckpoint, OrderNotFound
from orders_es.log.log_argument import check_log
from orders_es.log.merkle import leaf_hash
from orders_es.replay.suggestions import ids_like

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log import EventLog

__all__ = ["MadeReceipt", "prove_order", "prove_position", "verify_receipt"]


@dataclass(frozen=True, slots=True)
class MadeReceipt:
    """A receipt, and what it is about.

    Args:
        text: The `.tlog-proof`, as it is handed on.
        positions: The positions of the events in it.
        size: How many events the checkpoint counts against which they are proven.
        later: How many events the order has after that checkpoint, of which the receipt says nothing.
    """

    text: bytes
    positions: tuple[int, ...]
    size: int
    later: int = 0

    def __str__(self) -> str:
        return self.text.decode()


def prove_position(
    log: EventLog,
    position: int,
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
    payload: bool = True,
) -> MadeReceipt:
    """A receipt that the event at a position was in the log when a checkpoint was signed. Writes nothing but kept hashes.

    Args:
        checkpoint: The signed checkpoint, or its file; the newest one kept beside the log if left out.
        payload: Whether the payload is handed on with it; without it, its hash alone is.

    Raises:
        NoCheckpoint: There is no signed checkpoint, or none that reaches so far.
        NotAnExtension: The log is not what was signed.

    Example:
        >>> import tempfile
        >>> from orders_es.audit import checkpoint, generate_key
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log, signer = open_log(tempfile.mkdtemp(), create=True), generate_key("example.com/shop")
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> _ = checkpoint(log, signer)
        >>> verify_receipt(prove_position(log, 1).text, signer.key).events[0]["type"]
        'OrderPlaced'
    """
    check_log(log)
    signed = _signed(log, checkpoint)
    if not 1 <= position <= signed.size:
        raise NoCheckpoint(log.url, _too_early(f"position {position}", signed))
    return _receipt(log, signed, [position], payload=payload)


def prove_order(
    log: EventLog,
    order_id: str,
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
    payload: bool = True,
) -> MadeReceipt:
    """A receipt for all events that an order had when a checkpoint was signed.

    It proves each of them. **That there were no others it does not prove**: only the whole log can show that.

    Args:
        order_id: The order, or any other stream.
        checkpoint: The signed checkpoint, or its file; the newest one kept beside the log if left out.
        payload: Whether the payloads are handed on with it; without them, their hashes alone are.

    Raises:
        OrderNotFound: There is no such order.
        NoCheckpoint: There is no signed checkpoint, or none that reaches the order's first event.
        NotAnExtension: The log is not what was signed.

    Example:
        >>> import tempfile
        >>> from orders_es.audit import checkpoint, generate_key
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log, signer = open_log(tempfile.mkdtemp(), create=True), generate_key("example.com/shop")
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=0)
        >>> _ = checkpoint(log, signer)
        >>> made = prove_order(log, "A-1")
        >>> made.positions, made.later
        ((1, 2), 0)
    """
    check_log(log)
    signed = _signed(log, checkpoint)
    positions = [event.position for event in log.load(order_id)]
    if not positions:
        reason = f"the log {log.url!r} holds no such order"
        raise OrderNotFound(order_id, reason, ids_like(log, order_id))
    proven = [position for position in positions if position <= signed.size]
    if not proven:
        raise NoCheckpoint(log.url, _too_early(f"the first event of {order_id!r}, at position {positions[0]},", signed))
    return _receipt(log, signed, proven, payload=payload, later=len(positions) - len(proven))


def _signed(log: EventLog, checkpoint: SignedCheckpoint | str | os.PathLike[str] | None) -> SignedCheckpoint:
    if checkpoint is None:
        return newest_checkpoint(log)
    return checkpoint if isinstance(checkpoint, SignedCheckpoint) else read_checkpoint(checkpoint)


def _too_early(what: str, signed: SignedCheckpoint) -> str:
    return (
        f"{what} lies outside the {signed.size:,} events that the checkpoint counts; "
        "if the log has more by now, sign it: orders-es checkpoint --key FILE"
    )


def _receipt(
    log: EventLog, signed: SignedCheckpoint, positions: Sequence[int], *, payload: bool, later: int = 0
) -> MadeReceipt:
    tree = LogTree(log)
    proven: list[tuple[int, list[str], dict[str, Any]]] = []
    for position in positions:
        leaf, text, personal = tree.record(position - 1)
        path = tree.checked_inclusion(position - 1, signed.size, leaf_hash(leaf), signed.root)
        record: dict[str, Any] = {"leaf": _base64(leaf)}
        if payload and text is not None:
            record["payload"] = text
            if personal is not None:
                record["personal"] = personal
        proven.append((position - 1, [_base64(digest) for digest in path], record))
    index, path_lines, record = proven.pop()
    extra: dict[str, Any] = {"orders_es": "receipt 1", "record": record}
    if proven:
        extra["records"] = [{"index": str(i), "path": path, **other} for i, path, other in proven]
    said = json.dumps(extra, ensure_ascii=False, separators=(",", ":")).encode()
    lines = [HEADER, f"extra {_base64(said)}", f"index {index}", *path_lines, "", ""]
    return MadeReceipt("\n".join(lines).encode() + signed.note, tuple(positions), signed.size, later)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def verify_receipt(
    source: str | os.PathLike[str] | bytes,
    key: Key | str | os.PathLike[str],
    *,
    witnesses: Sequence[Key | str | os.PathLike[str]] = (),
    quorum: int | None = None,
    origin: str | None = None,
    record: bytes | None = None,
) -> Holds:
    """What a receipt proves, without the log.

    Args:
        source: The receipt's file, or its bytes.
        key: The log's public key, or the file that holds it; from somewhere else than the receipt.
        witnesses: Public keys of witnesses.
        quorum: How many of them must have cosigned; all if left out.
        origin: The log's public name, where it is not the key's.
        record: The record that the proof is about, for a proof by another program that does not hold it.

    Raises:
        BadKey: A key cannot be used.
        BadProof: It is malformed, or does not hold.

    Example:
        >>> from orders_es.audit import generate_key
        >>> verify_receipt(b"no receipt", generate_key("example.com/shop").key)
        Traceback (most recent call last):
            ...
        orders_es.errors.proofs.BadProof: proof 'receipt' does NOT hold: no receipt: its first line is not c2sp.org/tlog-proof@v1, or it is cut short
    """
    verifier, known = public_key(key), public_keys(witnesses)
    what = "receipt" if isinstance(source, bytes) else os.fspath(source)
    try:
        raw = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise BadProof(what, f"it cannot be read ({error.strerror or error})") from None
    try:
        return check_receipt(Receipt.parse(raw), verifier, record=record, witnesses=known, quorum=quorum, origin=origin)
    except Refused as error:
        raise BadProof(what, str(error)) from None
    except ImportError as error:
        missing = "the library cryptography is missing; install it: pip install 'orders_es[audit]'"
        raise BadKey("Ed25519", missing) from error
