"""Each is sound in itself, so that `verify` alone finds nothing; the checkpoint does."""

import importlib.util
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from orders_es.audit import against_checkpoint, check_against_checkpoint, checkpoint, verify
from orders_es.errors import BadCheckpoint, NotAnExtension
from orders_es.log import ANY, open_log
from orders_es.orders import OrderPlaced

_spec = importlib.util.spec_from_file_location("rewriting", Path(__file__).with_name("conftest.py"))
rewriting = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rewriting)

EARLIER = datetime(2020, 1, 1, tzinfo=UTC)
CHANGES = {
    "an amount": lambda events: rewriting.with_payload(events, 3, amount="900.0000"),
    "the tail cut off": lambda events: events.slice(0, 300),
    "two events swapped": rewriting.by_rows(lambda rows: [rows[2], rows[3], rows[0], rows[1], *rows[4:]]),
    "an event dropped": rewriting.by_rows(lambda rows: rows[:3] + rows[4:]),
    "an event inserted": rewriting.by_rows(lambda rows: [*rows[:3], rows[3] | {"event_id": uuid4()}, *rows[3:]]),
    "an event duplicated": rewriting.by_rows(lambda rows: [*rows[:4], rows[3] | {"event_id": uuid4()}, *rows[5:]]),
    "an event spliced in from another log": rewriting.by_rows(
        lambda rows: [*rows[:3], rows[3] | {"event_id": uuid4(), "payload": '{"amount":"7.0000"}'}, *rows[4:]]
    ),
    "an event of another stream": rewriting.by_rows(lambda rows: [rows[0] | {"stream_id": "o-7"}, *rows[1:]]),
    "re-attributed": rewriting.by_rows(lambda rows: [rows[0] | {"actor": "nobody"}, *rows[1:]]),
    "re-dated": rewriting.by_rows(lambda rows: [rows[0] | {"occurred_at": EARLIER}, *rows[1:]]),
    "recorded at another time": rewriting.by_rows(lambda rows: [rows[0] | {"recorded_at": EARLIER}, *rows[1:]]),
    "of another type": rewriting.by_rows(lambda rows: [*rows[:-1], rows[-1] | {"type": "OrderCancelled"}]),
    "the last event alone": rewriting.by_rows(lambda rows: [*rows[:-1], rows[-1] | {"actor": "nobody"}]),
}
FEW = ("an amount", "the tail cut off")


@pytest.fixture
def signed(log, key, tmp_path):
    made = checkpoint(log, key)
    elsewhere = tmp_path / "elsewhere.checkpoint"
    elsewhere.write_bytes(made.note)
    return elsewhere


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("change", "derived"), [*((name, "kept") for name in CHANGES), *((name, "gone") for name in FEW)]
)
def test_the_whole_log_rewritten_consistently(tmp_path, signed, public, change, derived):
    if derived == "gone":
        shutil.rmtree(tmp_path / "log" / "derived")
    rewriting.rewritten(tmp_path / "log", CHANGES[change])
    with open_log(tmp_path / "log") as log:
        assert verify(log).ok
        with pytest.raises(NotAnExtension):
            check_against_checkpoint(log, signed, public)
        assert not against_checkpoint(log, signed, public).ok


def test_rewritten_and_then_written_on(tmp_path, signed, public):
    rewriting.rewritten(tmp_path / "log", CHANGES["an amount"])
    with open_log(tmp_path / "log") as log:
        log.append("o-9", [OrderPlaced()], expected=ANY)
        with pytest.raises(NotAnExtension, match="was signed"):
            check_against_checkpoint(log, signed, public)


def test_cut_off_and_then_written_on(tmp_path, signed, public):
    rewriting.rewritten(tmp_path / "log", CHANGES["the tail cut off"])
    with open_log(tmp_path / "log") as log:
        log.append("o-9", [OrderPlaced()] * 10, expected=ANY)
        with pytest.raises(NotAnExtension):
            check_against_checkpoint(log, signed, public)


@pytest.mark.parametrize("change", [CHANGES[name] for name in FEW], ids=FEW)
@pytest.mark.parametrize("memory", ["beside the log", "beside the key"])
def test_it_is_not_signed_again(tmp_path, signed, key, change, memory):
    rewriting.rewritten(tmp_path / "log", change)
    if memory == "beside the log":
        Path(f"{key}.signed").unlink()
    else:
        shutil.rmtree(tmp_path / "log" / "checkpoints")
    assert signed.exists()
    with open_log(tmp_path / "log") as log, pytest.raises(NotAnExtension):
        checkpoint(log, key)


def test_a_key_signs_one_log_only(tmp_path, key, signed):
    with open_log(tmp_path / "second", create=True) as second:
        rewriting.fill(second, orders=9)
        with pytest.raises(NotAnExtension):
            checkpoint(second, key)
    assert signed.exists()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"shop\n1\nAAAA\n\n"])
def test_a_damaged_memory_is_said_and_nothing_signed(log, key, signed, content):
    Path(f"{key}.signed").write_bytes(content)
    with pytest.raises(BadCheckpoint):
        checkpoint(log, key)
    assert signed.exists()
