"""The command line as a program: `orders-es`, and `python -m orders_es` where no script is on the path."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

__all__ = ["start"]

_INTERRUPTED = 130
_SAID = b"orders-es: interrupted; whatever had been committed stays, nothing is half there\n"


def start() -> None:
    """Run the command line. Ctrl-C ends it without a traceback, also before it is loaded."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from orders_es.cli import main  # the loading is what Ctrl-C may interrupt

    if ours:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        main(prog_name="orders-es")
    except SystemExit as ended:
        if ended.code != _INTERRUPTED:
            raise
        # Threads of DuckDB and Arrow may still be at work, and taking the interpreter down under them has crashed it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_INTERRUPTED)


def _interrupt(_number: int, _frame: Any) -> NoReturn:
    """As Python does it; but an exception that meets DuckDB while it is being loaded would end the process with a core dump."""
    for name in ("duckdb", "_duckdb"):
        module = sys.modules.get(name)
        if module is not None and getattr(module.__spec__, "_initializing", False):
            os.write(2, _SAID)
            os._exit(_INTERRUPTED)
    raise KeyboardInterrupt


_interrupt.raises = KeyboardInterrupt  # type: ignore[attr-defined]  # so that others know it for Python's own


if __name__ == "__main__":
    start()
