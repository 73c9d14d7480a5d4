import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from orders_es.audit import check_against_checkpoint, checkpoint, generate_key, kept_checkpoints, newest_checkpoint
from orders_es.audit.verify_proof import Checkpoint
from orders_es.errors import BadCheckpoint, NoCheckpoint
from orders_es.log import ANY, open_log
from orders_es.log.copy import copy_log
from orders_es.orders import OrderPlaced
from orders_es.sources.jsonl import export_jsonl, import_jsonl


def test_a_checkpoint_is_the_head_in_the_form_of_c2sp(any_log, key):
    made = checkpoint(any_log, key)
    head = any_log.head()
    parsed = Checkpoint.parse(made.note)
    assert (parsed.origin, parsed.size, parsed.root) == ("example.com/shop", head.position, head.root)
    assert made.note.decode().startswith(f"example.com/shop\n{head.position}\n")


def test_events_may_be_added(any_log, key, public):
    made = checkpoint(any_log, key)
    for _ in range(3):
        any_log.append("o-7", [OrderPlaced()], expected=ANY)
        check_against_checkpoint(any_log, made, public)
        checkpoint(any_log, key)
    assert [kept.size for kept in kept_checkpoints(any_log)] == [308, 309, 310, 311]


def test_the_head_of_an_empty_log_can_be_signed(tmp_path, key, public):
    with open_log(tmp_path / "empty", create=True) as log:
        made = checkpoint(log, key)
        log.append("o-1", [OrderPlaced()], expected=ANY)
        check_against_checkpoint(log, made, public)
    assert made.size == 0


def test_signing_twice_gives_the_same_checkpoint(any_log, key):
    assert checkpoint(any_log, key).note == checkpoint(any_log, key).note


def test_a_new_key_of_the_same_name_goes_on(log, key):
    first = checkpoint(log, key)
    both = checkpoint(log, generate_key("example.com/shop"))
    assert both.size == first.size
    assert len(both.parsed.note.signatures) == 2


def test_a_key_of_another_name_may_sign_at_the_same_size(log, key, public):
    first = checkpoint(log, key)
    other = generate_key("example.com/other")
    second = checkpoint(log, other)
    assert checkpoint(log, other).path == second.path
    assert {kept.origin for kept in kept_checkpoints(log)} == {"example.com/shop", "example.com/other"}
    check_against_checkpoint(log, first.path, public)
    check_against_checkpoint(log, second.path, other.key)


def test_compaction_and_vacuum_leave_it_valid(log, key, public):
    made = checkpoint(log, key)
    log.compact()
    log.vacuum(grace=timedelta(0))
    shutil.rmtree(log.derived)
    with open_log(log.url) as again:
        check_against_checkpoint(again, made, public)
        assert checkpoint(again, key).note == made.note


@pytest.mark.long_but_first
@pytest.mark.parametrize("there", ["copy", "copy.duckdb"])
def test_a_copy_in_another_backend_leaves_it_valid(any_log, key, public, tmp_path, there):
    made = checkpoint(any_log, key)
    copy_log(any_log, tmp_path / there)
    with open_log(tmp_path / there) as copy:
        check_against_checkpoint(copy, made, public)


def test_json_lines_out_and_in_leave_it_valid(any_log, key, public, tmp_path):
    made = checkpoint(any_log, key)
    export_jsonl(any_log, tmp_path / "all.jsonl")
    with open_log(tmp_path / "back", create=True) as back:
        import_jsonl(back, tmp_path / "all.jsonl", as_recorded=True)
        check_against_checkpoint(back, made, public)


def test_kept_hashes_that_are_wrong_change_no_answer(log, key, public):
    made = checkpoint(log, key)
    kept = Path(log.derived / "tree" / "blocks")
    raw = bytearray(kept.read_bytes())
    raw[-1] ^= 1
    kept.write_bytes(raw)
    log.append("o-7", [OrderPlaced()], expected=ANY)
    check_against_checkpoint(log, made, public)
    kept.write_bytes(raw)
    assert checkpoint(log, key).root == log.head().root


def test_another_key_another_origin_and_a_witness_are_refused(log, key, public):
    made = checkpoint(log, key)
    for wrong in (generate_key("example.com/shop"), generate_key("example.com/other")):
        with pytest.raises(BadCheckpoint):
            check_against_checkpoint(log, made, wrong.key)
    with pytest.raises(BadCheckpoint, match="not of"):
        check_against_checkpoint(log, made, public, origin="example.com/other")
    with pytest.raises(BadCheckpoint, match="key of a witness"):
        check_against_checkpoint(log, made, generate_key("example.com/shop", witness=True).key)
    with pytest.raises(BadCheckpoint, match="0 of the witnesses"):
        check_against_checkpoint(log, made, public, witnesses=[generate_key("w", witness=True).key])


def test_where_none_was_signed_there_is_none(log):
    with pytest.raises(NoCheckpoint, match="orders-es checkpoint"):
        newest_checkpoint(log)
