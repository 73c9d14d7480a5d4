"""For notebooks: SQL cells over a log (`%load_ext orders_es.ipython`), and `slide`, which moves a picture through time.

With the extension loaded, `%%events_sql --at 2025-02-28` at the top of a cell makes its text a query that is bound to that
moment; its answer is a DataFrame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders_es.ipython.sliding import slide

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension", "slide", "unload_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext orders_es.ipython` calls: `%events_sql` and `%%events_sql` are there from then on.

    Example:
        >>> from IPython.core.interactiveshell import InteractiveShell
        >>> shell = InteractiveShell()
        >>> load_ipython_extension(shell)
        >>> "events_sql" in shell.magics_manager.magics["line"]
        True
        >>> unload_ipython_extension(shell)
    """
    from orders_es.ipython.magics import EventsSql  # IPython is only there where this is called

    magics = EventsSql(shell)
    shell.register_magics(magics)
    shell.Completer.custom_matchers.append(magics.completions)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What `%unload_ext` calls: the magic goes, and the logs that it opened are closed.

    Example::

        %load_ext orders_es.ipython
        %unload_ext orders_es.ipython
    """
    magics = shell.magics_manager.registry.pop("EventsSql", None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("events_sql", None)
    if magics is not None:
        shell.Completer.custom_matchers.remove(magics.completions)
        magics.close()
