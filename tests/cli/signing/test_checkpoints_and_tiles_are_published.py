import pytest


@pytest.fixture
def key(run, tmp_path):
    run("keygen", "example.com/shop", "--out", tmp_path / "shop.key")
    return tmp_path / "shop.key"


def test_one_call_signs_and_publishes(run, shop, key, tmp_path):
    (tmp_path / "auditor").mkdir()
    said = run("publish", tmp_path / "auditor", tmp_path / "latest", "--key", key, "--log", shop, "--json").json
    assert [one["kind"] for one in said["published"]] == ["folder", "file"]
    assert (tmp_path / "latest").read_text().startswith("example.com/shop\n10\n")
    answer = run("publish", tmp_path / "auditor", "--log", shop)
    assert answer.out == f"folder: {tmp_path / 'auditor' / '00000000000000000010.checkpoint'}\n"


def test_mistakes_are_one_line(run, shop, key, tmp_path):
    assert "orders-es checkpoint" in run("publish", tmp_path / "x", "--log", shop, code=2).err
    both = ("--key", key, "--checkpoint", tmp_path / "none", "--log", shop)
    assert "give one of them" in run("publish", tmp_path / "x", *both, code=2).err
    assert "give one of them" in run("publish-tiles", tmp_path / "x", *both, code=2).err
    run("checkpoint", "--key", key, "--log", shop)
    for call in (
        ("publish", shop / "x"),
        ("publish-tiles", shop / "x"),
        ("checkpoint", "--key", key, "--out", shop / "commits" / "x"),
        ("checkpoint", "--key", key, "--memory", shop / "x"),
        ("prove", "1", "--out", shop / "x"),
        ("prove-consistency", "0", "--out", shop / "x"),
        ("keygen", "--out", shop / "x"),
        ("timestamp", "request", "--out", shop / "x"),
    ):
        answer = run(*call, "--log", shop, code=2)
        assert "is in the log" in answer.err
        assert answer.err.count("\n") == 1
    assert not (shop / "x").exists()


def test_tiles_are_written(run, shop, key, tmp_path):
    said = run("publish-tiles", tmp_path / "tiles", "--key", key, "--log", shop, "--json").json
    assert (said["size"], said["before"], said["files"]) == (10, 0, 3)
    assert (tmp_path / "tiles" / "tile" / "entries" / "000.p" / "10").exists()
    assert "10 events" in run("publish-tiles", tmp_path / "tiles", "--log", shop).out
