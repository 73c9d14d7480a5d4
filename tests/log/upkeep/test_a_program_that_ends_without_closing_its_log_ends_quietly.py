"""Upkeep that is under way when the program ends has no threads to be had any more, and says nothing about it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orders_es.log import open_log

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from orders_es.log import NO_STREAM, open_log
from orders_es.orders import OrderCreated
log = open_log(sys.argv[1], create=True)
for n in range(520):
    log.append(f"a-{n}", [OrderCreated(currency="GBP")], expected=NO_STREAM)
"""


@pytest.mark.long
def test_a_program_that_ends_while_its_log_is_kept_in_shape_ends_quietly(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "log")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    with open_log(tmp_path / "log") as log:
        assert log.head().position == 520
