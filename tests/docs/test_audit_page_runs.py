"""Every command that docs/audit.md shows runs, in the order of the page, on a log that the test makes."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.split("  #")[0].strip() for block in BLOCKS for line in block.splitlines() if line.startswith("orders-es ")
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORDERS_ES_LOG", raising=False)
    for place in ("auditor", "checkpoints-repo"):
        (tmp_path / place).mkdir()
    call("simulate --orders 202 --seed 7 --log my-log")
    call("keygen w.example.org --witness --out w.key")
    return tmp_path


def call(command):
    result = CliRunner().invoke(main, shlex.split(command), prog_name="orders-es")
    # What a question finds in the simulated shop is bad news, and no failure of the page; a mistake would be 2, or say so.
    fine = (
        result.exit_code in (0, 1) and not result.stderr.startswith("orders-es:")
        if command.startswith(("ask ", "audit "))
        else False
    )
    assert fine or result.exit_code == 0, f"{command}\n{result.output}"
    return result.stdout


@pytest.mark.long
def test_every_command_of_the_page_runs(here):
    assert len(COMMANDS) > 12
    for command in COMMANDS:
        if (
            " timestamp " in command
        ):  # no authority is asked by tests; they have one of their own, in tests/audit/timestamps
            continue
        if " --witness w.key.pub" in command and " verify-proof " in f" {command}":
            call("prove S-000201 --out S-000201.tlog-proof --log my-log")  # the page comes to receipts later
        call(command.removeprefix("orders-es ").replace("~/", "").replace("/mnt/", ""))
        kept = sorted(here.glob("my-log/checkpoints/*.checkpoint"))
        if kept and not (here / "june.checkpoint").exists():
            (here / "june.checkpoint").write_bytes(kept[0].read_bytes())
