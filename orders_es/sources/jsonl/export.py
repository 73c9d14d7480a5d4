"""A log as JSON lines, one event per line, for everybody who takes it elsewhere or looks at it with `jq` and `grep`."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute
from tqdm.auto import tqdm

from orders_es.evidence import Totals, beside, write_beside
from orders_es.files import asked_for
from orders_es.json_text import json_bytes, today_facts_of
from orders_es.log.envelope import ENVELOPE, SPARSE
from orders_es.log.event import from_micros
from orders_es.log.leaf import uuid_bytes
from orders_es.log.target import check_target
from orders_es.sources.jsonl.evidence import add_batch, lines_provenance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from orders_es.log import EventLog, EventRegistry

__all__ = ["export_jsonl"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords

# What JSON text cannot hold as it is.
_ESCAPED = r'["\\\x00-\x1f]'
# A payload that would be torn into lines, or lose blanks at its ends, if it stood in the line as it is.
_NOT_INLINE = r"[\r\n]|^[ \t]|[ \t]$"
_BATCH = 16_384


def export_jsonl(
    log: EventLog, out: str | os.PathLike[str] | IO[bytes], *, today: bool = False, progress: bool = False
) -> int:
    r"""How many events were written: all of the log, in position order, one JSON object a line. The log is only read.

    A line has every field of the envelope, also those that are null (but `entered_at` only where it is given), and `payload`,
    byte for byte as it was recorded.
    Times are UTC with six decimals. A payload that holds line breaks, or blanks at its ends, is in `payload_text`
    instead, as a string. `import_jsonl` reads it all back. Beside a file, `<file>.json` says which log it comes from: its head and root, how many
    lines there are, and control totals of every number; `check_export` holds the file to it.

    Args:
        out: A file that is not there yet, or something open to write bytes to.
        today: Say beside each event of an old version what it is today, as `today`: type, schema version and payload, null where it is
            retired. `import_jsonl` passes over it.
        progress: Whether to show a bar, on a terminal.

    Raises:
        FileExistsError: The file, or the one beside it, is there already; it stays as it is.
        CannotWriteFile: The disk refuses; nothing is left of the file.
        TargetInLog: It would be in the log.

    Example:
        >>> import io, tempfile
        >>> from datetime import UTC, datetime
        >>> from orders_es.log import NO_STREAM, NewEvent, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(tempfile.mkdtemp() + "/log", create=True)
        >>> opened = NewEvent(data=OrderCreated(currency="EUR"), occurred_at=datetime(2026, 6, 1, tzinfo=UTC))
        >>> _ = log.append("A-1", [opened], expected=NO_STREAM)
        >>> lines = io.BytesIO()
        >>> export_jsonl(log, lines)
        1
        >>> lines.getvalue()[:41], lines.getvalue()[-31:]
        (b'{"position":1,"stream_id":"A-1","version"', b',"payload":{"currency":"EUR"}}\n')
    """
    target = Path(out) if isinstance(out, str | os.PathLike) else None
    if target is not None:
        check_target(log, target)
        check_target(log, beside(target))
    head = log.head()
    total, totals, last = head.position, Totals(), _Last()
    with contextlib.ExitStack() as stack:
        file = cast("IO[bytes]", out) if target is None else stack.enter_context(_new(target))
        bar = stack.enter_context(
            tqdm(total=total, desc="export", unit=" events", unit_scale=True, disable=None if progress else True)
        )
        for batch in log.read(to=total, batch_size=_BATCH, columns=ENVELOPE):
            file.write(_with_today(batch, log.registry) if today else _lines(batch))
            if target is not None:
                add_batch(totals, batch)
                last.add(batch)
            bar.update(batch.num_rows)
        file.flush()
        if target is not None:
            write_beside(target, lines_provenance(log, head, totals, (last.happened, last.known)))
    return total


class _Last:
    """The last times on both clocks."""

    def __init__(self) -> None:
        self.happened: datetime | None = None
        self.known: datetime | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        known = batch.column("recorded_at")
        if "entered_at" in batch.schema.names:
            known = pc.coalesce(batch.column("entered_at"), known)
        for name, values in (("happened", batch.column("occurred_at")), ("known", known)):
            newest = pc.max(values).cast(pa.int64()).as_py()
            if newest is not None:
                before = getattr(self, name)
                setattr(self, name, max(filter(None, (before, from_micros(newest)))))


@contextlib.contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """A file that was not there; half of one would stand in the way of the next try, and look like a whole one."""
    with asked_for(path):
        if beside(path).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(beside(path)))
        file = path.open("xb")
        try:
            with file:
                yield file
        except BaseException:
            path.unlink()
            raise


def _with_today(batch: pa.RecordBatch, registry: EventRegistry) -> bytes:
    """The lines, with what events of old versions are today."""
    facts = [batch.column(name).to_pylist() for name in ("type", "schema_version", "payload", "position", "stream_id")]
    lines = _lines(batch).splitlines(keepends=True)
    for place, event in enumerate(zip(*facts, strict=True)):
        said = today_facts_of(registry, event)
        if said is not None:
            lines[place] = lines[place][:-2] + b',"today":' + json_bytes(said) + b"}\n"
    return b"".join(lines)


def _lines(batch: pa.RecordBatch) -> bytes:
    pieces: list[Any] = []
    for number, name in enumerate(ENVELOPE[:-1]):
        values = _json(name, batch.column(name))
        if name in SPARSE:
            if values.null_count < len(values):
                pieces.append(pc.fill_null(pc.binary_join_element_wise(f',"{name}":', values, ""), ""))
            continue
        pieces += [("," if number else "{") + f'"{name}":', pc.fill_null(values, "null")]
    payload = batch.column("payload")
    torn = pc.match_substring_regex(payload, _NOT_INLINE)
    if pc.any(torn).as_py():
        text = pc.binary_join_element_wise('"payload_text":', _texts(payload), "")
        pieces += [",", pc.if_else(torn, text, pc.binary_join_element_wise('"payload":', payload, ""))]
    else:
        pieces += [',"payload":', payload]
    joined = pc.binary_join_element_wise(*pieces, "}\n", "")
    # The values of an array of strings stand one behind the other: the file's very bytes.
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int32)
    data: bytes = joined.buffers()[2].to_pybytes()[offsets[joined.offset] : offsets[joined.offset + len(joined)]]
    return data


def _json(name: str, values: Any) -> Any:
    if pa.types.is_integer(values.type):
        return values.cast(pa.string())
    if pa.types.is_timestamp(values.type):
        naive = values.cast(pa.timestamp("us"))
        return pc.binary_join_element_wise('"', pc.strftime(naive, format="%Y-%m-%dT%H:%M:%S"), 'Z"', "")
    if name == "event_id":
        return _uuids(values)
    return _texts(values)


def _texts(values: Any) -> Any:
    if pc.any(pc.match_substring_regex(values, _ESCAPED)).as_py():
        import msgspec

        each = [None if value is None else msgspec.json.encode(value).decode() for value in values.to_pylist()]
        return pa.array(each, pa.string())
    return pc.binary_join_element_wise('"', values, '"', "")


def _uuids(values: Any) -> Any:
    raw: Any = uuid_bytes(values)
    digits = np.frombuffer(raw.tobytes().hex().encode(), dtype=np.uint8).reshape(-1, 32)
    text = np.full((len(digits), 38), ord("-"), dtype=np.uint8)
    text[:, [0, 37]] = ord('"')
    for start, end, shift in ((0, 8, 1), (8, 12, 2), (12, 16, 3), (16, 20, 4), (20, 32, 5)):
        text[:, start + shift : end + shift] = digits[:, start:end]
    offsets = np.arange(len(text) + 1, dtype=np.int32) * np.int32(38)
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))
