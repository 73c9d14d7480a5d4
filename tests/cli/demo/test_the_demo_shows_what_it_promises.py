import json
from datetime import datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from orders_es.replay import load_order, load_orders


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A log that `demo --log` kept, and what it said in JSON."""
    folder = tmp_path_factory.mktemp("demo") / "tour"
    result = CliRunner().invoke(main, ["demo", "--log", str(folder), "--json"])
    assert result.exit_code == 0, result.stderr
    return folder, json.loads(result.stdout)


@pytest.mark.long
def test_a_late_event_visibly_changes_what_is_known_of_the_same_moment(kept):
    _, said = kept
    assert said["known_then"]["total"] != said["known_now"]["total"]
    assert [event["late"] for event in said["history"]].count(True) == 1


@pytest.mark.long
def test_what_it_says_is_what_the_log_says(kept):
    folder, said = kept
    with open_log(str(folder)) as log:
        assert isinstance(log, ParquetLog)
        assert log.head().root.hex() == said["on_disk"]["root"]
        assert len(log.files()) == said["on_disk"]["files"]
        for moment in said["moments"]:
            order = load_order(log, said["order_id"], at=_time(moment["at"]))
            assert (order.status, order.total) == (moment["order"]["status"], Decimal(moment["order"]["total"]))
        asked = _time(said["asked"])
        then = load_order(log, said["order_id"], at=asked, known_at=asked)
        assert then.total == Decimal(said["known_then"]["total"])
        for totals in said["totals"]:
            orders = load_orders(log, at=_time(totals["at"])).values()
            assert totals["orders"] == len(orders)
            assert Decimal(totals["total"]) == sum(order.total for order in orders if order.status != "cancelled")


def test_the_order_looks_different_at_each_of_the_three_moments(kept):
    _, said = kept
    looks = [(m["order"]["status"], m["order"]["total"], m["order"]["balance"]) for m in said["moments"]]
    assert len(looks) == len(set(looks)) == 3


def test_totals_move_between_the_two_moments(kept):
    _, said = kept
    first, second = said["totals"]
    assert first["at"] < second["at"]
    assert Decimal(first["total"]) < Decimal(second["total"])


def test_the_commands_it_suggests_work_on_the_log_it_kept(kept, run):
    folder, said = kept
    day = said["asked"][:10]
    answer = run("show", said["order_id"], "--at", day, "--known-at", day, "--log", folder, "--json").json
    assert answer["order"]["total"] == said["known_then"]["total"]
    run("history", said["order_id"], "--log", folder)
    run("info", "--log", folder)


@pytest.mark.long
def test_people_get_text_that_fits_and_nothing_is_left_behind(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    text = run("demo").out
    assert max(map(len, text.splitlines())) <= 100
    for words in ("One order", "three moments", "as known today", "All orders at two moments", "On disk", "Next:"):
        assert words in text
    assert list(tmp_path.iterdir()) == []


def test_it_never_touches_a_log_that_is_there(run, shop):
    before = sorted(path.name for path in (shop / "commits").iterdir())
    err = run("demo", "--log", shop, code=1).err
    assert err.startswith("orders-es: ")
    assert err.count("\n") == 1
    assert sorted(path.name for path in (shop / "commits").iterdir()) == before


def _time(text):
    return datetime.fromisoformat(text)
