"""Control totals of files for process mining, computed as they are written and again from the file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orders_es.evidence import OCEL, Controls, Totals, provenance_of
from orders_es.export.process.relations import OBJECT_TYPES, attributes_of
from orders_es.log.relation import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from orders_es.evidence import Provenance
    from orders_es.log import EventType, Head
    from orders_es.orders import AsOf
    from orders_es.replay import Session

__all__ = ["held_provenance", "object_totals", "process_controls"]

_BATCH = 10_000
_NUMBERS = ("integer", "float")


def object_totals(cursor: Any, held: Iterable[EventType]) -> Totals:
    """The control totals of what OCEL holds: of every numeric attribute of each type of event and of object.

    Args:
        cursor: One on which the relations were made.
        held: The types that there are events of.
    """
    totals = Totals()
    for each in held:
        numbers = [a for a in attributes_of(each) if a.kind in _NUMBERS]
        columns = ", ".join(a.sql for a in numbers)
        for row in _rows(cursor, f"SELECT {columns} FROM process_events WHERE type = {text(each.name)}"):
            for attribute, value in zip(numbers, row, strict=True):
                totals.add(f"event {each.name}.{attribute.name}", value)
    numeric = {(kind, a.name) for kind, attributes in OBJECT_TYPES.items() for a in attributes if a.kind in _NUMBERS}
    for kind, name, value in _rows(
        cursor, "SELECT o.type, v.name, v.value FROM process_values v JOIN process_objects o USING (id)"
    ):
        if (kind, name) in numeric:
            totals.add(f"object {kind}.{name}", value)
    return totals


def _rows(cursor: Any, query: str) -> Iterator[tuple[Any, ...]]:
    answer = cursor.execute(query)
    while rows := answer.fetchmany(_BATCH):
        yield from rows


def held_provenance(
    session: Session, cursor: Any, head: Head, asked: AsOf, name: str, events: int, totals: Totals
) -> Provenance:
    """Where such a file comes from, with its control totals."""
    known = provenance_of(session, cursor, head, asked, name=name)
    return replace(known, rows=events, sums=totals.sums)


def process_controls(path: Path, known: Provenance) -> Controls:
    """The control totals of a file, of what its provenance names.

    Raises:
        BadSource: It is no such file.
    """
    from orders_es.sources.process.ocel import OcelFile  # the room loads what reads tables
    from orders_es.sources.process.xes import read_xes

    wanted = {each.column for each in known.sums or ()}
    totals, events = Totals(), 0
    if known.name == OCEL:
        file = OcelFile(path)
        events = file.events
        for kind, of, name, value in file.values():
            if (column := f"{kind} {of}.{name}") in wanted:
                totals.add(column, value)
        return Controls(events, totals.sums)
    case: tuple[str, ...] | None = None
    for traced in read_xes(path):
        events += 1
        if traced.streams != case:
            case = traced.streams
            for name, value in traced.beside.items():
                if f"trace.{name}" in wanted:
                    totals.add(f"trace.{name}", value)
        for name, value in traced.values.items():
            if (column := f"event {traced.type}.{name}") in wanted:
                totals.add(column, value)
    return Controls(events, totals.sums)
