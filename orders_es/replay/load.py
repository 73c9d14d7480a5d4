"""Orders at any moment, folded in Python: the reference that every other way of replaying is held to. Read-only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from orders_es.errors import OrderNotFound, StreamNotFound, UnknownEventType
from orders_es.log.collector import no_collector
from orders_es.log.event import beyond_calendar, from_micros, many_from_micros
from orders_es.log.limits import check_stream_id
from orders_es.log.log_argument import check_log
from orders_es.log.upcast_tables import upcast_table
from orders_es.orders import EVENT_TYPES, ORDERS, Order, OrderFold, initial_state
from orders_es.orders.moments import spoken
from orders_es.replay.moments import as_of, counts
from orders_es.replay.snapshots import Snapshots
from orders_es.replay.suggestions import ids_like

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from datetime import datetime, tzinfo

    import pyarrow as pa

    from orders_es.decider import Decider
    from orders_es.log import EventLog, EventRegistry, RecordedEvent
    from orders_es.orders import AsOf
    from orders_es.orders.moments import Moment

__all__ = ["by_stream", "events_at", "load_order", "load_orders", "load_state", "of_types"]

State = TypeVar("State")

KNOWN = ("recorded_at", "entered_at")
"""The columns that say since when an event is known: the second where it is filled, the first otherwise."""
_COLUMNS = ("stream_id", "version", "position", "type", "schema_version", "occurred_at", *KNOWN, "payload")


def load_order(
    log: EventLog,
    order_id: str,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    version: int | None = None,
    position: int | None = None,
    tz: str | tzinfo | None = None,
) -> Order:
    """The order as it stands now, or stood then; `as_of` on it says which was asked. Read-only.

    A long order is folded from its latest snapshot that serves, where there is one; see `Snapshots`.

    Args:
        order_id: The order, which is a stream of that name.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        version: Only the order's events up to this version.
        position: Only the log's events up to this position.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Raises:
        OrderNotFound: There is no such order, or nothing of it by then.
        NaiveTime: A time has no time zone.
        UnknownEventType: The stream holds other things than order events.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated, OrderPlaced
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP"), OrderPlaced()], expected=NO_STREAM)
        >>> load_order(log, "A-1").status
        'placed'
        >>> load_order(log, "A-1", version=1).status
        'created'
    """
    check_log(log)
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, version=version, position=position, tz=tz)
    return replace(_state(log, ORDERS, order_id, asked, OrderNotFound), as_of=asked)


def load_state(
    log: EventLog,
    stream_id: str,
    decider: Decider[State],
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    version: int | None = None,
    position: int | None = None,
    tz: str | tzinfo | None = None,
) -> State:
    """A stream's state as it stands now, or stood then, in any domain. Read-only. For orders there is `load_order`.

    Args:
        decider: The domain.
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        version: Only the stream's events up to this version.
        position: Only the log's events up to this position.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Raises:
        StreamNotFound: There is no such stream, or nothing of it by then.
        NaiveTime: A time has no time zone.
        UnknownEventType: The stream holds events that nobody registered.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import ORDERS, OrderCreated
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> load_state(log, "A-1", ORDERS).currency
        'GBP'
    """
    check_log(log)
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, version=version, position=position, tz=tz)
    return _state(log, decider, stream_id, asked, StreamNotFound)


def _state(log: EventLog, decider: Decider[State], stream_id: str, asked: AsOf, missing: type[StreamNotFound]) -> State:
    check_stream_id(stream_id)
    found = Snapshots(log, decider=decider).best(stream_id, asked)
    if found is None:
        return decider.after(events_at(log, stream_id, asked, missing), decider.initial(stream_id))
    events = [event for event in found.events if counts(event, asked)]
    return decider.after(events, found.state) if events else found.state


def events_at(
    log: EventLog, stream_id: str, asked: AsOf, missing: type[StreamNotFound] = OrderNotFound
) -> list[RecordedEvent]:
    """The stream's events that count for the question asked, in version order; there is at least one.

    Args:
        asked: Which events are asked for.
        missing: The class of the error where there is none.

    Raises:
        StreamNotFound: There is no such stream, or nothing of it by then.
    """
    loaded = log.load(stream_id)
    events = [event for event in loaded if counts(event, asked) and not event.retired]
    if events:
        return events
    loaded = [event for event in loaded if not event.retired]
    if loaded:
        first = min(loaded, key=lambda event: event.occurred_at)
        raise missing(
            stream_id,
            f"nothing of it counts {asked}; its first event occurred at {spoken(first.occurred_at)} "
            f"and the first that was known of it was known at {spoken(min(event.known_at for event in loaded))}",
        )
    reason = f"the log {log.url!r} holds no such {missing.what}"
    raise missing(stream_id, reason, ids_like(log, stream_id))


def load_orders(
    log: EventLog,
    *,
    at: Moment | None = None,
    known_at: Moment | None = None,
    recorded_by: Moment | None = None,
    tz: str | tzinfo | None = None,
) -> dict[str, Order]:
    """All orders of a log as they stand now, or stood then, by order id, in the order of their first events. Read-only.

    One pass over the log; what is held in memory grows with the orders, not with the events. Streams of
    registered types that are no order events belong to other domains and are left out, and so are those of types that the
    registry was told to `leave_out`.

    Args:
        at: Only what had occurred by then: a time with its zone, or a date, which is the whole day.
        known_at: Only what was known by then: entered, as its source says, or else recorded. A time with its zone, or a date, which is the
            whole day.
        recorded_by: Only what this log itself had recorded by then, whatever a source says of when it knew.
        tz: The zone in which a date is a day, and a text without a zone is read; UTC if left out.

    Raises:
        NaiveTime: A time has no time zone.
        UnknownEventType: An event is of a type that nobody registered, or the stream of an order holds other things than
            order events.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> load_orders(log)
        {'A-1': <Order A-1: created, 0 lines, 0 items, total 0.00 GBP, balance 0.00, version 1>}
    """
    check_log(log)
    asked = as_of(at=at, known_at=known_at, recorded_by=recorded_by, tz=tz)
    with no_collector():
        return fold_orders(log.registry, _batches(log, asked), asked, shown=asked)


def fold_orders(
    registry: EventRegistry, batches: Iterable[pa.RecordBatch], asked: AsOf, *, shown: AsOf | None = None
) -> dict[str, Order]:
    """All orders in batches of events, by order id, in the order of their first events; without an order at every step.

    Args:
        registry: What decodes the events.
        batches: Events, those of a stream in the order of their positions.
        asked: Which of them count.
        shown: The moment that the orders name as theirs.

    Raises:
        UnknownEventType: As `load_orders` does.
    """
    folds: dict[str, OrderFold] = {}
    foreign: dict[str, tuple[str, int]] = {}
    for batch in batches:
        for stream_id, events in by_stream(registry, batch, asked, foreign):
            folding = folds.get(stream_id)
            if folding is None:
                folding = folds[stream_id] = OrderFold(initial_state(stream_id))
            folding.apply_rows(events)
    refuse_strangers(foreign, folds)
    # One after the other, so that both forms of all orders are never in memory at once.
    return {stream_id: folds.pop(stream_id).order(shown) for stream_id in list(folds)}


def refuse_strangers(foreign: dict[str, tuple[str, int]], own: Container[str]) -> None:
    """Make sure that no stream holds events of two domains.

    Args:
        foreign: The first event of each stream that holds another domain's: its type and position.
        own: The streams that hold this domain's.

    Raises:
        UnknownEventType: One does.
    """
    for stream_id, (name, position) in foreign.items():
        if stream_id in own:
            raise UnknownEventType(name, position, stream_id)


def _batches(log: EventLog, asked: AsOf) -> Iterator[pa.RecordBatch]:
    """The log up to the first batch from which on nothing counts: `recorded_at` never decreases with position.

    What was entered before it was recorded may be known long before; only `recorded_by`, or a log in which no event says when it
    was entered, ends the reading early.
    """
    limits = [asked.recorded_by] if log.may_have_entered else [asked.recorded_by, asked.known_at]
    last = min((limit for limit in limits if limit is not None), default=None)
    for batch in log.read(columns=_COLUMNS):
        if _all_after(batch, last):
            return
        yield batch


def _all_after(batch: pa.RecordBatch, known_at: datetime | None) -> bool:
    return known_at is not None and bool(batch.column("recorded_at")[0].as_py() > known_at)


def by_stream(
    registry: EventRegistry, batch: pa.RecordBatch, asked: AsOf, foreign: dict[str, tuple[str, int]]
) -> Iterator[tuple[str, list[tuple[Any, datetime, int, int]]]]:
    """The batch's order events, decoded, in runs of one stream, as `OrderFold.apply_rows` takes them.

    Args:
        registry: What decodes them.
        batch: Some of the log, in position order.
        asked: Which events count.
        foreign: Gets the first event of each stream that holds another domain's.

    Raises:
        UnknownEventType: An event is of a type that nobody registered.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    ours = {cls.__name__ for cls in EVENT_TYPES} | {t.name for t in registry if t.cls in EVENT_TYPES}
    counted = upcast_table(registry, _counted(pa.Table.from_batches([batch]), asked))
    table = of_types(registry, counted, ours, foreign)
    names, schema_versions, payloads, positions, versions = (
        table.column(name).to_pylist() for name in ("type", "schema_version", "payload", "position", "version")
    )
    moments = moments_of(table, "occurred_at")
    events = registry.decode_many(
        names, schema_versions, payloads, positions, _texts(table.column("stream_id")), table.column("payload")
    )
    rows = list(zip(events, moments, versions, positions, strict=True))
    start = 0
    for runs in pc.run_end_encode(table.column("stream_id")).chunks:
        first = start
        for stream_id, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield stream_id, rows[start : first + end]
            start = first + end


def moments_of(table: pa.Table | pa.RecordBatch, name: str) -> list[datetime]:
    """A column of times of events.

    Args:
        table: Events, with their positions and streams.
        name: The column.

    Raises:
        InvalidEvent: A time is one that no datetime holds; the event is named.
    """
    import pyarrow as pa

    micros = table.column(name).cast(pa.int64()).to_numpy()
    try:
        return many_from_micros(micros)
    except OverflowError:
        for row, value in enumerate(micros.tolist()):
            try:
                from_micros(value)
            except OverflowError as error:
                position, stream_id = (table.column(column)[row].as_py() for column in ("position", "stream_id"))
                raise beyond_calendar(position, stream_id, value) from error
        raise


def _texts(column: pa.ChunkedArray) -> Iterator[str]:
    return (text.as_py() for text in column)


def _counted(table: pa.Table, asked: AsOf) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    for column, limit in (("occurred_at", asked.at), (None, asked.known_at), ("recorded_at", asked.recorded_by)):
        if limit is not None:
            recorded_at, entered = (table.column(name) for name in KNOWN)
            moments = pc.coalesce(entered, recorded_at) if column is None else table.column(column)
            table = table.filter(pc.less_equal(moments, pa.scalar(limit, moments.type)))
    return table


def of_types(
    registry: EventRegistry, table: pa.Table, names: AbstractSet[str], foreign: dict[str, tuple[str, int]]
) -> pa.Table:
    """The events of these types; the streams of others are noted in `foreign`.

    Args:
        registry: What knows the others.
        table: Some of the log, in position order.
        foreign: Gets the first event of each stream that holds another domain's.

    Raises:
        UnknownEventType: An event is of a type that nobody registered: it might be one that a state lacks.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    types = table.column("type")
    if names >= set(pc.unique(types).to_pylist()):
        return table
    mine = pc.is_in(types, pa.array(sorted(names), types.type))
    others = table.filter(pc.invert(mine)).select(["stream_id", "type", "position"])
    for stream_id, name, position in zip(*(column.to_pylist() for column in others.columns), strict=True):
        if not registry.foreign(name):
            raise UnknownEventType(name, position, stream_id)
        foreign.setdefault(stream_id, (name, position))
    return table.filter(mine)
