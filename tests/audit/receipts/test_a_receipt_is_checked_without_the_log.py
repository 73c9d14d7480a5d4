import json
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest

from orders_es.audit import (
    check_file,
    checkpoint,
    newest_checkpoint,
    prove_consistency,
    prove_order,
    prove_position,
    verify_consistency,
    verify_receipt,
)
from orders_es.audit import verify_proof as script
from orders_es.audit.verify_proof import Receipt
from orders_es.errors import (
    BadCheckpoint,
    BadKey,
    BadProof,
    InvalidSetting,
    NoCheckpoint,
    NotAnExtension,
    OrderNotFound,
)
from orders_es.log import open_log
from orders_es.log.copy import copy_log
from orders_es.log.protocol import NeedsUpkeep
from orders_es.orders import OrderPlaced


@pytest.mark.parametrize("position", [1, 255, 256, 257, 301, 512, 513, 606])
def test_the_event_at_a_position(log, signer, position):
    holds = verify_receipt(prove_position(log, position).text, signer.key)
    (batch,) = log.read(after=position - 1, to=position)
    (event,) = holds.events
    assert (holds.origin, holds.size) == ("example.com/shop", 606)
    row = batch.to_pylist()[0]
    for name in ("position", "stream_id", "version", "type", "schema_version", "actor", "correlation_id", "payload"):
        assert event[name] == row[name]
    assert event["event_id"] == str(row["event_id"])
    assert event["recorded_at"] == row["recorded_at"].isoformat().replace("+00:00", "Z")


def test_all_events_of_an_order_up_to_the_checkpoint(log, signer):
    made = prove_order(log, "A-1")
    holds = verify_receipt(made.text, signer.key)
    assert [(e["stream_id"], e["version"], e["type"]) for e in holds.events] == [
        ("A-1", 1, "OrderCreated"),
        ("A-1", 2, "ItemAdded"),
        ("A-1", 3, "OrderPlaced"),
    ]
    assert made.later == 1
    assert holds.events[0]["actor"] == "Zoë"


def test_payloads_can_be_kept_back(log, signer):
    made = prove_order(log, "A-1", payload=False)
    assert "9.9" not in str(Receipt.parse(made.text).records)
    assert [event["payload"] for event in verify_receipt(made.text, signer.key).events] == [None] * 3


def test_it_is_a_tlog_proof_of_c2sp(log):
    head, _, note = str(prove_position(log, 301)).partition("\n\n")
    first, extra, index, *path = head.split("\n")
    assert (first, index) == ("c2sp.org/tlog-proof@v1", "index 300")
    assert extra.startswith("extra ")
    assert len(path) == 10
    assert note == str(newest_checkpoint(log))


def test_without_the_package_by_one_file_alone(log, signer, tmp_path):
    shutil.copy(script.__file__, tmp_path / "verify_proof.py")
    (tmp_path / "a.tlog-proof").write_bytes(prove_order(log, "A-1").text)
    call = [sys.executable, "-I", "verify_proof.py", "a.tlog-proof", "--key", str(signer.key), "--json"]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [event["version"] for event in json.loads(done.stdout)["events"]] == [1, 2, 3]
    source = (tmp_path / "verify_proof.py").read_text()
    assert "import orders_es" not in source
    assert "from orders_es" not in source


def test_the_script_says_in_its_exit_code_what_it_found(log, signer, tmp_path, capsys):
    path = tmp_path / "a.tlog-proof"
    path.write_bytes(prove_order(log, "A-1").text)
    assert script.main([str(path), "--key", str(signer.key)]) == 0
    assert "that there were no others is not proven" in capsys.readouterr().out
    path.write_bytes(path.read_bytes().replace(b"index 304", b"index 303"))
    assert script.main([str(path), "--key", str(signer.key)]) == 1
    assert "does NOT hold" in capsys.readouterr().err
    for call in ([str(path), "--key", "nonsense"], [str(tmp_path / "none"), "--key", str(signer.key)]):
        with pytest.raises(SystemExit) as ended:
            script.main(call)
        assert ended.value.code == 2


def test_what_is_not_there_is_said(log, signer):
    with pytest.raises(OrderNotFound):
        prove_order(log, "A-9")
    for position in (0, -1, 607, 10**9):
        with pytest.raises(NoCheckpoint, match="lies outside the 606 events"):
            prove_position(log, position)
    with pytest.raises(BadProof, match="not signed by"):
        verify_receipt(prove_position(log, 1).text, script.Key("example.com/shop", 1, b"\x07" * 32))
    with pytest.raises(BadProof, match="cannot be read"):
        verify_receipt("/nowhere/a.tlog-proof", signer.key)


def test_a_log_that_is_not_signed_gives_no_receipt(tmp_path):
    with open_log(tmp_path / "log", create=True) as log, pytest.raises(NoCheckpoint, match="orders-es checkpoint"):
        prove_position(log, 1)


def test_a_log_with_another_past_gives_no_receipt(log, signer, tmp_path):
    with open_log(tmp_path / "other", create=True) as other:
        other.append("A-1", [OrderPlaced()] * 700, expected=0)
        with pytest.raises(NotAnExtension):
            prove_position(other, 5, checkpoint=newest_checkpoint(log))
    assert signer.key.name == "example.com/shop"


@pytest.fixture
def two(log, signer, tmp_path):
    """Two checkpoints, and the proof from the one to the other."""
    old = newest_checkpoint(log)
    new = checkpoint(log, signer)
    (tmp_path / "old").write_bytes(old.note)
    (tmp_path / "proof").write_bytes(prove_consistency(log, old, new))
    yield old, new, tmp_path
    new.path.unlink()


def test_a_consistency_proof_holds_between_two_checkpoints(two, signer):
    old, new, folder = two
    (folder / "old").write_bytes(old.note)
    checked = verify_consistency(folder / "proof", folder / "old", signer.key)
    assert (checked.holds, checked.size) == (True, new.size)
    assert check_file(folder / "proof", signer.key, old=str(folder / "old")).holds
    with pytest.raises(InvalidSetting, match="--old"):
        check_file(folder / "proof", signer.key)


def test_a_consistency_proof_begins_at_its_own_old_size(two, signer):
    _, new, folder = two
    (folder / "old").write_bytes(new.note)
    raw = (folder / "proof").read_bytes().replace(b"old 606", b"old 605")
    (folder / "proof").write_bytes(raw)
    assert not check_file(folder / "proof", signer.key, old=str(folder / "old")).holds


def test_the_wrong_way_round_is_refused(two, log):
    old, new, _ = two
    with pytest.raises(BadCheckpoint, match="earlier one"):
        prove_consistency(log, new, old)


@pytest.mark.parametrize("there", ["copy", "copy.duckdb"])
def test_the_same_receipt_comes_from_a_copy_and_after_compaction(log, tmp_path, there):
    signed = newest_checkpoint(log)
    before = prove_order(log, "A-1", checkpoint=signed).text
    copy_log(log, tmp_path / there)
    with open_log(tmp_path / there) as copy:
        assert isinstance(copy, NeedsUpkeep)
        copy.compact()
        copy.vacuum(grace=timedelta(0))
        assert prove_order(copy, "A-1", checkpoint=signed).text == before


def test_without_the_library_it_says_what_to_install(log, signer, tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.tlog-proof"
    path.write_bytes(prove_order(log, "A-1").text)
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    assert script.main([str(path), "--key", str(signer.key)]) == 2
    assert "pip install cryptography" in capsys.readouterr().err
    with pytest.raises(BadKey, match=r"orders_es\[audit\]"):
        verify_receipt(path, signer.key)
    with pytest.raises(BadKey, match=r"orders_es\[audit\]"):
        checkpoint(log, signer)
