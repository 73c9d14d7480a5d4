"""What all tests share: how many examples a property is tried on, how processes begin, and that Ctrl-C is heard."""

import multiprocessing
import os
import signal
import uuid
from importlib import import_module
from importlib.util import find_spec

import pytest
from hypothesis import HealthCheck, settings

# The same few examples each time, so that a run says something about the change at hand; `.ci/run` tries as many again, and
# `make test-long` draws many new ones.
# How long drawing takes depends on what else the machine has to do, and is nobody's mistake.
settings.register_profile(
    "short", max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "usual", max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", max_examples=200, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("short")  # `--hypothesis-profile=long` is heard after this

# Processes of the tests are forks of one that has loaded what they all need: starting one takes milliseconds, not a second.
multiprocessing.get_context("forkserver").set_forkserver_preload(["duckdb", "orders_es.log.parquet", "pyarrow.compute"])

# Where nothing may be left out, a library that is missing is a failure, in whatever test it is asked for.
if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ:
    setattr(pytest, "importorskip", lambda name, **_: import_module(name))  # noqa: B010 - a plain assignment has another type

# A shell that starts the tests in the background has them ignore Ctrl-C, and every process that they start; undo that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Half as many again as there are cores: tests wait for disks, servers and other processes as well as compute."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores + (cores + 1) // 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Which tests are long without being marked so themselves.

    What reads the half million lines of the reference file is, wherever it is tested; and all but the first example of a rule that
    is marked `long_but_first`.
    """
    told = set()
    for item in items:
        if {"reference", "reference_path"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.long)
        if item.get_closest_marker("long_but_first"):
            rule = item.nodeid.partition("[")[0]
            if rule in told:
                item.add_marker(pytest.mark.long)
            told.add(rule)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """The URL of a private PostgreSQL, the same for all workers of a session; where there is none, the test is left out."""
    from orders_es.testing.postgres_server import MISSING, programs
    from orders_es.testing.shared_server import shared_postgres

    missing = None if find_spec("psycopg") else "there is no psycopg here: pip install 'orders_es[postgres]'"
    missing = missing or (MISSING if programs() is None else None)
    if missing is not None:
        (pytest.fail if "ORDERS_ES_LEAVE_NOTHING_OUT" in os.environ else pytest.skip)(missing)
    base = tmp_path_factory.getbasetemp()
    return shared_postgres(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
def postgres_place(postgres):
    """Gives the URL of a new schema each time, which is not there yet."""
    return lambda: f"{postgres}?schema=t_{uuid.uuid4().hex}"
