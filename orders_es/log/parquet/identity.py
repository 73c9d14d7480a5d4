"""`log.json`: what a log is, written once at its creation and never changed."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from xxhash import xxh3_128_hexdigest

from orders_es.errors import DamagedLog, NotALog, ReadOnlyLog, StorageError
from orders_es.errors.system import no_file, words_of
from orders_es.log.parquet.chain import COMMITS, SEGMENTS
from orders_es.log.parquet.digests import DIGITS
from orders_es.log.parquet.footer import FORMAT, damaged
from orders_es.log.parquet.storage import publish, sync_folder
from orders_es.log.scan import literal

__all__ = ["IDENTITY_FILE", "Identity", "create_identity", "has_events", "read_identity"]

IDENTITY_FILE = "log.json"


class _Format(msgspec.Struct):
    format: int


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who a log is.

    Args:
        format: The version of the format on disk.
        log_id: Its identity; stands in every data file's footer.
        origin: Its name, for people and for signed checkpoints.
        created_at: When it was created.
        check: The digest of `log.json`; none in a log from before there were any.
    """

    format: int
    log_id: uuid.UUID
    origin: str
    created_at: datetime
    check: str | None = None


def read_identity(folder: str) -> Identity:
    """The identity of the log in a folder. Read-only.

    Raises:
        NotALog: There is no folder, or no log in it, or one that this program is too old for.
        DamagedLog: Its `log.json` is missing or unreadable.
    """
    path = _folder(folder)
    try:
        text = _read(str(path / IDENTITY_FILE))
    except FileNotFoundError:
        if has_events(path):
            raise DamagedLog(str(path / IDENTITY_FILE), "it is missing; restore it from a backup") from None
        raise NotALog(
            folder, f"the folder holds no {IDENTITY_FILE}; create a log there with open_log(url, create=True)"
        ) from None
    except OSError as error:
        raise damaged(str(path / IDENTITY_FILE), error) from error
    try:
        found = msgspec.json.decode(text, type=_Format).format
        if found != FORMAT:
            raise NotALog(folder, f"its format is {found}, this program reads {FORMAT}; use another orders_es")
        identity = msgspec.json.decode(text, type=Identity)
        if identity.check is not None and _check_of(text, identity.check) != identity.check:
            raise ValueError("its bytes are not those that were written")
    except NotALog:
        raise
    except (msgspec.DecodeError, ValueError) as error:
        raise DamagedLog(str(path / IDENTITY_FILE), f"it is not sound ({error}); restore it from a backup") from error
    return identity


def _check_of(text: bytes, check: str) -> str:
    """What `check` in the text has to be: the text's digest, with zeros in the digest's own place."""
    blank = text.replace(f'"check": "{check}"'.encode(), f'"check": "{"0" * DIGITS}"'.encode())
    return xxh3_128_hexdigest(blank)


def _folder(folder: str) -> Path:
    """The folder, if it is one.

    Raises:
        NotALog, UnreadableLog, DamagedLog: It is not.
    """
    path = Path(folder)
    try:
        there = path.is_dir() or path.exists()
    except OSError as error:
        raise damaged(folder, error) from error
    if not there and path.is_symlink():
        raise NotALog(folder, "it is a symbolic link that leads nowhere; mend the link, or name the folder itself")
    if not there:
        raise NotALog(folder, "there is no such folder; create a log there with open_log(url, create=True)")
    if not path.is_dir():
        raise NotALog(folder, "it is a file; a log is a folder")
    return path


def _read(path: str) -> bytes:
    """A small file's bytes; a named pipe in its place, which would wait for ever, is an error."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        kind = no_file(os.fstat(fd).st_mode)
        if kind is not None:
            raise DamagedLog(path, f"{kind}; restore the file from a backup")
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(fd)


def create_identity(folder: str, origin: str | None) -> Identity:
    """The identity of the log in a folder, which is created if there is none yet.

    Raises:
        NotALog: The folder holds other things already.
        InvalidSetting: DuckDB has no spelling for such a path.
        ReadOnlyLog: It cannot be written.
        StorageError: The disk refused.
    """
    path = Path(folder)
    if (path / IDENTITY_FILE).exists():
        return read_identity(folder)
    literal(str(path.absolute()))  # what nobody could query is not begun
    if path.exists() and not path.is_dir():
        raise NotALog(folder, "it is a file; a log is a folder")
    if path.exists():
        if has_events(path):
            return read_identity(folder)
        others = sorted(entry for entry in os.listdir(path) if entry not in (COMMITS, SEGMENTS, IDENTITY_FILE))
        if [name for name in others if not name.endswith(".tmp")]:
            raise NotALog(folder, f"the folder holds other things ({others[0]}); name a new or an empty folder")
    try:
        (path / COMMITS).mkdir(parents=True, exist_ok=True)
        (path / SEGMENTS).mkdir(exist_ok=True)
        sync_folder(folder)
        sync_folder(str(path.absolute().parent))
    except PermissionError as error:
        raise ReadOnlyLog(folder) from error
    except OSError as error:
        raise StorageError(folder, words_of(error)) from error
    blank = "0" * DIGITS
    identity = Identity(FORMAT, uuid.uuid4(), origin or path.absolute().name, datetime.now(UTC), blank)
    text = msgspec.json.format(msgspec.json.encode(identity), indent=2) + b"\n"
    at = text.rindex(blank.encode())
    text = text[:at] + xxh3_128_hexdigest(text).encode() + text[at + DIGITS :]
    publish(folder, IDENTITY_FILE, text)
    return read_identity(folder)  # ours, or that of whoever was first


def has_events(path: Path) -> bool:
    """Whether data files lie in a folder, log or not."""
    return any(
        name.endswith(".parquet")
        for part in (COMMITS, SEGMENTS)
        if (path / part).is_dir()
        for name in os.listdir(path / part)
    )
