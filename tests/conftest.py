"""A shell that starts the tests in the background has them ignore Ctrl-C, and every process that they start; undo that."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
