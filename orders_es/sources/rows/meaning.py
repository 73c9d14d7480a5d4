"""What changes of rows mean, by a mapping: the events of orders beside the events of rows; for `orders_es.sources`."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import pyarrow as pa

from orders_es.log.columns import ARROW_TYPES
from orders_es.log.relation import quoted
from orders_es.sources.tables.values import as_decimal, as_integer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import duckdb

    from orders_es.log import EventLog, EventRegistry
    from orders_es.sources.rows.mapping import ChangeMapping, ChangeRule, Filling

__all__ = ["Meanings", "derive", "in_major", "note_nothing"]

_BATCH = 20_000
_INSTANT = pa.timestamp("us", tz="UTC")
_KINDS = {"RowInserted": "inserted", "RowChanged": "changed", "RowDeleted": "deleted"}
_ENVELOPE: dict[str, Any] = {
    "seq": pa.int64(),
    "stream_id": pa.string(),
    "version": pa.int32(),
    "event_id": pa.uuid(),
    "type": pa.string(),
    "occurred_at": _INSTANT,
    "entered_at": _INSTANT,
    **dict.fromkeys(("actor", "correlation_id", "causation_id"), pa.string()),
}


class Meanings:
    """The events that some changes are, by the changes' numbers; they are kept in the table `meant`, which may lie on disk.

    Args:
        work: Where that table is made; an older one is dropped.
        registry: The types of the events.

    `nothing` are changes of which no rule makes an event, by table: how many, and three of them.
    """

    def __init__(self, work: duckdb.DuckDBPyConnection, registry: EventRegistry) -> None:
        self._work, self._registry = work, registry
        self._columns: set[str] = set()
        self.nothing: dict[str, tuple[int, datetime, list[str]]] = {}
        work.execute("DROP TABLE IF EXISTS meant")

    def add(self, events: list[dict[str, Any]]) -> None:
        """Keep events, which come in the order of `seq`."""
        if not events:
            return
        part = _table(events, self._registry)
        self._work.register("part_of_meant", part)
        if not self._columns:
            self._work.execute("CREATE TABLE meant AS FROM part_of_meant LIMIT 0")
            self._columns = set(part.column_names)
        for name, kind, *_ in self._work.execute("DESCRIBE FROM part_of_meant").fetchall():
            if name not in self._columns:
                self._work.execute(f"ALTER TABLE meant ADD COLUMN {quoted(name)} {kind}")
                self._columns.add(name)
        self._work.execute("INSERT INTO meant BY NAME FROM part_of_meant")
        self._work.unregister("part_of_meant")

    def between(self, after: int, to: int) -> Iterator[pa.Table]:
        """The events of the changes after one, up to another."""
        if not self._columns:
            return
        found = self._work.sql(f"FROM meant WHERE seq > {after:d} AND seq <= {to:d} ORDER BY rowid").to_arrow_table()
        if not found.num_rows:
            return
        columns = {}
        for name in found.column_names:
            if name == "event_id":
                raw = found.column(name).cast(pa.binary(16)).combine_chunks()
                raw = raw.chunk(0) if isinstance(raw, pa.ChunkedArray) else raw
                columns[name] = pa.ExtensionArray.from_storage(pa.uuid(), raw)
            elif name != "seq":
                kind = _ENVELOPE.get(name) or ARROW_TYPES[self._registry.columns[name]]
                columns[name] = found.column(name).cast(kind)
        yield pa.table(columns)


def derive(
    work: duckdb.DuckDBPyConnection,
    mapping: ChangeMapping,
    log: EventLog | None,
    registry: EventRegistry,
    instant: Callable[[str, str], datetime],
) -> Meanings:
    """What the rows of the table `change` mean; read-only, nothing is appended.

    Args:
        log: Where they will be appended, if it is there already: its streams go on.
        registry: The types of the events.
        instant: From a text and its column to a time; it raises `ValueError`.

    Raises:
        BadSource: A value cannot be read, a column is in no row, or an order's currency changes.
    """
    deriving = _Deriving(mapping, log, registry, instant, Meanings(work, registry))
    reading = work.cursor()
    reading.execute("SET TimeZone = 'UTC'")
    found = reading.execute(
        "SELECT seq, source_table, row_key, type, image_before, image_after, occurred_at, entered_at, changed_after, actor, "
        "correlation_id, identity FROM change ORDER BY seq"
    )
    while batch := found.fetchmany(_BATCH):
        deriving.made.add([event for change in batch for event in deriving.of(_Change(*change))])
    reading.close()
    _check_columns(mapping, deriving.seen)
    return deriving.made


class _Change(NamedTuple):
    seq: int
    table: str
    key: str
    type: str
    before: str | None
    after: str | None
    occurred: datetime
    entered: datetime
    changed_after: datetime | None
    actor: str | None
    run: str | None
    identity: str


class _Deriving:
    """What is known while changes are gone through: how far each stream is, and in which currency each order."""

    def __init__(
        self,
        mapping: ChangeMapping,
        log: EventLog | None,
        registry: EventRegistry,
        instant: Callable[[str, str], datetime],
        made: Meanings,
    ) -> None:
        self._mapping, self._log, self._registry, self._instant = mapping, log, registry, instant
        self._versions: dict[str, int] = {}
        self._currencies: dict[str, str] = {}
        self.made = made
        self.seen: dict[str, set[str]] = {}

    def of(self, change: _Change) -> Iterator[dict[str, Any]]:
        """The events that one change is."""
        before, row = json.loads(change.before or "{}"), json.loads(change.after or "{}")
        self.seen.setdefault(change.table, set()).update(before, row)
        kind = _KINDS[change.type]
        meant = False
        for number, rule in enumerate(self._mapping.rules):
            if _applies(rule, change.table, kind, before, row):
                meant = True
                event = self._event(change, number, rule, before, row)
                if event is not None:
                    yield event
        if not meant:
            count, first, some = self.made.nothing.get(change.table, (0, change.entered, []))
            told = [*some, f"{change.key} ({kind})"][:3]
            self.made.nothing[change.table] = (count + 1, min(first, change.entered), told)

    def _event(
        self, change: _Change, number: int, rule: ChangeRule, before: dict[str, Any], row: dict[str, Any]
    ) -> dict[str, Any] | None:
        where = f"{change.table}/{change.key} at {change.entered:%Y-%m-%d %H:%M:%S}"
        try:
            event = _event(rule, self._registry, before, row, change.type, self._instant)
        except ValueError as error:
            raise self._mapping.wrong(rule.line, f"{where}: {error}") from None
        if rule.above_zero is not None and (event[rule.above_zero] or 0) <= 0:
            return None
        stream, currency = event["stream_id"], event.get("currency")
        if currency is not None and self._currencies.setdefault(stream, currency) != currency:
            why = f"the currency of order {stream!r} is {currency}, and was {self._currencies[stream]}"
            raise self._mapping.wrong(rule.line, f"{where}: {why}")
        if stream not in self._versions:
            self._versions[stream] = 0 if self._log is None else self._log.stream_version(stream)
        self._versions[stream] += 1
        said = event.pop("said", None)
        if said is None and change.changed_after is not None and "time_estimated" in _kinds(self._registry, rule.type):
            event["time_estimated"] = True
        return {
            **event,
            "seq": change.seq,
            "version": self._versions[stream],
            "event_id": _uuid(f"{change.identity}|{number}"),
            "type": rule.type,
            "occurred_at": said or change.occurred,
            "entered_at": change.entered,
            "actor": change.actor,
            "correlation_id": change.run,
            # The event of the row, which also says between which times it happened where nobody knows when.
            "causation_id": str(UUID(bytes=_uuid(change.identity))),
        }


def note_nothing(work: duckdb.DuckDBPyConnection, meanings: Meanings) -> None:
    """Put the changes that mean nothing into the gap report."""
    for table, (count, first, some) in meanings.nothing.items():
        work.execute("INSERT INTO gap VALUES ('means nothing', ?, ?, ?, ?)", [table, count, first, some])


def _applies(rule: ChangeRule, table: str, kind: str, before: dict[str, Any], row: dict[str, Any]) -> bool:
    if kind not in rule.on or (rule.table is not None and rule.table != table):
        return False
    if rule.changed is not None and before.get(rule.changed) == row.get(rule.changed):
        return False
    return all(
        row.get(column) in values and before.get(column) not in values for column, values in rule.becomes.items()
    )


def _event(
    rule: ChangeRule,
    registry: EventRegistry,
    before: dict[str, Any],
    row: dict[str, Any],
    kind: str,
    instant: Callable[[str, str], datetime],
) -> dict[str, Any]:
    now = before if kind == "RowDeleted" else row
    parts = []
    for column in rule.stream:
        part = (now.get(column) or "").strip()
        if not part:
            raise ValueError(f"{column} is empty, and names the order")
        if len(rule.stream) > 1 and "-" in part:
            raise ValueError(f"{column} {part!r} holds '-', which stands between the parts of an id")
        parts.append(part)
    event: dict[str, Any] = {"stream_id": "-".join(parts)}
    kinds = _kinds(registry, rule.type)
    optional = {field.name: field.optional for field in registry[rule.type].fields}
    for name, filling in rule.fields.items():
        value = _value(filling, kinds[name], before, now, instant)
        if value is None and not optional[name]:
            raise ValueError(f"{filling.column} is empty, and {rule.type} needs {name} (line {filling.line})")
        event[name] = value
    if rule.occurred is not None and (now.get(rule.occurred) or "").strip():
        event["said"] = instant(now[rule.occurred], rule.occurred)
    return event


def _kinds(registry: EventRegistry, name: str) -> dict[str, str]:
    return {field.name: field.kind for field in registry[name].fields}


def _value(
    filling: Filling, kind: str, before: dict[str, Any], now: dict[str, Any], instant: Callable[[str, str], datetime]
) -> Any:
    if filling.column is None:
        return filling.value
    side = before if filling.side == "before" else now
    if filling.side == "difference":
        new, old = (_read(one.get(filling.column), filling.column, kind, instant) or 0 for one in (now, before))
        value: Any = new - old
    else:
        value = _read(side.get(filling.column), filling.column, kind, instant)
    if filling.upper and value is not None:
        return value.upper()
    if filling.minor is not None and value is not None:
        return in_major(Decimal(value), side.get(filling.minor), filling.minor)
    return value


_NO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


def in_major(value: Decimal, currency: str | None, column: str) -> Decimal:
    """An amount in its currency's smallest unit as the amount that it is.

    Source: Stripe's page on currencies, "Zero-decimal currencies" and "Three-decimal currencies".

    Args:
        currency: Its code, in letters of any size.
        column: Where that stands, for the error.

    Raises:
        ValueError: The currency is none, or is written in two ways.

    Example:
        >>> from decimal import Decimal
        >>> in_major(Decimal(1250), "eur", "currency"), in_major(Decimal(1250), "jpy", "currency")
        (Decimal('12.50'), Decimal('1250'))
    """
    code = (currency or "").strip().upper()
    if len(code) != 3:  # noqa: PLR2004 - as ISO 4217 has them
        raise ValueError(f"{column} {currency!r} is no currency, and says what an amount is counted in")
    if code == "UGX":
        raise ValueError(
            "amounts in UGX come with two decimals or with none, which nothing tells apart; convert them before"
        )
    if value != value.to_integral_value():
        raise ValueError(f"{value} is no whole number of the smallest unit of {code}")
    return value.scaleb(0 if code in _NO_DECIMALS else -3 if code in _THREE_DECIMALS else -2)


def _read(text: str | None, column: str, kind: str, instant: Callable[[str, str], datetime]) -> Any:
    if text is None or not text.strip():
        return None
    readers: dict[str, Callable[[str], Any]] = {
        "decimal": as_decimal,
        "int64": as_integer,
        "string": str,
        "timestamp": lambda given: instant(given, column),
        "date": date.fromisoformat,
        "float64": float,
        "bool": lambda given: {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}[
            given.lower()
        ],
    }
    if kind in ("decimal", "int64") and text.endswith("-") and not text.startswith("-"):
        text = f"-{text[:-1]}"  # as SAP writes what is below zero
    try:
        return readers[kind](text)
    except KeyError:
        raise ValueError(f"{column} {text!r} is neither true nor false") from None
    except ValueError as error:
        raise ValueError(f"{column} {text!r} {error}") from None


def _uuid(identity: str) -> bytes:
    """As `orders_es.sources.rows.work_database.event_id_of` makes it."""
    raw = bytearray(sha256(identity.encode()).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)


def _table(events: list[dict[str, Any]], registry: EventRegistry) -> pa.Table:
    names = sorted({name for event in events for name in event} - set(_ENVELOPE))
    columns: dict[str, Any] = {}
    for name, kind in (*_ENVELOPE.items(), *((name, ARROW_TYPES[registry.columns[name]]) for name in names)):
        values = [event.get(name) for event in events]
        if name == "event_id":
            columns[name] = pa.array(values, pa.binary(16))
        else:
            columns[name] = pa.array(values, kind)
    return pa.table(columns)


def _check_columns(mapping: ChangeMapping, seen: dict[str, set[str]]) -> None:
    """A column that no row has is a mistake in the mapping, not an empty value."""
    for rule in mapping.rules:
        tables = [rule.table] if rule.table is not None else list(seen)
        there = set[str]().union(*(seen.get(table, set()) for table in tables))
        missing = sorted(rule.columns - there)
        if there and missing:
            raise mapping.wrong(
                rule.line,
                f"{rule.type} names the column {missing[0]!r}, and no row of {', '.join(tables)} has it; they have "
                f"{', '.join(sorted(there))}",
            )
