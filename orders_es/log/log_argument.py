"""What a caller gave for a log or for a session: that, or an answer that says how to come by one."""

from __future__ import annotations

import os
from typing import Any

from orders_es.errors import WrongType

__all__ = ["check_log", "check_session"]


def check_log(log: Any) -> None:
    """Refuse what is no log, before anything is asked of it.

    Raises:
        WrongType: It is a place, which `open_log` opens, or something else.

    Example:
        >>> check_log("shop")
        Traceback (most recent call last):
        orders_es.errors.calls.WrongType: log='shop' is a place, not a log that is open; write open_log('shop'), with `from orders_es import open_log`
    """
    if isinstance(log, str | os.PathLike):
        place = os.fspath(log)
        raise WrongType(
            f"log={place!r} is a place, not a log that is open; write open_log({place!r}), with `from orders_es import open_log`"
        )
    if not (hasattr(log, "load") and hasattr(log, "bind") and hasattr(log, "registry")):
        session = "; of a session, it is session.log" if hasattr(log, "log") else ""
        raise WrongType(f"log={log!r} is {type(log).__name__}, not a log; open_log gives one{session}")


def check_session(session: Any) -> None:
    """Refuse what is no session, before anything is asked of it.

    Raises:
        WrongType: It is a log or a place, which `connect` opens, or something else.

    Example:
        >>> check_session("shop")
        Traceback (most recent call last):
        orders_es.errors.calls.WrongType: session='shop' is a place; write connect(open_log('shop')), with `from orders_es import connect, open_log`
    """
    if hasattr(session, "using") and hasattr(session, "sql") and hasattr(session, "log"):
        return
    if isinstance(session, str | os.PathLike):
        place = os.fspath(session)
        raise WrongType(
            f"session={place!r} is a place; write connect(open_log({place!r})), with `from orders_es import connect, open_log`"
        )
    if hasattr(session, "load") and hasattr(session, "bind"):
        raise WrongType(f"session={session!r} is a log; write connect(log), with `from orders_es import connect`")
    raise WrongType(f"session={session!r} is {type(session).__name__}, not a session; connect(log) gives one")
