"""`bind` answers with the head up to which its view goes, whatever others commit while it makes it."""

import duckdb
import pytest

from orders_es.log import ANY, open_log
from orders_es.log.parquet import reading as module
from orders_es.testing.log_contract.basis import events


@pytest.mark.parametrize("moment", ["relation_of", "event_types"])
def test_a_commit_that_comes_meanwhile_is_in_neither(tmp_path, monkeypatch, moment):
    with open_log(tmp_path / "log", create=True) as log, open_log(tmp_path / "log") as other:
        log.append("A", events(3), expected=ANY)
        owner = module if moment == "relation_of" else module.FolderReading
        original = getattr(owner, moment)

        def meanwhile(*given):
            answer = original(*given)
            other.append("B", events(2), expected=ANY)
            return answer

        monkeypatch.setattr(owner, moment, meanwhile)
        with duckdb.connect() as connection:
            head = log.bind(connection)
            monkeypatch.undo()
            assert connection.execute("SELECT count(*), max(position) FROM events").fetchall() == [
                (head.position, head.position)
            ]
