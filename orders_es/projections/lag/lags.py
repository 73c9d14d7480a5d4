"""The lags of all projections at one moment: a list that shows itself as a table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

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


class Lags(list[Lag]):
    """A list of `Lag`, by projection. In a notebook it shows as a table; displaying it measures nothing.

    Example:
        >>> Lags()._repr_html_().startswith("<table>")
        True
    """

    def to_pandas(self) -> pd.DataFrame:
        """One row per projection, with what is asked for most."""
        import pandas as pd

        rows = [[getattr(lag, name) for name in _COLUMNS] for lag in self]
        return pd.DataFrame(rows, columns=list(_COLUMNS))

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in _COLUMNS)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(_cell(getattr(lag, name)))}</td>' for name in _COLUMNS)}</tr>"
            for lag in self[:_SHOWN_MOST]
        )
        hidden = len(self) - _SHOWN_MOST
        if hidden > 0:
            body += f"<tr><td colspan='{len(_COLUMNS)}'>… and {hidden:,} more</td></tr>"
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    """A figure; what is unknown is blank."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
