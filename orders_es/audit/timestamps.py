"""RFC 3161 time stamps: that a checkpoint existed at a moment, on the word of a time-stamping authority. The extra `timestamps`.

What is stamped is the text of the checkpoint's note, without its signatures: those may be added to later, and the text holds the
root. So `openssl ts -verify -data` checks a stamp as well, on that text.
"""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.audit.checkpoint import (
    SignedCheckpoint,
    checkpoints_folder,
    newest_checkpoint,
    read_checkpoint,
    write_whole,
)
from orders_es.audit.der import certificates_sorted
from orders_es.errors import BadKey, BadProof, CannotPublish, NoCheckpoint
from orders_es.log.protocol import check_writable

if TYPE_CHECKING:
    from datetime import datetime

    from orders_es.log import EventLog

__all__ = ["TimeStamp", "check_timestamp", "fetch_timestamp", "keep_timestamp", "request_timestamp"]

_SECONDS = 30
_ANSWER_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What a time stamp says, once it is checked.

    Args:
        size: How many events the stamped checkpoint counts.
        at: The authority's time.
        path: Where the stamp is kept; None where it is not.
    """

    size: int
    at: datetime
    path: Path | None = None


def request_timestamp(checkpoint: SignedCheckpoint | str | os.PathLike[str]) -> bytes:
    """What a time-stamping authority is sent, in DER: SHA-256 of the checkpoint's text, a nonce, and the wish for its certificate.

    Args:
        checkpoint: The checkpoint, or its file.

    Raises:
        BadKey: The library rfc3161-client is missing.
    """
    client = _client()
    builder = client.TimestampRequestBuilder().data(_text(_read(checkpoint)))
    request: bytes = builder.hash_algorithm(client.HashAlgorithm.SHA256).build().as_bytes()
    return request


def check_timestamp(
    checkpoint: SignedCheckpoint | str | os.PathLike[str],
    stamp: str | os.PathLike[str] | bytes,
    authority: str | os.PathLike[str],
) -> TimeStamp:
    """What a time stamp of a checkpoint says, once it is led to an authority that is trusted.

    Args:
        checkpoint: The checkpoint, or its file.
        stamp: The authority's answer in DER, or its file.
        authority: The file with the certificates, in PEM, that are trusted as roots.

    Raises:
        BadKey: The certificates cannot be read, or the library rfc3161-client is missing.
        BadProof: It is malformed, of something else, or not by this authority.
    """
    client, roots = _client(), _roots(authority)
    signed = _read(checkpoint)
    what = "time stamp" if isinstance(stamp, bytes) else os.fspath(stamp)
    try:
        raw = stamp if isinstance(stamp, bytes) else Path(stamp).read_bytes()
    except OSError as error:
        raise BadProof(what, f"it cannot be read ({error.strerror or error})") from None
    builder = client.VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        answer = client.decode_timestamp_response(certificates_sorted(raw))
        builder.build().verify_message(answer, _text(signed))
        moment: datetime = answer.tst_info.gen_time
    except (client.VerificationError, ValueError, TypeError) as error:
        why = " ".join(str(error).split())[:200]
        raise BadProof(what, f"it is no time stamp of this checkpoint by this authority ({why})") from None
    return TimeStamp(signed.size, moment)


def keep_timestamp(
    log: EventLog,
    stamp: str | os.PathLike[str] | bytes,
    authority: str | os.PathLike[str],
    *,
    checkpoint: SignedCheckpoint | str | os.PathLike[str] | None = None,
) -> TimeStamp:
    """Keep a time stamp, once it is checked, with the checkpoint beside a log.

    Args:
        stamp: The authority's answer in DER, or its file.
        authority: The file with the certificates that are trusted.
        checkpoint: The checkpoint that was stamped; the newest one kept beside the log if left out.

    Raises:
        NoCheckpoint: No checkpoint is kept beside the log, or the log has no place for one.
        BadProof: See `check_timestamp`.
        CannotPublish: It cannot be written.
        ReadOnlyLog: The log was opened to be read.
    """
    check_writable(log)
    signed = newest_checkpoint(log) if checkpoint is None else _read(checkpoint)
    checked = check_timestamp(signed, stamp, authority)
    folder = checkpoints_folder(log)
    if folder is None:
        raise NoCheckpoint(log.url, "a log in memory has no place beside it to keep a time stamp in")
    raw = stamp if isinstance(stamp, bytes) else Path(stamp).read_bytes()
    number = 1
    while True:
        path = folder / f"{signed.size:020d}.{number}.tsr"
        if not path.exists() or path.read_bytes() == raw:
            break
        number += 1
    write_whole(path, raw)
    return TimeStamp(signed.size, checked.at, path)


def fetch_timestamp(url: str, checkpoint: SignedCheckpoint | str | os.PathLike[str]) -> bytes:
    """A time-stamping authority's answer, as it came: `check_timestamp` says what it is worth. Sends a hash over the network.

    Args:
        url: The authority's address, `http://` or `https://`.
        checkpoint: The checkpoint, or its file.

    Raises:
        CannotPublish: The authority could not be reached, or refused.
    """
    if not url.startswith(("http://", "https://")):
        raise CannotPublish(url, "an authority's address begins with http:// or https://")
    headers = {"Content-Type": "application/timestamp-query"}
    query = request_timestamp(checkpoint)
    try:
        request = urllib.request.Request(url, query, headers)  # noqa: S310 - the scheme was looked at
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - the same
            found: bytes = answer.read(_ANSWER_MOST)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise CannotPublish(url, f"the authority gave no answer ({getattr(error, 'reason', error)})") from None
    return found


def _read(checkpoint: SignedCheckpoint | str | os.PathLike[str]) -> SignedCheckpoint:
    return checkpoint if isinstance(checkpoint, SignedCheckpoint) else read_checkpoint(checkpoint)


def _text(signed: SignedCheckpoint) -> bytes:
    return signed.parsed.note.text.encode()


def _roots(authority: str | os.PathLike[str]) -> list[Any]:
    from cryptography.x509 import load_pem_x509_certificates  # an extra

    try:
        return load_pem_x509_certificates(Path(authority).read_bytes())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadKey(os.fspath(authority), f"it holds no certificates in PEM ({why})") from None


def _client() -> Any:
    try:
        import rfc3161_client  # an extra
    except ImportError as error:
        missing = "the library rfc3161-client is missing; install it: pip install 'orders_es[timestamps]'"
        raise BadKey("RFC 3161", missing) from error
    return rfc3161_client
