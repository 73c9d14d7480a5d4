"""What is written in place of something is there whole, or what was there before is; and nothing else is left."""

from __future__ import annotations

import stat

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
