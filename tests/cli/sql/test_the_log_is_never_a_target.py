"""Whatever writes a file beside a log refuses to write into it, by whatever name the place comes."""

import pytest


@pytest.fixture
def before(shop):
    return {file: file.read_bytes() for file in shop.rglob("*") if file.is_file()}


@pytest.mark.long_but_first
@pytest.mark.parametrize("place", ["commits/00000000000000000001.parquet", "out.parquet", "derived/new/out.parquet"])
@pytest.mark.parametrize(
    "command",
    [
        ("sql", "FROM orders", "--parquet", "{}"),
        ("sql", "FROM orders", "--allow-files", "--parquet", "{}"),
        ("export", "model", "orders", "{}", "--replace"),
        ("export", "sql", "FROM orders", "{}", "--replace"),
        ("export", "jsonl", "--out", "{}"),
        ("catalog", "{}", "--replace"),
        ("copy", "{shop}", "{}"),
        ("report", "--out", "{}"),
        ("project", "run", "orders", "--models", "{}"),
        ("lag", "--models", "nothing.duckdb", "--prometheus-file", "{}"),
    ],
    ids=" ".join,
)
def test_a_file_of_the_log_is_refused_in_one_line(run, shop, before, command, place, tmp_path, monkeypatch):
    if place.startswith("derived") and command[0] != "sql":
        return
    monkeypatch.chdir(shop)  # a relative path, with a way out and in again
    target = f"../{shop.name}/{place}"
    log = () if command[0] == "copy" else ("--log", shop)
    err = run(*(part.format(target, shop=shop) for part in command), *log, code=2).err
    assert "nothing else is ever written there; name another place" in err or "is a file" in err
    assert err.count("\n") == 1
    assert {file: file.read_bytes() for file in shop.rglob("*") if file.is_file()} == before
    assert not list(tmp_path.glob("*.incomplete"))


@pytest.mark.long
def test_a_query_that_wants_files_says_which_option_permits_it(run, shop, tmp_path):
    (tmp_path / "rates.csv").write_text("currency,rate\nEUR,1.1\n")
    query = f"SELECT rate FROM '{tmp_path}/rates.csv'"
    err = run("sql", query, "--log", shop, code=2).err
    assert f"it would use the file {tmp_path}/rates.csv" in err
    assert "--allow-files" in err
    assert run("sql", query, "--allow-files", "--csv", "--log", shop).out == "rate\n1.1\n"
