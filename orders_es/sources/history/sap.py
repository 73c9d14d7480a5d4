"""Change documents of SAP: items (CDPOS), one row a field, with their headers (CDHDR); for `orders_es.sources.history`.

Source of the format: SAP's data dictionary, tables CDHDR and CDPOS, and data element CDCHNGIND: `U` a field was changed, `I` a table
entry was inserted and `J` the same with each field, `D` it was deleted and `E` the same with each field, `V` only its validity changed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orders_es.sources.history.records import Record, Row, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["change_document"]

_KINDS = "UIJDEV"
_NO_FIELD = ("", "KEY")
"""What stands for a field where an item is about the whole entry."""


def change_document(rows: Sequence[Row], settings: Settings) -> Iterator[Record]:
    """What a change document says of one table entry.

    Args:
        rows: Its items of that entry, each joined with the header.

    Raises:
        ValueError: An item is none, or has no header.
    """
    first = rows[0]
    if not (first.get("udate") or "").strip():
        raise ValueError(
            f"change document {first['changenr']} has no header: CDHDR, with UDATE and UTIME, is to be joined to it"
        )
    at = settings.instant(f"{_date(first['udate'] or '')} {_clock(first.get('utime'))}", "UDATE and UTIME")
    key = (first["tabkey"] or "").strip()
    if not key:
        raise ValueError("TABKEY is empty, and names the table entry")
    same: Row = {"OBJECTCLAS": _text(first["objectclas"]), "OBJECTID": _text(first["objectid"])}
    kinds = _sides(rows)
    for kinds_of, op in (("DE", "delete"), ("IJ", "insert"), ("U", "update")):
        given = [kinds[kind] for kind in kinds_of if kind in kinds]
        if given:
            old, new = ({name: value for pair in given for name, value in pair[side].items()} for side in (0, 1))
            yield Record(
                table=(first["tabname"] or "").strip() or settings.table,
                key=key,
                op=op,
                at=at,
                after=None if op == "delete" else new | same,
                before=None if op == "insert" else old,
                whole=op == "insert",
                actor=_text(first.get("username")),
                transaction=(first["changenr"] or "").strip(),
                reason=_text(first.get("tcode")),
            )


def _sides(rows: Sequence[Row]) -> dict[str, tuple[Row, Row]]:
    """The old and the new values of the fields that the items name, by kind of change."""
    kinds: dict[str, tuple[Row, Row]] = {}
    for row in rows:
        kind = (row["chngind"] or "").strip().upper()
        if len(kind) != 1 or kind not in _KINDS:
            raise ValueError(f"CHNGIND {row['chngind']!r} is none of {', '.join(_KINDS)}")
        name = (row["fname"] or "").strip()
        for side, end in zip(kinds.setdefault(kind, ({}, {})), ("old", "new"), strict=True):
            if name in _NO_FIELD:
                continue
            value = _text(row.get(f"value_{end}"))
            if side.setdefault(name, value) != value:
                raise ValueError(
                    f"FNAME {name} stands twice in one change of one entry, with VALUE_{end.upper()} {side[name]!r} and {value!r}"
                )
            for unit in ("unit", "cuky"):
                if said := _text(row.get(f"{unit}_{end}")):
                    side[f"{name}.{unit.upper()}"] = said
    return kinds


def _text(value: str | None) -> str | None:
    """A value without the blanks that fill up its field; none for an initial one."""
    return (value or "").strip() or None


def _date(text: str) -> str:
    """A date as the database has it (20260601), or else as somebody's list shows it."""
    said = text.strip()
    return f"{said[:4]}-{said[4:6]}-{said[6:]}" if re.fullmatch(r"\d{8}", said) else said


def _clock(text: str | None) -> str:
    said = (text or "").strip()
    return f"{said[:2]}:{said[2:4]}:{said[4:]}" if re.fullmatch(r"\d{6}", said) else said
