"""Making the states of a log: for each span of some hundred thousand events, what each read model keeps of them."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from orders_es.log.protocol import HasFiles, derived_folder
from orders_es.log.relation import event_columns, quoted, text
from orders_es.read_models import load_read_models, needed_by
from orders_es.replay.relations import KNOWN_AT, inline
from orders_es.replay.states.derive import derived_from
from orders_es.replay.states.files import CLOCKS, Span, States, digest_of, key_of, part_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel
    from orders_es.replay.states.derive import Derived

__all__ = ["SPAN", "Qualified", "end_of", "ends_of", "make_states", "qualified", "states_of"]

SPAN = 250_000
"""A span ends with the data file that brings it to so many events."""
_LATE = 0.005
"""So many of a span's events, at each end of the business clock, are kept as they are, so that its states end where most of it does."""


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

    Derived, and deletable at any time: `derived/states` beside the log. The end of the log, less than a span, gets none yet.

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
    spans = _spans(sorted(ends))
    made: set[tuple[int, int]] = set()
    for one in qualified(load_read_models(read_models), log).values():
        states = states_of(log, one)
        if states is None:
            return 0
        have = {(found.span.first, found.span.last) for found in states.spans(ends)}
        missing = [span for span in spans if span not in have]
        made.update(missing)
        if missing:
            _make(log, one, states, missing, ends, memory_limit)
    return len(made)


def _make(
    log: EventLog,
    one: Qualified,
    states: States,
    missing: Sequence[tuple[int, int]],
    ends: Mapping[int, str],
    memory_limit: str,
) -> None:
    import duckdb

    from orders_es.errors import ReadOnlyLog, StorageError

    try:
        states.place.mkdir(parents=True, exist_ok=True)
        with _Maker(log, one, states, memory_limit) as maker:
            for first, last in missing:
                with suppress(duckdb.Error):  # an event of it cannot be read; whoever asks for it is told which
                    maker.make(first, last, ends[last])
        states.drop(keep=states.spans(ends))
    except PermissionError as error:
        raise ReadOnlyLog(str(states.place)) from error
    except OSError as error:
        raise StorageError(str(states.place), error.strerror or str(error)) from error


def _spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    spans, first = [], 1
    for end in ends:
        if end - first + 1 >= SPAN:
            spans.append((first, end))
            first = end + 1
    return spans


class _Maker:
    """A connection that shows the log, with the read models' parts over the relation `as_asked`."""

    def __init__(self, log: EventLog, one: Qualified, states: States, memory_limit: str) -> None:
        import duckdb

        from orders_es.replay.defining import set_memory_limit, set_time_zone

        self._one = one
        self._states = states
        self._columns = ", ".join(quoted(name) for name in event_columns(log.registry.columns))
        self._connection = duckdb.connect()
        set_time_zone(self._connection, None)
        set_memory_limit(self._connection, memory_limit)
        self._connection.execute("SET GLOBAL parquet_metadata_cache = true; SET preserve_insertion_order = false")
        log.bind(self._connection, "events")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def make(self, first: int, last: int, end: str) -> None:
        here = f'SELECT {self._columns} FROM events WHERE "position" BETWEEN {first} AND {last}'
        (low, high), *_ = self._connection.execute(
            f"SELECT quantile_disc(epoch_us(occurred_at), [{_LATE}, {1 - _LATE}]) FROM ({here})"
        ).fetchone()  # type: ignore[misc]
        core = f"epoch_us(occurred_at) BETWEEN {low} AND {high}"
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW as_asked AS {here} AND {core}")
        clocks = ("occurred_at", KNOWN_AT, "recorded_at")
        asked = ", ".join(f"min(epoch_us({clock})), max(epoch_us({clock}))" for clock in clocks)
        times: Any = self._connection.execute(f"SELECT {asked} FROM as_asked").fetchone()
        between = {name: (times[2 * i], times[2 * i + 1]) for i, name in enumerate(CLOCKS)}
        made: dict[str, Path] = {}
        types: dict[str, dict[str, str]] = {}
        try:
            self._write(f"{here} AND NOT ({core})", "late", made)
            model, derived, needed = self._one
            for number, part in enumerate(derived.parts):
                whole = inline(
                    replace(model, sql=part.sql),
                    "SELECT * FROM as_asked",
                    [(m, "SELECT * FROM as_asked") for m in needed],
                )
                self._part(part_name(model.name, number), whole, made, types)
            files = {name: digest_of(path) for name, path in made.items()}
            self._states.put(Span(first, last, between, files, types), end, made)
        finally:
            for path in made.values():
                path.unlink(missing_ok=True)

    def _part(self, name: str, query: str, made: dict[str, Path], types: dict[str, dict[str, str]]) -> None:
        """Write one part, if its figures are kept exactly: sums of floating point numbers depend on their order."""
        import duckdb

        described = self._connection.execute(f"DESCRIBE {query}").fetchall()
        kinds = {column[0]: column[1] for column in described}
        if any(kind in ("DOUBLE", "FLOAT") for kind in kinds.values()):
            return
        # Parquet has no whole numbers of 128 bits, and DuckDB would write floating point numbers for them.
        listed = ", ".join(
            f"{quoted(column)}::DECIMAL(38, 0) AS {quoted(column)}" if kind == "HUGEINT" else quoted(column)
            for column, kind in kinds.items()
        )
        try:
            self._write(f"SELECT {listed} FROM ({query})", name, made)
        except (duckdb.ConversionException, duckdb.OutOfRangeException):  # a sum that overflows: the events say which
            made.pop(name).unlink(missing_ok=True)
            return
        types[name] = kinds

    def _write(self, query: str, name: str, made: dict[str, Path]) -> None:
        path = made[name] = self._states.place / f".{uuid.uuid4().hex}.tmp"
        self._connection.execute(f"COPY ({query}) TO {text(str(path))} (FORMAT parquet, COMPRESSION zstd)")
