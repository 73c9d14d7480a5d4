"""A process manager: a parcel that is reported missing is searched for at the depot that saw it last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from courier.domain import PARCELS, ParcelMissed, Search
from orders_es.projections import Case, ProcessManager

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SEARCH"]


def _missed(case: Case) -> Iterator[Search]:
    yield Search(case.state.depot)


SEARCH = ProcessManager("search", 1, {ParcelMissed: _missed}, decider=PARCELS)
