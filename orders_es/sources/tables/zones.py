"""Times off a clock as instants: those that were twice, and those that never were; for `orders_es.sources.tables.times`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute

if TYPE_CHECKING:
    import numpy.typing as npt

    from orders_es.sources.tables.options import EarlierOrLater

__all__ = ["before_change", "in_zone"]

pc: Any = pyarrow.compute  # the type stubs know neither scalars of Python nor all keywords
_array: Any = pa.array

_HERE = datetime(1970, 1, 1)  # noqa: DTZ001 - read off any clock
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def in_zone(
    local: npt.NDArray[np.int64], zone: tzinfo, repeated: EarlierOrLater | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The instants, in microseconds since 1970, at which a zone's clocks showed these; and which they never or twice did.

    Args:
        local: What they showed, in microseconds since the beginning of 1970 on the same clock.
        zone: Where.
        repeated: Which of two is meant; the earlier one if nobody said.

    Example:
        >>> in_zone(np.array([0]), UTC, None)[0].tolist()
        [0]
    """
    none = np.zeros(len(local), dtype=np.bool_)
    if zone is UTC or not len(local):
        return local, none, none
    if isinstance(zone, ZoneInfo) and zone.key:
        try:
            earlier, later, kept = (
                pc.assume_timezone(
                    _array(local).cast(pa.timestamp("us")), zone.key, ambiguous=ambiguous, nonexistent=nonexistent
                )
                .cast(pa.int64())
                .to_numpy(zero_copy_only=False)
                for ambiguous, nonexistent in (("earliest", "earliest"), ("latest", "earliest"), ("earliest", "latest"))
            )
        except (pa.ArrowException, ValueError):
            pass  # Arrow has zones of its own, or none
        else:
            return (later if repeated == "later" else earlier), earlier != kept, earlier != later
    micros, wrong, twice = local.copy(), none.copy(), none.copy()
    for i, value in enumerate(local.tolist()):
        try:
            wall = _HERE + timedelta(microseconds=value)
            first, second = (_instant(wall.replace(tzinfo=zone, fold=f)) for f in (0, 1))
        except OverflowError:
            continue
        exists = (_EPOCH + first * _MICROSECOND).astimezone(zone).replace(tzinfo=None) == wall
        micros[i] = second if repeated == "later" and exists else first
        wrong[i], twice[i] = not exists, exists and first != second
    return micros, wrong, twice


def before_change(local: int, zone: tzinfo) -> int:
    """The instant, in microseconds since 1970, that a skipped local time would have been if the clocks had gone on as before."""
    return _instant((_HERE + timedelta(microseconds=local)).replace(tzinfo=zone))


def _instant(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND
