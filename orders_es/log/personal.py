"""Personal data in payloads: under a hash of their own, with a salt, so that they can be erased and every proof stays. Storage format.

What a type marks as personal stands at the end of its payloads. The column `personal` says where that end begins, and holds the
salt; the leaf commits to both parts apart (docs/format.md). Whoever erases puts the hash in the salt's place, and the leaf stays
what it was.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from orders_es.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Collection

    from orders_es.log.registered_types import RegisteredTypes

__all__ = [
    "ERASED",
    "Personal",
    "check_mark",
    "end_of",
    "erased",
    "fresh_salts",
    "is_filler",
    "is_live",
    "mark_by_environment",
    "marked",
    "moved_to_the_end",
    "names_of",
    "personal_of",
    "sealed_hash",
]

_Types = TypeVar("_Types", bound="RegisteredTypes")

SWITCH = "ORDERS_ES_PERSONAL"
"""The environment variable that names fields of shipped types which are personal: `OrderCreated.customer_id`, with blanks between them."""

ERASED = "erased"
"""What a text says that was erased."""
SALT_BYTES = 16
_HASH_BYTES = 32
_MARK = re.compile(rf"(0|[1-9][0-9]{{0,9}}):(?:([0-9a-f]{{{2 * SALT_BYTES}}})|erased:([0-9a-f]{{{2 * _HASH_BYTES}}}))")
_FILLER = re.compile(rb'(?:,?"[^"\\]+":"erased"(?:,"[^"\\]+":"erased")*)?\}')


class Personal(NamedTuple):
    """What the column `personal` says of one event.

    Args:
        offset: Where the personal part of the payload begins, in bytes.
        salt: What is hashed with it; None where it was erased.
        digest: SHA-256(salt ‖ personal part), where it was erased.
    """

    offset: int
    salt: bytes | None
    digest: bytes | None


def marked(offset: int, salt: str) -> str:
    """The text of the column for a payload whose personal part begins at a byte, with its salt in hexadecimal digits."""
    return f"{offset}:{salt}"


def fresh_salts(count: int) -> list[str]:
    """Random salts, each as 32 hexadecimal digits."""
    digits = os.urandom(SALT_BYTES * count).hex()
    return [digits[i : i + 2 * SALT_BYTES] for i in range(0, len(digits), 2 * SALT_BYTES)]


def personal_of(text: str) -> Personal:
    """What a value of the column says.

    Raises:
        ValueError: It is none.

    Example:
        >>> personal_of("17:000102030405060708090a0b0c0d0e0f").offset
        17
    """
    found = _MARK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:80]!r} says nothing of personal data")
    offset, salt, digest = found.groups()
    return Personal(
        int(offset), None if salt is None else bytes.fromhex(salt), None if digest is None else bytes.fromhex(digest)
    )


def is_live(text: str | None) -> bool:
    """Whether an event has personal data that were not erased, by its value in the column."""
    return text is not None and ":erased:" not in text


def sealed_hash(payload: bytes, text: str) -> bytes:
    """What a leaf holds in the stead of a payload with a personal part.

    SHA-256(SHA-256(the part before) ‖ SHA-256(salt ‖ the personal part)); the second of them is kept where that part was erased.

    Args:
        payload: The payload, as it is now.
        text: What the column says of it.

    Raises:
        ValueError: The column's value is none.
    """
    offset, salt, digest = personal_of(text)
    if digest is None:
        assert salt is not None
        digest = sha256(salt + payload[offset:]).digest()
    return sha256(sha256(payload[:offset]).digest() + digest).digest()


def end_of(public: bytes, personal: bytes) -> tuple[bytes, int] | None:
    """One JSON object out of two, and where the second one begins in it; None where that is empty.

    Args:
        public: A JSON object.
        personal: Another one, with other keys.
    """
    if personal == b"{}":
        return None
    start = public[:-1]
    return start + (b"," if len(public) > 2 else b"") + personal[1:], len(start)  # noqa: PLR2004 - two braces


def moved_to_the_end(payload: str, names: Collection[str]) -> tuple[str, int] | None:
    """A payload with some of its fields at its end, all values as they are written, and where those begin.

    Args:
        payload: A JSON object in which no key stands twice.
        names: The personal fields.

    Returns:
        None where it has none of them.
    """
    fields = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    public = {name: value for name, value in fields.items() if name not in names}
    personal = {name: value for name, value in fields.items() if name in names and bytes(value) != b"null"}
    joined = end_of(msgspec.json.encode(public), msgspec.json.encode(personal))
    return None if joined is None else (joined[0].decode(), joined[1])


def names_of(payload: str, text: str) -> list[str]:
    """The fields in the personal part of a payload."""
    return list(_fields(payload.encode()[personal_of(text).offset :]))


def _fields(tail: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(b"{" + tail.removeprefix(b","), type=dict[str, msgspec.Raw])


def erased(payload: str, text: str, texts: Collection[str] | None) -> tuple[str, str]:
    """A payload without its personal part, and what the column says of it from now on. What was erased already stays as it is.

    Args:
        payload: As it is now.
        text: What the column says of it.
        texts: The fields that are texts, and say `erased`; others of the personal part are left out. Whatever is a JSON string if None.

    Raises:
        ValueError: The column's value is none.
    """
    offset, salt, _ = personal_of(text)
    if salt is None:
        return payload, text
    raw = payload.encode()
    tail = raw[offset:]
    digest = sha256(salt + tail).hexdigest()
    fields = _fields(tail)
    kept = [name for name, value in fields.items() if (bytes(value)[:1] == b'"' if texts is None else name in texts)]
    filler = msgspec.json.encode(dict.fromkeys(kept, ERASED))
    joined = end_of(raw[:offset] + b"}", filler)
    without = raw[:offset] + b"}" if joined is None else joined[0]
    return without.decode(), f"{offset}:erased:{digest}"


def check_mark(text: str, payload: str) -> None:
    """Make sure that what the column says of a payload can be so.

    Raises:
        ValueError: It is no such text, the personal part begins outside the payload, or says something although it was erased.
    """
    offset, salt, _ = personal_of(text)
    if not 0 < offset < len(payload.encode()):
        raise ValueError(f"personal data begin at byte {offset}, which is outside the payload")
    if salt is None and not is_filler(payload, text):
        raise ValueError("it says something in the place of personal data that were erased")


def is_filler(payload: str, text: str) -> bool:
    """Whether an event whose personal part was erased says nothing in its place but that, as far as can be seen."""
    return _FILLER.fullmatch(payload.encode()[personal_of(text).offset :]) is not None


def mark_by_environment(registry: _Types) -> _Types:
    """The same registry, with the fields marked as personal that `ORDERS_ES_PERSONAL` names, as far as it has their types.

    Raises:
        InvalidSetting: The variable cannot be read.
        RegistrationClash: A type has no such field.
    """
    for said in os.environ.get(SWITCH, "").replace(",", " ").split():
        name, _, field = said.rpartition(".")
        if not name or not field:
            raise InvalidSetting(SWITCH, said, "name each field with its type, such as OrderCreated.customer_id")
        if name in registry:
            registry.mark_personal(name, field)
    return registry
