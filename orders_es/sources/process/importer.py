"""`import_ocel` and `import_xes`: event logs of process mining into a log, by way of JSON lines and their checks."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import msgspec

from orders_es.errors import BadSource, InvalidArgument
from orders_es.log.open import order_registry
from orders_es.sources.jsonl import import_jsonl
from orders_es.sources.process.ocel import OcelFile
from orders_es.sources.process.xes import read_xes

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator

    from orders_es.log import EventLog, EventRegistry
    from orders_es.sources.bad_rows import OnError
    from orders_es.sources.process.traced_event import Traced
    from orders_es.sources.result import ImportResult

__all__ = ["import_ocel", "import_xes"]

_ENVELOPE = frozenset(
    {"order_id", "version", "position", "recorded_at", "entered_at", "actor", "correlation_id", "causation_id"}
)
_XES_ENVELOPE = frozenset({"org:resource", "lifecycle:transition"})
_COPIES = UUID("6f4d2f4b-43b4-5dbe-8a36-0d7c6bd0b2f4")
_SHOWN = 5


def import_ocel(
    log: EventLog | str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    object_type: str | None = None,
    each: bool = False,
    currency: str | None = None,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> ImportResult:
    """What the import of an OCEL 2.0 file, JSON or SQLite, did. Importing it again adds nothing.

    What `export_ocel` wrote needs nothing else: events, ids, versions, both times, actors and causes come back; when the other
    log recorded an event is kept as `entered_at`. Of a file of a moment, versions are counted anew where some are missing.

    Files of other tools take a mapping, in the form that `import_jsonl` takes, over such lines: `stream`, `id`, `type`, `time`, and
    `payload` with the event's attributes and, under `objects`, what it touches by object type: one object as its `id` and what it
    was by then, several as a list of ids.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        source: The file.
        mapping: What makes events of ours out of the file's: a TOML file.
        object_type: With a mapping, the type of object that a stream is: `orders`, say.
        each: With a mapping, record an event that touches several such objects in the stream of each of them; such an event is an
            error otherwise.
        currency: With a mapping, the currency of orders whose events name none.
        on_error: As in `import_jsonl`.
        quarantine: As in `import_jsonl`.
        progress: Whether to show bars, on a terminal.

    Raises:
        BadSource: The file or the mapping cannot be read, or `on_error` is `stop` and an event is bad; nothing was appended. Its
            `row` is the event's number in the file.
        SourceConflict: The log holds one of the streams already, with another history.
        ValueError: An option makes no sense.

    Example:
        >>> import tempfile
        >>> from orders_es.export.process import export_ocel
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> first, second = open_log(":memory:"), open_log(":memory:")
        >>> _ = first.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> done = export_ocel(connect(first), tempfile.mkdtemp() + "/orders.json")
        >>> import_ocel(second, done.path).events
        1
    """
    path = Path(source)
    if mapping is None and (object_type is not None or each):
        option = "object_type" if object_type is not None else "each"
        raise InvalidArgument(f"{option}= says what a stream is in another tool's file; it needs a mapping=")
    file = OcelFile(path)
    if mapping is None:
        lines = _own(list(file), path, _refusal(file.event_types, "--mapping and --object-type", file.object_types))
    else:
        kinds = file.object_types
        if object_type not in kinds:
            raise InvalidArgument(
                f"object_type={object_type!r}: name what an order is in the file, one of {', '.join(kinds)}"
            )
        lines = _foreign(file.of(object_type), path, each=each, word=object_type, beside="objects")
    return _import(log, path, lines, mapping, currency, on_error, quarantine, progress=progress)


def import_xes(
    log: EventLog | str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    currency: str | None = None,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> ImportResult:
    """What the import of a XES file, compressed or not, did: a stream a trace. Importing it again adds nothing.

    What `export_xes` wrote needs nothing else. Files of other tools take a mapping, in the form that `import_jsonl` takes, over
    such lines: `stream` (the trace's `concept:name`), `id`, `type` (the event's `concept:name`), `time`, and `payload` with the
    event's other attributes and, under `trace`, those of its trace.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        source: The file.
        mapping: What makes events of ours out of the file's: a TOML file.
        currency: With a mapping, the currency of orders whose events name none.
        on_error: As in `import_jsonl`.
        quarantine: As in `import_jsonl`.
        progress: Whether to show bars, on a terminal.

    Raises:
        BadSource: The file or the mapping cannot be read, or `on_error` is `stop` and an event is bad; nothing was appended. Its
            `row` is the event's number in the file.
        SourceConflict: The log holds one of the streams already, with another history.

    Example:
        >>> import tempfile
        >>> from orders_es.export.process import export_xes
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> from orders_es.replay import connect
        >>> first, second = open_log(":memory:"), open_log(":memory:")
        >>> _ = first.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> done = export_xes(connect(first), tempfile.mkdtemp() + "/orders.xes.gz")
        >>> import_xes(second, done.path).events
        1
    """
    path = Path(source)
    events = list(read_xes(path))
    if mapping is None:
        for event in events:
            event.values["order_id"] = event.streams[0]
            event.values["actor"] = event.values.pop("org:resource", None)
        types = list(dict.fromkeys(event.type for event in events))
        lines = _own(events, path, _refusal(types, "--mapping", []))
    else:
        lines = _foreign(events, path, each=False, word="trace", beside="trace")
    return _import(log, path, lines, mapping, currency, on_error, quarantine, progress=progress)


def _refusal(types: list[str], options: str, object_types: list[str]) -> str:
    shown = ", ".join(map(repr, types[:_SHOWN])) + (", …" if len(types) > _SHOWN else "")
    objects = f"; its object types are {', '.join(object_types)}" if object_types else ""
    return f"its events are not those of `orders-es export` (its event types are {shown}{objects}); give {options}"


def _own(events: list[Traced], path: Path, refusal: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events that we wrote, as lines of ours, in the order of their log."""
    registry = order_registry()
    for event in events:
        if not {"order_id", "version", "position"} <= event.values.keys() or event.type not in registry:
            raise BadSource(str(path), None, refusal)
    events.sort(key=lambda event: _whole(event, "position", path))
    versions: dict[str, int] = {}
    for event in events:
        values = event.values
        stream = str(values["order_id"])
        versions[stream] = versions.get(stream, 0) + 1
        yield (
            event.number,
            {
                "stream_id": stream,
                "version": versions[stream],
                "event_id": event.id,
                "type": event.type,
                "schema_version": registry[event.type].schema_version,
                "occurred_at": _instant(event.time),
                "recorded_at": _optional_instant(values.get("recorded_at")),
                "entered_at": _optional_instant(values.get("entered_at")),
                **{name: values.get(name) for name in ("actor", "correlation_id", "causation_id")},
                "payload": _payload(registry, event, path),
            },
        )


def _whole(event: Traced, name: str, path: Path) -> int:
    value = event.values[name]
    if not re.fullmatch("[0-9]{1,18}", str(value), re.ASCII):
        raise BadSource(str(path), event.number, f"{name} {value!r} is not a whole number")
    return int(value)


def _instant(text: str) -> str:
    """A time of these files in ISO 8601: SQLite has a blank for the T, and says nothing of the zone, which is UTC."""
    whole = text.replace(" ", "T", 1)
    return whole if re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", whole) else whole + "Z"


def _optional_instant(text: Any) -> str | None:
    return None if text is None else _instant(str(text))


def _payload(registry: EventRegistry, event: Traced, path: Path) -> dict[str, Any]:
    fields = {field.name: field.kind for field in registry[event.type].fields}
    payload: dict[str, Any] = {}
    for name, value in event.values.items():
        if name in _ENVELOPE or name in _XES_ENVELOPE or (value is None and name not in fields):
            continue
        if name not in fields:
            raise BadSource(str(path), event.number, f"{event.type} has no field {name!r}; give --mapping")
        if value is not None:
            payload[name] = _PLAIN.get(fields[name], str)(value)
    return payload


def _integer(value: Any) -> Any:
    return int(value) if re.fullmatch("-?[0-9]{1,18}", str(value), re.ASCII) else value


def _truth(value: Any) -> Any:
    return {"true": True, "false": False}.get(str(value).lower(), value)


def _money(value: Any) -> Any:
    """Digits as we write them, with four decimals; a value that has more, or is no number, stays and is refused by the checks."""
    try:
        digits = Decimal(str(value))
        return f"{digits:.4f}" if digits == round(digits, 4) else str(value)
    except (InvalidOperation, ValueError):
        return str(value)


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "decimal": _money,
    "int64": _integer,
    "bool": _truth,
    "timestamp": lambda value: _instant(str(value)),
}


def _foreign(
    events: Iterable[Traced], path: Path, *, each: bool, word: str | None, beside: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events of another tool, as lines that a mapping reads."""
    for event in events:
        if len(event.streams) > 1 and not each:
            raise BadSource(
                str(path),
                event.number,
                f"the event {event.id!r} ({event.type}) touches {len(event.streams)} objects of the type {word!r}, so it has no "
                "one stream; give each=True (--each) to record it in the stream of every one of them",
            )
        for stream in event.streams or ("",):
            identity = event.id
            if identity is not None and len(event.streams) > 1:
                identity = str(uuid5(_COPIES, f"{len(stream)}:{stream}{identity}"))
            line = {
                "stream": stream,
                "id": identity,
                "type": event.type,
                "time": _instant(event.time),
                "payload": {**event.values, beside: event.beside},
            }
            yield event.number, {name: value for name, value in line.items() if value is not None}


def _import(
    log: EventLog | str | os.PathLike[str],
    path: Path,
    lines: Iterator[tuple[int, dict[str, Any]]],
    mapping: str | os.PathLike[str] | None,
    currency: str | None,
    on_error: OnError,
    quarantine: str | os.PathLike[str] | None,
    *,
    progress: bool,
) -> ImportResult:
    numbers: list[int] = []
    with tempfile.TemporaryDirectory(prefix="orders_es-") as folder:
        spooled = Path(folder) / path.name
        with spooled.open("wb") as file:
            for number, line in lines:
                numbers.append(number)
                file.write(msgspec.json.encode(line) + b"\n")
        if not numbers:
            raise BadSource(str(path), None, "it has no events; there is nothing to import")
        named = quarantine
        if on_error == "quarantine" and quarantine is None:
            named = f"{path.name}.quarantine.csv"
        try:
            done = import_jsonl(
                log,
                spooled,
                mapping=mapping,
                currency=currency,
                on_error=on_error,
                quarantine=named,
                progress=progress,
            )
        except BadSource as error:
            if error.path != str(spooled):
                raise
            row = None if error.row is None else numbers[error.row - 1]
            raise BadSource(str(path), row, error.reason) from error
    return dataclasses.replace(done, source=str(path))
