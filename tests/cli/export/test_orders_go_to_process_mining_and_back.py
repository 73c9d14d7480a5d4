"""`export ocel`, `export xes`, `import ocel` and `import xes` on the command line, with right and with wrong calls."""

import pytest


@pytest.mark.long_but_first
@pytest.mark.parametrize(("kind", "name"), [("ocel", "a.json"), ("ocel", "a.sqlite"), ("xes", "a.xes.gz")])
def test_a_log_goes_out_and_comes_back(run, shop, tmp_path, kind, name):
    out = run("export", kind, tmp_path / name, "--log", shop, "--json").json
    assert out["events"] > 0 < out["objects"]["order"]
    assert run("import", kind, tmp_path / name, "--log", tmp_path / "b", "--json").json["events"] == out["events"]
    again = run("import", kind, tmp_path / name, "--log", tmp_path / "b").out
    assert "added nothing" in again


def test_people_are_told_what_is_in_the_file(run, shop, tmp_path):
    said = run("export", "ocel", tmp_path / "a.json", "--log", shop).out
    assert "orders" in said
    assert "root " in said


MISTAKES = {
    "an ending that says nothing": (("export", "ocel", "a.csv"), "name it .json, .jsonocel, .sqlite or .db"),
    "a form for the other": (("export", "xes", "a.json"), "name it .xes or .xes.gz"),
    "a type without a mapping": (("import", "ocel", "b.json", "--object-type", "orders"), "it needs --mapping"),
    "a mapping without a type": (("import", "ocel", "b.json", "--mapping", "m.toml"), "--mapping needs --object-type"),
    "a type that is not there": (
        ("import", "ocel", "b.json", "--mapping", "m.toml", "--object-type", "order"),
        "object_type='order': name what an order is in the file, one of orders",
    ),
    "a currency without a mapping": (("import", "xes", "b.json", "--currency", "EUR"), "it needs --mapping"),
    "a quarantine of nothing": (("import", "xes", "b.json", "--quarantine", "q.csv"), "add --on-error quarantine"),
    "not ours": (("import", "ocel", "b.json"), "its event types are 'place'; its object types are orders"),
    "no xes": (("import", "xes", "b.json"), "it is no XES"),
}


@pytest.mark.parametrize(("call", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_that_says_what_to_do(run, shop, tmp_path, monkeypatch, call, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.json").write_text(
        '{"eventTypes": [], "objectTypes": [{"name": "orders", "attributes": []}], "objects": [], "events": '
        '[{"id": "e", "type": "place", "time": "2026-01-01T00:00:00Z"}]}'
    )
    (tmp_path / "m.toml").write_text("")
    answer = run(*call, "--log", shop if call[0] == "export" else tmp_path / "new", code=2)
    assert says in answer.err
    assert answer.err.count("\n") <= 4
    assert not (tmp_path / "new").exists()


@pytest.mark.long
def test_a_file_that_is_there_is_replaced_only_when_asked(run, shop, tmp_path):
    run("export", "xes", tmp_path / "a.xes", "--log", shop)
    assert "--replace" in run("export", "xes", tmp_path / "a.xes", "--log", shop, code=2).err
    run("export", "xes", tmp_path / "a.xes", "--log", shop, "--replace")
