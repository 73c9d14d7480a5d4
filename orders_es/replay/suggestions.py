"""Ids that look like a mistyped one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["close_ids"]


def close_ids(wanted: str, ids: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """The ids most like `wanted`, best first: another case or blanks around it, one slip of the finger, a beginning.

    Takes one pass over the ids: the slips are made from `wanted` and looked up, so a log of a million orders is no
    slower to search than it is to list.

    Args:
        wanted: What was asked for.
        ids: The ids there are.
        limit: How many at most.

    Example:
        >>> close_ids("541433", ["536365", "541432", "C541433"])
        ('C541433', '541432')
    """
    bare = wanted.strip().casefold()
    ranked: list[list[str]] = [[], [], [], []]
    if not bare:
        return ()
    letters: set[str] = set()
    known: dict[str, list[str]] = {}
    for id_ in ids:
        key = id_.strip().casefold()
        letters.update(key)
        known.setdefault(key, []).append(id_)
        if key.startswith(bare) and key != bare:
            ranked[3].append(id_)
    ranked[0] = known.get(bare, [])
    for rank, slips in ((1, _missing_or_extra(bare, letters)), (2, _mistyped(bare, letters))):
        ranked[rank] = [id_ for slip in sorted(slips) if slip in known for id_ in known[slip]]
    found = dict.fromkeys(id_ for group in ranked for id_ in group if id_ != wanted)
    return tuple(found)[:limit]


def _missing_or_extra(text: str, letters: set[str]) -> set[str]:
    return {text[:i] + text[i + 1 :] for i in range(len(text))} | {
        text[:i] + c + text[i:] for i in range(len(text) + 1) for c in letters
    }


def _mistyped(text: str, letters: set[str]) -> set[str]:
    return set(_swapped(text)) | {text[:i] + c + text[i + 1 :] for i in range(len(text)) for c in letters}


def _swapped(text: str) -> Iterator[str]:
    for i in range(len(text) - 1):
        yield text[:i] + text[i + 1] + text[i] + text[i + 2 :]
