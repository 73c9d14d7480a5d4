"""The command line as a program: `orders-es`, and `python -m orders_es` where no script is on the path."""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["start"]

_INTERRUPTED = 130


def start() -> None:
    """Run the command line. Ctrl-C before it is loaded ends the program as it does afterwards, without a traceback."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from orders_es.cli import main  # the loading is what Ctrl-C may interrupt

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main(prog_name="orders-es")
    except SystemExit as ended:
        if ended.code != _INTERRUPTED:
            raise
        # Threads of DuckDB and Arrow may still be at work, and taking the interpreter down under them has crashed it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_INTERRUPTED)


if __name__ == "__main__":
    start()
