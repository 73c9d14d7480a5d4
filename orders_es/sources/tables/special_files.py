"""What a path may lead to that is no file: a pipe, which is read once, and a device, which may never end; for importers."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import BadSource
from orders_es.errors.system import no_file

if TYPE_CHECKING:
    import os

__all__ = ["refuse_special"]


def refuse_special(source: str | os.PathLike[str], *, pipes: bool) -> None:
    """Refuse what cannot be read as a file, before anything of it is read. What is not there, whoever opens it says.

    Args:
        source: The path.
        pipes: Whether a pipe will do, since the file is read once, from its beginning to its end.

    Raises:
        BadSource: It is a device or a socket, or a pipe where that will not do.

    Example:
        >>> refuse_special("/dev/zero", pipes=True)
        Traceback (most recent call last):
        orders_es.errors.calls.BadSource: /dev/zero: it is a device, and nobody knows where it ends; name a file
    """
    try:
        mode = Path(source).stat().st_mode
    except (OSError, ValueError):
        return
    if stat.S_ISFIFO(mode):
        if not pipes:
            raise BadSource(str(source), None, "it is a pipe, and this is read twice; save it to a file first")
    elif (what := no_file(mode)) is not None and not stat.S_ISDIR(mode):
        raise BadSource(str(source), None, f"{what}, and nobody knows where it ends; name a file")
