"""When the folder's fsync fails after the link, the commit is there; "nothing was appended" would be a lie."""

from __future__ import annotations

import errno
import os
import stat
import uuid

import pytest

from orders_es.errors import StorageError, UnconfirmedWrite
from orders_es.log import NO_STREAM, NewEvent, open_log
from orders_es.orders import OrderPlaced


def test_a_commit_that_is_not_confirmed_is_said_so(tmp_path, monkeypatch):
    log = open_log(tmp_path / "log", create=True)
    real = os.fsync

    def failing_on_folders(fd):  # no disk here fails on demand
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(fd)

    event = NewEvent(data=OrderPlaced(), event_id=uuid.uuid4())
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing_on_folders)
        with pytest.raises(UnconfirmedWrite, match="is in place, but the disk did not confirm it") as caught:
            log.append("A-1", [event], expected=NO_STREAM)
    assert isinstance(caught.value, StorageError)
    assert "nothing was appended" not in str(caught.value)
    again = log.append("A-1", [event], expected=NO_STREAM)
    assert (again.duplicate, again.last_position) == (True, 1)
    assert log.head().position == open_log(tmp_path / "log").head().position == 1
