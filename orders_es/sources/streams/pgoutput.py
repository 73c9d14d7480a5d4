"""PostgreSQL's logical replication messages, as its own plugin `pgoutput` writes them, as rows; for `postgres_slot`.

Source: PostgreSQL documentation, "Logical Replication Message Formats", protocol version 1.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Change", "Transaction", "transactions"]

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_BARE = frozenset({20, 21, 23, 26, 114, 1700, 3802})
"""Types whose text is JSON as it stands: whole numbers, json, numeric, jsonb. Others are texts, but for the truth values."""
_BOOL = 16
_NO_JSON = frozenset({b"NaN", b"Infinity", b"-Infinity"})
_CHANGES = {b"U": "changed", b"D": "removed", b"T": "emptied"}


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was written.

    Args:
        table: Its table, with the schema.
        line: The row as a JSON object; None where rows were changed or removed, which events never are.
        what: What was done: `written`, `changed`, `removed` or `emptied`.
    """

    table: str
    line: bytes | None
    what: str = "written"


@dataclass(slots=True)
class Transaction:
    """A transaction that was committed.

    Args:
        end: Where in the server's log it ends.
        changes: What it did to the published tables, in order.
    """

    end: int
    changes: list[Change]


def transactions(messages: Iterable[bytes]) -> Iterator[Transaction]:
    """The transactions that messages tell of, in the order of their commits.

    Args:
        messages: As `pg_logical_slot_peek_binary_changes` gives them.

    Raises:
        ValueError: They are not of protocol version 1.
    """
    tables: dict[int, tuple[str, list[tuple[str, int]]]] = {}
    changes: list[Change] = []
    committed_at, xid = _EPOCH, 0
    for message in messages:
        kind, body = message[:1], message[1:]
        if kind == b"B":
            _, micros, xid = struct.unpack_from("!QqI", body)
            committed_at, changes = _EPOCH + timedelta(microseconds=micros), []
        elif kind == b"R":
            number, table = _relation(body)
            tables[number] = table
        elif kind == b"I":
            (number,) = struct.unpack_from("!I", body)
            name, columns = tables[number]
            changes.append(Change(name, _row(body[5:], columns, committed_at, xid)))
        elif kind in _CHANGES:
            (number,) = struct.unpack_from("!I", body, 0 if kind != b"T" else 5)
            changes.append(Change(tables[number][0], None, _CHANGES[kind]))
        elif kind == b"C":
            _, _, end, _ = struct.unpack_from("!BQQq", body)
            yield Transaction(end, changes)
        elif kind not in (b"O", b"Y", b"M"):  # an origin, a type, a message: nothing that was written to a table
            raise ValueError(f"{kind!r} is no message of pgoutput's protocol version 1")


def _text(body: bytes, at: int) -> tuple[str, int]:
    end = body.index(b"\0", at)
    return body[at:end].decode(), end + 1


def _relation(body: bytes) -> tuple[int, tuple[str, list[tuple[str, int]]]]:
    (number,) = struct.unpack_from("!I", body)
    schema, at = _text(body, 4)
    name, at = _text(body, at)
    _, count = struct.unpack_from("!BH", body, at)
    at += 3
    columns = []
    for _ in range(count):
        column, at = _text(body, at + 1)  # after the flags
        (oid,) = struct.unpack_from("!I", body, at)
        columns.append((column, oid))
        at += 8
    return number, (f"{schema}.{name}", columns)


def _row(body: bytes, columns: list[tuple[str, int]], committed_at: datetime, xid: int) -> bytes:
    (count,) = struct.unpack_from("!H", body)
    at = 2
    parts = []
    for name, oid in columns[:count]:
        kind, at = body[at : at + 1], at + 1
        value = b"null"
        if kind == b"t":
            (size,) = struct.unpack_from("!I", body, at)
            raw = body[at + 4 : at + 4 + size]
            at += 4 + size
            value = _value(raw, oid)
        parts.append(json.dumps(name).encode() + b":" + value)
    said = committed_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    parts.append(f'"_committed_at":"{said}","_transaction":{xid}'.encode())
    return b"{" + b",".join(parts) + b"}"


def _value(raw: bytes, oid: int) -> bytes:
    if oid == _BOOL:
        return b"true" if raw == b"t" else b"false"
    if oid in _BARE and raw not in _NO_JSON:
        return raw
    return json.dumps(raw.decode(), ensure_ascii=False).encode()
