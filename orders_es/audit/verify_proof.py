"""Checks a receipt of an orders_es log without the log: what whoever was handed one needs, and nothing else.

Python 3.11 or newer and the library `cryptography` are enough. The file can be copied beside a receipt and run alone::

    python verify_proof.py RECEIPT.tlog-proof --key VKEY [--witness VKEY]... [--quorum N] [--origin NAME]

It ends with 0 if the receipt holds, with 1 if it does not, with 2 if the call was wrong. Formats: c2sp.org/signed-note,
c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature, c2sp.org/tlog-proof, RFC 6962; docs/audit.md says what is in a receipt.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import struct
import sys
import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER = "c2sp.org/tlog-proof@v1"
ED25519, COSIGNATURE, ML_DSA = 1, 4, 6
_KEY_BYTES = {ED25519: 32, COSIGNATURE: 32, ML_DSA: 1312}
_SIGNATURE_BYTES = {ED25519: 64, COSIGNATURE: 8 + 64, ML_DSA: 8 + 2420}
_HASH, _PATH_MOST, _SIGNATURES_MOST = 32, 63, 100
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_SIZE_MOST = 2**63 - 1
_TIME_MOST = 253_402_300_799
_LEAF = struct.Struct(">BQQIqq16s32s5I")
_ENTERED = struct.Struct(">q")
_FORMATS, _WITH_ENTERED, _WITH_PERSONAL = range(1, 5), (2, 4), (3, 4)
_PERSONAL = re.compile(r"(0|[1-9][0-9]{0,9}):(?:([0-9a-f]{32})|erased:([0-9a-f]{64}))")
_FILLER = re.compile(rb'(?:,?"[^"\\]+":"erased"(?:,"[^"\\]+":"erased")*)?\}')
_NULL = 0xFFFFFFFF
_TEXTS = ("stream_id", "type", "actor", "correlation_id", "causation_id")
_SMALL_ORDER = {  # points whose multiples are few: a signature under such a key says nothing
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}


class Refused(ValueError):
    """A key, note, checkpoint or proof is malformed, or does not hold; the text says which and why."""


# -- the tree (RFC 6962; verification as in RFC 9162, sections 2.1.3.2 and 2.1.4.2)


def leaf_hash(record: bytes) -> bytes:
    """The hash of a record of the log: SHA-256(0x00 ‖ record)."""
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def climbed(at: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The siblings on the way from a node up to the root, each with whether it stands on the left.

    Args:
        at: The node's index at its level.
        last: Index of the last node at that level.
        path: The siblings' hashes; more or fewer than there are levels are refused.
    """
    for sibling in path:
        if last == 0:
            raise Refused("the proof is longer than the tree is high")
        left = bool(at & 1) or at == last
        yield sibling, left
        while left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last:
        raise Refused("the proof is shorter than the tree is high")


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Return if a leaf is in a tree at its place.

    Args:
        index: The leaf's index, from 0.
        size: How many leaves the tree has.
        leaf: The leaf's hash.
        path: The inclusion proof, from the leaf's sibling up.

    Raises:
        Refused: It is not, or the proof is none.
    """
    if not 0 <= index < size:
        raise Refused(f"index {index} lies outside a tree of {size} records")
    if any(len(digest) != _HASH for digest in (leaf, root, *path)):
        raise Refused("a hash has another length than 32 bytes")
    digest = leaf
    for sibling, on_the_left in climbed(index, size - 1, path):
        digest = node_hash(sibling, digest) if on_the_left else node_hash(digest, sibling)
    if digest != root:
        raise Refused(f"the record is not at index {index} of the signed tree: its path ends in another root")


# -- keys and notes


def strict_base64(text: str, what: str) -> bytes:
    """The bytes of standard Base 64 in its one canonical spelling."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise Refused(f"{what} is not Base 64") from None
    if base64.b64encode(found).decode() != text:
        raise Refused(f"{what} is not Base 64 as it has to be written")
    return found


def number(text: str, what: str) -> int:
    """A whole number in decimal digits, without leading zeros."""
    if not _NUMBER.fullmatch(text) or int(text) > _SIZE_MOST:
        raise Refused(f"{what} is no number: {text[:40]!r}")
    return int(text)


def fits_a_name(name: str) -> bool:
    """Whether a text can be a key's name: not empty, without spaces, control characters or plus signs."""
    return bool(name) and "+" not in name and not any(c.isspace() or ord(c) < ord(" ") for c in name)


@dataclass(frozen=True, slots=True)
class Key:
    """A public key with its name.

    Args:
        name: Whose it is.
        kind: 1 for Ed25519 signatures, 4 for timestamped Ed25519 cosignatures, 6 for timestamped ML-DSA-44 ones.
        public: The key's bytes.
    """

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Its short identifier in signature lines."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @staticmethod
    def parse(text: str) -> Key:
        """The key in a verifier key, `<name>+<key id>+<key>`."""
        if text.startswith("PRIVATE+KEY+"):
            raise Refused("this is a private key; give the public one, and keep this one secret")
        name, plus, rest = text.partition("+")
        key_id, plus2, encoded = rest.partition("+")
        if not (plus and plus2 and fits_a_name(name)):
            raise Refused(f"no verifier key: {text[:60]!r}; one looks like NAME+0123abcd+BASE64")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Refused("the key's name is not text in UTF-8") from None
        raw = strict_base64(encoded, "the verifier key's last part")
        if not raw or raw[0] not in _KEY_BYTES:
            raise Refused(f"the key {name} is of a kind that is not known here")
        key = Key(name, raw[0], raw[1:])
        y = raw[1:-1] + bytes([raw[-1] & 0x7F])  # the top bit is the sign of x
        if len(key.public) != _KEY_BYTES[key.kind] or y.hex() in _SMALL_ORDER:
            raise Refused(f"the key {name} is no key of its kind")
        if key.key_id.hex() != key_id:
            raise Refused(f"the key {name} does not have the key id {key_id[:20]!r}: a character was changed or lost")
        return key


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note, as it stands: no signature has been checked.

    Args:
        text: What was signed, its final newline included.
        signatures: Name, key id and signature of each line.
    """

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @staticmethod
    def parse(raw: bytes) -> Note:
        """The note in a file's bytes."""
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise Refused("the note is not text in UTF-8") from None
        if any(c < " " and c != "\n" for c in text):
            raise Refused("the note holds control characters")
        body, blank, lines = text.rpartition("\n\n")
        if not blank or not body or not lines.endswith("\n"):
            raise Refused("no signed note: a text, an empty line and signature lines, each ended by a newline")
        return Note(body + "\n", tuple(signature_lines(lines)))


def signature_lines(lines: str) -> list[tuple[str, bytes, bytes]]:
    """Name, key id and signature of each signature line of a text."""
    found = []
    for line in lines.removesuffix("\n").split("\n"):
        dash, _, rest = line.partition(" ")
        name, space, encoded = rest.partition(" ")
        if dash != "—" or not space or not fits_a_name(name):
            raise Refused(f"no signature line: {line[:60]!r}")
        raw = strict_base64(encoded, f"the signature of {name}")
        if len(raw) <= 4:  # noqa: PLR2004 - the key id alone
            raise Refused(f"the signature of {name} is cut short")
        found.append((name, raw[:4], raw[4:]))
    if len(found) > _SIGNATURES_MOST:
        raise Refused(f"{len(found)} signatures; more than {_SIGNATURES_MOST} are not looked at")
    return found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree head in a note, as it stands: no signature has been checked.

    Args:
        origin: The log's public name.
        size: How many records the log had.
        root: The root of the tree over them.
        note: The whole note.
    """

    origin: str
    size: int
    root: bytes
    note: Note

    @staticmethod
    def parse(raw: bytes) -> Checkpoint:
        """The checkpoint in a file's bytes."""
        note = Note.parse(raw)
        lines = note.text.removesuffix("\n").split("\n")
        if len(lines) < 3 or "" in lines:  # noqa: PLR2004 - origin, size and root
            raise Refused("no checkpoint: its text has to be an origin, a size and a root, each on a line")
        size = number(lines[1], "the checkpoint's size")
        root = strict_base64(lines[2], "the checkpoint's root")
        if len(root) != _HASH or (not size and root != sha256(b"").digest()):
            raise Refused("the checkpoint's root is no root of such a tree")
        return Checkpoint(lines[0], size, root, note)


def check_signature(key: Key, signature: bytes, checkpoint: Checkpoint) -> int:
    """When a signature says that it was made, in seconds since 1970; 0 where it does not say.

    Raises:
        Refused: It is not this key's signature of this checkpoint.
    """
    if len(signature) != _SIGNATURE_BYTES[key.kind]:
        raise Refused(f"the signature of {key.name} has the wrong length")
    signed, moment = checkpoint.note.text.encode(), 0
    if key.kind != ED25519:
        moment, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        if moment > _TIME_MOST:
            raise Refused(f"the signature of {key.name} bears no possible time")
    if key.kind == ML_DSA:
        holds = _ml_dsa_holds(key.public, signature, _subtree(key.name, moment, checkpoint))
    else:
        prefix = f"cosignature/v1\ntime {moment}\n".encode() if key.kind == COSIGNATURE else b""
        holds = ed25519_holds(key.public, signature, prefix + signed)
    if not holds:
        raise Refused(f"the signature of {key.name} is not by its key, or the checkpoint was altered")
    return moment


def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether some bytes are the Ed25519 signature of a message by a key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _ml_dsa_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError:
        raise Refused("this version of the library cryptography knows no ML-DSA; take a later one") from None
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _subtree(name: str, moment: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosignature signs."""
    names = [text.encode()[:256] for text in (name, checkpoint.origin)]
    if max(map(len, names)) > 255:  # noqa: PLR2004 - their lengths stand in a byte
        raise Refused("a name is too long for an ML-DSA-44 signature")
    cosigner, origin = (bytes([len(text)]) + text for text in names)
    span = struct.pack(">QQ", 0, checkpoint.size)
    return b"subtree/v1\n\x00" + cosigner + struct.pack(">Q", moment) + origin + span + checkpoint.root


def check_checkpoint(
    checkpoint: Checkpoint,
    key: Key,
    *,
    witnesses: Sequence[Key] = (),
    quorum: int | None = None,
    origin: str | None = None,
) -> dict[str, int]:
    """The witnesses whose cosignatures hold, each with its time in seconds since 1970.

    Args:
        key: The log's key; its signature has to be there.
        witnesses: Keys of witnesses that are trusted.
        quorum: How many of them must have cosigned; all of them if left out.
        origin: The log's public name; the key's name if left out.

    Raises:
        Refused: The log's signature is missing, one of these keys' signatures is bad, or too few witnesses cosigned.
    """
    if key.kind == COSIGNATURE:
        raise Refused(f"{key.name} is the key of a witness, not of a log")
    if any(witness.kind == ED25519 for witness in witnesses):
        raise Refused("a log's key was given as that of a witness")
    wanted = key.name if origin is None else origin
    if checkpoint.origin != wanted:
        raise Refused(f"the checkpoint is of the log {checkpoint.origin[:80]!r}, not of {wanted!r}")
    found = {one: _moments(one, checkpoint) for one in dict.fromkeys([key, *witnesses])}
    if not found[key]:
        raise Refused(f"the checkpoint is not signed by the key {str(key)[:80]}")
    # A cosignature does not commit to its name, so one key under two names counts once.
    cosigned = {one.public: (one.name, max(found[one])) for one in witnesses if found[one]}
    needed = len({one.public for one in witnesses}) if quorum is None else quorum
    if len(cosigned) < needed:
        missing = ", ".join(one.name for one in witnesses if not found[one])
        raise Refused(
            f"{len(cosigned)} of the witnesses cosigned, {needed} are asked for; missing: {missing or 'more'}"
        )
    return dict(cosigned.values())


def _moments(key: Key, checkpoint: Checkpoint) -> list[int]:
    lines = checkpoint.note.signatures
    return [
        check_signature(key, raw, checkpoint) for name, key_id, raw in lines if (name, key_id) == (key.name, key.key_id)
    ]


# -- receipts


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a receipt: what the log's tree commits to, and what was handed on beside it.

    Args:
        index: Its index in the tree; its position in the log is one more.
        path: Its inclusion proof.
        leaf: The record's bytes, to which the tree commits; None where they were not handed on.
        payload: The event's payload; None where it was not handed on, or is erased.
        salt: What was hashed in front of the payload.
        personal: Where in the payload what is personal begins, and its salt, or its hash where it was erased.
    """

    index: int
    path: tuple[bytes, ...]
    leaf: bytes | None
    payload: str | None
    salt: bytes = b""
    personal: str | None = None

    def event(self) -> dict[str, Any]:
        """What the record says, its payload held to the hash in it.

        Raises:
            Refused: The bytes are no record of a format known here, or the payload is another one.
        """
        leaf = self.leaf or b""
        head = _LEAF.size + (_ENTERED.size if leaf and leaf[0] in _WITH_ENTERED else 0)
        if len(leaf) < head or leaf[0] not in _FORMATS:
            raise Refused(f"the record at index {self.index} is in no format that is known here")
        values = _LEAF.unpack_from(leaf)
        entered = {"entered_at": _instant(*_ENTERED.unpack_from(leaf, _LEAF.size))} if head > _LEAF.size else {}
        texts: dict[str, str | None] = {}
        at = head
        for name, length in zip(_TEXTS, values[8:], strict=True):
            end = at if length == _NULL else at + length
            try:
                texts[name] = None if length == _NULL else leaf[at:end].decode()
            except UnicodeDecodeError:
                raise Refused(f"the record at index {self.index} holds no UTF-8 where a text belongs") from None
            at = end
        if at != len(leaf) or values[1] != self.index + 1:
            raise Refused(f"the record at index {self.index} is not whole, or of another position")
        if self.payload is not None and self._payload_hash(self.payload.encode(), leaf[0]) != values[7]:
            raise Refused(f"the payload of the record at index {self.index} is not the one that was recorded")
        return {
            "position": values[1],
            "stream_id": texts.pop("stream_id"),
            "version": values[2],
            "type": texts.pop("type"),
            "schema_version": values[3],
            "occurred_at": _instant(values[4]),
            "recorded_at": _instant(values[5]),
            **entered,
            "event_id": str(uuid.UUID(bytes=values[6])),
            **texts,
            "payload": self.payload,
            "payload_hash": values[7].hex(),
        }

    def _payload_hash(self, payload: bytes, leaf_format: int) -> bytes:
        """What the leaf of a payload holds in its stead: of one with a personal part, a hash of two hashes (docs/format.md)."""
        if (leaf_format in _WITH_PERSONAL) != (self.personal is not None):
            raise Refused(
                f"the record at index {self.index} does not say what of its payload is personal, or wrongly does"
            )
        if self.personal is None:
            return sha256(self.salt + payload).digest()
        found = _PERSONAL.fullmatch(self.personal)
        if found is None:
            raise Refused(
                f"what the record at index {self.index} says of personal data is in no form that is known here"
            )
        public, personal = payload[: int(found[1])], payload[int(found[1]) :]
        if found[3] is not None and not _FILLER.fullmatch(personal):
            raise Refused(f"the record at index {self.index} says something in the place of what was erased")
        apart = bytes.fromhex(found[3]) if found[3] else sha256(bytes.fromhex(found[2]) + personal).digest()
        return sha256(sha256(public).digest() + apart).digest()


def _instant(micros: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{micros} microseconds since 1970"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A `.tlog-proof` file, as it stands: nothing has been checked.

    Args:
        records: The records that it is about; the first one is that of the proof's own index.
        checkpoint: The checkpoint against which they are proven.
    """

    records: tuple[Record, ...]
    checkpoint: Checkpoint

    @staticmethod
    def parse(raw: bytes) -> Receipt:
        """The receipt in a file's bytes."""
        head, blank, note = raw.partition(b"\n\n")
        try:
            lines = head.decode().split("\n")
        except UnicodeDecodeError:
            raise Refused("the receipt is not text in UTF-8") from None
        if lines[0] != HEADER or not blank:
            raise Refused(f"no receipt: its first line is not {HEADER}, or it is cut short")
        extra = b""
        if len(lines) > 1 and lines[1].startswith("extra "):
            extra = strict_base64(lines.pop(1)[6:], "the receipt's extra data")
        if len(lines) < 2 or not lines[1].startswith("index "):  # noqa: PLR2004 - header and index
            raise Refused("no receipt: the line with the index is missing")
        index = number(lines[1][6:], "the receipt's index")
        return Receipt(tuple(_records(index, proof_path(lines[2:]), extra)), Checkpoint.parse(note))


def proof_path(lines: Sequence[str]) -> tuple[bytes, ...]:
    """The hashes of a proof, one for each line."""
    if len(lines) > _PATH_MOST:
        raise Refused(f"a proof of {len(lines)} hashes is longer than any tree is high")
    return tuple(strict_base64(line, "a hash of the proof") for line in lines)


def _records(index: int, path: tuple[bytes, ...], extra: bytes) -> list[Record]:
    """The records in a receipt's extra data; the one at the index without its bytes where they are not there."""
    try:
        said = json.loads(extra) if extra.startswith(b'{"orders_es":') else {}
        if not said:
            return [Record(index, path, None, None)]
        if said["orders_es"] != "receipt 1":
            raise Refused("the receipt is of a later version; take a later verify_proof.py")
        if set(said) - {"orders_es", "record", "records"}:
            raise Refused("the receipt's extra data holds what does not belong there")
        records = [_record(said["record"], index, path)]
        others = said.get("records", [])
        records += [_record(one, number(one["index"], "an index"), proof_path(one["path"])) for one in others]
    except Refused:
        raise
    except (LookupError, TypeError, AttributeError, RecursionError, ValueError):
        raise Refused("the receipt's extra data is not what a receipt of orders_es holds") from None
    return records


def _record(said: dict[str, str | None], index: int, path: tuple[bytes, ...]) -> Record:
    if set(said) - {"leaf", "payload", "salt", "personal", "index", "path"}:
        raise Refused("a record of the receipt holds what does not belong there")
    payload, salt = said.get("payload"), said.get("salt") or ""
    if payload is not None:
        payload.encode()
    leaf, personal = strict_base64(said["leaf"] or "", "a record"), said.get("personal")
    return Record(index, path, leaf, payload, strict_base64(salt, "a salt"), personal)


@dataclass(frozen=True, slots=True)
class Holds:
    """What a receipt proves.

    Args:
        origin: The public name of the log that signed.
        size: How many records the log had when it signed.
        root: The root of the tree over them.
        events: What was in it, as recorded: one dict per event, in position order.
        cosigned: The witnesses that cosigned, each with its time in seconds since 1970.
    """

    origin: str
    size: int
    root: bytes
    events: list[dict[str, Any]]
    cosigned: dict[str, int] = field(default_factory=dict)


def check_receipt(receipt: Receipt, key: Key, *, record: bytes | None = None, **policy: Any) -> Holds:
    """What a receipt proves, once every part of it has been checked.

    Args:
        key: The log's key, from somewhere else than the receipt.
        record: The record's bytes, for a proof that does not hold them.
        policy: As for `check_checkpoint`.

    Raises:
        Refused: It does not hold.
    """
    checkpoint = receipt.checkpoint
    cosigned = check_checkpoint(checkpoint, key, **policy)
    events: list[dict[str, Any]] = []
    for one in receipt.records:
        leaf = one.leaf if record is None else record
        if leaf is None:
            raise Refused("the proof does not hold the record that it is about; give it with --record FILE")
        check_inclusion(one.index, checkpoint.size, leaf_hash(leaf), one.path, checkpoint.root)
        events.append(one.event() if record is None else {"position": one.index + 1, "record": leaf.hex()})
    if len({one.index for one in receipt.records}) != len(events):
        raise Refused("the receipt holds a record twice")
    events.sort(key=lambda event: event["position"])
    return Holds(checkpoint.origin, checkpoint.size, checkpoint.root, events, cosigned)


def describe(holds: Holds) -> list[str]:
    """What a receipt proves, in words, a line each."""
    lines = [f"holds: signed by {holds.origin}, whose log had {holds.size:,} records then, root {holds.root.hex()}"]
    for name, moment in holds.cosigned.items():
        lines.append(f"cosigned by {name} at {_instant(moment * 1_000_000)}")
    for event in holds.events:
        if "record" in event:
            lines.append(f"record {event['position']}: {event['record']}")
            continue
        claim = f", entered {event['entered_at']} as its source says" if "entered_at" in event else ""
        lines.append(
            f"position {event['position']}: {event['stream_id']} version {event['version']}, {event['type']}, "
            f"occurred {event['occurred_at']}, recorded {event['recorded_at']}{claim}, by {event['actor'] or 'nobody named'}"
        )
        lines.append(f"  {event['payload'] or 'payload not handed on, SHA-256 ' + event['payload_hash']}")
    lines.append(
        "these events were in the log when it was signed; that there were no others is not proven by a receipt"
    )
    return ["".join("?" if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in x) for x in lines]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one receipt, as the command line says; 0 if it holds, 1 if not."""
    parser = argparse.ArgumentParser(description="Check a receipt of an orders_es log, without the log.")
    parser.add_argument("receipt", type=Path, help="the .tlog-proof file")
    parser.add_argument("--key", required=True, help="the log's public key, NAME+ID+KEY; not from beside the receipt")
    parser.add_argument(
        "--witness", action="append", default=[], help="public key of a witness that has to have cosigned"
    )
    parser.add_argument("--quorum", type=int, help="how many of the witnesses; all unless given")
    parser.add_argument("--origin", help="the log's public name, where it is not the key's")
    parser.add_argument("--record", type=Path, help="file with the record, for a proof that does not hold it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    try:
        key, witnesses = Key.parse(asked.key), [Key.parse(text) for text in asked.witness]
        raw, record = asked.receipt.read_bytes(), asked.record.read_bytes() if asked.record else None
    except (Refused, OSError) as error:
        parser.error(str(error))
    try:
        policy = {"witnesses": witnesses, "quorum": asked.quorum, "origin": asked.origin}
        holds = check_receipt(Receipt.parse(raw), key, record=record, **policy)
    except Refused as error:
        sys.stderr.write(f"{asked.receipt}: does NOT hold: {error}\n")
        return 1
    except ImportError:
        sys.stderr.write(
            "nothing was checked: the library cryptography is missing; install it: pip install cryptography\n"
        )
        return 2
    said = {"holds": True, "origin": holds.origin, "size": holds.size, "root": holds.root.hex()}
    said |= {"cosigned": holds.cosigned, "events": holds.events}
    sys.stdout.write((json.dumps(said, indent=2) if asked.json else "\n".join(describe(holds))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
