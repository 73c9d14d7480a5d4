"""Cosignatures (c2sp.org/tlog-cosignature): being a witness of somebody's log, and keeping what witnesses of one's own said.

A witness does not look at events. It remembers the last checkpoint of each log that it saw, and cosigns a later one only if
that is the earlier one with events added at its end. So a log cannot show one past to some and another to others.
"""

from __future__ import annotations

import base64
import os
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.audit.checkpoint import (
    SignedCheckpoint,
    keep,
    newest_checkpoint,
    read_checkpoint,
    refusing,
    write_whole,
)
from orders_es.audit.keys import Signer, public_key, public_keys, read_signer
from orders_es.audit.proofs import ConsistencyProof
from orders_es.audit.verify_proof import (
    COSIGNATURE,
    Key,
    Refused,
    check_checkpoint,
    check_signature,
    signature_lines,
)
from orders_es.errors import BadCheckpoint, BadKey, BadProof
from orders_es.log.log_argument import check_log
from orders_es.log.protocol import check_writable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.log import EventLog

__all__ = ["cosign", "keep_cosignatures"]


def cosign(
    proof: str | os.PathLike[str] | bytes,
    key: Signer | str | os.PathLike[str],
    log_key: Key | str | os.PathLike[str],
    *,
    memory: str | os.PathLike[str],
    at: int | None = None,
) -> str:
    """A witness's cosignature of a checkpoint, once it is proven to follow on the last one that the witness saw of that log.

    The checkpoint is remembered before the cosignature is given. A log that the witness has not seen yet is taken as it is.

    Args:
        proof: A consistency proof, or its file, as `prove_consistency` makes it: from the size that the witness saw last.
        key: The witness's private key, or its file.
        log_key: The public key of the log.
        memory: The folder in which the witness remembers, one file for each log.
        at: The time, in seconds since 1970; now if left out.

    Returns:
        The signature line, ended by a newline; a witness that answers over HTTP sends just that.

    Raises:
        BadKey: A key cannot be used.
        BadCheckpoint: The checkpoint is not signed by the log.
        BadProof: It does not follow on what the witness saw last; the text says at what size that was.

    Example:
        >>> from tempfile import mkdtemp
        >>> from orders_es.audit import checkpoint, generate_key, prove_consistency
        >>> from orders_es.log import open_log
        >>> log, signer, witness = open_log(":memory:"), generate_key("example.com/shop"), generate_key("w.example", witness=True)
        >>> proof = prove_consistency(log, None, checkpoint(log, signer))
        >>> cosign(proof, witness, signer.key, memory=mkdtemp() + "/seen").split()[1]
        'w.example'
    """
    signer = key if isinstance(key, Signer) else read_signer(key)
    if signer.key.kind != COSIGNATURE:
        raise BadKey(
            signer.key.name, "it is the key of a log; a witness has one of its own: orders-es keygen NAME --witness"
        )
    verifier = public_key(log_key)
    what = "proof" if isinstance(proof, bytes) else os.fspath(proof)
    try:
        raw = proof if isinstance(proof, bytes) else Path(proof).read_bytes()
    except OSError as error:
        raise BadProof(what, f"it cannot be read ({error.strerror or error})") from None
    with refusing(what, BadProof):
        parsed = ConsistencyProof.parse(raw)
    new = parsed.checkpoint
    with refusing(what, BadCheckpoint):
        check_checkpoint(new, verifier)
    seen = Path(memory) / f"{sha256(new.origin.encode()).hexdigest()[:32]}.checkpoint"
    last = read_checkpoint(seen) if seen.exists() else None
    with refusing(what, BadProof):
        if last is None:
            if parsed.old:
                raise Refused(
                    f"it begins at {parsed.old:,} events, and this witness has seen none of {new.origin}; begin at 0"
                )
        elif last.size != parsed.old:
            raise Refused(
                f"it begins at {parsed.old:,} events, and this witness has seen {last.size:,} of {new.origin}"
            )
        else:
            parsed.check(last.parsed)
    write_whole(seen, parsed.note)
    moment = int(time.time()) if at is None else at
    text = f"cosignature/v1\ntime {moment}\n{new.note.text}"
    signature = signer.key.key_id + moment.to_bytes(8, "big") + signer.sign(text.encode())
    return f"— {signer.key.name} {base64.b64encode(signature).decode()}\n"


def keep_cosignatures(
    log: EventLog,
    given: str | os.PathLike[str] | bytes | Sequence[str | os.PathLike[str] | bytes],
    witnesses: Sequence[Key | str | os.PathLike[str]],
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
) -> tuple[SignedCheckpoint, list[str]]:
    """Add witnesses' cosignatures, once they are checked, to the checkpoint that is kept beside a log.

    Args:
        given: What the witnesses answered: signature lines, or the whole checkpoint with them; or the file that holds it; or several of
            these, all of which are checked before any is kept.
        witnesses: Their public keys; lines by others are passed over.
        checkpoint: The checkpoint that they cosigned, or its file; the newest one kept beside the log if left out.

    Returns:
        The checkpoint with all of its signatures, and the names of the witnesses whose cosignatures were found good.

    Raises:
        BadKey: A key cannot be used.
        BadCheckpoint: There is no cosignature by these keys, or a bad one.
        NoCheckpoint: No checkpoint is kept beside the log.
        ReadOnlyLog: The log was opened to be read.

    Example:
        >>> from tempfile import mkdtemp
        >>> from orders_es.audit import checkpoint, generate_key, prove_consistency
        >>> from orders_es.log import open_log
        >>> log, signer, witness = open_log(mkdtemp(), create=True), generate_key("example.com/shop"), generate_key("w.example", witness=True)
        >>> signed = checkpoint(log, signer)
        >>> line = cosign(prove_consistency(log, None, signed), witness, signer.key, memory=mkdtemp() + "/seen")
        >>> keep_cosignatures(log, line.encode(), [witness.key])[1]
        ['w.example']
    """
    check_log(log)
    check_writable(log)
    known = public_keys(witnesses)
    if checkpoint is None:
        signed = newest_checkpoint(log)
    else:
        signed = checkpoint if isinstance(checkpoint, SignedCheckpoint) else read_checkpoint(checkpoint)
    good: list[str] = []
    names: list[str] = []
    for one in [given] if isinstance(given, str | bytes | os.PathLike) else given:
        for line, name in _good_lines(one, known, signed):
            if line not in good:
                good.append(line)
                names.append(name)
    body = signed.note.decode()
    note = body + "".join(line for line in good if line not in body)
    made = SignedCheckpoint(signed.origin, signed.size, signed.root, note.encode(), signed.path)
    return keep(log, made), names


def _good_lines(
    given: str | os.PathLike[str] | bytes, known: Sequence[Key], signed: SignedCheckpoint
) -> list[tuple[str, str]]:
    """The cosignatures by some witnesses in what was answered, each with the witness's name.

    Raises:
        BadCheckpoint: There is none, or a bad one.
    """
    what = "cosignatures" if isinstance(given, bytes) else os.fspath(given)
    try:
        raw = given if isinstance(given, bytes) else Path(given).read_bytes()
        text = raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadCheckpoint(
            what, f"it cannot be read ({getattr(error, 'strerror', None) or 'no text in UTF-8'})"
        ) from None
    good: list[tuple[str, str]] = []
    with refusing(what, BadCheckpoint):
        lines = text.rpartition("\n\n")[2] if "\n\n" in text else text
        if not lines.endswith("\n"):
            raise Refused("its last line is not ended by a newline, so it may be cut short")
        for line, (name, key_id, signature) in zip(lines[:-1].split("\n"), signature_lines(lines), strict=True):
            for key in known:
                if (key.name, key.key_id) == (name, key_id):
                    check_signature(key, signature, signed.parsed)
                    good.append((f"{line}\n", name))
        if not good:
            raise Refused("it holds no cosignature by the witnesses that were named")
    return good
