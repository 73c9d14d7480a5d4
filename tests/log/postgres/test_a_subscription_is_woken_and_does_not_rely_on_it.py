from orders_es.log import ANY, open_log
from orders_es.log.postgres.following import Waiting
from orders_es.testing.log_contract.basis import events
from orders_es.testing.log_contract.following import Follower


def test_a_commit_wakes_a_subscription_that_would_look_in_an_hour(postgres_place, monkeypatch):
    monkeypatch.setattr("orders_es.log.postgres.following._LOOK_SECONDS", 3600)
    with open_log(postgres_place(), create=True) as log:
        follower = Follower(log)
        for i in range(1, 4):
            log.append("A", events(1), expected=ANY)
            follower.wait_for(i)
        assert follower.end() == [1, 2, 3]


def test_where_nobody_is_notified_looking_is_enough(postgres_place, monkeypatch):
    monkeypatch.setattr(Waiting, "_listen", lambda self: setattr(self, "_deaf", True))
    with open_log(postgres_place(), create=True) as log:
        follower = Follower(log)
        for i in range(1, 4):
            log.append("A", events(1), expected=ANY)
            follower.wait_for(i)
        assert follower.end() == [1, 2, 3]
