"""The options that all imports have, and what is refused about them before anything is read; for importers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting
from orders_es.errors.calls import check_count
from orders_es.log.target import check_target

if TYPE_CHECKING:
    import os

    from orders_es.log import EventLog

__all__ = ["check_import_options"]


def check_import_options(
    log: EventLog | str | os.PathLike[str],
    on_error: str,
    quarantine: str | os.PathLike[str] | None,
    batch_events: int,
    *,
    bad: str = "rows",
) -> None:
    """Refuse what makes no sense, or would put what is set aside into the log itself.

    Args:
        log: Where the import goes.
        on_error: What is done about what cannot be imported: `stop` or `quarantine`.
        quarantine: Where that is put.
        batch_events: How many events a commit may hold.
        bad: What is set aside, for the error.

    Raises:
        InvalidSetting: An option makes no sense, alone or beside another one.
        TargetInLog: The quarantine would be in the log.

    Example:
        >>> check_import_options(":memory:", "stop", None, 1000)
    """
    if on_error not in ("stop", "quarantine"):
        raise InvalidSetting("on_error", on_error, "give 'stop' or 'quarantine'")
    if quarantine is not None:
        if on_error == "stop":
            raise InvalidSetting(
                "quarantine", str(quarantine), f"on_error='stop' sets no {bad} aside; add on_error='quarantine'"
            )
        check_target(log, quarantine)
    check_count("batch_events", batch_events)
