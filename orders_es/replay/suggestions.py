"""Ids that look like a mistyped one."""

from __future__ import annotations

from itertools import islice
from string import ascii_lowercase, ascii_uppercase, digits
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orders_es.log import EventLog

__all__ = ["close_ids", "ids_like"]

_TRIED_MOST = 4_096
_LISTED_MOST = 300_000


def ids_like(log: EventLog, wanted: str, limit: int = 3) -> tuple[str, ...]:
    """The ids of a log's streams most like `wanted`, best first. Read-only, and no slower for a log of many streams.

    Up to some hundred thousand events, all ids are compared. In a larger log the slips are made from `wanted` and looked up:
    another case, blanks around it, a character too few, too many, another or two swapped.

    Args:
        wanted: What was asked for.
        limit: How many at most.
    """
    if log.head().position <= _LISTED_MOST:
        return close_ids(wanted, log.stream_ids(), limit)
    tried = list(islice(dict.fromkeys(_slips(wanted)), _TRIED_MOST))
    there = log.existing(tried)
    return tuple(id_ for id_ in tried if id_ in there and id_ != wanted)[:limit]


def _slips(wanted: str) -> Iterator[str]:
    """What somebody may have meant who typed `wanted`, likeliest first."""
    bare = wanted.strip()
    if not bare:
        return
    forms = dict.fromkeys((bare, bare.upper(), bare.lower(), bare.capitalize()))
    yield from forms
    for slip in (_missing_or_extra, _mistyped):
        for form in forms:
            letters = {*digits, *form, *"-_./#"}
            letters |= {*ascii_uppercase} if form == form.upper() else set()
            letters |= {*ascii_lowercase} if form == form.lower() else set()
            yield from sorted(slip(form, letters))


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
