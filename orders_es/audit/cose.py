"""The second envelope of a receipt: a COSE receipt of inclusion (RFC 9942). The extra `scitt`, which brings the library cbor2.

**It does not bind the tree's size**: what is signed is the root alone, and the size and the index beside it are what whoever made the
receipt wrote there. The C2SP form (`orders_es.audit.receipt`) signs the size with the root, and stays the first choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import SignedCheckpoint, newest_checkpoint, read_checkpoint, refusing
from orders_es.audit.keys import Signer, public_key, read_signer
from orders_es.audit.tree import LogTree
from orders_es.audit.verify_proof import (
    ED25519,
    Holds,
    Key,
    Record,
    Refused,
    check_checkpoint,
    climbed,
    ed25519_holds,
    leaf_hash,
    node_hash,
)
from orders_es.errors import BadCheckpoint, BadKey, BadProof, NoCheckpoint
from orders_es.log.log_argument import check_log

if TYPE_CHECKING:
    import os

    from orders_es.log import EventLog

__all__ = ["cose_receipt", "verify_cose_receipt"]

_SIGN1 = 18
_ALGORITHM, _KEY_ID, _CLAIMS, _STRUCTURE, _PROOFS = 1, 4, 15, 395, 396
_EDDSA, _ED25519 = -8, -19
_ISSUER, _RFC9162_SHA256, _INCLUSION = 1, 1, -1
_RECORD = "orders_es"
_SIZE_MOST = 2**63


def cose_receipt(
    log: EventLog,
    position: int,
    key: Signer | str | os.PathLike[str],
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
    payload: bool = True,
) -> bytes:
    """A COSE receipt that the event at a position was in the log when a checkpoint was signed, with the event's record in it.

    Only a root that stands in a checkpoint by the same key is signed.

    Args:
        key: The private key that signed the checkpoint, or its file.
        checkpoint: The signed checkpoint, or its file; the newest one kept beside the log if left out.
        payload: Whether the payload is handed on with it.

    Raises:
        BadKey: The key cannot be used, or the library cbor2 is missing.
        BadCheckpoint: The checkpoint is not signed by this key.
        NoCheckpoint: There is none, or it does not reach so far.
        NotAnExtension: The log is not what was signed.

    Example:
        >>> import tempfile
        >>> from orders_es.audit import checkpoint, generate_key
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log, signer = open_log(tempfile.mkdtemp(), create=True), generate_key("example.com/shop")
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> _ = checkpoint(log, signer)
        >>> verify_cose_receipt(cose_receipt(log, 1, signer), signer.key).events[0]["type"]
        'OrderPlaced'
    """
    check_log(log)
    cbor = _cbor()
    signer = key if isinstance(key, Signer) else read_signer(key)
    if checkpoint is None:
        signed = newest_checkpoint(log)
    else:
        signed = checkpoint if isinstance(checkpoint, SignedCheckpoint) else read_checkpoint(checkpoint)
    with refusing(str(signed.path or "checkpoint"), BadCheckpoint):
        check_checkpoint(signed.parsed, signer.key)
    if not 1 <= position <= signed.size:
        raise NoCheckpoint(
            log.url, f"position {position} lies outside the {signed.size:,} events that the checkpoint counts"
        )
    tree = LogTree(log)
    leaf, text, personal = tree.record(position - 1)
    path = tree.checked_inclusion(position - 1, signed.size, leaf_hash(leaf), signed.root)
    protected = cbor.dumps(
        {
            _ALGORITHM: _EDDSA,
            _KEY_ID: signer.key.key_id,
            _CLAIMS: {_ISSUER: signed.origin},
            _STRUCTURE: _RFC9162_SHA256,
        },
        canonical=True,
    )
    record: dict[str, Any] = {"leaf": leaf} | ({"payload": text} if payload and text is not None else {})
    if "payload" in record and personal is not None:
        record["personal"] = personal
    proof = cbor.dumps([signed.size, position - 1, path], canonical=True)
    unprotected = {_PROOFS: {_INCLUSION: [proof]}, _RECORD: record}
    signature = signer.sign(_to_be_signed(protected, signed.root))
    made: bytes = cbor.dumps(cbor.CBORTag(_SIGN1, [protected, unprotected, None, signature]))
    return made


def verify_cose_receipt(raw: bytes, key: Key | str | os.PathLike[str], *, what: str = "receipt") -> Holds:
    """What a COSE receipt of this package proves. Its `size` is what the receipt says, and is not signed.

    Args:
        raw: The receipt.
        key: The log's public key, or the file that holds it.
        what: What to call it in errors.

    Raises:
        BadKey: The key cannot be used, or the library cbor2 is missing.
        BadProof: It is malformed, or does not hold.

    Example:
        >>> from orders_es.audit import generate_key
        >>> verify_cose_receipt(b"no receipt", generate_key("example.com/shop").key)
        Traceback (most recent call last):
            ...
        orders_es.errors.proofs.BadProof: proof 'receipt' does NOT hold: it is no COSE receipt of an orders_es log
    """
    cbor, verifier = _cbor(), public_key(key)
    with refusing(what, BadProof):
        try:
            tag = cbor.loads(raw)
            protected, unprotected, detached, signature = tag.value
            header = cbor.loads(protected)
            ((proof,), said) = unprotected[_PROOFS][_INCLUSION], unprotected[_RECORD]
            size, index, path = cbor.loads(proof)
            record = Record(index, tuple(path), said["leaf"], said.get("payload"), personal=said.get("personal"))
            facts = (tag.tag, detached, header[_ALGORITHM], header[_STRUCTURE], header[_CLAIMS][_ISSUER])
        except (cbor.CBORError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
            raise Refused("it is no COSE receipt of an orders_es log") from None
        well_formed = (
            type(size) is int
            and type(index) is int
            and 0 <= index < size < _SIZE_MOST
            and all(type(part) is bytes for part in (protected, signature, record.leaf, *path))
            and isinstance(record.payload, str | None)
            and isinstance(record.personal, str | None)
            and set(said) <= {"leaf", "payload", "personal"}
        )
        if not well_formed or facts[:2] != (_SIGN1, None):
            raise Refused("it is no COSE receipt of an orders_es log")
        if facts[2] not in (_EDDSA, _ED25519) or facts[3] != _RFC9162_SHA256 or verifier.kind != ED25519:
            raise Refused("it is signed in a way, or over a tree, that is not known here")
        if facts[4] != verifier.name:
            raise Refused(f"it is of the log {str(facts[4])[:80]!r}, not of {verifier.name!r}")
        digest = leaf_hash(record.leaf or b"")
        for sibling, on_the_left in climbed(index, size - 1, path):
            digest = node_hash(sibling, digest) if on_the_left else node_hash(digest, sibling)
        if not ed25519_holds(verifier.public, signature, _to_be_signed(protected, digest)):
            raise Refused(f"the signature is not by {verifier.name}, or the record or its path was altered")
        return Holds(verifier.name, size, digest, [record.event()])


def _to_be_signed(protected: bytes, root: bytes) -> bytes:
    """COSE's Sig_structure, with the root as the payload that is not in the message."""
    made: bytes = _cbor().dumps(["Signature1", protected, b"", root])
    return made


def _cbor() -> Any:
    try:
        import cbor2  # an extra
    except ImportError as error:
        raise BadKey("COSE", "the library cbor2 is missing; install it: pip install 'orders_es[scitt]'") from error
    return cbor2
