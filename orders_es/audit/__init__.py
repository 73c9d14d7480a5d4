"""Checking a log: that it is what it says of itself, and what it was when it was signed. For auditors, and for whoever looks after one.

Signing and checking signatures takes the extra `audit` (the library `cryptography`), which is loaded where it is used.
"""

from orders_es.audit.checking import CheckedProof, check_file, verify_consistency
from orders_es.audit.checkpoint import (
    SignedCheckpoint,
    check_against_checkpoint,
    checkpoint,
    kept_checkpoints,
    newest_checkpoint,
    prove_consistency,
    read_checkpoint,
)
from orders_es.audit.checkpoint_check import Against, against_checkpoint
from orders_es.audit.closes import CheckedClose, Close, check_close, close, closed, closes
from orders_es.audit.cose import cose_receipt, verify_cose_receipt
from orders_es.audit.doctor import Advice, examine
from orders_es.audit.erasure import Erasure, erase, erasures
from orders_es.audit.holds import Hold, covered, holds, place_hold, release_hold
from orders_es.audit.keys import Signer, generate_key, public_key, read_signer, write_key
from orders_es.audit.publish import Published, publish
from orders_es.audit.receipt import MadeReceipt, prove_order, prove_position, verify_receipt
from orders_es.audit.tiles import PublishedTiles, publish_tiles
from orders_es.audit.verify import Problem, Verified, verify
from orders_es.audit.verify_proof import Holds, Key
from orders_es.audit.witness import cosign, keep_cosignatures

__all__ = [
    "Advice",
    "Against",
    "CheckedClose",
    "CheckedProof",
    "Close",
    "Erasure",
    "Hold",
    "Holds",
    "Key",
    "MadeReceipt",
    "Problem",
    "Published",
    "PublishedTiles",
    "SignedCheckpoint",
    "Signer",
    "Verified",
    "against_checkpoint",
    "check_against_checkpoint",
    "check_close",
    "check_file",
    "checkpoint",
    "close",
    "closed",
    "closes",
    "cose_receipt",
    "cosign",
    "covered",
    "erase",
    "erasures",
    "examine",
    "generate_key",
    "holds",
    "keep_cosignatures",
    "kept_checkpoints",
    "newest_checkpoint",
    "place_hold",
    "prove_consistency",
    "prove_order",
    "prove_position",
    "public_key",
    "publish",
    "publish_tiles",
    "read_checkpoint",
    "read_signer",
    "release_hold",
    "verify",
    "verify_consistency",
    "verify_cose_receipt",
    "verify_receipt",
    "write_key",
]
