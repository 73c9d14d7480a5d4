"""The lags of all projections at one moment: a list that shows itself as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orders_es.html_table import html_table
from orders_es.projections.lag.judgement import Lag

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Lags"]

_SHOWN_MOST = 60
_COLUMNS = (
    "projection",
    "state",
    "events_behind",
    "seconds_behind",
    "throughput",
    "eta_seconds",
    "dead_letters",
    "reason",
)


_TEXTS = frozenset({"projection", "state", "reason"})


class Lags(list[Lag]):
    """A list of `Lag`, by projection. In a notebook it shows as a table; displaying it measures nothing.

    Example:
        >>> "<table>" in Lags()._repr_html_()
        True
    """

    def to_pandas(self) -> pd.DataFrame:
        """One row per projection, with what is asked for most."""
        import pandas as pd

        rows = [[getattr(lag, name) for name in _COLUMNS] for lag in self]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def _repr_html_(self) -> str:
        hidden = len(self) - _SHOWN_MOST
        return html_table(
            [[_cell(getattr(lag, name)) for name in _COLUMNS] for lag in self[:_SHOWN_MOST]],
            heads=[name.replace("_", " ") for name in _COLUMNS],
            right="".join("l" if name in _TEXTS else "r" for name in _COLUMNS),
            more=f"{hidden:,} more" if hidden > 0 else "",
        )


def _cell(value: Any) -> str:
    """A figure; what is unknown is blank."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
