import json

import pytest

LINES = (
    '{"id":"1","aggregate_id":"order-1","type":"order_created","payload":{},"timestamp":"2026-06-01T10:00:00Z","version":1}\n'
    '{"id":"2","aggregate_id":"order-1","type":"item_added","payload":{"sku":"mug","quantity":2,"unit_price":1250},'
    '"timestamp":"2026-06-01T10:01:00Z","version":2}\n'
)


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "service.jsonl"
    file.write_text(LINES)
    return file


def test_out_and_in_again_gives_the_same_root(run, shop, tmp_path):
    lines = tmp_path / "events.jsonl"
    assert run("export", "jsonl", "--log", shop, "--out", lines).out == f"{lines}: 10 events, one a line\n"
    run("import", "jsonl", lines, "--as-recorded", "--log", tmp_path / "copy")
    heads = [run("info", "--log", log, "--json").json["head"] for log in (shop, tmp_path / "copy")]
    assert heads[0] == heads[1]


def test_standard_output_has_the_lines_and_nothing_else(run, shop):
    lines = [json.loads(line) for line in run("export", "jsonl", "--log", shop).out.splitlines()]
    assert [line["position"] for line in lines] == list(range(1, 11))
    assert lines[1]["payload"]["price"] == "9.9000"


def test_json_tells_what_was_written(run, shop, tmp_path):
    out = tmp_path / "events.jsonl"
    answer = run("export", "jsonl", "--log", shop, "--out", out, "--json").json
    assert answer == {"log": str(shop), "out": str(out), "events": 10}
    assert "add --out FILE" in run("export", "jsonl", "--log", shop, "--json", code=2).err


def test_a_file_that_is_there_stays_as_it_is(run, shop, tmp_path):
    (tmp_path / "events.jsonl").write_text("precious")
    err = run("export", "jsonl", "--log", shop, "--out", tmp_path / "events.jsonl", code=1).err
    assert "File exists" in err
    assert err.count("\n") == 1
    assert (tmp_path / "events.jsonl").read_text() == "precious"


def test_times_of_recording_are_kept_only_in_an_empty_log(run, shop, tmp_path):
    lines = tmp_path / "events.jsonl"
    run("export", "jsonl", "--log", shop, "--out", lines)
    err = run("import", "jsonl", lines, "--as-recorded", "--log", shop, code=1).err
    assert "holds 10 events already" in err
    assert "added nothing" in run("import", "jsonl", lines, "--log", shop).out


@pytest.mark.parametrize("name", ["copy", "copy.duckdb"])
def test_a_restored_log_is_there_whole_or_not_at_all(run, shop, tmp_path, monkeypatch, name):
    lines = tmp_path / "events.jsonl"
    run("export", "jsonl", "--log", shop, "--out", lines)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orders_es.sources.jsonl.importer._restore", interrupted)
        run("import", "jsonl", lines, "--as-recorded", "--log", tmp_path / name, code=130)
    assert not (tmp_path / name).exists()
    run("import", "jsonl", lines, "--as-recorded", "--log", tmp_path / name)
    assert run("verify", "--log", tmp_path / name, "--json").json["ok"]
    assert sorted(path.name for path in tmp_path.iterdir() if "copy" in path.name) == [name]


def test_what_an_interrupted_restoring_left_is_named(run, shop, tmp_path):
    lines = tmp_path / "events.jsonl"
    run("export", "jsonl", "--log", shop, "--out", lines)
    shop.rename(tmp_path / "copy.incomplete")
    err = run("import", "jsonl", lines, "--as-recorded", "--log", tmp_path / "copy", code=1).err
    assert "copy.incomplete" in err
    assert "remove it and begin again" in err


def test_a_mapping_brings_another_systems_orders_in(run, service):
    answer = run(
        "import", "jsonl", service, "--mapping", "order-service", "--currency", "EUR", "--log", "log", "--json"
    ).json
    assert (answer["rows"], answer["events"], answer["orders"]) == (2, 2, 1)
    assert run("show", "order-1", "--log", "log", "--json").json["order"]["total"] == "25.0000"


def test_a_bad_line_stops_it_with_its_number(run, service):
    service.write_text(LINES + "{\n")
    call = ("import", "jsonl", service, "--mapping", "order-service", "--currency", "EUR", "--log", "log")
    err = run(*call, code=2).err
    assert "line 3: it is not JSON" in err
    assert err.count("\n") == 1
    answer = run(*call, "--on-error", "quarantine", "--json").json
    assert (answer["events"], answer["quarantined"], answer["quarantine_path"]) == (2, 1, "service.quarantine.csv")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--quarantine", "bad.csv"), "add --on-error quarantine"),
        (("--currency", "EUR"), "it needs --mapping"),
        (("--mapping", "order-service", "--as-recorded"), "for our own export"),
        (("--mapping", "order-service", "--keep-unknown"), "for our own export"),
        (("--as-recorded", "--on-error", "quarantine"), "restores a log whole"),
    ],
)
def test_wrong_calls_create_no_log(run, service, tmp_path, args, words):
    assert words in " ".join(run("import", "jsonl", service, *args, "--log", "log", code=2).err.split())
    assert not (tmp_path / "log").exists()
