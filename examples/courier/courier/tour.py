"""All that orders_es does, on parcels. `python -m courier.tour FOLDER` keeps the log in a folder."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from courier.domain import PARCELS, HandIn, ReportMissing, Scan
from courier.search import SEARCH
from orders_es import connect, handle, open_log
from orders_es.domains import known_domains, registry_of
from orders_es.projections import Projector, ReadModels, SetProjection
from orders_es.replay import Snapshots, load_state

if TYPE_CHECKING:
    from orders_es.log import EventLog


def record(folder: str) -> EventLog:
    """A log of three parcels handed in at Leeds, scanned at York a day later; the last of them went missing there."""
    log = open_log(folder, create=True, registry=registry_of([*known_domains(), PARCELS]))
    for number in range(3):
        parcel = f"parcel-{number}"
        first, second = datetime(2011, 6, 2, 9, tzinfo=UTC), datetime(2011, 6, 3, 9, tzinfo=UTC)
        handle(log, parcel, HandIn("Leeds", 100 + number), decider=PARCELS, occurred_at=first, command_id="in")
        handle(log, parcel, Scan("York"), decider=PARCELS, occurred_at=second, command_id="scan")
    handle(log, "parcel-2", ReportMissing(), decider=PARCELS, occurred_at=datetime(2011, 6, 8, tzinfo=UTC))
    return log


def main(folder: str) -> None:
    """Record parcels, then ask about them in every way."""
    with record(folder) as log:
        models = Path(folder).with_name(f"{Path(folder).name}.duckdb")
        Projector(log, models, [SEARCH, SetProjection.of("depots", PARCELS.read_models)]).run()
        evening = datetime(2011, 6, 2, 18, tzinfo=UTC)
        print("now:       ", load_state(log, "parcel-2", PARCELS))  # noqa: T201 - a program that shows something
        print("on 2 June: ", load_state(log, "parcel-2", PARCELS, at=evening))  # noqa: T201 - as above
        print("searched:  ", log.load("parcel-2")[-1].payload)  # noqa: T201 - as above
        with connect(log, read_models=PARCELS.read_models) as session:
            print("on 2 June: ", session.sql("FROM depots", at=evening).rows())  # noqa: T201 - as above
        print("projected: ", ReadModels(models).query("FROM depots").rows())  # noqa: T201 - as above
        taken = Snapshots(log, decider=PARCELS, every=2).take("parcel-2")
        print("snapshots: ", taken, "taken; the state is the same:", load_state(log, "parcel-2", PARCELS))  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as place:
            main(f"{place}/log")
