"""Whether versions run without gaps and no event comes twice; for `orders_es.sources.jsonl`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from orders_es.sources.jsonl.spool import Spool

__all__ = ["Reasons", "places_in_streams", "wrong_records", "wrong_sequence"]

_NOT_SAID = -1

Reasons: TypeAlias = "dict[int, Callable[[], str]]"
"""What is wrong with a line, by its place among those read; told when it is asked for, because there may be millions."""


def wrong_sequence(spool: Spool, first_version: int) -> Reasons:
    """The lines that stand where they cannot, with the reasons: duplicates, gaps and lines out of order.

    Args:
        spool: The lines.
        first_version: The version of a stream's first event.
    """
    wrong: Reasons = {}
    if len(spool) and spool.versions[0] >= 0:
        _check_versions(spool, first_version, wrong)
    if not spool.without_ids:
        _check_ids(spool, wrong)
    return wrong


def _check_versions(spool: Spool, first_version: int, wrong: Reasons) -> None:
    codes, versions, numbers = spool.codes, spool.versions, spool.numbers
    order = np.lexsort((np.arange(len(codes)), versions, codes))
    code, version = codes[order], versions[order]
    start = np.ones(len(order), dtype=np.bool_)
    start[1:] = code[1:] != code[:-1]
    step = np.diff(version, prepend=0)
    late = np.flatnonzero(~start[1:] & (step[1:] > 0) & (order[1:] < order[:-1]))
    names = spool.names

    def note(at: npt.NDArray[np.int64], why: Callable[[int, str, int], str]) -> None:
        for i in at.tolist():
            row = int(order[i])
            wrong.setdefault(row, lambda i=i, row=row: why(i, names[int(codes[row])].as_py(), int(versions[row])))  # type: ignore[misc]

    note(
        np.flatnonzero(~start & (step == 0)),
        lambda i, name, v: f"version {v} of {name!r} is on line {numbers[order[i - 1]]} already",
    )
    note(
        late,
        lambda i, name, v: (
            f"version {v} of {name!r} comes after version {version[i + 1]}, which is on line {numbers[order[i + 1]]}"
        ),
    )
    note(
        np.flatnonzero(start & (version != first_version)),
        lambda _, name, v: (
            f"the first line of {name!r} has version {v}: {_range(first_version, v - 1)} missing"
            if v > first_version
            else f"version {v} of {name!r} comes before {first_version}, the first"
        ),
    )
    note(
        np.flatnonzero(~start & (step > 1)),
        lambda i, name, v: (
            f"version {v} of {name!r} follows version {version[i - 1]} (line {numbers[order[i - 1]]}): "
            f"{_range(int(version[i - 1]) + 1, v - 1)} missing"
        ),
    )


def _range(first: int, last: int) -> str:
    return f"version {first} is" if first == last else f"versions {first} to {last} are"


def _check_ids(spool: Spool, wrong: Reasons) -> None:
    words = spool.ids.view(">u8").reshape(-1, 2)
    order = np.lexsort((np.arange(len(words)), words[:, 1], words[:, 0]))
    twice = np.flatnonzero((words[order[1:]] == words[order[:-1]]).all(axis=1)) + 1
    numbers, ids = spool.numbers, spool.ids
    for i in twice.tolist():
        row, earlier = int(order[i]), int(order[i - 1])
        wrong.setdefault(
            row,
            lambda row=row, earlier=earlier: (  # type: ignore[misc]
                f"event id {UUID(bytes=ids[row].tobytes())} is on line {numbers[earlier]} already"
            ),
        )


def places_in_streams(codes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """For each line, which of its stream's it is: 1 for the first, 2 for the second.

    Example:
        >>> places_in_streams(np.array([0, 1, 0, 0, 1])).tolist()
        [1, 1, 2, 3, 2]
    """
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes) if len(codes) else np.zeros(0, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    places = np.empty(len(codes), dtype=np.int64)
    places[order] = np.arange(len(codes)) - np.repeat(starts, counts) + 1
    return places


def wrong_records(spool: Spool) -> Reasons:
    """The lines that keep a file from being a whole log: positions run from 1, and nothing is recorded before the line above.

    Args:
        spool: The lines.
    """
    wrong: Reasons = {}
    positions, recorded_at, numbers = spool.positions, spool.recorded_at, spool.numbers
    for row in np.flatnonzero(positions != np.arange(1, len(spool) + 1))[:1].tolist():
        what = f"position {positions[row]}" if positions[row] >= 0 else "no position"
        wrong[row] = lambda row=row, what=what: (  # type: ignore[misc]
            f"it has {what} where a whole log has {row + 1}; only all lines of one log, in order, are restored as recorded"
        )
    for row in np.flatnonzero(recorded_at == _NOT_SAID).tolist():
        wrong.setdefault(row, lambda: "it has no recorded_at, so it cannot be restored as recorded")
    for row in (np.flatnonzero(np.diff(recorded_at) < 0) + 1).tolist():
        wrong.setdefault(row, lambda row=row: f"it was recorded before line {numbers[row - 1]}")  # type: ignore[misc]
    return wrong
