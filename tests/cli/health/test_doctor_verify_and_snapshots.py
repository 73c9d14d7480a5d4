from decimal import Decimal
from pathlib import Path

import pytest

from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import DiscountApplied


@pytest.fixture
def giant(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        log.append("giant one", [DiscountApplied(amount=Decimal(1))] * 1100, expected=ANY)
        log.append("small", [DiscountApplied(amount=Decimal(1))] * 3, expected=ANY)
    return str(tmp_path / "log")


def test_doctor_names_giant_streams_and_what_to_do(run, giant):
    text = run("doctor", "--log", giant, code=1).out
    assert "giant one: a giant stream of 1,100 events, no snapshot" in text
    assert f"next: orders-es snapshots take 'giant one' --log {giant}" in text
    assert "small" not in text


def test_doctor_has_nothing_to_say_of_a_log_in_good_shape(run, giant):
    run("compact", "--log", giant)
    assert (
        run("doctor", "--giant", "2000", "--log", giant).out == "nothing to do: no giant streams, files in good shape\n"
    )


def test_doctor_says_where_loading_has_to_scan(run, giant):
    [advice] = run("doctor", "--giant", "2000", "--log", giant, "--json", code=1).json["advice"]
    assert (advice["about"], advice["events"], advice["next"]) == ("derived", 1100, "orders-es compact")


def test_doctor_is_content_with_a_giant_that_has_a_fresh_snapshot(run, giant):
    run("snapshots", "take", "--log", giant)
    advice = run("doctor", "--log", giant, "--json", code=1).json["advice"][0]
    assert advice["what"] == "a giant stream of 1,100 events, a snapshot of version 1,000"


@pytest.mark.parametrize("wrong", ["1", "many"])
def test_a_giant_of_no_size_is_a_wrong_call(run, giant, wrong):
    assert "--giant" in run("doctor", "--giant", wrong, "--log", giant, code=2).err


def test_snapshots_are_taken_listed_and_dropped(run, giant):
    assert run("snapshots", "take", "--log", giant).out == "took 2 snapshots of 1 order\n"
    assert run("snapshots", "take", "--log", giant).out == "nothing is due\n"
    rows = run("snapshots", "list", "--log", giant, "--json").json["snapshots"]
    assert [(row["order"], row["version"], row["used"]) for row in rows] == [
        ("giant one", 500, True),
        ("giant one", 1000, True),
    ]
    assert run("snapshots", "drop", "--log", giant).out == "removed 2 snapshots\n"
    assert run("snapshots", "list", "--log", giant).out == "no snapshots\n"


@pytest.mark.long
def test_verify_says_what_it_recomputed(run, giant):
    run("snapshots", "take", "--log", giant)
    text = run("verify", "--log", giant).out
    assert text.startswith("all is well: 1,103 events, 2 stated roots, 1,103 typed values and 2 snapshots recomputed")
    answer = run("verify", "--log", giant, "--json").json
    assert (answer["ok"], answer["problems"], answer["head"]["position"]) == (True, [], 1103)


def test_verify_ends_with_bad_news_where_a_file_is_damaged(run, giant):
    with open_log(giant) as log:
        assert isinstance(log, ParquetLog)
        path = log.files()[1].path
    with Path(path).open("r+b") as file:
        file.seek(60)
        file.write(b"\x00" * 8)
    answer = run("verify", "--log", giant, "--json", code=1).json
    assert not answer["ok"]
    assert path in answer["problems"][0]["what"]
