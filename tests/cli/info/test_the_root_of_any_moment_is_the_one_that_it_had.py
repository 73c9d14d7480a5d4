"""`info --position` and `--recorded-by` give the root that the log had then, to be held against one that somebody kept."""

from datetime import UTC, datetime, timedelta

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import OrderCreated, OrderPlaced

START = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path):
    """A log, and its head after each of three commits, a day apart."""
    now = [START]
    with open_log(tmp_path / "log", create=True, clock=lambda: now[0]) as log:
        heads = []
        for number in range(3):
            now[0] = START + timedelta(days=number)
            log.append(f"A-{number}", [OrderCreated(currency="EUR"), OrderPlaced()], expected=ANY)
            heads.append(log.head())
    return tmp_path / "log", heads


def test_each_root_is_found_again(run, kept):
    log, heads = kept
    for number, head in enumerate(heads):
        day = (START + timedelta(days=number)).date().isoformat()
        for asked in (("--position", head.position), ("--recorded-by", day)):
            found = run("info", *asked, "--log", log, "--json").json
            assert found["head"]["root"] == head.root.hex()
            assert found["head"]["position"] == head.position
            assert found["events_now"] == 6


def test_between_two_commits_it_is_that_of_its_own_events(run, kept):
    log, _ = kept
    roots = [run("info", "--position", n, "--log", log, "--json").json["head"]["root"] for n in range(7)]
    assert len(set(roots)) == 7
    assert (
        "head then   position 3 of 6 now, recorded 2025-06-02 00:00 UTC"
        in run("info", "--position", 3, "--log", log).out
    )
    assert "the log was empty" in run("info", "--recorded-by", "2025-05-31", "--log", log).out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--position", "7"), "the log holds 6 events"),
        (("--position", "1", "--recorded-by", "2025-06-01"), "give one of them"),
    ],
)
def test_what_names_no_moment_of_the_log_is_refused(run, kept, asked, said):
    assert said in run("info", *asked, "--log", kept[0], code=2).err
