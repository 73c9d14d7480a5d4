"""Making the states of a log: for spans of it that grow geometrically, what each read model keeps of them."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orders_es.log.derived_lock import making
from orders_es.log.protocol import HasFiles, derived_folder
from orders_es.read_models import load_read_models, needed_by
from orders_es.replay.states.derive import derived_from
from orders_es.replay.states.files import States, key_of, part_name
from orders_es.replay.states.making import Maker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.derive import Derived
    from orders_es.replay.states.files import Found

__all__ = ["FANOUT", "SPAN", "Qualified", "end_of", "ends_of", "make_states", "qualified", "states_of", "wrong_states"]

SPAN = 1 << 16
"""So many events has the smallest span; each begins where a multiple of it ends."""
FANOUT = 4
"""So many neighbours of one size are put together to the next one."""


class Qualified(NamedTuple):
    """A read model that can be taken apart.

    Args:
        needed: The read models that it needs, each after those that it reads itself.
    """

    model: ReadModel
    derived: Derived
    needed: tuple[ReadModel, ...]


def qualified(models: Iterable[ReadModel], log: EventLog) -> dict[str, Qualified]:
    """Those of some read models that can be made of states in this log, by name.

    A log with events that a read model does not account for is read event by event: which of its streams count takes all of them.
    """
    models = tuple(models)
    registry = log.registry
    held = {name for name, _ in registry.of_today(log.event_types())}
    found = {}
    for model in models:
        derived = derived_from(model.sql)
        needed = needed_by(model, models)
        ours = set(model.types) or {event_type.name for event_type in registry}
        known = all(name in registry for m in (model, *needed) for name in m.types)
        if derived and known and held <= ours and not any(m.reads_moment for m in (model, *needed)):
            found[model.name] = Qualified(model, derived, needed)
    return found


def states_of(log: EventLog, one: Qualified) -> States | None:
    """The states of a read model in a log; None where there is no place for any."""
    folder = derived_folder(log)
    if folder is None:
        return None
    texts = {part_name(one.model.name, i): part.sql for i, part in enumerate(one.derived.parts)}
    texts |= {m.name: m.sql for m in one.needed}
    return States(log, Path(folder), key_of(texts, log.registry.fingerprint))


def end_of(root: bytes) -> str:
    """What stands in a file's name for the root of the log's tree at a span's end."""
    return root.hex()[:32]


def ends_of(log: EventLog) -> dict[int, str]:
    """`end_of` for each position at which a data file ends."""
    return {head.position: end_of(head.root) for head in log.heads()} if isinstance(log, HasFiles) else {}


def make_states(log: EventLog, *, read_models: Any = None, memory_limit: str = "1.5GB") -> int:
    """How many spans of a log got states that were missing, so that questions about all orders need not read all events.

    A span of 65,536 events is made of its events, one of four times that of the states of four, and so on: what is new since the last
    time is read once, and no order that is finished is looked at again but for these. Derived, and deletable at any time:
    `derived/states` beside the log. The end of the log, less than a span, gets none yet.

    Args:
        read_models: A folder of one's own read models, or several, as for `connect`.
        memory_limit: How much memory DuckDB may use before it goes on in temporary files.

    Raises:
        ReadOnlyLog, StorageError: They cannot be written.

    Example:
        >>> import tempfile
        >>> from orders_es.log import open_log
        >>> make_states(open_log(tempfile.mkdtemp(), create=True))
        0
    """
    ends = ends_of(log)
    made: set[tuple[int, int]] = set()
    for one in qualified(load_read_models(read_models), log).values():
        states = states_of(log, one)
        if states is None:
            return 0
        made |= _make(log, one, states, ends, memory_limit)
    return len(made)


def _make(
    log: EventLog, one: Qualified, states: States, ends: Mapping[int, str], memory_limit: str
) -> set[tuple[int, int]]:
    from orders_es.errors import ReadOnlyLog, StorageError

    have: dict[tuple[int, int], Found] = {}
    for found in (each for spans in states.spans(ends).values() for each in spans):
        if states.sound(found):
            have.setdefault((found.span.first, found.span.last), found)
    positions = sorted(ends)
    missing = [span for span in _spans(positions[-1] if positions else 0) if span not in have]
    if not missing:
        return set()
    made = set()
    try:
        states.place.mkdir(parents=True, exist_ok=True)
        with (
            making(states.place.parents[1]),
            Maker(log, one.model, one.derived, one.needed, states.place, memory_limit) as maker,
        ):
            for first, last in missing:
                step = (last - first + 1) // FANOUT
                parts = [have.get((begin, begin + step - 1)) for begin in range(first, last, max(step, 1))]
                with maker.making(first, last, None if last - first + 1 == SPAN else parts) as done:
                    if done is not None:
                        at = positions[bisect_left(positions, last)]
                        have[first, last] = states.put(done.span, at, ends[at], done.files)
                        made.add((first, last))
        states.drop(keep=have.values())
    except PermissionError as error:
        raise ReadOnlyLog(str(states.place)) from error
    except OSError as error:
        raise StorageError(str(states.place), error.strerror or str(error)) from error
    return made


def _spans(end: int) -> Iterator[tuple[int, int]]:
    """All spans up to a position, each after those that it is put together from."""
    size = SPAN
    while size <= end:
        yield from ((first, first + size - 1) for first in range(1, end - size + 2, size))
        size *= FANOUT


def wrong_states(log: EventLog, *, read_models: Any = None) -> Iterator[tuple[str, str]]:
    """What is wrong with the states that a session would use: the file that describes them, and what it is. Read-only.

    Each is made again, of the log's events or of smaller ones that were found to be right, and compared value by value: what was forged
    together with its digest is found too.

    Args:
        read_models: A folder of one's own read models, or several; those of others are not looked at.

    Example:
        >>> from orders_es.log import open_log
        >>> list(wrong_states(open_log(":memory:")))
        []
    """
    ends = ends_of(log)
    for one in qualified(load_read_models(read_models), log).values():
        states = states_of(log, one)
        if states is None or not states.place.is_dir():
            continue
        spans = [found for spans in states.spans(ends).values() for found in spans if states.sound(found)]
        right: dict[int, list[Found]] = {}
        with Maker(log, one.model, one.derived, one.needed, states.place, "1.5GB") as maker:
            for found in sorted(spans, key=lambda each: (each.span.last - each.span.first, each.span.first)):
                wrong = maker.wrong_with(found, _parts_of(found, right))
                if wrong is None:
                    right.setdefault(found.span.first, []).insert(0, found)
                else:
                    yield f"states {Path(found.paths['']).name}", wrong


def _parts_of(found: Found, right: Mapping[int, list[Found]]) -> list[Found]:
    """The widest of some spans that a wider one is put together from; none where they leave a gap."""
    parts, begin = [], found.span.first
    while begin <= found.span.last:
        part = next((each for each in right.get(begin, ()) if each.span.last < found.span.last), None)
        if part is None:
            return []
        parts.append(part)
        begin = part.span.last + 1
    return parts
