"""Without an executor, in spawned processes, in threads and on a Dask cluster, in any number of buckets."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders_es.errors import InvalidSetting, UnknownEventType
from orders_es.log import ANY, NO_STREAM, EventRegistry, open_log
from orders_es.log.copy import copy_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import EVENT_TYPES, OrderCreated, evolve, initial_state
from orders_es.replay import fold_streams, load_orders
from orders_es.sources.simulator import SimulatorSettings, simulate_into

EXAMPLES = str(Path(__file__).parents[4] / "examples")
MID = datetime(2024, 1, 20, tzinfo=UTC)
EVENING = datetime(2011, 6, 2, 18, tzinfo=UTC)


def one_more(state, event):
    """`evolve` under another name, which `fold` cannot take a short cut for."""
    return evolve(state, event)


@pytest.fixture
def parcels(monkeypatch):
    """The example, importable here and in processes started from here."""
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setenv("PYTHONPATH", EXAMPLES)
    import parcels  # found only now

    return parcels


@pytest.fixture
def parcel_log(parcels, tmp_path):
    with parcels.record(str(tmp_path / "parcels")) as log:
        yield log


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop") / "log"
    few_lines = SimulatorSettings(long_orders=0)
    simulate_into(folder, orders=150, seed=5, start=datetime(2024, 1, 1, tzinfo=UTC), days=30, settings=few_lines)
    with open_log(folder) as log:
        yield log


@pytest.fixture
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as executor:
        yield executor


@pytest.fixture
def dask(parcels):  # noqa: ARG001 - its processes have to find the example
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor(pure=False)


def test_parcels_are_folded_like_anything_else(parcels, parcel_log):
    now = fold_streams(parcel_log, parcels.evolve, parcels.Parcel)
    assert list(now) == sorted(now)
    assert len(now) == 100
    assert now["parcel-010"] == parcels.Parcel("parcel-010", None, 110, 1, lost=True)
    then = fold_streams(parcel_log, parcels.evolve, parcels.Parcel, at=EVENING)
    assert then["parcel-010"] == parcels.Parcel("parcel-010", "York", 110, 1)


@pytest.mark.long
def test_in_spawned_processes(parcels, parcel_log, shop, processes):
    expected = fold_streams(parcel_log, parcels.evolve, parcels.Parcel, at=EVENING)
    assert fold_streams(parcel_log, parcels.evolve, parcels.Parcel, at=EVENING, executor=processes) == expected
    assert fold_streams(shop, evolve, initial_state, executor=processes, buckets=3) == fold_streams(
        shop, evolve, initial_state
    )


@pytest.mark.long
def test_on_a_dask_cluster(parcels, parcel_log, shop, dask):
    expected = fold_streams(parcel_log, parcels.evolve, parcels.Parcel, at=EVENING)
    assert fold_streams(parcel_log, parcels.evolve, parcels.Parcel, at=EVENING, executor=dask) == expected
    assert fold_streams(shop, evolve, initial_state, executor=dask) == fold_streams(shop, evolve, initial_state)


@pytest.mark.long
def test_a_duckdb_log_is_sent_along_because_no_other_process_can_open_it(shop, tmp_path, processes):
    copy_log(shop, tmp_path / "shop.duckdb")
    with open_log(tmp_path / "shop.duckdb") as log:
        expected = fold_streams(shop, one_more, initial_state, at=MID)
        assert fold_streams(log, one_more, initial_state, at=MID, executor=processes, buckets=7) == expected


@pytest.mark.long
def test_files_vacuumed_away_in_the_middle_are_neither_missed_nor_read_twice(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        for number in range(6):
            log.append(f"A-{number}", [OrderCreated(currency="GBP")] * 10_000, expected=NO_STREAM)

    def once(state, event):
        if event.position == 1:
            with open_log(tmp_path / "log") as other:
                assert isinstance(other, ParquetLog)
                other.compact()
                assert other.vacuum(grace=timedelta(0)).files == 6
        return [*state, event.version]

    with open_log(tmp_path / "log") as log:
        folded = fold_streams(log, once, lambda _: [])
    assert folded == {f"A-{number}": list(range(1, 10_001)) for number in range(6)}


@pytest.mark.long_but_first
@pytest.mark.parametrize("buckets", [1, 2, 7, 40])
def test_in_any_number_of_buckets(shop, buckets):
    with ThreadPoolExecutor(2) as executor:
        assert fold_streams(shop, evolve, initial_state, executor=executor, buckets=buckets) == load_orders(shop)


@pytest.mark.long
@pytest.mark.hypothesis
def test_at_any_moment_orders_equal_those_of_load_orders(commits, moments, log_of):
    @settings(max_examples=settings.default.max_examples // 4)
    @given(commits, moments, moments, st.integers(1, 3))
    def check(drawn, at, known_at, buckets):
        with log_of(drawn) as log:
            expected = load_orders(log, at=at, known_at=known_at)
            assert fold_streams(log, evolve, initial_state, at=at, known_at=known_at, buckets=buckets) == expected
            one_by_one = fold_streams(log, one_more, initial_state, at=at, known_at=known_at)
            assert one_by_one == expected

    check()


def test_an_aggregate_takes_its_own_streams_of_a_shared_log(parcels, tmp_path):
    registry = EventRegistry([*parcels.PARCEL_EVENTS, *EVENT_TYPES])
    with open_log(tmp_path / "both", create=True, registry=registry) as log:
        log.append("parcel-1", [parcels.ParcelHandedIn("Leeds", 5)], expected=NO_STREAM)
        log.append("A-1", [OrderCreated(currency="GBP")], expected=NO_STREAM)
        assert list(fold_streams(log, parcels.evolve, parcels.Parcel, types=parcels.PARCEL_EVENTS)) == ["parcel-1"]
        assert list(fold_streams(log, evolve, initial_state)) == ["A-1"]
        log.append("parcel-1", [OrderCreated(currency="GBP")], expected=ANY)
        with pytest.raises(UnknownEventType, match="OrderCreated"):
            fold_streams(log, parcels.evolve, parcels.Parcel, types=parcels.PARCEL_EVENTS)


def test_what_cannot_be_sent_is_refused_before_anything_runs(shop, processes):
    with pytest.raises(TypeError, match=r"evolve=.*cannot be sent.*top level of a module"):
        fold_streams(shop, lambda state, _event: state, initial_state, executor=processes)


def test_buckets_are_one_or_more(shop):
    with pytest.raises(InvalidSetting, match="buckets=0"):
        fold_streams(shop, evolve, initial_state, buckets=0)


@pytest.mark.long
def test_the_example_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, str(Path(EXAMPLES) / "parcels.py")], capture_output=True, text=True, check=True, env=os.environ
    )
    assert "lost=True" in done.stdout
    assert "'type': 'ParcelHandedIn', 'events': 100" in done.stdout
