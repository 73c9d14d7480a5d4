"""Keys that sign checkpoints: making one, keeping it secret, reading it back. The library behind it is the extra `audit`."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.audit.verify_proof import COSIGNATURE, ED25519, Key, Refused, fits_a_name, strict_base64
from orders_es.errors import BadKey, CannotPublish, InvalidSetting
from orders_es.files import sync

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Signer", "generate_key", "public_key", "public_keys", "read_signer", "write_key"]

_PRIVATE = "PRIVATE+KEY+"
_SEED = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its name; its repr shows the public half only.

    Args:
        key: The public half.
        seed: The secret, 32 bytes.
    """

    key: Key
    seed: bytes = field(repr=False)

    def sign(self, text: bytes) -> bytes:
        """The Ed25519 signature of some bytes, 64 bytes."""
        signature: bytes = _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed).sign(text)
        return signature

    def to_text(self) -> str:
        """The private key as text, in the form that Go's `note` package reads too."""
        secret = base64.b64encode(bytes([self.key.kind]) + self.seed).decode()
        return f"{_PRIVATE}{self.key.name}+{self.key.key_id.hex()}+{secret}"


def generate_key(name: str, *, witness: bool = False) -> Signer:
    """A new private key.

    Args:
        name: Whose it is, and the public name of the log that it will sign: like a web address without its scheme, such as
            `example.com/shop`. No spaces, no plus signs.
        witness: Whether it is to cosign other people's checkpoints instead of signing a log's own.

    Raises:
        InvalidSetting: It is no name of a key.

    Example:
        >>> signer = generate_key("example.com/shop")
        >>> signer.key.name
        'example.com/shop'
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidSetting("name", name, "it is not text in UTF-8") from None
    if not fits_a_name(name):
        reason = "a key's name is not empty and has no spaces and no plus signs, such as example.com/shop"
        raise InvalidSetting("name", name, reason)
    private = _ed25519().Ed25519PrivateKey.generate()
    kind = COSIGNATURE if witness else ED25519
    return Signer(Key(name, kind, private.public_key().public_bytes_raw()), private.private_bytes_raw())


def write_key(signer: Signer, path: str | os.PathLike[str]) -> Path:
    """Write a private key into a new file that its owner alone can read, and its public key beside it, `<path>.pub`.

    Args:
        signer: The key.
        path: The new file; outside the log's folder, and not where receipts are handed out.

    Returns:
        The file with the public key.

    Raises:
        BadKey: There is a file already; a private key is never overwritten.
        CannotPublish: It cannot be written.

    Example:
        >>> import tempfile
        >>> write_key(generate_key("example.com/shop"), tempfile.mkdtemp() + "/shop.key").name
        'shop.key.pub'
    """
    place = Path(path)
    public = Path(f"{place}.pub")
    try:
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask is
            file.write(signer.to_text() + "\n")
        sync(place)
        public.write_text(f"{signer.key}\n", encoding="utf-8")
    except FileExistsError:
        raise BadKey(
            str(place), "there is a file already, and no private key is ever overwritten; name another"
        ) from None
    except OSError as error:
        raise CannotPublish(error.filename or str(place), error.strerror or str(error)) from error
    return public


def read_signer(path: str | os.PathLike[str]) -> Signer:
    """The private key in a file.

    Raises:
        BadKey: There is none, it is malformed, or others than its owner can read or write the file.

    Example:
        >>> import tempfile
        >>> signer = generate_key("example.com/shop")
        >>> path = write_key(signer, tempfile.mkdtemp() + "/shop.key").with_suffix("")
        >>> read_signer(path).key == signer.key
        True
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(4_096)
    except OSError as error:
        raise BadKey(str(place), f"{error.strerror or error}; make one with orders-es keygen") from None
    if mode & _OTHERS:
        reason = (
            f"others can reach it (mode {stat.S_IMODE(mode):04o}), so it is no secret; if nobody did: chmod 600 {place}"
        )
        raise BadKey(str(place), reason)
    try:
        return _signer(raw.decode().strip("\n"))
    except (Refused, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, Refused) else "it is not text"
        raise BadKey(str(place), f"{why}; a private key comes from orders-es keygen") from None


def _signer(text: str) -> Signer:
    if not text.startswith(_PRIVATE):
        raise Refused("it holds no private key")
    name, _, rest = text.removeprefix(_PRIVATE).partition("+")
    key_id, _, secret = rest.partition("+")
    raw = strict_base64(secret, "its last part")
    if len(raw) != _SEED + 1 or raw[0] not in (ED25519, COSIGNATURE) or not fits_a_name(name):
        raise Refused("it is no private key of a kind known here")
    private = _ed25519().Ed25519PrivateKey.from_private_bytes(raw[1:])
    key = Key(name, raw[0], private.public_key().public_bytes_raw())
    if key.key_id.hex() != key_id:
        raise Refused("its parts do not belong together: a character was changed or lost")
    return Signer(key, raw[1:])


def public_key(text: str | os.PathLike[str] | Key) -> Key:
    """The public key that a text is, or that is in the file that it names.

    Args:
        text: `NAME+ID+KEY`, as `keygen` prints it, or the path of a file that holds it.

    Raises:
        BadKey: It is neither.

    Example:
        >>> public_key("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k").name
        'example.com/foo'
    """
    if isinstance(text, Key):
        return text
    said = text = os.fspath(text)  # `write_key` gives a path
    if text.count("+") < 2 or Path(text).is_file():  # noqa: PLR2004 - a verifier key has two or more
        try:
            with Path(text).open("rb") as file:
                said = file.read(4_096).decode().strip("\n")
        except (OSError, ValueError):
            reason = "it is neither a public key, NAME+ID+KEY, nor a file that holds one; keygen writes one to FILE.pub"
            raise BadKey(text, reason) from None
    try:
        return Key.parse(said)
    except Refused as error:
        shown = text if not said.startswith(_PRIVATE) or said is not text else f"{_PRIVATE}…"
        raise BadKey(shown, str(error)) from None


def public_keys(texts: Iterable[str | os.PathLike[str] | Key]) -> list[Key]:
    """Several public keys; see `public_key`."""
    return [public_key(text) for text in texts]


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # an extra
    except ImportError as error:
        missing = "the library cryptography is missing; install it: pip install 'orders_es[audit]'"
        raise BadKey("Ed25519", missing) from error
    return ed25519
