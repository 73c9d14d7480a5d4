"""The shapes of histories that are read, how each can be told, and its reader; the registry that `import --list` prints from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.sources.history.debezium import debezium
from orders_es.sources.history.records import Record, Row, Settings, key_of, pairs, values_of
from orders_es.sources.history.sap import change_document
from orders_es.sources.history.shopify import shopify
from orders_es.sources.history.stripe import stripe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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


def _without(row: Row, *names: str, prefix: str | None = None) -> Row:
    return {
        name: value
        for name, value in row.items()
        if name not in names and (prefix is None or not name.startswith(prefix))
    }


def _simple_history(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "history_type", _NAMES)
    values = _without(row, prefix="history_")
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op=op,
        at=settings.instant(row["history_date"], "history_date"),
        after=None if op == "delete" else values,
        before=values if op == "delete" else None,
        order=_number(row["history_id"], "history_id"),
        actor=row.get("history_user_id"),
        reason=row.get("history_change_reason"),
    )


def _auditlog(row: Row, settings: Settings) -> Iterator[Record]:
    action = (row["action"] or "").strip()
    if action == "3":  # somebody looked at it
        return
    op = _chosen(row, "action", _CODES)
    old, new = pairs(row["changes"], "changes")
    # This library writes the word None for no value.
    old, new = ({name: None if value == "None" else value for name, value in side.items()} for side in (old, new))
    if not (row["object_pk"] or "").strip():
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


def _continuum(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "operation_type", _CODES)
    values = _without(
        row, "transaction_id", "end_transaction_id", "operation_type", "issued_at", "user_id", "remote_addr"
    )
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op=op,
        at=settings.instant(row["issued_at"], "issued_at"),
        after=None if op == "delete" else values,
        order=_number(row["transaction_id"], "transaction_id"),
        actor=row.get("user_id"),
        transaction=row["transaction_id"],
    )


def _envers(row: Row, settings: Settings) -> Iterator[Record]:
    op = _chosen(row, "revtype", _CODES)
    values = _without(row, "rev", "revtype", "revend", "revend_tstmp", "revtstmp")
    milliseconds = _number(row["revtstmp"], "revtstmp")
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op=op,
        at=settings.instant(f"{_iso(milliseconds)}", "revtstmp"),
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
    )


def _dbt(row: Row, settings: Settings) -> Iterator[Record]:
    values = _without(row, prefix="dbt_")
    deleted = (row.get("dbt_is_deleted") or "").strip().lower() == "true"
    until = row["dbt_valid_to"]
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op="delete" if deleted else "update",
        at=settings.instant(row["dbt_valid_from"], "dbt_valid_from"),
        after=None if deleted else values,
        until=None if until is None or not until.strip() else settings.instant(until, "dbt_valid_to"),
        interval=True,
    )


def _fivetran(row: Row, settings: Settings) -> Iterator[Record]:
    from datetime import timedelta

    values = _without(row, prefix="_fivetran_")
    active = (row["_fivetran_active"] or "").strip().lower() in ("true", "t", "1")
    end = settings.instant(row["_fivetran_end"], "_fivetran_end") if not active else None
    yield Record(
        table=settings.table,
        key=key_of(values, settings, "the row"),
        op="update",
        at=settings.instant(row["_fivetran_start"], "_fivetran_start"),
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
