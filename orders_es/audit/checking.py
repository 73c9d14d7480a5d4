"""Checking a file that somebody handed in as a proof, whichever kind of proof it is. Without the log."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import read_checkpoint, refusing
from orders_es.audit.cose import verify_cose_receipt
from orders_es.audit.keys import public_key, public_keys
from orders_es.audit.proofs import ConsistencyProof
from orders_es.audit.receipt import verify_receipt
from orders_es.audit.verify_proof import check_checkpoint, describe
from orders_es.errors import BadCheckpoint, BadProof, InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.audit.verify_proof import Key

_COSE = b"\xd2"
"""How a COSE_Sign1 begins."""
__all__ = ["CheckedProof", "check_file", "verify_consistency"]


@dataclass(frozen=True, slots=True)
class CheckedProof:
    """What came of checking one proof.

    Args:
        proof: Its file.
        holds: Whether it holds.
        origin: The public name of the log that signed; None where it does not hold.
        size: How many events the log had.
        root: The root of the tree over them.
        events: What was in the log, as recorded.
        cosigned: The witnesses that cosigned, each with its time in seconds since 1970.
        lines: The same in words.
        reason: Why it does not hold; None where it does.
    """

    proof: str
    holds: bool
    origin: str | None
    size: int | None
    root: bytes | None
    events: list[dict[str, Any]]
    cosigned: dict[str, int]
    lines: list[str]
    reason: str | None = None


def check_file(
    path: str | os.PathLike[str],
    key: Key | str | os.PathLike[str],
    *,
    record: bytes | None = None,
    old: str | None = None,
    **policy: Any,
) -> CheckedProof:
    """What came of checking a file; a proof that does not hold is an answer and no error.

    Args:
        path: A receipt, or a consistency proof.
        key: The log's public key, or the file that holds it.
        record: The record, for a proof that does not hold it.
        old: The earlier checkpoint's file, for a consistency proof.
        policy: `witnesses`, `quorum` and `origin`, as for `verify_receipt`.

    Raises:
        BadKey: A key cannot be used.
        InvalidSetting: It is a consistency proof, and there is no earlier checkpoint.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from orders_es.audit import checkpoint, generate_key, prove_order
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log, signer = open_log(mkdtemp(), create=True), generate_key("example.com/shop")
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> _ = checkpoint(log, signer)
        >>> receipt = Path(mkdtemp(), "A-1.receipt")
        >>> _ = receipt.write_bytes(prove_order(log, "A-1").text)
        >>> check_file(receipt, signer.key).holds, check_file(receipt, generate_key("example.com/shop").key).holds
        (True, False)
    """
    proof = os.fspath(path)
    try:
        raw = _read(path)
        if raw.startswith(b"old "):
            if old is None:
                raise InvalidSetting("old", None, "a consistency proof needs the earlier checkpoint: --old FILE")
            return verify_consistency(path, old, key, **policy)
        if raw.startswith(_COSE):
            return _cose(proof, raw, key, policy)
        held = verify_receipt(path, key, record=record, **policy)
    except (BadProof, BadCheckpoint) as error:
        return CheckedProof(proof, False, None, None, None, [], {}, [], str(error))
    return CheckedProof(proof, True, held.origin, held.size, held.root, held.events, held.cosigned, describe(held))


def _cose(proof: str, raw: bytes, key: Key | str | os.PathLike[str], policy: dict[str, Any]) -> CheckedProof:
    if policy.get("witnesses"):
        raise InvalidSetting("witness", "a COSE receipt", "it holds no cosignatures; check the .tlog-proof instead")
    held = verify_cose_receipt(raw, key, what=proof)
    lines = describe(held)
    lines[0] = (
        f"holds: signed by {held.origin}, root {held.root.hex()}; the size, {held.size:,} events, is not signed in this form"
    )
    return CheckedProof(proof, True, held.origin, held.size, held.root, held.events, {}, lines)


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadProof(os.fspath(path), f"it cannot be read ({error.strerror or error})") from None


def verify_consistency(
    source: str | os.PathLike[str] | bytes,
    old: str | os.PathLike[str] | bytes,
    key: Key | str | os.PathLike[str],
    *,
    witnesses: Sequence[Key | str | os.PathLike[str]] = (),
    quorum: int | None = None,
    origin: str | None = None,
) -> CheckedProof:
    """What a consistency proof shows: that the later checkpoint is the earlier one with events added at its end.

    Args:
        source: The proof, or its file.
        old: The earlier checkpoint, or its file.
        key: The public key that signed both, or the file that holds it.
        witnesses: Public keys of witnesses, who have to have cosigned the later one.
        quorum: How many of them; all if left out.
        origin: The log's public name, where it is not the key's.

    Raises:
        BadKey: A key cannot be used.
        BadProof: It is malformed, or does not hold.
        BadCheckpoint: The earlier checkpoint is malformed, or one of the two is not signed as it has to be.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from orders_es.audit import checkpoint, generate_key, prove_consistency
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log, signer, place = open_log(mkdtemp(), create=True), generate_key("example.com/shop"), Path(mkdtemp())
        >>> seen = checkpoint(log, signer)
        >>> _ = (place / "seen").write_bytes(seen.note)
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> _ = (place / "proof").write_bytes(prove_consistency(log, seen, checkpoint(log, signer)))
        >>> verify_consistency(place / "proof", place / "seen", signer.key).holds
        True
        >>> verify_consistency((place / "proof").read_bytes(), seen.note, signer.key).holds
        True
    """
    verifier, known = public_key(key), public_keys(witnesses)
    what, earlier = "proof" if isinstance(source, bytes) else os.fspath(source), read_checkpoint(old)
    with refusing("checkpoint" if isinstance(old, bytes) else str(old), BadCheckpoint):
        check_checkpoint(earlier.parsed, verifier, origin=origin)
    raw = source if isinstance(source, bytes) else _read(source)
    with refusing(what, BadProof):
        proof = ConsistencyProof.parse(raw)
        cosigned = check_checkpoint(proof.checkpoint, verifier, witnesses=known, quorum=quorum, origin=origin)
        proof.check(earlier.parsed)
    new = proof.checkpoint
    line = (
        f"holds: the log that {new.origin} signed at {new.size:,} events, root {new.root.hex()}, "
        f"is the one that it signed at {earlier.size:,} with {new.size - earlier.size:,} events added at its end"
    )
    return CheckedProof(what, True, new.origin, new.size, new.root, [], cosigned, [line])
