"""A log's views in a DuckDB file, for everybody with a plain DuckDB client and no Python."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from orders_es.errors import InvalidSetting, OrdersEsError, StorageError
from orders_es.errors.system import cause_of, words_of
from orders_es.log.relation import text
from orders_es.log.scan import no_database
from orders_es.log.target import check_target
from orders_es.read_models import load_read_models
from orders_es.replay.defining import define
from orders_es.replay.permissions import check_models, restrict, with_companions

if TYPE_CHECKING:
    import os

    from orders_es.log import EventLog, Head

__all__ = ["write_catalog"]


def write_catalog(
    log: EventLog, file: str | os.PathLike[str], *, read_models: str | os.PathLike[str] | None = None
) -> Head:
    """Write a DuckDB file with `events`, the read models and their `…_at` macros; it holds no data. The log is only read.

    The file shows the log as it is now: it lists the log's files of this moment, by their absolute names. Write it again to
    see later events, and after a vacuum. The log's files are held to their digests now; whoever opens the file later reads them
    without that, as with any other program that is not this one. What is at its place is replaced in one step. Days begin and end in the time zone of
    whoever opens it.

    Args:
        file: Where the DuckDB file is to be.
        read_models: A folder with `.sql` files, whose read models are there beside the house's own.

    Returns:
        The head of the log that the file shows.

    Raises:
        BadReadModel: A file in that folder defines no read model.
        TargetInLog: That is the log's own file, or in its folder.
        StorageError: It cannot be written there.
    """
    import duckdb

    target = Path(file).absolute()
    check_target(log, target)
    unfit = no_database(str(target))
    if unfit is not None:
        raise InvalidSetting("file", str(target), unfit)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".catalog-") as folder:
            fresh = Path(folder) / "catalog.duckdb"
            with duckdb.connect(str(fresh)) as connection:
                head = log.bind(connection, "events")
                # Definitions of whoever wrote them are bound here, and later opened by somebody else.
                restrict(connection, log, files=with_companions(fresh), allow=False)
                models = load_read_models(read_models)
                check_models(connection, models, log, allow=False)
                define(connection, log, models, log.event_types())
                recorded_at = "NULL" if head.recorded_at is None else text(head.recorded_at.isoformat())
                connection.execute(
                    f"CREATE VIEW log_head AS SELECT {text(str(log.log_id))} AS log_id, {text(log.origin)} AS origin, "
                    f'{head.position:d}::BIGINT AS "position", {recorded_at}::TIMESTAMPTZ AS recorded_at, '
                    f"{text(head.root.hex())} AS root"
                )
            fresh.replace(target)
    except duckdb.Error as error:  # of its own files; a read model that it refuses is `BadReadModel`
        if cause_of(error) is None:
            raise
        raise StorageError(str(target.parent), words_of(error)) from error
    except OrdersEsError:
        raise
    except OSError as error:
        raise StorageError(str(target.parent), words_of(error)) from error
    return head
