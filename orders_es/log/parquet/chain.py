"""Which files make up a log: the folder listing is the manifest.

Commits form one line, because a commit's name can only be derived from the end of the one before it. Segments stand in
for runs of commits. Rules, in the words of docs/format.md:

1. At the position after the files found so far, the widest segment that begins there counts; without one, the commit
   of that name. Everything else that begins earlier is superseded.
2. Commits are listed before segments, so that a commit that a vacuum took in between is seen in its segment.
3. Whoever links a commit or a segment holds the lock of `commits/` shared, from a last look at the segments until the
   link is there; whoever removes superseded files holds it alone, from listing until the last removal. So a commit's
   name never comes into being twice, and a segment always begins and ends where files of the log begin and end.
4. A folder that does not fit one system call is listed twice, because such a listing may miss files that came or went
   meanwhile: of commits, which come in order, the second list up to the end of the first; of segments, until two agree.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orders_es.errors import DamagedLog, ForeignFile
from orders_es.errors.system import no_file
from orders_es.log.event import LogFile
from orders_es.log.parquet.footer import Footer, damaged, read_footer

if TYPE_CHECKING:
    import uuid
    from collections.abc import Collection

__all__ = [
    "COMMITS",
    "MARKER",
    "SEGMENTS",
    "Listing",
    "commit_name",
    "list_chain",
    "segment_name",
    "segments_reach",
    "what_it_is",
]

COMMITS = "commits"
SEGMENTS = "segments"
MARKER = "erasing.json"
"""What lies in a log's folder while something is erased."""
_COMMIT = re.compile(r"(\d{20})\.parquet")
_SEGMENT = re.compile(r"(\d{20})-(\d{20})\.parquet")
_PATIENCE = 5
"""How often a gap is looked at again before it counts as damage; compaction and vacuum close theirs in milliseconds."""
_AWAY = "no data file of a log is one; move it elsewhere, or put the file back that it stands for"
_ONE_CALL = 256
"""A folder of so many files is listed in one system call, and so as it was at one moment."""


def commit_name(first: int) -> str:
    """The file name of the commit that begins at a position."""
    return f"{first:020d}.parquet"


def segment_name(first: int, last: int) -> str:
    """The file name of the segment that holds a range of positions, both ends included."""
    return f"{first:020d}-{last:020d}.parquet"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a log at one moment.

    Args:
        chain: The files that count, in order, without gaps from position 1 on.
        end: The footer of the last file of the chain; None in an empty log.
        folder: The log's folder.
        commits: The first positions of all commits that lie there.
        segments: The first and last positions of all segments that do.
    """

    chain: list[LogFile]
    end: Footer | None
    folder: str
    commits: Collection[int]
    segments: Collection[tuple[int, int]]

    @property
    def superseded(self) -> list[LogFile]:
        """Data files that no longer count. Made when asked for: there may be tens of thousands, and few want to know."""
        counted = {(file.kind, file.first, file.last if file.kind == "segment" else 0) for file in self.chain}
        commits = [first for first in sorted(self.commits) if ("commit", first, 0) not in counted]
        segments = [(a, b) for a, b in sorted(self.segments) if ("segment", a, b) not in counted]
        return [
            *(LogFile(os.path.join(self.folder, COMMITS, commit_name(c)), "commit", c, c) for c in commits),
            *(LogFile(os.path.join(self.folder, SEGMENTS, segment_name(a, b)), "segment", a, b) for a, b in segments),
        ]


def segments_reach(folder: str) -> int:
    """The last position that some segment holds; 0 where there is none."""
    return max((last for _, last in _segments(folder)), default=0)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # symbolic links that lead in a circle
        return False


def what_it_is(path: str) -> str:
    """What something is that stands where a data file should, and is none."""
    try:
        return no_file(os.stat(path).st_mode) or "it is a file"
    except OSError:
        return "it is a symbolic link that leads nowhere"


def _names(folder: str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    matches = []
    try:
        with os.scandir(folder) as entries:
            names = [(entry.name, _is_file(entry)) for entry in entries]
    except FileNotFoundError:
        raise DamagedLog(folder, "the folder is missing; restore it from a backup") from None
    except OSError as error:
        raise damaged(folder, error) from error
    for name, is_file in names:
        match = pattern.fullmatch(name)
        if match and (
            is_file or not os.path.lexists(os.path.join(folder, name))
        ):  # one that was just removed is no trouble
            matches.append(match)
        elif match:
            raise ForeignFile(os.path.join(folder, name), f"{what_it_is(os.path.join(folder, name))}; {_AWAY}")
        elif name.endswith(".parquet") and not name.startswith("."):
            raise ForeignFile(os.path.join(folder, name), "no data file of a log has such a name; move it elsewhere")
    return matches


def _segments(folder: str) -> list[tuple[int, int]]:
    found = _segments_once(folder)
    while len(found) > _ONE_CALL:
        before, found = found, _segments_once(folder)
        if sorted(before) == sorted(found):
            break
    return found


def _segments_once(folder: str) -> list[tuple[int, int]]:
    return [(int(m[1]), int(m[2])) for m in _names(os.path.join(folder, SEGMENTS), _SEGMENT)]


def _commits(folder: str) -> set[int]:
    found = _commits_once(folder)
    if len(found) > _ONE_CALL:
        end = max(found)
        found = {first for first in _commits_once(folder) if first <= end}
    return found


def _commits_once(folder: str) -> set[int]:
    return {int(m[1]) for m in _names(os.path.join(folder, COMMITS), _COMMIT)}


def list_chain(folder: str, log_id: uuid.UUID) -> Listing:
    """The log's files as they are now. Read-only.

    Raises:
        DamagedLog: Files are missing in the middle, or the last one cannot be read.
        ForeignFile: A Parquet file lies there that is not of this log.
    """
    for attempt in range(_PATIENCE):
        commits = _commits(folder)
        segments = _segments(folder)
        try:
            listing, missing = _assemble(folder, log_id, commits, segments)
        except FileNotFoundError:  # superseded and vacuumed between listing and reading
            continue
        if not missing:
            return listing
        time.sleep(0.01 * attempt)
    after = listing.chain[-1].last if listing.chain else 0
    raise DamagedLog(
        folder, f"the events from position {after + 1} on are missing, though there are later ones; restore the files"
    )


def _assemble(
    folder: str, log_id: uuid.UUID, commits: set[int], segments: list[tuple[int, int]]
) -> tuple[Listing, bool]:
    widest: dict[int, int] = {}
    for first, last in segments:
        widest[first] = max(last, widest.get(first, 0))
    starts = sorted(commits | widest.keys())
    chain: list[LogFile] = []
    end: Footer | None = None
    position = 1
    for i, start in enumerate(starts):
        if start < position:
            continue
        if start > position:
            break
        if start in widest:
            last = widest[start]
            file = LogFile(os.path.join(folder, SEGMENTS, segment_name(start, last)), "segment", start, last)
        else:
            path = os.path.join(folder, COMMITS, commit_name(start))
            if i + 1 < len(starts):  # whatever begins next begins right after it
                last = starts[i + 1] - 1
            else:
                end = read_footer(path, log_id)
                if end.first != start:
                    raise DamagedLog(
                        path,
                        "it does not hold the positions that its name says; restore it from a backup, or move it away",
                    )
                last = end.last
            file = LogFile(path, "commit", start, last)
        chain.append(file)
        position = file.last + 1
    missing = bool(starts) and starts[-1] >= position
    if chain and end is None and not missing:
        end = read_footer(chain[-1].path, log_id)
    return Listing(chain, end, folder, commits, segments), missing
