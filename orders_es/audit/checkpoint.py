"""Signed checkpoints: what a log swears to, in a form that others can keep and hold it to. docs/audit.md has the rules."""

from __future__ import annotations

import base64
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es import files
from orders_es.audit.keys import Signer, public_key, public_keys, read_signer
from orders_es.audit.proofs import ConsistencyProof
from orders_es.audit.tree import LogTree
from orders_es.audit.verify_proof import ED25519, Checkpoint, Key, Refused, check_checkpoint, check_signature
from orders_es.errors import BadCheckpoint, BadKey, BadProof, CannotPublish, DamagedLog, NoCheckpoint
from orders_es.log.log_argument import check_log
from orders_es.log.protocol import check_writable, derived_folder
from orders_es.log.target import check_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orders_es.log import EventLog

__all__ = [
    "SignedCheckpoint",
    "check_against_checkpoint",
    "checkpoint",
    "kept_checkpoints",
    "newest_checkpoint",
    "prove_consistency",
    "read_checkpoint",
    "sign_head",
]


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A signed checkpoint, its bytes and what they say.

    Args:
        origin: The log's public name, which is the name of the key that signed.
        size: How many events the log had.
        root: The root of the tree over them.
        note: The signed note, as it is kept and handed on.
        path: Where it is kept; None where it is not.
    """

    origin: str
    size: int
    root: bytes
    note: bytes
    path: Path | None = None

    @property
    def parsed(self) -> Checkpoint:
        """The note, taken apart."""
        return Checkpoint.parse(self.note)

    def __str__(self) -> str:
        return self.note.decode()


def checkpoint(
    log: EventLog,
    key: Signer | str | os.PathLike[str],
    *,
    memory: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> SignedCheckpoint:
    """Sign the head of a log, once it is proven to be what was signed before with events added at its end.

    Every event since the last signed checkpoint is read and hashed first. The checkpoint is kept in the folder `checkpoints`
    beside the log and, as the memory of the key, in a file beside the key, `<key>.signed`: whoever rewrites the log together
    with all that lies beside it is found out at the next signature. A signature that stays beside the log proves nothing;
    `publish` it.

    Args:
        key: The private key, or the file that holds it.
        memory: The file in which the last checkpoint signed with this key is remembered; `<key>.signed` if left out, and
            nothing for a key that is not in a file.
        progress: Show a progress bar.

    Raises:
        BadKey: The key cannot be used.
        NotAnExtension: The log is not what was signed before with events added.
        BadCheckpoint: What was signed before is there, and damaged.
        DamagedLog: The events do not give the root that the log states.
        TargetInLog: The key, and with it its memory, lies in the log.
        CannotPublish: The checkpoint could not be kept.
        ReadOnlyLog: The log was opened to be read; a checkpoint is kept beside it.

    Example:
        >>> from orders_es.audit.keys import generate_key
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log = open_log(":memory:")
        >>> _ = log.append("A-1", [OrderPlaced()], expected=NO_STREAM)
        >>> checkpoint(log, generate_key("example.com/shop")).size
        1
    """
    check_log(log)
    check_writable(log)
    return keep(log, sign_head(log, key, memory=memory, progress=progress))


def sign_head(
    log: EventLog,
    key: Signer | str | os.PathLike[str],
    *,
    memory: str | os.PathLike[str] | None = None,
    extension: str = "",
    progress: bool = False,
) -> SignedCheckpoint:
    """As `checkpoint`, but nothing is kept beside the log, which is only read.

    Args:
        extension: A line of text more that is signed, after the root (https://c2sp.org/tlog-checkpoint, extension lines).

    Raises:
        BadKey, NotAnExtension, BadCheckpoint, DamagedLog, TargetInLog, CannotPublish: As `checkpoint`.
    """
    check_log(log)
    signer = key if isinstance(key, Signer) else read_signer(key)
    if signer.key.kind != ED25519:
        raise BadKey(
            signer.key.name, "it is the key of a witness; a log signs with a key of its own: orders-es keygen NAME"
        )
    remembered = Path(memory) if memory is not None else None
    if remembered is None and not isinstance(key, Signer):
        remembered = Path(f"{os.fspath(key)}.signed")
    if remembered is not None:
        check_target(log, remembered)
    head = log.head()
    tree = LogTree(log, progress=progress)
    after = 0
    for earlier in _signed_before(log, signer.key, remembered):
        tree.checked_consistency(earlier.size, earlier.root, head.position, head.root)
        after = max(after, earlier.size)
    anew = tree.hashed_anew(head.position, after=after)
    if anew.root() != head.root:
        # What was kept may be at fault: once more, from the first event on.
        tree.forget()
        anew = tree.hashed_anew(head.position)
        if anew.root() != head.root:
            reason = "its events do not give the root that it states; orders-es verify says where. Nothing was signed"
            raise DamagedLog(log.url, reason)
    text = f"{signer.key.name}\n{head.position}\n{base64.b64encode(head.root).decode()}\n"
    text += f"{extension}\n" if extension else ""
    line = f"— {signer.key.name} {base64.b64encode(signer.key.key_id + signer.sign(text.encode())).decode()}\n"
    made = SignedCheckpoint(signer.key.name, head.position, head.root, f"{text}\n{line}".encode())
    if remembered is not None:
        write_whole(remembered, made.note)
    return made


def _signed_before(log: EventLog, key: Key, remembered: Path | None) -> Iterator[SignedCheckpoint]:
    """What this key signed before, as far as it is remembered beside the key and beside the log."""
    if remembered is not None and remembered.exists():
        yield _by(key, read_checkpoint(remembered))
    own = [one for one in kept_checkpoints(log) if one.origin == key.name]
    if own:
        yield _by(key, own[-1])


def _by(key: Key, earlier: SignedCheckpoint) -> SignedCheckpoint:
    """An earlier checkpoint, if it is this key's; a log's older keys had other key ids, and their word counts too."""
    lines = [raw for name, key_id, raw in earlier.parsed.note.signatures if (name, key_id) == (key.name, key.key_id)]
    with refusing(str(earlier.path), BadCheckpoint):
        for raw in lines:
            check_signature(key, raw, earlier.parsed)
        if earlier.origin != key.name:
            raise Refused(f"it is of the log {earlier.origin!r}, and a key signs one log only; make another key")
    return earlier


def keep(log: EventLog, made: SignedCheckpoint) -> SignedCheckpoint:
    """Keep a checkpoint beside the log; where one of this size is there, their signatures are put together."""
    check_writable(log)
    folder = checkpoints_folder(log)
    if folder is None:
        return made
    path, note, number = folder / f"{made.size:020d}.checkpoint", made.note, 1
    while path.exists():
        there = read_checkpoint(path)
        if there.origin == made.origin:
            note = united(there, made)
            break
        number += 1  # a key of another name has signed at this size, too
        path = folder / f"{made.size:020d}-{number}.checkpoint"
    write_whole(path, note)
    return SignedCheckpoint(made.origin, made.size, made.root, note, path)


def united(one: SignedCheckpoint, other: SignedCheckpoint) -> bytes:
    """The note of a checkpoint with the signatures of two copies of it.

    Raises:
        BadCheckpoint: They are not of one and the same head.
    """
    if one.parsed.note.text != other.parsed.note.text:
        reason = (
            f"there is another one of {one.size:,} events already, of {one.origin!r} with the root {one.root.hex()}"
        )
        raise BadCheckpoint(str(one.path or other.path), reason)
    text, _, known = one.note.decode().rpartition("\n\n")
    lines = known.splitlines(keepends=True)
    lines += [line for line in other.note.decode().rpartition("\n\n")[2].splitlines(keepends=True) if line not in lines]
    return f"{text}\n\n{''.join(lines)}".encode()


def checkpoints_folder(log: EventLog) -> Path | None:
    """Where a log's signed checkpoints are kept: beside `derived`; None where there is no such place."""
    derived = derived_folder(log)
    return None if derived is None else derived.with_name(derived.name.removesuffix("derived") + "checkpoints")


def kept_checkpoints(log: EventLog) -> list[SignedCheckpoint]:
    """The checkpoints that are kept beside a log, by size; their signatures are not checked here.

    Raises:
        BadCheckpoint: One of them is damaged.

    Example:
        >>> import tempfile
        >>> from orders_es.audit.keys import generate_key
        >>> from orders_es.log import open_log
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> made = checkpoint(log, generate_key("example.com/shop"))
        >>> kept_checkpoints(log) == [made]
        True
    """
    check_log(log)
    folder = checkpoints_folder(log)
    if folder is None or not folder.is_dir():
        return []
    return [read_checkpoint(path) for path in sorted(folder.glob("*.checkpoint"))]


def newest_checkpoint(log: EventLog) -> SignedCheckpoint:
    """The largest checkpoint that is kept beside a log.

    Raises:
        NoCheckpoint: There is none.

    Example:
        >>> import tempfile
        >>> from orders_es.audit.keys import generate_key
        >>> from orders_es.log import open_log
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = checkpoint(log, generate_key("example.com/shop"))
        >>> newest_checkpoint(log).size
        0
    """
    check_log(log)
    kept = kept_checkpoints(log)
    if not kept:
        raise NoCheckpoint(log.url, "sign one: orders-es checkpoint --key FILE")
    return kept[-1]


def read_checkpoint(source: str | os.PathLike[str] | bytes) -> SignedCheckpoint:
    """The checkpoint in a file, or in bytes; its signatures are not checked here.

    Raises:
        BadCheckpoint: There is none.

    Example:
        >>> from orders_es.audit.keys import generate_key
        >>> from orders_es.log import open_log
        >>> made = checkpoint(open_log(":memory:"), generate_key("example.com/shop"))
        >>> read_checkpoint(made.note).size
        0
    """
    if isinstance(source, bytes):
        what, raw, path = "checkpoint", source, None
    else:
        path = Path(source)
        what = str(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise BadCheckpoint(what, f"it cannot be read ({error.strerror or error})") from None
    with refusing(what, BadCheckpoint):
        parsed = Checkpoint.parse(raw)
    return SignedCheckpoint(parsed.origin, parsed.size, parsed.root, raw, path)


def check_against_checkpoint(
    log: EventLog,
    signed: SignedCheckpoint | str | os.PathLike[str],
    key: Key | str | os.PathLike[str],
    *,
    witnesses: Sequence[Key | str | os.PathLike[str]] = (),
    quorum: int | None = None,
    origin: str | None = None,
    progress: bool = False,
) -> dict[str, int]:
    """Return if a log's head is what was signed with events added at its end; the witnesses that cosigned, with their times.

    The head is what the log states of itself. That its events give this head is what `verify` shows; the two together say
    that the events of then are all there, unaltered and in their places.

    Args:
        log: The log as it is now.
        signed: The checkpoint, or the file that holds it; from somewhere else than beside the log.
        key: The log's public key, or the file that holds it.
        witnesses: Public keys of witnesses.
        quorum: How many of them must have cosigned; all if left out.
        origin: The log's public name, where it is not the key's.
        progress: Show a progress bar, where events have to be hashed.

    Raises:
        BadKey: A key cannot be used.
        BadCheckpoint: It is malformed, not signed by this key, or not cosigned by enough witnesses.
        NotAnExtension: The log is not an extension of what was signed.

    Example:
        >>> from orders_es.audit.keys import generate_key
        >>> from orders_es.log import ANY, open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log, signer = open_log(":memory:"), generate_key("example.com/shop")
        >>> signed = checkpoint(log, signer)
        >>> _ = log.append("A-1", [OrderPlaced()], expected=ANY)
        >>> check_against_checkpoint(log, signed, signer.key)
        {}
    """
    check_log(log)
    verifier, known = public_key(key), public_keys(witnesses)
    if not isinstance(signed, SignedCheckpoint):
        signed = read_checkpoint(signed)
    with refusing(str(signed.path or "checkpoint"), BadCheckpoint):
        cosigned = check_checkpoint(signed.parsed, verifier, witnesses=known, quorum=quorum, origin=origin)
    head = log.head()
    LogTree(log, progress=progress).checked_consistency(signed.size, signed.root, head.position, head.root)
    return cosigned


def prove_consistency(log: EventLog, old: SignedCheckpoint | None, new: SignedCheckpoint) -> bytes:
    """A proof that a log at one checkpoint is the log at another one with events added at its end.

    Args:
        old: The earlier checkpoint; None for a witness that has not seen the log yet.
        new: The later one.

    Returns:
        The proof, in the form in which a C2SP witness takes it: with the later checkpoint, and without the earlier one.

    Raises:
        BadCheckpoint: They are of two logs, or the wrong way round.
        NotAnExtension: The log is not what was signed.

    Example:
        >>> from orders_es.audit.keys import generate_key
        >>> from orders_es.log import open_log
        >>> from orders_es.orders import OrderPlaced
        >>> log, signer = open_log(":memory:"), generate_key("example.com/shop")
        >>> earlier = checkpoint(log, signer)
        >>> _ = log.append("A-1", [OrderPlaced()], expected=0)
        >>> prove_consistency(log, earlier, checkpoint(log, signer)).decode().splitlines()[0]
        'old 0'
    """
    check_log(log)
    if old is not None and (old.origin != new.origin or old.size > new.size):
        reason = f"it is of {new.origin!r} at {new.size:,} events, and the other one of {old.origin!r} at {old.size:,}"
        raise BadCheckpoint(str(new.path or "checkpoint"), f"{reason}; give the earlier one of the same log first")
    tree, head = LogTree(log), log.head()
    tree.checked_consistency(new.size, new.root, head.position, head.root)
    path = [] if old is None else tree.checked_consistency(old.size, old.root, new.size, new.root)
    return ConsistencyProof(0 if old is None else old.size, tuple(path), new.parsed, new.note).to_bytes()


@contextmanager
def refusing(what: str, kind: type[BadCheckpoint | BadKey | BadProof]) -> Iterator[None]:
    """Turn what the checker of receipts refuses into an error of this package."""
    try:
        yield
    except Refused as error:
        raise kind(what, str(error)) from None
    except ImportError as error:
        missing = "the library cryptography is missing; install it: pip install 'orders_es[audit]'"
        raise BadKey("Ed25519", missing) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole and durable, or as it was before.

    Raises:
        CannotPublish: It cannot be written.
    """
    try:
        files.write_whole(path, content, mode=0o644)
    except OSError as error:
        raise CannotPublish(str(path), error.strerror or str(error)) from error
