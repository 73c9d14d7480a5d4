import pickle
import socket

import pytest

from orders_es.errors import DamagedLog, InvalidSetting, LogChanged, LogUnavailable, NotALog, ReadOnlyLog
from orders_es.log import NO_STREAM, open_log
from orders_es.log.postgres import PostgresLog
from orders_es.testing.log_contract.basis import event, events

psycopg = pytest.importorskip("psycopg")


def said(error):
    text = str(error)
    assert "\n" not in text
    return text


def test_a_wrong_password_is_said_and_never_shown(postgres):
    place = postgres.replace("@", "wrong@")
    with pytest.raises(LogUnavailable, match="password authentication failed") as caught:
        open_log(place)
    assert "wrong" not in said(caught.value)
    assert "PGPASSWORD" in said(caught.value)


def test_a_server_that_is_not_there_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        with pytest.raises(LogUnavailable, match="efused") as caught:
            open_log(f"postgresql://ann:secret@127.0.0.1:{taken.getsockname()[1]}/shop")
    assert "secret" not in said(caught.value)


@pytest.mark.parametrize(
    "asked",
    ["schema=", "schema=a&schema=b", f"schema={'x' * 64}", "schema=pg_x", "no_such_parameter=1", "schema=a%00b"],
)
def test_a_url_that_names_no_place_is_refused(asked):
    with pytest.raises(InvalidSetting) as caught:
        open_log(f"postgresql://ann:secret@127.0.0.1/shop?{asked}")
    assert "secret" not in said(caught.value)


def test_a_schema_without_a_log_is_said(postgres_place):
    with pytest.raises(NotALog, match="create a log there"):
        open_log(postgres_place())


def test_a_table_of_somebody_elses_is_left_alone(postgres, postgres_place):
    place = postgres_place()
    schema = place.partition("schema=")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.events (id integer)")
        for create in (True, False):
            with pytest.raises(NotALog, match=r"'events' that is no log's.*schema=NAME") as caught:
                open_log(place, create=create)
            said(caught.value)
        connection.execute(f"CREATE TABLE {schema}.log (line text)")
        with pytest.raises(NotALog, match="no log's"):
            open_log(place, create=True)


def test_nothing_shows_the_password(postgres_place):
    with open_log(postgres_place(), create=True) as log:
        assert isinstance(log, PostgresLog)
        password = log._given.partition("://")[2].partition("@")[0].partition(":")[2]
        assert password
        assert password not in f"{log!r} {log.url} {log.address!r}"
        assert pickle.loads(pickle.dumps(log)).log_id == log.log_id


def test_a_log_put_back_to_an_older_state_is_noticed(postgres, postgres_place):
    place = postgres_place()
    schema = place.partition("schema=")[2]
    with open_log(place, create=True) as log, psycopg.connect(postgres, autocommit=True) as connection:
        log.append("A", events(2), expected=NO_STREAM)
        connection.execute(f"UPDATE {schema}.log SET position = 0, tree = ''")
        for look in (log.head, lambda: log.append("B", events(1), expected=NO_STREAM)):
            with pytest.raises(LogChanged, match="ends at position 0 and had reached 2"):
                look()
        with open_log(place) as other, pytest.raises(DamagedLog, match="no commit tells of"):
            other.append("B", events(1), expected=NO_STREAM)
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
        with pytest.raises(DamagedLog):
            log.head()
        open_log(place, create=True).close()
        with pytest.raises(LogChanged, match="identity"):
            log.head()


def test_a_user_who_may_only_read_reads(postgres, postgres_place):
    place = postgres_place()
    schema = place.partition("schema=")[2]
    with open_log(place, create=True) as log, psycopg.connect(postgres, autocommit=True) as connection:
        log.append("A", events(2), expected=NO_STREAM)
        name, where = f"reader_{schema}", place.partition("@")[2]
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA {schema} TO {name}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}")
        with open_log(f"postgresql://{name}:p@{where}") as reader:
            assert reader.load("A") == log.load("A")
            assert reader.head() == log.head()
            with pytest.raises(ReadOnlyLog) as caught:
                reader.append("A", [event()], expected=2)
            said(caught.value)
