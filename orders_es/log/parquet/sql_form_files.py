"""Data files with old events that SQL reads without a copy, through the SQL forms of upcasters; docs/format.md.

Which files these are is found out once by a look at every event in them. What was found lies beside the copies as a small text,
`<positions>-<what the files are>-<its own digest>.direct`. It is derived: it may be deleted at any time, and `verify` looks again.
"""

from __future__ import annotations

import json
import os
import uuid
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa
from xxhash import xxh3_128_hexdigest

from orders_es.errors import UpcastFailed
from orders_es.log.columns import ARROW_TYPES
from orders_es.log.copy_files import names_in
from orders_es.log.parquet.by_stream import fingerprint
from orders_es.log.parquet.footer import schema_of
from orders_es.log.relation import COLUMN_TYPES, ENVELOPE_TYPES
from orders_es.log.scan import parquet_files
from orders_es.log.sql_forms import Direct, form_of, judged, read_directly, refuse_other_types

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from orders_es.log.event import LogFile
    from orders_es.log.parquet.digest_check import Checked
    from orders_es.log.parquet.reader import Scanner
    from orders_es.log.parquet.upcast_copies import UpcastCopies
    from orders_es.log.registry import EventRegistry
    from orders_es.log.sql_forms import Form, How

__all__ = ["DirectReads"]

_KEPT_FROM = 4_096
"""What was found of fewer events is not written down: to look again costs less."""


class DirectReads:
    """Which files of a log need no copy.

    Args:
        copies: Where copies lie.
        checked: Holds data files to their digests.
        registry: What says how events are read.
        scanner: What scans files.
        read_only: Write nothing down.
    """

    def __init__(
        self,
        copies: UpcastCopies,
        checked: Checked,
        registry: EventRegistry,
        scanner: Scanner,
        *,
        read_only: bool = False,
    ) -> None:
        self._copies = copies
        self._checked = checked
        self._registry = registry
        self._scanner = scanner
        self._read_only = read_only
        self._bound: set[tuple[int, tuple[str, int]]] = set()
        self._known: dict[tuple[str, ...], Direct | None] = {}

    def of(self, run: Sequence[LogFile], held: Collection[tuple[str, int]]) -> Direct | None:
        """How some neighbouring files are read; None where they need a copy.

        Args:
            held: Types and versions in the log, as recorded.

        Raises:
            UpcastFailed: A form and its function give two answers to one event.
            RegistrationClash: A form cannot be bound, or would round.
            FileNotFoundError: A data file was superseded and vacuumed; list the log again.
            DamagedLog: One cannot be read.
        """
        forms = self._forms(held)
        if not forms:
            return None
        key = (self._copies.place, *(file.path for file in run))
        if key not in self._known:
            keep = not self._registry.tolerates and run[-1].last - run[0].first + 1 >= _KEPT_FROM
            stem = self._stem(run) if keep else None
            found = None if stem is None else _read(self._copies.place, stem, mend=not self._read_only)
            if found is None:
                found = (self._judge(run, forms),)
                if stem is not None and not self._read_only:
                    _write(self._copies.place, stem, found[0])
            [self._known[key]] = found
        return self._known[key]

    def wrong(self, run: Sequence[LogFile], held: Collection[tuple[str, int]]) -> Iterator[tuple[str, str]]:
        """What was written down of some neighbouring files and is not so, and why: for `verify`. Read-only. Raises as `of` does."""
        stem = self._stem(run)
        if stem is None:
            return
        for name in names_in(self._copies.place, stem, ".direct"):
            path = os.path.join(self._copies.place, name)
            found = _parsed(path, stem)
            if found is None:
                yield path, "its bytes are not those that its name says, and it is not used"
            elif found[0] != self._judge(run, self._forms(held)):
                yield (
                    path,
                    "it is not what a look at its data files finds: it is forged, or was made from files that were",
                )

    def _forms(self, held: Collection[tuple[str, int]]) -> dict[tuple[str, int], Form]:
        old = [key for key in held if self._registry.upcasts(*key)]
        return {key: form for key in sorted(old) if (form := form_of(self._registry, key)) is not None}

    def _stem(self, run: Sequence[LogFile]) -> str | None:
        """What names these very files; None where one has no digest that could."""
        footers = [self._checked.footer(file.path) for file in run]
        if not all(footer.check for footer in footers):
            return None
        whole = sha256("".join(map(fingerprint, footers)).encode() + self._checked.log_id.bytes).hexdigest()[:32]
        return f"{run[0].first:020d}-{run[-1].last:020d}-{whole}-"

    def _judge(self, run: Sequence[LogFile], forms: Mapping[tuple[str, int], Form]) -> Direct | None:
        columns = self._columns(run, forms)
        if columns is None:
            return None
        for key, form in forms.items():
            if (self._registry.revision, key) not in self._bound:
                refuse_other_types(form, self._scanner.connection())
                self._bound.add((self._registry.revision, key))
        events = parquet_files([file.path for file in run], schema=ENVELOPE_TYPES | columns)
        rows = self._scanner.query(run, _braced(judged(self._registry, forms, columns, events))).to_pylist()
        hows: list[tuple[str, int, How]] = []
        probed: list[int] = []
        for row in rows:
            key = (row["type"], row["schema_version"])
            if row["lacking"]:
                return None
            if not self._registry.upcasts(*key):
                continue
            reader = forms.get(key)
            if reader is None or row["n"] not in (row["expressed"], row["kept"]):
                return None
            how: How = "retired" if reader.reads is None else "form" if row["n"] == row["expressed"] else "unchanged"
            hows.append((*key, how))
            probed += row["probed"]
        direct = Direct(tuple(sorted(hows)), tuple(columns.items()))
        self._hold_to_functions(run, direct, probed, events)
        return direct

    def _columns(self, run: Sequence[LogFile], forms: Mapping[tuple[str, int], Form]) -> dict[str, str] | None:
        """The columns for payload fields that matter; None where files disagree about one, or DuckDB could not tell two apart."""
        reads = {f.name for form in forms.values() for f in form.reads or ()}
        found: dict[str, str] = {}
        for file in run:
            for field in schema_of(file.path):
                wanted = field.name in reads or field.name in self._registry.columns
                if wanted and found.setdefault(field.name, _in_duckdb(field.type)) != _in_duckdb(field.type):
                    return None
        for f in (f for form in forms.values() for f in form.reads or ()):
            found.setdefault(f.name, COLUMN_TYPES[f.kind])  # null in these files
        return None if "" in found.values() or len({name.casefold() for name in found}) < len(found) else found

    def _hold_to_functions(self, run: Sequence[LogFile], direct: Direct, probed: Sequence[int], events: str) -> None:
        """Nothing, if some events are the same today by the forms as by the functions."""
        if not probed:
            return
        some = f'"position" IN ({", ".join(map(str, probed))})'
        said = "type, schema_version, payload"
        stored = self._scanner.query(
            run, _braced(f'SELECT "position", stream_id, {said} FROM {events} WHERE {some}')
        ).to_pylist()
        relation = read_directly(self._registry, direct, events)
        rows = self._scanner.query(
            run, _braced(f'SELECT "position", {said} FROM ({relation}) WHERE {some}')
        ).to_pylist()
        by_form = {row["position"]: (row["type"], row["schema_version"], row["payload"]) for row in rows}
        for row in stored:
            facts = (row["type"], row["schema_version"], row["payload"], row["position"], row["stream_id"])
            by_function, form = self._registry.today(*facts), by_form.get(row["position"])
            if by_function != form:
                raise UpcastFailed(
                    row["type"],
                    "",
                    f"the SQL form of its upcaster gives {_told(form)}, and the function {_told(by_function)}; `check_sql` of "
                    "orders_es.testing finds such cases, and without `sql=` the function alone is asked",
                    row["schema_version"],
                    row["position"],
                    row["stream_id"],
                    row["payload"],
                )


def _told(event: tuple[str, int, str] | None) -> str:
    return "nothing (retired)" if event is None else f"{event[0]} v{event[1]} {event[2]}"


def _in_duckdb(kind: pa.DataType) -> str:
    """The DuckDB type of a column of a data file; empty where it is none that this package writes."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return next((COLUMN_TYPES[name] for name, known in ARROW_TYPES.items() if known == plain), "")


def _braced(sql: str) -> str:
    """SQL as `Scanner.query` wants it, which looks for `{events}` in it."""
    return sql.replace("{", "{{").replace("}", "}}")


def _read(place: str, stem: str, *, mend: bool) -> tuple[Direct | None] | None:
    for name in names_in(place, stem, ".direct"):
        path = os.path.join(place, name)
        found = _parsed(path, stem)
        if found is not None:
            return found
        if mend:
            with suppress(OSError):
                os.unlink(path)
    return None


def _parsed(path: str, stem: str) -> tuple[Direct | None] | None:
    try:
        with open(path, "rb") as file:
            data = file.read()
        if os.path.basename(path) != f"{stem}{xxh3_128_hexdigest(data)}.direct":
            return None
        said = json.loads(data)
        if said is None:
            return (None,)
        hows = tuple((name, version, how) for name, version, how in said["hows"])
        return (Direct(hows, tuple((name, kind) for name, kind in said["columns"])),)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(place: str, stem: str, direct: Direct | None) -> None:
    """Write down what was found; where the folder takes no files, the next handle looks again."""
    data = json.dumps(None if direct is None else direct._asdict()).encode()
    temporary = os.path.join(place, f".{uuid.uuid4().hex}.tmp")
    with suppress(OSError):
        os.makedirs(place, exist_ok=True)
        try:
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, os.path.join(place, f"{stem}{xxh3_128_hexdigest(data)}.direct"))
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
