import pytest

HEAD = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
GOOD = (
    "536365,85123A,HEART HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n"
    "536365,71053,LANTERN,6,2010-12-01 08:26:00,3.39,17850,United Kingdom\n"
)
BAD = "536366,71053,LANTERN,6,2010-12-01 08:28:00,3.39123,17850,United Kingdom\n"


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "lines.csv"
    file.write_text(HEAD + GOOD)
    return file


def test_it_says_what_it_appended(run, source, tmp_path):
    answer = run("import", "online-retail", source, "--log", tmp_path / "log", "--json").json
    assert list(answer) == [
        "source",
        "digest",
        "rows",
        "events",
        "orders",
        "duplicates",
        "quarantined",
        "quarantine_path",
        "repeated",
        "commits",
        "first_position",
        "last_position",
    ]
    assert (answer["rows"], answer["events"], answer["orders"], answer["duplicates"]) == (2, 4, 1, 0)
    order = run("show", "536365", "--log", tmp_path / "log", "--json").json["order"]
    assert (order["total"], order["currency"], order["placed_at"]) == ("35.6400", "GBP", "2010-12-01T08:26:00Z")


def test_the_same_file_again_adds_nothing_and_says_so(run, source, tmp_path):
    run("import", "online-retail", source, "--log", tmp_path / "log")
    assert "added nothing" in run("import", "online-retail", source, "--log", tmp_path / "log").out
    assert run("info", "--log", tmp_path / "log", "--json").json["events"] == 4


def test_times_are_read_in_the_zone_of_the_shop(run, source, tmp_path):
    source.write_text(HEAD + GOOD.replace("2010-12-01", "2010-06-01"))
    run("import", "online-retail", source, "--tz", "Europe/London", "--currency", "EUR", "--log", tmp_path / "log")
    order = run("show", "536365", "--log", tmp_path / "log", "--json").json["order"]
    assert (order["placed_at"], order["currency"]) == ("2010-06-01T07:26:00Z", "EUR")


def test_a_bad_row_stops_it_with_its_number_and_nothing_is_appended(run, source, tmp_path):
    source.write_text(HEAD + GOOD + BAD)
    err = run("import", "online-retail", source, "--log", tmp_path / "log", code=2).err
    assert "row 3" in err
    assert "3.39123" in err
    assert err.count("\n") == 1
    assert not (tmp_path / "log").exists()


def test_bad_rows_can_be_set_aside(run, source, tmp_path):
    source.write_text(HEAD + GOOD + BAD)
    call = ("import", "online-retail", source, "--on-error", "quarantine", "--quarantine", "bad.csv", "--log", "log")
    answer = run(*call, "--json").json
    assert (answer["events"], answer["quarantined"]) == (4, 1)
    assert answer["quarantine_path"].endswith("bad.csv")
    assert "3.39123" in (tmp_path / "bad.csv").read_text()


def test_an_invoice_from_another_file_is_a_conflict(run, source, tmp_path):
    run("import", "online-retail", source, "--log", tmp_path / "log")
    source.write_text(HEAD + GOOD + BAD.replace("3.39123", "3.39"))
    err = run("import", "online-retail", source, "--log", tmp_path / "log", code=1).err
    assert "536365" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("none.csv",), "does not exist"),
        (("lines.csv", "--quarantine", "bad.csv"), "add --on-error quarantine"),
        (("lines.csv", "--currency", "pounds"), "three capital letters"),
        (("lines.csv", "--tz", "Europe/Lodnon"), "did you mean Europe/London"),
        (("lines.csv", "--on-error", "ignore"), "is not one of"),
    ],
)
def test_wrong_calls_create_no_log(run, source, tmp_path, args, words):
    del source
    err = run("import", "online-retail", *args, "--log", tmp_path / "log", code=2).err
    assert words in " ".join(err.split())
    assert not (tmp_path / "log").exists()


def test_a_file_that_is_no_table_is_one_line(run, source, tmp_path):
    source.write_bytes(b"\x89PNG\r\n\x1a\n")
    err = run("import", "online-retail", source, "--log", tmp_path / "log", code=2).err
    assert err.startswith("orders-es: ")
    assert err.count("\n") == 1
