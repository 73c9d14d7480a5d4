"""Uses a log under a limit of the operating system, and writes as JSON what every call came to.

`python limited.py FOLDER LIMIT`, where LIMIT is `file size` (no file may grow past 1,000 bytes), `descriptors` (no file
can be opened), `nobody` (a user who may only read what everybody may) or `none`.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
from datetime import timedelta

import duckdb  # noqa: F401 - imported late by whoever needs it, which may be under the limit
from writing import batch_of, events_for, table_of

from orders_es.log import ANY, open_log


def calls(log, folder):
    """What is tried, by name."""
    ((_, event),) = events_for(["new"])
    pairs = events_for(["new", "new", "newer"])
    return {
        "append": lambda: log.append("new", [event], expected=ANY),
        "append_batch": lambda: log.append_batch(batch_of(pairs, {"new": ANY, "newer": ANY})),
        "append_table": lambda: log.append_table(table_of(events_for(["bulk"] * 500))),
        "compact": log.compact,
        "vacuum": lambda: log.vacuum(grace=timedelta(0)).files,
        "create": lambda: open_log(f"{folder}-other", create=True),
        "head": lambda: log.head().position,
        "read": lambda: sum(batch.num_rows for batch in log.read()),
        "load": lambda: len(log.load("a")),
        "open": lambda: open_log(folder).head().position,
    }


def warm_up():
    """Import everything that is imported late, by doing everything once."""
    with tempfile.TemporaryDirectory() as folder, open_log(f"{folder}/log", create=True) as log:
        for call in calls(log, f"{folder}/log").values():
            call()


@contextlib.contextmanager
def under(limit):
    if limit == "file size":
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    elif limit == "descriptors":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    else:
        if limit == "nobody" and not os.geteuid():
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        yield


def main(folder, limit):
    warm_up()
    said: dict[str, object] = {}
    with open_log(folder) as log:
        log.load("a")
        with under(limit):
            for name, call in calls(log, folder).items():
                try:
                    result = call()
                except Exception as error:  # noqa: BLE001 - whatever it is, the test is to hear of it
                    said[name] = [type(error).__name__, str(error)]
                else:
                    said[name] = result if isinstance(result, int) else "done"
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:3])
