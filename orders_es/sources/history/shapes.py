"""The shapes of histories that are read, how each can be told, and its reader; the registry that `import --list` prints from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.sources.history.debezium import debezium
from orders_es.sources.history.records import (
    JOINED,
    LEFT,
    Record,
    Row,
    Settings,
    key_of,
    loads,
    pairs,
    texts,
    values_of,
)
from orders_es.sources.history.sap import change_document
from orders_es.sources.history.shopify import shopify
from orders_es.sources.history.stripe import stripe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

__all__ = ["SHAPES", "Shape"]

_NAMES = {"+": "insert", "~": "update", "-": "delete"}
_CODES = {"0": "insert", "1": "update", "2": "delete"}
_EVENTS = {"create": "insert", "update": "update", "destroy": "delete"}
_OPS = {
    "INSERT": "insert",
    "UPDATE": "update",
    "DELETE": "delete",
    "TRUNCATE": "truncate",
    "I": "insert",
    "U": "update",
    "D": "delete",
    "T": "truncate",
}


_OF_SIMPLE_HISTORY = (
    *("history_id", "history_date", "history_type", "history_change_reason"),
    *("history_user", "history_user_id", "history_relation", "history_relation_id"),
)
_OF_TRANSACTIONS = re.compile(r"transaction_user_id|(user_id|remote_addr)( \(column [0-9]+\))?")
_OF_DBT = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted", "dbt_change_type")
_TRUE, _FALSE = frozenset(("true", "t", "1")), frozenset(("false", "f", "0"))
_MEMBERS = {"add": JOINED, "delete": LEFT}
_TOUCHED = ("_at", "_on")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of history.

    Args:
        name: What `--shape` calls it.
        of: What writes it.
        columns: The columns by which it is told, in small letters.
        read: From a row of the export to what it says.
        lines: Whether it comes as documents of JSON, and not as a table. A document is told by the keys in `columns`.
        keyed: Whether somebody has to say which columns name a row.
        pages: Of documents: under which keys a page of an API lists them.
        together: Columns by which rows of the export stand together: they say one thing, and `read_many` is given all of them.
        link: Where times stand in another table: its columns beside those of this one.
    """

    name: str
    of: str
    columns: tuple[str, ...]
    read: Callable[[Row, Settings], Iterator[Record]]
    lines: bool = False
    keyed: bool = True
    pages: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    read_many: Callable[[Sequence[Row], Settings], Iterator[Record]] | None = None
    link: tuple[tuple[str, str], ...] = ()


def _chosen(row: Row, column: str, meanings: dict[str, str]) -> str:
    said = (row[column] or "").strip()
    if said not in meanings:
        raise ValueError(f"{column} {said!r} is none of {', '.join(meanings)}")
    return meanings[said]


def _number(text: str | None, column: str) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise ValueError(f"{column} {text!r} is no whole number, and says what came first") from None


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _simple_history(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "history_type", _NAMES)
    values = _without(row, *_OF_SIMPLE_HISTORY)
    place = row["history_id"] or ""
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op=op,
        at=settings.instant(row["history_date"], "history_date"),
        after=None if op == "delete" else values,
        before=values if op == "delete" else None,
        order=None if _UUID.fullmatch(place.strip()) else _number(place, "history_id"),
        actor=row.get("history_user_id"),
        reason=row.get("history_change_reason"),
    )


def _auditlog(row: Row, settings: Settings) -> Iterator[Record]:
    action = (row["action"] or "").strip()
    if action == "3":  # somebody looked at it
        return
    op = _chosen(row, "action", _CODES)
    old, new = _auditlog_changes(row["changes"])
    if (row["object_pk"] or "").strip() in ("", "None"):
        raise ValueError("object_pk is empty, and names the row")
    yield Record(
        table=row.get("model") or settings.table,
        key=(row["object_pk"] or "").strip(),
        op=op,
        at=settings.instant(row["timestamp"], "timestamp"),
        after=None if op == "delete" else new,
        before=old or None,
        whole=op == "insert",
        order=_number(row["id"], "id"),
        actor=row.get("actor_id"),
        transaction=row.get("cid"),
    )


def _auditlog_changes(given: str | None) -> tuple[Row, Row]:
    """Old and new values; who joined and who left a relation of many to many stands in the new ones as a JSON object."""
    said = loads(given, "changes") or {}
    if not isinstance(said, dict):
        raise ValueError("changes is no object of old and new values")  # noqa: TRY004 - the cell is wrong
    old: Row = {}
    new: Row = {}
    for name, change in said.items():
        if isinstance(change, dict) and change.get("type") == "m2m":
            if change.get("operation") not in _MEMBERS or not isinstance(change.get("objects"), list):
                raise ValueError(
                    f"changes of {name!r} are those of a relation, and neither add nor delete a list of objects"
                )
            new[name + _MEMBERS[change["operation"]]] = texts(change["objects"])
            continue
        if not isinstance(change, list) or len(change) != 2:  # noqa: PLR2004 - an old and a new one
            raise ValueError(f"changes of {name!r} are no pair of an old and a new value")
        # This library writes the word None for no value.
        old[name], new[name] = (None if one == "None" else texts(one) for one in change)
    return old, new


def _continuum(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "operation_type", _CODES)
    # What stands before the transaction's time is the row's, though it be called as a column of the transactions.
    names = list(row)
    beside = [name for name in names[names.index("issued_at") :] if _OF_TRANSACTIONS.fullmatch(name)]
    values = _without(row, "transaction_id", "end_transaction_id", "operation_type", "issued_at", *beside)
    who = next((row[name] for name in beside if "user_id" in name), None)
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op=op,
        at=settings.instant(row["issued_at"], "issued_at"),
        after=None if op == "delete" else values,
        order=_number(row["transaction_id"], "transaction_id"),
        actor=who,
        transaction=row["transaction_id"],
    )


def _envers(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "revtype", _CODES)
    values = _without(row, "rev", "revtype", "revend", "revend_tstmp", "revtstmp")
    said = (row["revtstmp"] or "").strip()
    # Milliseconds where its own revision entity keeps them, a time where somebody else's does.
    when = _iso(int(said)) if said.isascii() and said.isdecimal() and settings.options.date_format is None else said
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op=op,
        at=settings.instant(when, "revtstmp"),
        after=None if op == "delete" else values,
        order=_number(row["rev"], "rev"),
        transaction=row["rev"],
    )


def _iso(milliseconds: int) -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat()


def _paper_trail(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "event", _EVENTS)
    for column in ("object", "object_changes"):
        if (row.get(column) or "").lstrip().startswith("---"):
            raise ValueError(f"{column} is YAML; let PaperTrail keep JSON, or export it converted")
    before = values_of(row.get("object"), "object")
    old, new = pairs(row.get("object_changes"), "object_changes")
    if not new and op == "update" and before:
        # A touch, which keeps no changes: it moves times of the row, and `object` has them as they are then.
        new = {name: value for name, value in before.items() if name.endswith(_TOUCHED)}
        old = {name: value for name, value in before.items() if name not in new}
    if not new and op != "delete":
        raise ValueError("object_changes is empty, so it does not say what the row became")
    yield Record(
        table=row.get("item_type") or settings.table,
        key=(row["item_id"] or "").strip(),
        op=op,
        at=settings.instant(row["created_at"], "created_at"),
        after=None if op == "delete" else new,
        before=before if op == "delete" else old,
        whole=op == "insert",
        order=_number(row["id"], "id"),
        actor=row.get("whodunnit"),
        transaction=row.get("transaction_id"),
    )


def _triggers(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "op", _OPS)
    after, before = values_of(row["record"], "record"), values_of(row["old_record"], "old_record")
    yield Record(
        table=row.get("table_name") or settings.table,
        key="" if op == "truncate" else key_of(before if op == "delete" else after, settings, "the row"),
        op=op,
        at=settings.instant(row["ts"], "ts"),
        after=after,
        before=before,
        order=_number(row["id"], "id") if row.get("id") else None,
        actor=row.get("actor") or row.get("session_user_name"),
        transaction=row.get("txid"),
        space=row.get("table_schema"),
    )


def _dbt(row: Row, settings: Settings) -> Iterator[Record]:
    values = _without(row, *_OF_DBT)
    deleted = (row.get("dbt_is_deleted") or "").strip().lower() == "true"
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op="delete" if deleted else "update",
        at=(since := settings.instant(row["dbt_valid_from"], "dbt_valid_from")),
        after=None if deleted else values,
        until=_until(row["dbt_valid_to"], "dbt_valid_to", since, settings),
        interval=True,
    )


def _until(text: str | None, column: str, since: datetime, settings: Settings) -> datetime | None:
    """When a version ended; None where it has not: the source cannot know of an end to come, and writes the year 9999 or so for none."""
    from datetime import UTC, datetime

    if text is None or not text.strip() or text.strip().startswith("9999-12-31"):
        return None
    until = settings.instant(text, column)
    if until < since:
        raise ValueError(f"{column} {text!r} is before the version began")
    return None if until > datetime.now(UTC) else until


def _fivetran(row: Row, settings: Settings) -> Iterator[Record]:
    from datetime import timedelta

    # Its key of a table that has none is a value of the row.
    values = {name: value for name, value in row.items() if not name.startswith("_fivetran_") or name == "_fivetran_id"}
    said = (row["_fivetran_active"] or "").strip().lower()
    if said not in _TRUE | _FALSE:
        raise ValueError(f"_fivetran_active {row['_fivetran_active']!r} is neither true nor false")
    since = settings.instant(row["_fivetran_start"], "_fivetran_start")
    end = None if said in _TRUE else _until(row["_fivetran_end"], "_fivetran_end", since, settings)
    if end is None and said in _FALSE:
        raise ValueError(
            f"_fivetran_active says that the version has ended, and _fivetran_end {row['_fivetran_end']!r} that it has not"
        )
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op="update",
        at=since,
        after=values,
        # A version ends a millisecond before the next one begins; what lies between them is no gap.
        until=None if end is None else end + timedelta(milliseconds=1),
        interval=True,
    )


SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape("debezium", "Debezium", ("before", "after", "source", "op"), debezium, lines=True),
        Shape(
            "django-simple-history",
            "django-simple-history",
            ("history_id", "history_date", "history_type"),
            _simple_history,
        ),
        Shape(
            "django-auditlog",
            "django-auditlog",
            ("id", "object_pk", "action", "changes", "timestamp"),
            _auditlog,
            keyed=False,
        ),
        Shape(
            "sqlalchemy-continuum",
            "SQLAlchemy-Continuum, joined with its table of transactions",
            ("transaction_id", "operation_type", "issued_at"),
            _continuum,
            link=(("id", "transaction_id"),),
        ),
        Shape("postgresql-triggers", "audit triggers of PostgreSQL", ("op", "ts", "record", "old_record"), _triggers),
        Shape("dbt-snapshot", "snapshots of dbt", ("dbt_valid_from", "dbt_valid_to"), _dbt),
        Shape(
            "fivetran", "Fivetran's history mode", ("_fivetran_start", "_fivetran_end", "_fivetran_active"), _fivetran
        ),
        Shape(
            "paper-trail",
            "PaperTrail, with JSON columns",
            ("id", "item_id", "event", "object_changes", "created_at"),
            _paper_trail,
            keyed=False,
        ),
        Shape(
            "envers",
            "Hibernate Envers, joined with REVINFO",
            ("rev", "revtype", "revtstmp"),
            _envers,
            link=(("rev", "rev"),),
        ),
        Shape(
            "stripe", "Stripe's events", ("type", "created", "data"), stripe, lines=True, keyed=False, pages=("data",)
        ),
        Shape(
            "shopify",
            "orders of Shopify's Admin API",
            ("line_items", "created_at", "currency"),
            shopify,
            lines=True,
            keyed=False,
            pages=("orders", "events"),
        ),
        Shape(
            "sap",
            "change documents of SAP, items (CDPOS) joined with headers (CDHDR)",
            (
                "objectclas",
                "objectid",
                "changenr",
                "tabname",
                "tabkey",
                "fname",
                "chngind",
                "value_new",
                "value_old",
                "udate",
                "utime",
            ),
            lambda row, settings: change_document([row], settings),
            keyed=False,
            together=("changenr", "objectclas", "objectid", "tabname", "tabkey"),
            read_many=change_document,
            link=(("changenr", "changenr"), ("objectclas", "objectclas"), ("objectid", "objectid")),
        ),
    )
}
"""Every shape, by name."""
