"""The contract, on the PostgreSQL log, against a real server: what concerns others by default, the whole in `make test-long`."""

import pytest

from orders_es.log import open_log
from orders_es.testing import LogContract
from orders_es.testing.log_contract import Histories
from orders_es.testing.log_contract.following import Following


class OnAServer:
    histories = 4

    @pytest.fixture
    def make_log(self, postgres_place):
        opened = []

        def make(registry=None, clock=None):
            opened.append(open_log(postgres_place(), create=True, registry=registry, clock=clock))
            return opened[-1]

        yield make
        for log in opened:
            log.close()

    def reopen(self, log):
        return open_log(log._given, registry=log.registry)


class TestPostgresLog(OnAServer, Following, Histories):
    pass


@pytest.mark.long
class TestPostgresLogInFull(OnAServer, LogContract):
    pass
