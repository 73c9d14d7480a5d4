"""The states that a session has in use: which read models are made of them, and whether that still holds. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.log.protocol import derived_folder
from orders_es.log.relation import quoted
from orders_es.replay.states.build import ends_of, qualified, states_of
from orders_es.replay.states.files import FOLDER
from orders_es.replay.states.relation import choice_of, over_states

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from orders_es.log import EventLog
    from orders_es.orders import AsOf
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.build import Qualified
    from orders_es.replay.states.files import Found, States

__all__ = ["StatesInUse"]


class StatesInUse:
    """A log's states, for one session.

    Args:
        models: The session's read models.
    """

    def __init__(self, log: EventLog, models: Sequence[ReadModel]) -> None:
        self._log = log
        self._found: dict[str, tuple[Qualified, States, list[Found]]] = {}
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

    def put_before(self, cursor: Any, asked: AsOf, names: Container[str] | None) -> None:
        """Put temporary views over states before the read models of their names, on a cursor that is bound to a moment.

        Whoever asks on another cursor, or by a macro, reads events.

        Args:
            cursor: The cursor; `events` is what was asked for there.
            asked: The moment.
            names: The read models that are asked for, with all that they read; None for all.
        """
        if asked.position is not None or asked.version is not None or asked.recorded_by is not None:
            return
        for name, (one, _, spans) in self._found.items():
            if names is None or name in names:
                chosen = choice_of(spans, asked)
                sql = over_states(one.model, one.derived, one.needed, self._log.registry, chosen, asked)
                if sql is not None:
                    cursor.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {sql}")

    def hold(self) -> bool:
        """Whether every file in use is still the one whose digest was looked at."""
        return all(states.unchanged() for _, states, _ in self._found.values())
