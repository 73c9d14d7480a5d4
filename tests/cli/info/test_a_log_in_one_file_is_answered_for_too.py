import pytest


@pytest.fixture
def one_file(run, tmp_path):
    run("simulate", "--orders", 5, "--days", 1, "--log", tmp_path / "shop.duckdb")
    return tmp_path / "shop.duckdb"


def test_info_gives_its_weight(run, one_file):
    answer = run("info", "--log", one_file, "--json").json
    assert answer["files"] == {"commits": 0, "segments": 0, "bytes": one_file.stat().st_size}
    assert answer["streams"] == 5


def test_there_is_nothing_to_compact_or_vacuum(run, one_file):
    assert "nothing to merge" in run("compact", "--log", one_file).out
    assert "nothing to remove" in run("vacuum", "--log", one_file).out


@pytest.mark.long
def test_the_demo_can_be_kept_in_one(run, tmp_path):
    assert "one DuckDB file" in run("demo", "--log", tmp_path / "tour.duckdb").out


def test_a_log_in_memory_is_a_wrong_call(run):
    assert "gone when the command ends" in run("info", "--log", ":memory:", code=2).err
