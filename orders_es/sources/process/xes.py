"""XES files as events with the case that they belong to; for `orders_es.sources.process`."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from orders_es.errors import BadSource
from orders_es.sources.process.traced_event import Traced
from orders_es.sources.tables.special_files import refuse_special

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["NAME", "read_xes"]

NAME = "concept:name"
_TIME = "time:timestamp"
_ID = "identity:id"
_VALUES = frozenset({"string", "date", "int", "float", "boolean", "id"})


def read_xes(path: Path) -> Iterator[Traced]:
    """The events of a XES file, trace by trace, in the order of the file; memory holds one trace at a time.

    Args:
        path: The file, compressed or not.

    Raises:
        BadSource: It is no XES, or a trace or an event lacks its name or time.
    """
    number = 0
    try:
        with _opened(path) as file:
            for trace in _traces(file, path):
                held = _attributes(trace)
                name = held.pop(NAME, None)
                for event in trace:
                    if _local(event.tag) != "event":
                        continue
                    number += 1
                    values = _attributes(event)
                    kind, time = values.pop(NAME, None), values.pop(_TIME, None)
                    missing = NAME if kind is None else _TIME if time is None else None
                    if name is None or missing is not None:
                        what = f"its trace has no {NAME}" if name is None else f"it has no {missing}"
                        raise BadSource(str(path), number, f"the event cannot be placed: {what}")
                    identity = values.pop(_ID, None)
                    yield Traced(number, identity, str(kind), str(time), (name,), values, held)
    except FileNotFoundError:
        raise BadSource(str(path), None, "there is no such file; check the name and the folder") from None
    except (ET.ParseError, gzip.BadGzipFile, EOFError) as error:
        raise BadSource(str(path), None, f"it is no XES: {error}") from error
    except OSError as error:
        raise BadSource(str(path), None, f"it cannot be read: {error.strerror or error}") from error
    if number == 0:
        raise BadSource(str(path), None, "it has no events; there is nothing to import")


def _traces(file: IO[bytes], path: Path) -> Iterator[ET.Element]:
    # What a document type declares is not read: a XES file needs none, and entities are a way to fill a memory.
    root: ET.Element | None = None
    for action, element in ET.iterparse(file, events=("start", "end")):  # noqa: S314 - expat bounds entities itself
        if root is None:
            root = element
            if _local(element.tag) != "log":
                raise BadSource(
                    str(path), None, f"it is no XES: its first element is {_local(element.tag)!r}, not 'log'"
                )
        elif action == "end" and _local(element.tag) == "trace":
            yield element
            root.clear()


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    refuse_special(path, pipes=False)
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.open(raw, "rb") as file:
            yield file  # type: ignore[misc] # a GzipFile is read as any file of bytes


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attributes(element: ET.Element) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for child in element:
        if _local(child.tag) in _VALUES and "key" in child.attrib:
            found[child.attrib["key"]] = child.attrib.get("value", "")
    return found
