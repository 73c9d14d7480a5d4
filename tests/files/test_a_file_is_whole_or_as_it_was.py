"""What is written in place of something is there whole, or what was there before is; and nothing else is left."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from orders_es import files


@pytest.mark.parametrize("durable", [True, False])
def test_a_block_that_ends_well_puts_the_file_in_place(tmp_path, durable):
    place = tmp_path / "answer.txt"
    place.write_text("before")
    with files.replacing(place, durable=durable) as fresh:
        fresh.write_text("after")
        assert place.read_text() == "before"
    assert place.read_text() == "after"
    assert list(tmp_path.iterdir()) == [place]


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    place = tmp_path / "answer.txt"
    place.write_text("before")

    def fail():
        with files.replacing(place) as fresh:
            fresh.write_text("half of")
            raise RuntimeError("the program fails here")

    with pytest.raises(RuntimeError):
        fail()
    assert place.read_text() == "before"
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_durable_is_synced_before_it_is_named_and_its_folder_after(tmp_path, monkeypatch):
    place, seen = tmp_path / "answer.txt", []
    monkeypatch.setattr(files, "sync", lambda path: seen.append((path == tmp_path, place.exists())))
    files.write_whole(place, b"42", mode=0o640)
    assert seen == [(False, False), (True, True)]
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    files.write_whole(place, b"43", durable=False)
    assert len(seen) == 2


def test_folders_above_are_made(tmp_path):
    files.write_whole(tmp_path / "a" / "b" / "c.txt", b"c")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"c"


def test_who_may_read_what_is_replaced_stays_as_it_was(tmp_path):
    place = tmp_path / "private.txt"
    place.write_text("before")
    place.chmod(0o600)
    with files.replacing(place) as fresh:
        assert stat.S_IMODE(fresh.stat().st_mode) == 0o600
        fresh.write_text("after")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", [True, False], ids=["leads to a file", "leads nowhere yet"])
def test_a_link_stays_one_and_what_it_leads_to_is_replaced(tmp_path, there):
    target, link = tmp_path / "shared" / "answer.txt", tmp_path / "answer.txt"
    target.parent.mkdir()
    if there:
        target.write_text("before")
    link.symlink_to("shared/answer.txt")
    files.write_whole(link, b"after")
    assert link.readlink() == target.relative_to(tmp_path)
    assert target.read_text() == "after"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_no_file_is_written_to_and_stays_what_it_is(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    files.write_whole(pipe, b"all of it")
    reader.join()
    assert read == [b"all of it"]
    assert pipe.is_fifo()
    files.write_whole("/dev/null", b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_file_of_our_own_takes_the_place_of_a_link(tmp_path):
    (tmp_path / "theirs").write_text("before")
    (tmp_path / "ours").symlink_to("theirs")
    files.write_whole(tmp_path / "ours", b"after", durable=False, follow_links=False)
    assert (tmp_path / "ours").read_bytes() == b"after"
    assert (tmp_path / "theirs").read_text() == "before"


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_folder_is_never_taken_for_a_file(path):
    with pytest.raises(IsADirectoryError), files.replacing(path):
        pass
