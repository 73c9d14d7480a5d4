"""Recomputing all that a log says of itself: its order, its hashes, its typed columns, copies and snapshots. Read-only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orders_es.audit.erasure import erasures
from orders_es.audit.verified_part import part_of
from orders_es.errors import DamagedLog, OrdersEsError, UnreadableLog
from orders_es.log import Head, open_log, order_registry, survey_of
from orders_es.log.log_argument import check_log
from orders_es.log.merkle import EMPTY_RANGE
from orders_es.orders import ORDERS
from orders_es.replay.snapshots import Snapshots
from orders_es.replay.states import wrong_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orders_es.audit.verified_part import Part
    from orders_es.decider import Decider
    from orders_es.log import EventLog, EventRegistry
    from orders_es.log.survey import Survey

__all__ = ["Problem", "Verified", "verify"]

_NAMED_MOST = 100
_STALE_MOST = 10
_ODD = (OrdersEsError, OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What a forged snapshot may bring about."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be.

    Args:
        where: The position, file or snapshot.
        what: What is wrong with it.
    """

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Args:
        head: The head that the log states.
        events: How many events were read and hashed.
        heads: How many stated tree heads were recomputed.
        values: How many values of typed columns were held to their payloads.
        snapshots: How many snapshots were recomputed.
        problems: What is wrong, at most 100 of them; none if all is well.
        unprotected: How many events lie in files from before there were digests: a byte that changes in them is noticed by
            verifying alone. `compact` writes such files anew.
        erased: The positions whose personal data are erased, as the log itself says.
        part: What of the log was looked at, in words; empty where it was all of it.
    """

    head: Head
    events: int
    heads: int
    values: int
    snapshots: int
    problems: tuple[Problem, ...]
    unprotected: int = 0
    erased: tuple[int, ...] = ()
    part: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    log: EventLog | str | os.PathLike[str],
    *,
    domains: Sequence[Decider[Any]] = (ORDERS,),
    quick: bool = False,
    positions: tuple[int, int] | None = None,
    sample: int | None = None,
    progress: bool = False,
) -> Verified:
    """What comes of reading and hashing every event of a log anew. Nothing is written, and damage is no error here.

    Every byte that an answer can depend on: files are held to their digests; positions and versions run without gaps,
    `recorded_at` never decreases, no event id stands twice, every tree head that a file states (RFC 6962, section 2.1) is the
    one that the events give, and so are the versions, times and statistics that it states; typed columns say what payloads
    say; copies sorted by stream hold the events of their files, states of the read models that come with the package what these came
    to; and every snapshot that this program would use is the state
    that the log gives. Memory grows with the number of streams, and by 24 bytes for each event.

    What is wrong is reported with its place, and the rest is read on. It shows that a log is sound, not that it is the log
    of last year: for that, compare roots that were kept elsewhere.

    Args:
        log: The log, or where it is: one that is too damaged to be opened can be verified by its place.
        domains: The domains whose snapshots are recomputed.
        quick: Look at the structure alone: names, gaps, digests, footers, and whether each stated root follows from the one
            before. No event is read, so what was forged together with its digests is not found, and neither is anything in copies.
        positions: Read what lies with these positions, first and last, and of the rest what `quick` does.
        sample: Read what lies with so many events that chance chooses, and of the rest what `quick` does.
        progress: Show a progress bar.

    With one of these three, copies, states and snapshots are left out, and `part` of the answer says what was looked at.

    Raises:
        NotALog: There is no log at that place.
        InvalidSetting: Two of `quick`, `positions` and `sample` are given, or the log has no such positions.

    Example:
        >>> import tempfile
        >>> from orders_es.log import NO_STREAM, open_log
        >>> from orders_es.orders import OrderCreated
        >>> log = open_log(tempfile.mkdtemp(), create=True)
        >>> _ = log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        >>> verify(log).ok
        True
    """
    if isinstance(log, str | os.PathLike):
        return _verify_at(log, domains, progress=progress, quick=quick, positions=positions, sample=sample)
    check_log(log)
    for _ in range(_STALE_MOST):
        try:
            survey = log.survey()
            part = part_of(survey.head().position, quick=quick, positions=positions, sample=sample)
            snapshots = [Snapshots(log, decider=d) for d in domains]
            return _verified(survey, log.registry, snapshots, log, progress=progress, part=part)
        except FileNotFoundError:  # merged by somebody else, and vacuumed
            continue
    raise DamagedLog(log.url, "its files keep vanishing while they are read; is somebody else removing them?")


def _verify_at(
    place: str | os.PathLike[str], domains: Sequence[Decider[Any]], *, progress: bool, **asked: Any
) -> Verified:
    try:
        log = open_log(place, read_only=True)
    except (DamagedLog, UnreadableLog):
        registry = order_registry()
        try:
            survey = survey_of(place, registry)
            part = part_of(survey.head().position, **asked)
            return _verified(survey, registry, (), None, progress=progress, part=part)
        except (DamagedLog, UnreadableLog) as error:  # one file, of which nothing can be read
            problem = Problem(error.path, error.reason)
            return Verified(Head(0, None, EMPTY_RANGE.root()), 0, 0, 0, 0, (problem,))
    with log:
        return verify(log, domains=domains, progress=progress, **asked)


def _verified(
    survey: Survey,
    registry: EventRegistry,
    snapshots: Sequence[Snapshots[Any]],
    log: EventLog | None,
    *,
    progress: bool,
    part: Part | None = None,
) -> Verified:
    from tqdm.auto import tqdm

    from orders_es.audit.recomputing import Recomputing
    from orders_es.log.hashing import warm_up

    problems = _Problems()
    head = survey.head()
    warm_up(head.position)
    for finding in survey.found():
        problems.add(finding.where, finding.what)
    reading = Recomputing(registry, problems.add)
    with tqdm(total=head.position, unit=" events", unit_scale=True, desc="verifying", disable=not progress) as bar:
        for stretch in survey.stretches() if part is None else survey.stretches(part.wanted):
            (reading.skim if stretch.left_out else reading.take)(stretch)
            bar.update(stretch.last - stretch.first + 1)
    if part is not None:
        reading.finish(_recorded_as_erased(log))
        erased = tuple(reading.erased)
        counts = (reading.events, reading.heads, reading.values, 0)
        return Verified(head, *counts, tuple(problems.named), reading.unprotected, erased, part.text)
    reading.finish()
    for finding in survey.copies():
        problems.add(finding.where, finding.what)
    if log is not None and not problems.named:  # of a log that is damaged itself, they cannot be made again
        _states(log, problems)
    recomputed = sum(_snapshots(each, problems) for each in snapshots)
    named = tuple(problems.named)
    erased = tuple(reading.erased)
    return Verified(head, reading.events, reading.heads, reading.values, recomputed, named, reading.unprotected, erased)


def _recorded_as_erased(log: EventLog | None) -> set[int]:
    """The positions that the log records as erased; none where its own records cannot be read."""
    try:
        return {at for one in erasures(log) for at in one.positions} if log is not None else set()
    except _ODD:
        return set()


class _Problems:
    """What was found to be wrong, the first hundred things."""

    def __init__(self) -> None:
        self.named: list[Problem] = []

    def add(self, where: str, what: str) -> None:
        if len(self.named) < _NAMED_MOST:
            self.named.append(Problem(where, what))


def _states(log: EventLog, problems: _Problems) -> None:
    """Make the states again that this program would use."""
    import duckdb

    try:
        for where, what in wrong_states(log):
            problems.add(where, what)
    except (duckdb.Error, *_ODD) as error:
        problems.add(
            "states", f"they cannot be held to the log ({error}); `rm -r derived/states` takes nothing away but time"
        )


def _snapshots(snapshots: Snapshots[Any], problems: _Problems) -> int:
    """Recompute the snapshots that this program would use; how many. Those of other versions are never used by it."""
    count = 0
    for file in snapshots.files():
        if file.made_by == snapshots.made_by:
            count += 1
            try:
                what = snapshots.wrong_with(file)
            except _ODD as error:
                what = f"it cannot be held to the log ({error})"
            if what is not None:
                problems.add(f"snapshot {file.path.name} in {file.path.parent.name}", what)
    return count
