import pytest

from orders_es.errors import TargetInLog
from orders_es.log import open_log
from orders_es.replay.catalog import write_catalog
from orders_es.testing.log_contract.basis import events


def test_the_logs_own_file_is_no_place_for_a_catalog(tmp_path):
    with open_log(tmp_path / "log.duckdb", create=True) as log:
        log.append("A", events(3), expected=0)
        with pytest.raises(TargetInLog, match="name another place"):
            write_catalog(log, tmp_path / "log.duckdb")
        write_catalog(log, tmp_path / "catalog.duckdb")
    with open_log(tmp_path / "log.duckdb") as log:
        assert log.head().position == 3
