"""Somebody else's table of events in a private PostgreSQL, and what follows it."""

import uuid

import pytest

from orders_es.log import open_log

MAPPING = """
ignore_fields = ["note"]
[envelope]
event_id = "event_id"
stream_id = "aggregate"
type = "kind"
payload = "body"
occurred_at = "happened"
entered_at = "written"
ignore = ["id", "tx"]
[types.created]
to = "OrderCreated"
currency = "currency"
[types.paid]
to = "PaymentReceived"
amount = "amount"
"""


class Theirs:
    """The table, and connections to write to it."""

    def __init__(self, url, name):
        self.url, self.name = url, name
        with self.connect() as connection:
            connection.execute(
                f"CREATE TABLE {name} (id bigserial PRIMARY KEY, tx xid8 NOT NULL DEFAULT pg_current_xact_id(), "
                "event_id uuid NOT NULL DEFAULT gen_random_uuid(), aggregate text NOT NULL, kind text NOT NULL, "
                "body jsonb NOT NULL, happened timestamptz NOT NULL DEFAULT now(), written timestamptz NOT NULL DEFAULT now())"
            )

    def connect(self):
        import psycopg

        return psycopg.connect(self.url, autocommit=True)

    def settled(self):
        """Wait until no transaction runs on the server, which other tests use too, that is older than one of ours."""
        with self.connect() as connection:
            query = f"SELECT coalesce(max(tx) < pg_snapshot_xmin(pg_current_snapshot()), true) FROM {self.name}"
            while not connection.execute(query).fetchone()[0]:
                connection.execute("SELECT pg_sleep(0.01)")

    def write(self, connection, aggregate, kind="created", body='{"currency": "EUR"}'):
        connection.execute(
            f"INSERT INTO {self.name} (aggregate, kind, body) VALUES (%s, %s, %s)", (aggregate, kind, body)
        )


@pytest.fixture
def theirs(postgres):
    return Theirs(postgres, f"events_{uuid.uuid4().hex}")


@pytest.fixture
def mapping(request, tmp_path):
    """The file of the test's own mapping, or of the one above."""
    path = tmp_path / "shop.toml"
    path.write_text(getattr(request.module, "MAPPING", MAPPING), "utf-8")
    return path


@pytest.fixture
def log():
    with open_log(":memory:") as log:
        yield log


@pytest.fixture
def crash(log, monkeypatch):
    """Follow until an append of the log dies: before its commit, and then after it."""

    def crash(follow):
        for after_the_commit in (False, True):
            append = log.append_table

            def dies(*args, after=after_the_commit, append=append, **more):
                if after:
                    append(*args, **more)
                raise MemoryError

            with monkeypatch.context() as patched:
                patched.setattr(log, "append_table", dies)
                with pytest.raises(MemoryError):
                    follow()

    return crash
