import pickle

import pytest

from orders_es.errors import NotALog
from orders_es.log import open_log
from orders_es.testing.log_contract.basis import events


def test_two_logs_in_memory_are_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = open_log(":memory:"), open_log(":memory:")
    one.append("A", events(1), expected=0)
    assert two.head().position == 0
    assert list(tmp_path.iterdir()) == []


def test_it_cannot_be_pickled_and_the_error_says_what_can():
    with pytest.raises(TypeError, match="folder log"):
        pickle.dumps(open_log(":memory:"))


def test_closing_it_ends_it():
    log = open_log(":memory:")
    log.close()
    log.close()
    with pytest.raises(NotALog, match="closed"):
        log.head()
    assert repr(log) == "DuckDBLog(':memory:', closed)"
