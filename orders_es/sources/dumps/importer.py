"""Full copies of a table, taken one after another, into the events that lead from each to the next; docs/import-dumps.md."""

from __future__ import annotations

import itertools
import json
import statistics
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tqdm.auto import tqdm

from orders_es.errors import BadSource, InvalidSetting
from orders_es.log.limits import LONGEST_ID
from orders_es.log.relation import text
from orders_es.sources.dumps.comparing import compare
from orders_es.sources.dumps.files import digest_of, load_dump
from orders_es.sources.dumps.last_dump import Standing, read_standing, stand
from orders_es.sources.dumps.names import find_dumps
from orders_es.sources.dumps.result import DumpsResult
from orders_es.sources.dumps.spelling import check_keys, remember_keys
from orders_es.sources.options import check_import_options
from orders_es.sources.rows.gaps import gaps_since, note_again, note_gaps, noted, read_gaps, start_gaps
from orders_es.sources.rows.instants import Instants
from orders_es.sources.rows.landing import Landed, land, rows_registry, take_domain
from orders_es.sources.rows.mapping import load_change_mapping
from orders_es.sources.rows.meaning import derive, note_nothing
from orders_es.sources.rows.work_database import event_id_of, value, workspace
from orders_es.sources.tables.options import TableOptions
from orders_es.sources.target import target_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, time
    from pathlib import Path

    import duckdb

    from orders_es.log import EventLog
    from orders_es.sources.bad_rows import OnError
    from orders_es.sources.dumps.files import LoadedDump
    from orders_es.sources.dumps.names import DumpFile
    from orders_es.sources.rows.mapping import ChangeMapping

__all__ = ["BATCH_EVENTS", "DumpsResult", "import_dumps"]

BATCH_EVENTS = 131_072
"""How many events a commit holds, unless told otherwise."""

_MUCH_LONGER = 1.5


def import_dumps(
    log: EventLog | str | os.PathLike[str],
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    key: str | Sequence[str],
    at_from_name: str,
    mapping: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    table: str | None = None,
    time_of_day: time | None = None,
    occurred: str | None = None,
    reading: TableOptions | None = None,
    on_error: OnError = "stop",
    quarantine: str | os.PathLike[str] | None = None,
    batch_events: int = BATCH_EVENTS,
    progress: bool = False,
    actor: str = "import:dumps",
) -> DumpsResult:
    r"""What the import of dumps did. It appends to the log, and writes quarantine files if asked to and needed.

    Each dump is compared with what the log says of the one before, so next month's dumps come in after this month's, alone or
    together with them. As of the time of each dump the log shows its rows, one for one. Dumps are looked at as a whole before
    anything is appended; an import that was interrupted is completed by running it again.

    Args:
        log: The log to append to, or its place; one that is not there is created when there is something to append.
        sources: Files, or patterns such as `orders-*.csv`; CSV (packed by gzip or zstd, too), Excel or Parquet.
        key: The column that names a row, or several.
        at_from_name: How the time of a dump stands in its name, as `strptime` has it: `%Y-%m-%d`.
        mapping: A TOML file that says what changes mean for orders, or the same as a dict. Their events are appended beside those
            of the rows, in the same commits; without it there are only those of the rows. A value that cannot be read stops the
            import at its dump, and the dumps before it stay.
        table: What to call the table; what stands before the time in the names if left out.
        time_of_day: When the dumps were taken, where the names say only the day; it is the end of that day if left out, and that
            nothing is known to be later than the beginning of the day before is kept.
        occurred: The column that says when a row was changed last, such as `updated_at`.
        reading: How the files and that column are read: delimiter, encoding, the zone of the shop's clock, …
        on_error: `stop` at the first bad row, or `quarantine`: write the bad rows of each dump to a file, and take their
            rows to stand as before.
        quarantine: The folder for those files; `<table>.quarantine` in the current folder if None. Nothing there is overwritten.
        batch_events: How many events a commit may hold.
        progress: Whether to show a bar, on a terminal.
        actor: Who is recorded as the cause of the events.

    Raises:
        BadSource: A file makes no sense, a row is bad and `on_error` is `stop`, or the dumps do not follow the recorded ones.
        InvalidSetting: An option makes no sense.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from orders_es.log import open_log
        >>> from orders_es.sources.rows import rows_at
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "orders-2026-06-01.csv").write_text("id,status\n1,open\n2,open\n")
        >>> _ = (folder / "orders-2026-06-02.csv").write_text("id,status\n1,paid\n3,open\n")
        >>> log = open_log(":memory:")
        >>> done = import_dumps(log, folder / "orders-*.csv", key="id", at_from_name="%Y-%m-%d")
        >>> done.inserted, done.changed, done.deleted
        (3, 1, 1)
        >>> rows_at(log, "orders", at="2026-06-01").to_pylist()
        [{'id': '1', 'status': 'open'}, {'id': '2', 'status': 'open'}]
    """
    keys = (key,) if isinstance(key, str) else tuple(key)
    options = reading or TableOptions()
    _check_settings(log, keys, on_error, quarantine, batch_events)
    files = find_dumps(sources, at_from_name, time_of_day=time_of_day, options=options)
    name = table or _one_table(files)
    if not name or "/" in name:
        raise InvalidSetting("table", name, "give a name without a slash, which stands between a table and a key")
    with target_of(log, registry=rows_registry) as target, workspace() as work:
        if target.existing is not None:
            take_domain(target.existing)
        start_gaps(work)
        standing = read_standing(work, target.existing, name, keys)
        new = _not_known(files, standing, name)
        _note_known(work, name, files, {dump.at for dump, _ in new}, standing)
        rules = None if mapping is None else load_change_mapping(mapping, target.registry)
        run = _Run(work, name, keys, options, occurred, actor, rules)
        if on_error == "stop" and len(new) > 1:
            # Everything is looked at before anything is appended; one alone is looked at below, and appended then.
            remember_keys(work, "last WHERE alive")
            for dump, _ in _bar(new, f"{name}: checking", progress=progress):
                run.load(dump, on_error)
                remember_keys(work, "good")
        set_aside: list[Path] = []
        for dump, digest in _bar(new, name, progress=progress):
            remember_keys(work, "last WHERE alive")
            loaded = run.load(dump, on_error)
            if loaded.bad is not None:
                path = loaded.bad.quarantine(_aside(quarantine, name, dump.path), even_if_none=True)
                set_aside += [] if path is None else [path]
            run.record(target.log(), dump, digest, loaded, standing, batch_events)
        _note_missing_dumps(work, name, standing, {file.at for file in files})
        return DumpsResult(
            table=name,
            dumps=len(new),
            known=len(files) - len(new),
            rows=run.rows,
            inserted=run.inserted,
            changed=run.changed,
            deleted=run.deleted,
            events=run.landed.events,
            commits=run.landed.commits,
            first_position=run.landed.first_position,
            last_position=run.landed.last_position,
            quarantined=run.quarantined,
            quarantine_paths=tuple(set_aside),
            gaps=read_gaps(work),
        )


def _check_settings(
    log: EventLog | str | os.PathLike[str],
    keys: Sequence[str],
    on_error: str,
    quarantine: str | os.PathLike[str] | None,
    batch_events: int,
) -> None:
    if not keys or not all(keys):
        raise InvalidSetting("key", keys, "give the column that names a row, or several")
    check_import_options(log, on_error, quarantine, batch_events)


def _one_table(files: Sequence[DumpFile]) -> str:
    names = sorted({file.table for file in files})
    if len(names) > 1:
        raise BadSource(
            str(files[0].path),
            None,
            f"the names of the files speak of several tables ({', '.join(names)}); import each alone, or say what it is called "
            "with table= (--table)",
        )
    return names[0]


def _aside(quarantine: str | os.PathLike[str] | None, table: str, path: Path) -> str:
    return f"{f'{table}.quarantine' if quarantine is None else quarantine}/{path.name}.csv"


def _bar(dumps: Sequence[tuple[DumpFile, str]], what: str, *, progress: bool) -> Any:
    return tqdm(dumps, desc=what, unit=" dumps", disable=None if progress else True)


def _not_known(files: Sequence[DumpFile], standing: Standing, table: str) -> list[tuple[DumpFile, str]]:
    """The dumps that are to be recorded, each with its digest."""
    new = []
    for file in files:
        digest = digest_of(file.path)
        if standing.at is None or file.at > standing.at:
            new.append((file, digest))
        elif standing.digests.get(file.at) != digest:
            known = standing.names.get(file.at)
            what = (
                f"the log has another dump of that time, {known!r}"
                if known
                else f"the log has a later one, of {standing.at:%Y-%m-%d %H:%M:%S} UTC, and what lies before it is recorded"
            )
            raise BadSource(
                str(file.path),
                None,
                f"it is a dump of {table} of {file.at:%Y-%m-%d %H:%M:%S} UTC, and {what}. Dumps come in in the order in which they "
                "were taken: leave this one out, or import all of them into a new log. Nothing was appended",
            )
    return new


class _Run:
    """What is the same for all dumps of an import, and what has been counted."""

    def __init__(
        self,
        work: duckdb.DuckDBPyConnection,
        table: str,
        keys: tuple[str, ...],
        options: TableOptions,
        occurred: str | None,
        actor: str,
        rules: ChangeMapping | None,
    ) -> None:
        self._rules = rules
        self._work, self._table, self._keys, self._options = work, table, keys, options
        self._occurred, self._actor = occurred, actor
        self.landed = Landed()
        self.rows = self.inserted = self.changed = self.deleted = self.quarantined = 0

    def load(self, dump: DumpFile, on_error: OnError) -> LoadedDump:
        """Read a dump, and stop at its bad rows if that is what to do about them."""
        room = LONGEST_ID - len(self._table.encode()) - 1
        loaded = load_dump(self._work, dump.path, self._keys, self._occurred, self._options, room=room)
        if loaded.bad is not None and on_error == "stop":
            loaded.bad.stop()
        check_keys(self._work, dump.path, self._keys, self._options)
        return loaded

    def record(
        self, log: EventLog, dump: DumpFile, digest: str, loaded: LoadedDump, standing: Standing, batch_events: int
    ) -> None:
        """Append what leads from the rows as they stand to those of a dump, and that it was recorded."""
        work = self._work
        take_domain(log)
        run = f"import:{digest[:16]}"
        mark = noted(work)
        compare(
            work,
            self._table,
            dump,
            loaded,
            standing,
            self._occurred,
            digest,
            actor=self._actor,
            run=run,
            images=self._rules is not None,
        )
        self.rows += loaded.rows
        counts = dict(work.execute("SELECT type, count(*) FROM change GROUP BY type").fetchall())
        self.inserted += counts.get("RowInserted", 0)
        self.changed += counts.get("RowChanged", 0)
        self.deleted += counts.get("RowDeleted", 0)
        self.quarantined += 0 if loaded.bad is None else len(loaded.bad)
        if loaded.bad is not None:
            note_gaps(
                work,
                "set aside",
                text(self._table),
                _time(dump.at),
                "reason",
                f"(SELECT {text(loaded.path.name)} AS reason FROM range({len(loaded.bad)}))",
            )
        meanings = None
        if self._rules is not None:
            meanings = derive(work, self._rules, log, log.registry, instants := Instants(self._options))
            instants.check(str(dump.path))
            note_nothing(work, meanings)
        last = _dumped(work, self._table, self._keys, dump, digest, loaded, standing.version + 1, self._actor, run)
        last = last.append_column("dump_gaps", pa.array([gaps_since(work, mark)]))
        land(work, log, self.landed, batch_events=batch_events, last=last, meanings=meanings)
        stand(work, dump, digest, loaded, standing)


def _time(moment: datetime) -> str:
    return f"TIMESTAMPTZ {text(moment.isoformat())}"


def _dumped(
    work: duckdb.DuckDBPyConnection,
    table: str,
    keys: Sequence[str],
    dump: DumpFile,
    digest: str,
    loaded: LoadedDump,
    version: int,
    actor: str,
    run: str,
) -> pa.Table:
    """The event that says that a dump is recorded."""
    instant = pa.timestamp("us", tz="UTC")
    raw = value(work, f"SELECT {event_id_of('$1')}", [f"{table}#{version}#{digest}"])
    event: dict[str, Any] = {
        "stream_id": pa.array([table]),
        "version": pa.array([version], pa.int32()),
        "event_id": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([raw], pa.binary(16))),
        "type": pa.array(["TableDumped"]),
        "occurred_at": pa.array([dump.at], instant),
        "entered_at": pa.array([dump.at], instant),
        "actor": pa.array([actor]),
        "correlation_id": pa.array([run]),
        "source_table": pa.array([table]),
        "dump_name": pa.array([dump.path.name]),
        "dump_digest": pa.array([digest]),
        "dump_columns": pa.array([json.dumps(loaded.columns, ensure_ascii=False)]),
        "dump_key": pa.array([json.dumps(list(keys), ensure_ascii=False)]),
        "dump_rows": pa.array([loaded.rows], pa.int64()),
        "dump_from": pa.array([dump.since if dump.since < dump.at else None], instant),
    }
    return pa.table(event)


def _note_known(
    work: duckdb.DuckDBPyConnection, table: str, files: Sequence[DumpFile], new: set[datetime], standing: Standing
) -> None:
    """Note what was odd about dumps that are there already, as it was kept with each."""
    for file in files:
        if file.at in new:
            continue
        said = standing.gaps.get(file.at)
        if said is None:
            note_gaps(work, "not kept", text(table), _time(file.at), text(file.path.name), "range(1)")
        else:
            note_again(work, said)


def _note_missing_dumps(work: duckdb.DuckDBPyConnection, table: str, standing: Standing, given: set[datetime]) -> None:
    """Note the times between dumps that are much longer than usual, before those that were given."""
    times = sorted(standing.digests)
    apart = [later - earlier for earlier, later in itertools.pairwise(times)]
    if len(apart) < 2:  # noqa: PLR2004 - of one nobody knows whether it is usual
        return
    usual = timedelta(seconds=statistics.median(one.total_seconds() for one in apart))
    for earlier, later in itertools.pairwise(times):
        if later - earlier > usual * _MUCH_LONGER and later in given:
            told = f"none between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M}"
            note_gaps(work, "dump missing", text(table), _time(earlier), text(told), "range(1)")
