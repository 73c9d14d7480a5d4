"""data/sample-log against its README: the same seed gives the same events, times and root."""

from __future__ import annotations

import re
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orders_es.cli import main
from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line)[1:] for line in re.findall(r"^orders-es .+$", README, re.MULTILINE)]
ROOT = re.search(r"`([0-9a-f]{64})`", README)[1]


def test_the_sample_log_has_the_root_of_its_readme(tmp_path):
    copy = shutil.copytree(DATA / "sample-log", tmp_path / "log")
    with open_log(copy) as log:
        assert isinstance(log, ParquetLog)
        assert log.head().root.hex() == ROOT
        assert f"{log.head().position:,} events" in README
        assert f"{len(log.stream_ids())} simulated orders" in README
        log.compact(target_events=100)
        assert log.vacuum(grace=timedelta(0)).files == 0


@pytest.mark.long
def test_its_commands_make_it_again(tmp_path):
    assert len(COMMANDS) == 3
    for command in COMMANDS:
        arguments = [str(tmp_path / "log") if word == "data/sample-log" else word for word in command]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
    with open_log(tmp_path / "log") as made, open_log(DATA / "sample-log") as sample:
        assert isinstance(made, ParquetLog)
        assert made.head().root == sample.head().root
        assert [(file.kind, file.first, file.last) for file in made.files()] == [("segment", 1, made.head().position)]


@pytest.mark.parametrize("name", ["sample-log"])
def test_it_is_small(name):
    assert sum(file.stat().st_size for file in (DATA / name).rglob("*")) < 500_000
