"""What a caller gave for a log: a log, or an answer that says how to come by one."""

from __future__ import annotations

import os
from typing import Any

__all__ = ["check_log"]


def check_log(log: Any) -> None:
    """Refuse what is no log, before anything is asked of it.

    Raises:
        TypeError: It is a place, which `open_log` opens, or something else.

    Example:
        >>> check_log("shop")
        Traceback (most recent call last):
        TypeError: log='shop' is a place, not a log that is open; write open_log('shop'), with `from orders_es import open_log`
    """
    if isinstance(log, str | os.PathLike):
        place = os.fspath(log)
        raise TypeError(
            f"log={place!r} is a place, not a log that is open; write open_log({place!r}), with `from orders_es import open_log`"
        )
    if not (hasattr(log, "load") and hasattr(log, "bind") and hasattr(log, "registry")):
        session = "; of a session, it is session.log" if hasattr(log, "log") else ""
        raise TypeError(f"log={log!r} is {type(log).__name__}, not a log; open_log gives one{session}")
