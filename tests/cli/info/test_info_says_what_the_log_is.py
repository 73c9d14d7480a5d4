from pathlib import Path

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog


def test_it_gives_identity_size_head_and_files_as_json(run, shop):
    with open_log(str(shop)) as log:
        assert isinstance(log, ParquetLog)
        head, log_id, origin, files = log.head(), log.log_id, log.origin, log.files()
    assert run("info", "--log", shop, "--json").json == {
        "log": str(shop),
        "log_id": str(log_id),
        "origin": origin,
        "events": 10,
        "streams": 2,
        "head": {"position": 10, "recorded_at": "2026-06-05T12:00:00Z", "root": head.root.hex()},
        "files": {"commits": 5, "segments": 0, "bytes": sum(Path(file.path).stat().st_size for file in files)},
        "hint": None,
    }


def test_it_says_the_same_to_people(run, shop):
    text = run("info", "--log", shop).out
    for words in (
        "events      10",
        "streams     2",
        "position 10, recorded 2026-06-05T12:00:00Z",
        "5 commits, 0 segments",
    ):
        assert words in text


def test_an_empty_log_says_so_and_how_to_fill_it(run, empty_log):
    text = run("info", "--log", empty_log).out
    assert "the log is empty" in text
    assert f"orders-es simulate --orders 1000 --log {empty_log}" in text
    assert "orders-es import online-retail" in text
    answer = run("info", "--log", empty_log, "--json").json
    assert answer["events"] == answer["streams"] == 0
    assert answer["head"]["recorded_at"] is None
    # RFC 6962: the root of an empty tree is SHA-256 of nothing.
    assert answer["head"]["root"] == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_many_small_files_bring_a_hint_that_works(run, many_files):
    hint = run("info", "--log", many_files, "--json").json["hint"]
    assert hint.endswith(f"orders-es compact --log {many_files}")
    run("compact", "--log", many_files)
    after = run("info", "--log", many_files, "--json").json
    assert after["hint"] is None
    assert after["files"]["segments"] >= 1


def test_compaction_leaves_the_root_as_it_is(run, many_files):
    before = run("info", "--log", many_files, "--json").json["head"]
    run("compact", "--log", many_files)
    assert run("info", "--log", many_files, "--json").json["head"] == before
