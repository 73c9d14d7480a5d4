import stat
from pathlib import Path

import pytest

from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced


@pytest.fixture
def key(run, tmp_path):
    run("keygen", "example.com/shop", "--out", tmp_path / "shop.key")
    return tmp_path / "shop.key"


@pytest.fixture
def signed(run, shop, key, tmp_path):
    run("checkpoint", "--key", key, "--out", tmp_path / "june.checkpoint", "--log", shop)
    return tmp_path / "june.checkpoint"


def test_keygen_makes_a_private_file_and_a_public_one(run, tmp_path):
    said = run("keygen", "example.com/shop", "--out", tmp_path / "k", "--json").json
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert (tmp_path / "k.pub").read_text().strip() == said["public_key"]
    assert said["public_key"].startswith("example.com/shop+")


def test_keygen_takes_the_logs_name_where_none_is_given(run, shop, tmp_path):
    assert run("keygen", "--log", shop, "--out", tmp_path / "k", "--json").json["name"] == "shop"
    assert "Give a NAME" in run("keygen", "--out", tmp_path / "other", code=2).err


@pytest.mark.parametrize("name", ["two words", "a+b", ""])
def test_keygen_refuses_a_name_in_one_line(run, tmp_path, name):
    assert run("keygen", name, "--out", tmp_path / "k", code=2).err.count("\n") == 1


def test_a_checkpoint_is_kept_and_shown(run, shop, key):
    answer = run("checkpoint", "--key", key, "--log", shop)
    kept = shop / "checkpoints" / "00000000000000000010.checkpoint"
    assert answer.out == kept.read_text()
    assert answer.out.startswith("example.com/shop\n10\n")
    assert "proves nothing" in answer.err
    said = run("checkpoint", "--key", key, "--log", shop, "--json").json
    assert said["note"] == answer.out
    assert (said["size"], said["path"]) == (10, str(kept))


def test_verify_says_what_was_added_since(run, shop, key, signed):
    with open_log(str(shop)) as log:
        log.append("A-9", [OrderPlaced()], expected=ANY)
    answer = run("verify", "--checkpoint", signed, "--key", f"{key}.pub", "--log", shop)
    assert "it is what example.com/shop signed at 10 events" in answer.out
    said = run("verify", "--checkpoint", signed, "--key", f"{key}.pub", "--log", shop, "--json").json
    assert (said["ok"], said["checkpoint"]["ok"], said["checkpoint"]["added"]) == (True, True, 1)
    assert run("verify", "--log", shop, "--json").json["checkpoint"] is None


def test_verify_exits_with_1_if_the_end_was_cut_off(run, shop, key, signed):
    last = max((shop / "commits").iterdir())
    last.unlink()
    answer = run("verify", "--checkpoint", signed, "--key", f"{key}.pub", "--log", shop, code=1)
    assert "all is well" in answer.out
    assert "NOT what was signed at 10 events" in answer.out
    assert run("checkpoint", "--key", key, "--log", shop, code=1).err.count("\n") == 1


def test_the_two_options_belong_together(run, shop, signed):
    assert "belong together" in run("verify", "--checkpoint", signed, "--log", shop, code=2).err


def test_mistakes_are_one_line(run, shop, key, signed, tmp_path):
    for arguments, code in [
        (("checkpoint", "--key", tmp_path / "none", "--log", shop), 2),
        (("verify", "--checkpoint", signed, "--key", key, "--log", shop), 2),
        (("verify", "--checkpoint", signed, "--key", "nonsense", "--log", shop), 2),
        (("verify", "--checkpoint", f"{key}.pub", "--key", f"{key}.pub", "--log", shop), 1),
        (("verify", "--checkpoint", tmp_path / "none", "--key", f"{key}.pub", "--log", shop), 1),
    ]:
        answer = run(*arguments, code=code)
        assert answer.err.count("\n") == 1
        assert not answer.out
    key.chmod(0o644)
    assert "chmod 600" in run("checkpoint", "--key", key, "--log", shop, code=2).err
    assert Path(f"{key}.signed").exists()
