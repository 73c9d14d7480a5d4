import subprocess
import sys
from pathlib import Path

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced


@pytest.fixture
def key(run, shop, tmp_path):
    run("keygen", "example.com/shop", "--out", tmp_path / "shop.key")
    run("checkpoint", "--key", tmp_path / "shop.key", "--out", tmp_path / "june", "--log", shop)
    return f"{tmp_path}/shop.key.pub"


def test_an_order_is_proven_and_checked(run, shop, key, tmp_path):
    out = tmp_path / "A-1.tlog-proof"
    assert str(out) in run("prove", "A-1", "--out", out, "--log", shop).out
    text = run("verify-proof", out, "--key", key).out
    assert "A-1 version 8, DiscountApplied" in text
    assert "that there were no others is not proven" in text
    said = run("verify-proof", out, "--key", key, "--json").json
    assert said["holds"] is True
    assert [event["version"] for event in said["proofs"][0]["events"]] == list(range(1, 9))


def test_onto_the_screen_and_back(run, shop, key, tmp_path):
    shown = run("prove", "3", "--log", shop).out
    (tmp_path / "r").write_text(shown)
    assert run("verify-proof", tmp_path / "r", "--key", key, "--json").json["proofs"][0]["events"][0]["position"] == 3
    assert run("prove", "3", "--log", shop, "--json").json["proof"] == shown


@pytest.mark.usefixtures("key")
def test_events_after_the_checkpoint_are_said(run, shop):
    with open_log(str(shop)) as log:
        log.append("A-1", [OrderPlaced()], expected=ANY)
    assert "1 event of the order came after" in run("prove", "A-1", "--log", shop).err
    assert "lies outside the 10 events" in run("prove", "11", "--log", shop, code=2).err


@pytest.mark.usefixtures("key")
def test_a_number_that_is_an_order_too_has_two_readings(run, shop):
    with open_log(str(shop)) as log:
        log.append("7", [OrderPlaced()], expected=ANY)
    assert "say which" in run("prove", "7", "--log", shop, code=2).err
    assert run("prove", "7", "--position", "--log", shop, "--json").json["positions"] == [7]
    assert "lies outside" in run("prove", "7", "--order", "--log", shop, code=2).err
    assert "no position" in run("prove", "A-1", "--position", "--log", shop, code=2).err


def test_the_checkers_come_along_and_work_alone(run, shop, key, tmp_path):
    out = tmp_path / "away" / "A-1.tlog-proof"
    run("prove", "A-1", "--out", out, "--with-checkers", "--log", shop)
    assert (out.parent / "verify-proof.html").read_text().startswith("<!DOCTYPE html>")
    public = Path(key).read_text().strip()
    call = [sys.executable, "-I", out.parent / "verify_proof.py", out, "--key", public]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "needs --out" in run("prove", "A-1", "--with-checkers", "--log", shop, code=2).err


def test_a_changed_receipt_exits_with_1_in_one_line(run, shop, key, tmp_path):
    out = tmp_path / "r"
    run("prove", "A-1", "--out", out, "--log", shop)
    out.write_bytes(out.read_bytes().replace(b"\nindex 9", b"\nindex 8"))
    answer = run("verify-proof", out, "--key", key, code=1)
    assert answer.out.count("\n") == 1
    assert "does NOT hold" in answer.out
    assert run("verify-proof", out, "--key", key, "--json", code=1).json["holds"] is False
    assert run("verify-proof", out, "--key", f"{tmp_path}/shop.key", code=2).err.count("\n") == 1


def test_a_consistency_proof_goes_from_one_checkpoint_to_the_next(run, shop, key, tmp_path):
    with open_log(str(shop)) as log:
        log.append("A-1", [OrderPlaced()], expected=ANY)
    run("checkpoint", "--key", tmp_path / "shop.key", "--log", shop)
    out = tmp_path / "proof"
    run("prove-consistency", tmp_path / "june", "--out", out, "--log", shop)
    text = run("verify-proof", out, "--old", tmp_path / "june", "--key", key).out
    assert "signed at 11 events" in text
    assert "with 1 events added" in text or "with 1 event added" in text
    assert run("verify-proof", out, "--key", key, code=2).err.count("\n") == 1
    assert run("prove-consistency", tmp_path / "june", "--log", shop).out == out.read_text()


def test_without_a_checkpoint_the_next_step_is_named(run, shop):
    assert "orders-es checkpoint" in run("prove", "1", "--log", shop, code=2).err


def test_a_cose_receipt_takes_a_position_a_key_and_a_file(run, shop, key, tmp_path):
    out, private = tmp_path / "3.cose", tmp_path / "shop.key"
    run("prove", "3", "--cose", "--key", private, "--out", out, "--log", shop)
    text = run("verify-proof", out, "--key", key).out
    assert "A-1 version 3" in text
    assert "is not signed in this form" in text
    for wrong in (
        ("3", "--cose", "--out", out),
        ("3", "--key", private),
        ("A-1", "--cose", "--key", private, "--out", out),
    ):
        assert run("prove", *wrong, "--log", shop, code=2).err.count("\n") == 1
    out.write_bytes(out.read_bytes()[:-1])
    assert run("verify-proof", out, "--key", key, code=1).out.count("\n") == 1
