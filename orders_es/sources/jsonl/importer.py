"""JSON lines, one event per line: our own export back into a log, or another system's events, for whoever moves a history.

Our own lines (`orders_es.sources.jsonl.export`) keep everything: event ids, times, actors, and payloads byte for byte. When
they were recorded is now; `as_recorded` restores an empty log with the times that the lines have.

Lines of another shape take a mapping: a TOML file that says which foreign type and field becomes which of ours.
`order-service` is shipped; `docs/jsonl.md` describes the rest.

A file is read once and checked whole before anything is appended: each line for itself, and all together for versions that are
missing, come twice or stand out of order. Memory grows by some hundred bytes a line, whatever its length.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from orders_es.errors import InvalidArgument, LogNotEmpty
from orders_es.sources.batches import Loaded
from orders_es.sources.event_ids import derive_event_ids
from orders_es.sources.jsonl.append import Wanted, append_lines
from orders_es.sources.jsonl.bad_lines import BadLines
from orders_es.sources.jsonl.export import export_jsonl
from orders_es.sources.jsonl.line_reader import BadLine, OwnLines
from orders_es.sources.jsonl.mapped_lines import ForeignLines
from orders_es.sources.jsonl.mapping import load_mapping, shipped_mappings
from orders_es.sources.jsonl.sequence import wrong_records, wrong_sequence
from orders_es.sources.jsonl.spool import Spool
from orders_es.sources.jsonl.text import TextLines
from orders_es.sources.options import check_import_options
from orders_es.sources.result import ImportResult
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    import numpy.typing as npt

    from orders_es.log import EventLog
    from orders_es.sources.bad_rows import OnError
    from orders_es.sources.jsonl.line_reader import LineReader
    from orders_es.sources.target import Target

__all__ = ["BATCH_EVENTS", "export_jsonl", "import_jsonl", "shipped_mappings"]

BATCH_EVENTS = 65_536
"""How many events a commit holds, unless told otherwise."""


def import_jsonl(
    log: EventLog | str | os.PathLike[str],
    source: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None = None,
    currency: str | None = None,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    as_recorded: bool = False,
    keep_unknown: bool = False,
    batch_events: int = BATCH_EVENTS,
    progress: bool = False,
) -> ImportResult:
    r"""What the import of a file did. It appends to the log, in file order, and writes a quarantine file if asked to and needed.

    Importing lines that the log has already adds nothing, also those of a file that has grown since. An import that was
    interrupted is completed by running it again.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        source: A file of JSON lines in UTF-8, with or without a byte-order mark. Empty lines do not count, but for the
            numbers.
        mapping: What makes events of ours out of lines of another shape: a TOML file, or the name of a shipped mapping.
            Without one, the lines are our own.
        currency: With a mapping, the currency of orders whose lines name none.
        on_error: `stop` at the first bad line, or `quarantine`: write all lines of every stream that has a bad one to a
            file, each with its reason, and import the other streams.
        quarantine: That file, CSV; `<name of the source>.quarantine.csv` in the current folder if None. A file that is
            there already is never overwritten.
        as_recorded: Keep `recorded_at` as well. The log must be empty, and the lines a whole log, from position 1.
        keep_unknown: Take over events of types that nobody registered, as they are. Only without a mapping.
        batch_events: How many events a commit may hold.
        progress: Whether to show bars, on a terminal.

    Raises:
        BadSource: The file or the mapping cannot be read, or `on_error` is `stop` and a line is bad; nothing was appended.
            Its `row` is the line's number.
        SourceConflict: The log holds one of the streams already, with another history.
        LogNotEmpty: `as_recorded`, and the log has events.
        ValueError: An option makes no sense.

    Example:
        >>> import pathlib, tempfile
        >>> from orders_es.log import open_log
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "events.jsonl").write_text(
        ...     '{"id":"1","aggregate_id":"A-1","type":"order_created","payload":{"currency":"EUR"},'
        ...     '"timestamp":"2026-06-01T10:00:00Z","version":1}\n'
        ...     '{"id":"2","aggregate_id":"A-1","type":"item_added","payload":{"sku":"mug","quantity":2,"unit_price":1250},'
        ...     '"timestamp":"2026-06-01T10:01:00Z","version":2}\n'
        ... )
        >>> log = open_log(folder / "log", create=True)
        >>> import_jsonl(log, folder / "events.jsonl", mapping="order-service").events
        2
        >>> log.load("A-1")[1].data.price
        Decimal('12.5000')
    """
    check_import_options(log, on_error, quarantine, batch_events, bad="lines")
    _check_mapping(mapping, currency, on_error, as_recorded=as_recorded, unknown=keep_unknown)
    with target_of(log) as target:
        return _import(
            target,
            source,
            mapping=mapping,
            currency=currency,
            on_error=on_error,
            quarantine=quarantine,
            as_recorded=as_recorded,
            keep_unknown=keep_unknown,
            batch_events=batch_events,
            progress=progress,
        )


def _import(
    target: Target,
    source: str | os.PathLike[str],
    *,
    mapping: str | os.PathLike[str] | None,
    currency: str | None,
    on_error: OnError,
    quarantine: str | os.PathLike[str] | None,
    as_recorded: bool,
    keep_unknown: bool,
    batch_events: int,
    progress: bool,
) -> ImportResult:
    log = target.existing
    if as_recorded and log is not None and log.head().position:
        raise LogNotEmpty(
            log.url,
            log.head().position,
            "times of recording are kept only where nothing has been recorded; name a new log, or leave as_recorded out",
        )
    reader: LineReader
    if mapping is None:
        reader = OwnLines(target.registry, keep_unknown=keep_unknown)
    else:
        reader = ForeignLines(target.registry, load_mapping(mapping, target.registry, currency=currency))
    with TextLines(source) as text, Spool() as spool:
        bad = BadLines(text, spool, own=mapping is None, keep_all=on_error == "quarantine")
        _read(text, reader, spool, bad, progress=progress)
        bad.add_sequence(wrong_sequence(spool, reader.first_version))
        if as_recorded:
            bad.add_sequence(wrong_records(spool))
        quarantine_path = None
        if on_error == "stop":
            bad.stop()
        else:
            quarantine_path = bad.quarantine(quarantine)
        digest = text.digest
        wanted = Wanted(text.path, spool, bad.good & spool.kept, _ids(spool, digest))
        loaded = Loaded()
        if as_recorded:
            loaded = _restore(target.log(), wanted, batch_events, progress=progress)
        elif len(wanted.which):
            loaded = append_lines(target.log(), wanted, batch_events=batch_events, progress=progress)
        return ImportResult(
            source=str(source),
            digest=digest.hex(),
            rows=text.count,
            events=loaded.events,
            streams=loaded.streams,
            duplicates=loaded.duplicates,
            quarantined=len(bad),
            quarantine_path=quarantine_path,
            repeated=0,
            commits=loaded.commits,
            first_position=loaded.first_position,
            last_position=loaded.last_position,
        )


def _check_mapping(mapping: object, currency: str | None, on_error: str, *, as_recorded: bool, unknown: bool) -> None:
    if mapping is None and currency is not None:
        raise InvalidArgument("currency= fills in what lines of another shape lack; it needs a mapping=")
    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        raise InvalidArgument(f"currency={currency!r}: give three capital letters, such as EUR")
    if mapping is not None and (as_recorded or unknown):
        option = "as_recorded" if as_recorded else "keep_unknown"
        raise InvalidArgument(f"{option}= is for our own export; with a mapping= it makes no sense")
    if as_recorded and on_error == "quarantine":
        raise InvalidArgument("as_recorded= restores a log whole, so no line can be set aside; use on_error='stop'")


def _read(text: TextLines, reader: LineReader, spool: Spool, bad: BadLines, *, progress: bool) -> None:
    with tqdm(
        total=text.size, desc=text.path.name, unit="B", unit_scale=True, disable=None if progress else True
    ) as bar:
        for number, line in text:
            try:
                read = reader.read(line)
                if read is not None:
                    spool.add(number, read)
            except BadLine as error:
                bad.add(number, error.reason, error.stream_id)
            except RecursionError:
                bad.add(number, "its values are nested deeper than can be read", None)
            bar.update(len(line) + 1)
    spool.close()


def _ids(spool: Spool, digest: bytes) -> npt.NDArray[np.uint8]:
    """The lines' own event ids; or, where the source has none, such that come from the line's place in the file."""
    if not spool.without_ids:
        return spool.ids
    derived = derive_event_ids(digest, spool.numbers, np.zeros(len(spool), dtype=np.int64))
    ids: npt.NDArray[np.uint8] = np.frombuffer(derived.storage.buffers()[1], dtype=np.uint8).reshape(-1, 16)
    return ids


def _restore(log: EventLog, wanted: Wanted, batch_events: int, *, progress: bool) -> Loaded:
    from orders_es.sources.jsonl.restore import restore_lines

    restore: Callable[..., Loaded] = restore_lines
    return restore(log, wanted, batch_events=batch_events, progress=progress)
