"""JSON and TOML nested deeper than a program can follow, in each file that somebody hands in."""

import pytest
from click.testing import CliRunner

from orders_es.cli import main

DEEP = "[" * 20_000
WHOLE = DEEP + "]" * 20_000
LINE = (
    '{"position":1,"stream_id":"o-1","version":1,"event_id":"025c2f9a-9c97-413a-9122-2fd699386a32","type":"OrderCancelled",'
    '"schema_version":1,"occurred_at":"2026-01-01T00:00:00Z","payload":%s}'
)
FILES = {
    "payload.jsonl": LINE % f'{{"reason":{WHOLE}}}',
    "no_line.jsonl": DEEP,
    "digits.jsonl": LINE % f'{{"reason":{"9" * 5_000}}}',
    "changes.json": DEEP,
    "log.ocel.json": f'{{"objects":{DEEP}',
    "mapping.toml": f"a = {WHOLE}",
    "rows.jsonl": f'{{"a":{WHOLE}}}',
}


@pytest.mark.parametrize(
    "call",
    [
        ["jsonl", "payload.jsonl"],
        ["jsonl", "no_line.jsonl"],
        ["jsonl", "digits.jsonl"],
        ["jsonl", "no_line.jsonl", "--mapping", "order-service"],
        ["jsonl", "rows.jsonl", "--mapping", "mapping.toml"],
        ["table", "rows.jsonl", "--map", "mapping.toml"],
        ["history", "rows.jsonl", "--map", "mapping.toml"],
        ["history", "changes.json", "--propose"],
        ["ocel", "log.ocel.json"],
    ],
    ids=" ".join,
)
def test_it_is_a_mistake_in_the_file(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["import", *call, *([] if "--propose" in call else ["--log", "log"])])
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2
    assert done.output.startswith("orders-es: ")
    assert len(done.output.splitlines()) == 1
    assert not (tmp_path / "log").exists()
