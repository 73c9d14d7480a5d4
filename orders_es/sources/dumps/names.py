"""Which files are dumps of a table, when each was taken, and what the table is called; for `orders_es.sources.dumps`."""

from __future__ import annotations

import glob
import itertools
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orders_es.errors import BadSource, InvalidSetting
from orders_es.sources.tables.zones import in_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orders_es.sources.tables.options import TableOptions

__all__ = ["DumpFile", "find_dumps"]

_DIRECTIVES = {
    "Y": "[0-9]{4}",
    "m": "[0-9]{2}",
    "d": "[0-9]{2}",
    "H": "[0-9]{2}",
    "I": "[0-9]{2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,6}",
    "j": "[0-9]{3}",
    "y": "[0-9]{2}",
    "p": "[AaPp][Mm]",
    "z": "[+-][0-9]{2}:?[0-9]{2}|Z",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]+",
    "%": "%",
}
_HOURS = frozenset("HI")
_DAY = ({"Y", "y"}, {"d", "j"})
_ENDS = re.compile(r"[-_. ]+")
_HERE = datetime(1970, 1, 1)  # noqa: DTZ001 - read off any clock


@dataclass(frozen=True, slots=True)
class DumpFile:
    """A full copy of a table at one moment, in a file named after both.

    Args:
        path: The file.
        table: What the table is called, as far as the name of the file says.
        at: When it was taken; the end of the day where only the day is known.
        since: Where only the day is known, its beginning; otherwise the same as `at`.
    """

    path: Path
    table: str
    at: datetime
    since: datetime


def find_dumps(
    sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    written: str,
    *,
    time_of_day: time | None,
    options: TableOptions,
) -> list[DumpFile]:
    """The dumps, in the order in which they were taken. Read-only: only names are looked at.

    Args:
        sources: Files or patterns such as `orders-*.csv`.
        written: How the time stands in each name, as `strptime` has it.
        time_of_day: When a dump was taken, where the names say only the day.
        options: The zone of those times.

    Raises:
        BadSource: There are none, a name says no time or more than one, or two were taken at once.
        InvalidSetting: The format says no day.

    Example:
        >>> from orders_es.sources.tables.options import TableOptions
        >>> found = find_dumps(["shop/orders-2026-06-03.csv"], "%Y-%m-%d", time_of_day=None, options=TableOptions())
        >>> found[0].table, found[0].at.isoformat()
        ('orders', '2026-06-03T23:59:59.999999+00:00')
    """
    pattern, directives = _pattern(written)
    if not all(directives & some for some in _DAY):
        raise InvalidSetting("at_from_name", written, "it says no day; give one such as '%Y-%m-%d' or '%Y%m%dT%H%M'")
    if time_of_day is not None and directives & _HOURS:
        raise InvalidSetting(
            "time_of_day", time_of_day.isoformat(), f"the names say the hour ({written}); leave it out"
        )
    dumps = [
        _dump(path, pattern, written, time_of_day, options, whole_day=not directives & _HOURS)
        for path in _files(sources)
    ]
    dumps.sort(key=lambda dump: dump.at)
    for one, next_ in itertools.pairwise(dumps):
        if one.at == next_.at:
            raise BadSource(
                str(next_.path),
                None,
                f"{str(one.path)!r} is a dump of the same time, {one.at:%Y-%m-%d %H:%M:%S} UTC. Nothing was appended; leave one "
                "of them out, or let at_from_name= (--at-from-name) read what tells them apart",
            )
    return dumps


def _files(sources: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    given: Sequence[str | os.PathLike[str]] = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    found: dict[Path, None] = {}
    for source in given:
        name = os.fspath(source)
        if Path(name).is_file() or not glob.has_magic(name):
            found[Path(name)] = None
            continue
        matches = sorted(glob.glob(name))  # noqa: PTH207 - a pattern may begin at the root, which Path.glob refuses
        if not matches:
            raise BadSource(name, None, "no file is called so; are you in the right folder?")
        found |= dict.fromkeys(map(Path, matches))
    if not found:
        raise BadSource("dumps", None, "no file is given")
    return list(found)


def _pattern(written: str) -> tuple[re.Pattern[str], set[str]]:
    directives: set[str] = set()
    parts = []
    for directive, literal in re.findall(r"%(.)|([^%]+)", written):
        if literal:
            parts.append(re.escape(literal))
            continue
        if directive not in _DIRECTIVES:
            raise InvalidSetting(
                "at_from_name", written, f"%{directive} cannot be found in a name; there are %{', %'.join(_DIRECTIVES)}"
            )
        directives.add(directive)
        parts.append(f"(?:{_DIRECTIVES[directive]})")
    return re.compile(rf"(?<![0-9])({''.join(parts)})(?![0-9])"), directives


def _dump(
    path: Path,
    pattern: re.Pattern[str],
    written: str,
    time_of_day: time | None,
    options: TableOptions,
    *,
    whole_day: bool,
) -> DumpFile:
    found = list(pattern.finditer(path.name))
    above = None if found else next((above for above in path.absolute().parents if pattern.search(above.name)), None)
    if above is not None:  # a folder for each night
        found = list(pattern.finditer(above.name))
    if len(found) != 1:
        what = "no time" if not found else f"{len(found)} times ({', '.join(match[1] for match in found)})"
        raise BadSource(
            str(path),
            None,
            f"its name says {what} of the form {written}; say how it is written with at_from_name= (--at-from-name)",
        )
    try:
        moment = datetime.strptime(found[0][1], written)  # noqa: DTZ007 - the zone is the options'
    except ValueError as error:
        raise BadSource(str(path), None, f"its name says {found[0][1]!r}, which is no time: {error}") from error
    left = path.name[: found[0].start()] if above is None else path.name.split(".")[0]
    table = _ENDS.sub(" ", left).strip().replace(" ", "_") or path.parent.resolve().name
    if moment.tzinfo is not None:
        return DumpFile(path, table, moment.astimezone(UTC), moment.astimezone(UTC))
    if time_of_day is not None:
        moment, whole_day = datetime.combine(moment.date(), time_of_day), False
    since = _instant(path, moment, options)
    at = _instant(path, moment + timedelta(days=1), options) - timedelta(microseconds=1) if whole_day else since
    return DumpFile(path, table, at, since)


def _instant(path: Path, local: datetime, options: TableOptions) -> datetime:
    micros = (local - _HERE) // timedelta(microseconds=1)
    instants, wrong, twice = in_zone(np.array([micros]), options.zone, options.repeated_hour)
    if wrong[0]:
        raise BadSource(str(path), None, f"{local} was never: the clocks of {options.zone} skipped it")
    if twice[0] and options.repeated_hour is None:
        raise BadSource(
            str(path),
            None,
            f"{local} was twice, because the clocks of {options.zone} were put back; say which one is meant with repeated_hour= "
            "(--repeated-hour earlier or later)",
        )
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(instants[0]))
