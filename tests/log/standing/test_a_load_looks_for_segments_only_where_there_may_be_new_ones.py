"""To list the folder of segments at every load takes a tenth of its time; nothing that was put there meanwhile is missed."""

import os
import time
from datetime import timedelta
from decimal import Decimal

import pytest

from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog, chain, known_files
from orders_es.orders import DiscountApplied


@pytest.fixture
def listed(monkeypatch):
    calls = []
    whole = chain.segments_reach

    def noted(*given):
        calls.append(given)
        return whole(*given)

    monkeypatch.setattr(known_files, "segments_reach", noted)
    return calls


@pytest.mark.parametrize("settled", [True, False])
def test_what_another_process_merged_and_removed_is_found(tmp_path, listed, settled):
    with open_log(tmp_path / "log", create=True) as log, open_log(tmp_path / "log") as other:
        assert isinstance(other, ParquetLog)
        log.append("A-1", [DiscountApplied(amount=Decimal(1))] * 3, expected=ANY)
        if settled:
            before = time.time() - 60
            os.utime(tmp_path / "log" / "segments", (before, before))
        log.load("A-1")
        listed.clear()
        assert len(log.load("A-1")) == 3
        assert len(listed) == (0 if settled else 1)
        for _ in range(3):
            other.append("A-1", [DiscountApplied(amount=Decimal(1))], expected=ANY)
        other.compact()
        other.vacuum(grace=timedelta(0))
        assert len(log.load("A-1")) == 6
