"""The states that a session has in use: which read models are made of them, and whether that still holds. Read-only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orders_es.log.protocol import derived_folder
from orders_es.log.relation import quoted
from orders_es.orders import AsOf
from orders_es.replay.names_in_query import columns_in
from orders_es.replay.relations import MACRO_ARGUMENTS, limits
from orders_es.replay.states.build import ends_of, qualified, states_of
from orders_es.replay.states.calls import ARGUMENTS, calls_of
from orders_es.replay.states.derive import narrowed
from orders_es.replay.states.files import FOLDER
from orders_es.replay.states.relation import choice_of, over_states

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from datetime import datetime

    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.build import Qualified
    from orders_es.replay.states.files import Found, States
    from orders_es.replay.states.relation import OverStates

__all__ = ["StatesInUse"]

_NOW = AsOf()
WORTH = {"narrow": 2_000_000, "wide": 250_000}
"""So many events have to be spared, for a question that names its columns and for one about all: DuckDB takes a tenth of a second to
plan over states what it plans over events in a hundredth."""


class StatesInUse:
    """A log's states, for one session.

    Args:
        models: The session's read models.
    """

    def __init__(self, log: EventLog, models: Sequence[ReadModel]) -> None:
        self._log = log
        self._models = tuple(models)
        self._kept: dict[str, tuple[int | None, bool]] = {}
        self._found: dict[str, tuple[Qualified, States, Mapping[int, Sequence[Found]]]] = {}
        self.models: frozenset[str] = frozenset()
        """The read models of which there are states."""
        folder = derived_folder(log)
        if folder is None or not (folder / FOLDER).is_dir():
            return
        ends = None
        for name, one in qualified(models, log).items():
            states = states_of(log, one)
            if states is None or not states.place.is_dir():
                continue
            ends = ends_of(log) if ends is None else ends
            spans = states.spans(ends)
            if spans:
                self._found[name] = one, states, spans
        self.models = frozenset(self._found)

    def over(
        self,
        name: str,
        asked: AsOf,
        columns: frozenset[str] | None = None,
        events: str = "events",
        *,
        again: bool = False,
    ) -> OverStates | None:
        """A read model at a moment; None where its events are to be read.

        Args:
            name: The read model's name.
            asked: The moment.
            columns: The columns that it has to have, in small letters; all if None.
            events: The relation of all events that count then.
            again: Whether it is for more questions than one, and worth while however few events it spares.
        """
        if name not in self._found or asked.version is not None:
            return None
        one, states, spans = self._found[name]
        chosen = choice_of(spans, asked, states.sound)
        spared = sum(found.span.last - found.span.first + 1 for found in (*chosen.whole, *chosen.none))
        if not again and spared < WORTH["wide" if columns is None else "narrow"]:
            return None
        fewer = None if columns is None else narrowed(one.model.sql, columns)
        return over_states(one.model, fewer or one.derived, one.needed, self._log.registry, chosen, asked, events)

    def are_called(self, names: Container[str] | None) -> bool:
        """Whether macros of read models that have states are among what is asked for."""
        return names is not None and any(f"{name}_at" in names for name in self._found)

    def put_before(self, cursor: Any, asked: AsOf, names: Container[str] | None, query: str = "") -> None:
        """Put temporary views over states before the read models of their names, on a cursor that is bound to a moment.

        Whoever asks on another cursor reads events.

        Args:
            cursor: The cursor; `events` is what was asked for there.
            asked: The moment.
            names: The read models that are asked for, with all that they read; None for all.
            query: What is asked, if views will do that have only the columns that it needs.
        """
        for name in self._found:
            if names is None or name in names:
                over = self.over(name, asked, self._columns(cursor, name, names, query))
                if over is not None:
                    sql = over.on(None if names is None else cursor, f"{name}_")  # no tables for who may not look at it
                    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {sql}")
            if query and names is not None and f"{name}_at" in names:
                self._put_macro(cursor, asked, name, query, self._columns(cursor, name, names, query))

    def _put_macro(self, cursor: Any, asked: AsOf, name: str, query: str, columns: frozenset[str] | None) -> None:
        """Put a temporary macro before one such as `orders_at`, which answers the calls of it in this query, and no others."""
        calls = calls_of(cursor, query, f"{name}_at")
        selects = []
        for number, (given, moments) in enumerate(calls):
            at, known_at, recorded_by = (
                _earlier(moment, getattr(asked, clock)) for clock, moment in zip(ARGUMENTS, moments, strict=True)
            )
            then = AsOf(at=at, known_at=known_at, recorded_by=recorded_by)
            counted = f"(SELECT * FROM events WHERE {limits(then)})"
            over = self.over(name, replace(then, position=asked.position), columns, counted)
            if over is None:
                return
            told = " AND ".join(f"{quoted(a)} IS NOT DISTINCT FROM {g}" for a, g in zip(ARGUMENTS, given, strict=True))
            selects.append(
                f"SELECT * FROM ({over.on(cursor, f'{name}_at_{number}_')})"
                + (f" WHERE {told}" if len(calls) > 1 else "")
            )
        if selects:
            macro = quoted(f"{name}_at")
            cursor.execute(
                f"CREATE OR REPLACE TEMP MACRO {macro}({MACRO_ARGUMENTS}) AS TABLE {' UNION ALL '.join(selects)}"
            )

    def put_and_keep(self, cursor: Any, names: Container[str] | None, position: int, query: str) -> None:
        """The same as things stand now, on a cursor that is used again: what does not change until the log does is computed once.

        Args:
            cursor: The cursor, always the same one.
            names: As in `put_before`.
            position: The log's end.
            query: What is asked.
        """
        for name in self._found:
            if names is not None and name not in names:
                continue
            asked_at, kept = self._kept.get(name, (None, False))
            if kept and asked_at == position:
                continue
            again = asked_at == position  # whoever asks once at one place pays for what he asks, and for nothing else
            over = self.over(name, _NOW, None if again else self._columns(cursor, name, names, query), again=again)
            if over is None:
                cursor.execute(f"DROP VIEW IF EXISTS temp.{quoted(name)}")  # the one of an earlier head
                self._kept[name] = position, False
                continue
            sql = over.on(None if names is None else cursor, f"{name}_", keep=again)
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {sql}")
            self._kept[name] = position, again and names is not None

    def _columns(self, cursor: Any, name: str, names: Container[str] | None, query: str) -> frozenset[str] | None:
        """The columns of a read model that a query may look at, by itself or through others; None where that cannot be said."""
        if names is None or not query:
            return None
        readers = [model.sql for model in self._models if model.name in names and name in model.reads]
        words = [columns_in(cursor, reader) for reader in (query, *readers)]
        known = [each for each in words if each is not None]
        return frozenset().union(*known) if len(known) == len(words) else None

    def hold(self) -> bool:
        """Whether every file in use is still the one whose digest was looked at."""
        return all(states.unchanged() for _, states, _ in self._found.values())


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    given = [moment for moment in (one, other) if moment is not None]
    return min(given) if given else None
