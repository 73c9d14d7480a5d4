"""The command line `orders-es`: for people at a terminal, and for scripts that read its JSON.

Nothing below this package knows it. Modules here import click and the standard library only; what reads logs is loaded
by the command that needs it, so that `orders-es --help` and shell completion answer at once.
"""

from orders_es.cli.main import main

__all__ = ["main"]
