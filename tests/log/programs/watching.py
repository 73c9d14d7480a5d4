"""Readers that hold a log to its promises while others write, compact and vacuum it."""

import json
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import duckdb

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

COLUMNS = ["position", "stream_id", "version", "event_id", "correlation_id"]


class Broken(AssertionError):
    """A promise of the log did not hold."""


def whole(correlation_ids):
    """Raise where some append is there in part."""
    counts = Counter(correlation_id.split("/")[0] for correlation_id in correlation_ids)
    for correlation_id in set(correlation_ids):
        append, wanted, _ = correlation_id.split("/")
        if counts[append] != int(wanted):
            raise Broken(f"{counts[append]} events of append {append}, which has {wanted}")


def whole_in_stream(stream, correlation_ids):
    """Raise where a stream holds a part of what some append brought to it."""
    for correlation_id, found in Counter(correlation_ids).items():
        append, _, wanted = correlation_id.split("/")
        if found != int(wanted):
            raise Broken(f"{stream} holds {found} events of append {append}, which brought {wanted}")


def gapless(numbers, start, what):
    if numbers != list(range(start, start + len(numbers))):
        raise Broken(f"{what} {numbers[:50]} … are not {start}, {start + 1}, …")


def columns_of(batches):
    columns = {name: [] for name in COLUMNS}
    for batch in batches:
        for name in COLUMNS:
            columns[name] += batch.column(batch.schema.get_field_index(name)).to_pylist()
    return columns


class Reader:
    """Reads on from where it was, with one handle; now and then the whole log with a new one."""

    def __init__(self, folder):
        self.folder = folder
        self.log = open_log(folder)
        self.end = 0
        self.roots = {}
        self.versions = Counter()
        self.ids = []

    def look(self, turn):
        head = self.log.head()
        if head.position < self.end:
            raise Broken(f"the head went back from {self.end} to {head.position}")
        if self.roots.setdefault(head.position, head.root) != head.root:
            raise Broken(f"two roots at {head.position}")
        self.take(columns_of(self.log.read(after=self.end, columns=COLUMNS)), head.position)
        if turn % 10 == 0:
            with open_log(self.folder) as other:
                fresh = other.head()
                if fresh.position < self.end:
                    raise Broken(f"a new handle's head is {fresh.position}, and {self.end} was read before")
                if fresh.position in self.roots and self.roots[fresh.position] != fresh.root:
                    raise Broken(f"two roots at {fresh.position}")
                rows = columns_of(other.read(columns=COLUMNS))
                gapless(rows["position"], 1, "positions")
                if rows["event_id"][: self.end] != self.ids:
                    raise Broken("a new handle reads other events than the old one")
                whole(rows["correlation_id"])
        return self.end

    def take(self, rows, at_least):
        gapless(rows["position"], self.end + 1, "positions")
        self.end += len(rows["position"])
        if self.end < at_least:
            raise Broken(f"read ended at {self.end}, the head was {at_least}")
        whole(rows["correlation_id"])
        for stream, version in zip(rows["stream_id"], rows["version"], strict=True):
            self.versions[stream] += 1
            if version != self.versions[stream]:
                raise Broken(f"{stream}: version {version} where {self.versions[stream]} is next")
        self.ids += rows["event_id"]


class Loader:
    """Loads the streams that everybody writes to."""

    STREAMS = (*(f"contested-{i}" for i in range(3)), *(f"shared-{i}" for i in range(10)))

    def __init__(self, folder):
        self.log = open_log(folder)
        self.seen = defaultdict(list)

    def look(self, turn):
        stream = self.STREAMS[turn % len(self.STREAMS)]
        events = self.log.load(stream)
        gapless([event.version for event in events], 1, f"versions of {stream}")
        whole_in_stream(stream, [event.correlation_id for event in events])
        ids = [event.event_id for event in events]
        known = self.seen[stream]
        if ids[: len(known)] != known:
            raise Broken(f"{stream} lost or changed events that were there before")
        self.seen[stream] = ids
        if self.log.stream_version(stream) < len(ids):
            raise Broken(f"the version of {stream} went back")
        return sum(map(len, self.seen.values()))


class RawReader:
    """Plain DuckDB over the files, as a person without this package would read them.

    A pattern over a folder that no longer fits one system call may miss a file that is linked meanwhile, whoever made it;
    the files that the log names never leave one out. Each commit is whole in either.
    """

    def __init__(self, folder):
        log = open_log(folder)
        assert isinstance(log, ParquetLog)
        self.log = log
        self.commits = Path(folder) / "commits"
        self.connection = duckdb.connect()
        self.end = 0

    def look(self, turn):
        count = sum(path.suffix == ".parquet" for path in self.commits.iterdir())
        if not count:
            return 0
        if turn % 2:
            rows = self.rows(f"'{self.commits}/*.parquet'")
            whole([row[1] for row in rows])
            if len(rows) < 600:
                gapless([row[0] for row in rows], 1, "positions")
            return self.end
        rows = self.rows(str([file.path for file in self.log.files()]))
        gapless([row[0] for row in rows], 1, "positions")
        whole([row[1] for row in rows])
        if len(rows) < self.end:
            raise Broken(f"{self.end} events before, {len(rows)} now")
        self.end = len(rows)
        return self.end

    def rows(self, files):
        select = f"SELECT position, correlation_id FROM read_parquet({files}) ORDER BY position"
        return self.connection.sql(select).fetchall()


def watch(kind, folder, stop_path, out_path, begun=None):
    """Look again and again until the stop file is there, then twice more; write down what went wrong, if anything.

    With a barrier `begun`, it is passed after the first look, so that writers can wait for their readers.
    """
    said: dict[str, Any] = {"kind": kind, "turns": 0, "end": 0, "error": None}
    try:
        if kind == "subscribe":
            subscribe(folder, stop_path, said, begun)
        else:
            reader: Any = {"read": Reader, "load": Loader, "duckdb": RawReader}[kind](folder)
            left = 2  # turns after the end of all writing
            while left:
                left -= Path(stop_path).exists()
                started = time.monotonic()
                said["end"] = reader.look(said["turns"])
                said["turns"] += 1
                if begun is not None and said["turns"] == 1:
                    begun.wait(600)
                time.sleep(max(0.02, 3 * (time.monotonic() - started)) if left else 0)  # leaves room for the writers
    except Exception as error:  # noqa: BLE001 - whatever it is, the test is to hear of it
        said["error"] = f"{type(error).__name__}: {error}"
    Path(out_path).write_text(json.dumps(said), encoding="utf-8")


def subscribe(folder, stop_path, said, begun):
    """Follow the log; what one batch holds is whole, and it begins where the one before ended."""
    stop = threading.Event()

    def wait():
        while not Path(stop_path).exists():
            time.sleep(0.02)
        with open_log(folder) as log:
            end = log.head().position
        limit = time.monotonic() + 600
        while said["end"] < end and time.monotonic() < limit:
            time.sleep(0.01)
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    if begun is not None:
        begun.wait(600)
    with open_log(folder) as log:
        for batch in log.subscribe(stop=stop, poll_interval=0.002, columns=COLUMNS):
            rows = columns_of([batch])
            gapless(rows["position"], said["end"] + 1, "positions")
            whole(rows["correlation_id"])
            said["end"] += len(rows["position"])
            said["turns"] += 1
