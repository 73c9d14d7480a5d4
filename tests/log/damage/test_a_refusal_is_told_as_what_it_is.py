"""Every refusal of the operating system says whose trouble it is: no transient error is damage, none but a full disk wants room."""

import errno
import fcntl
import os

import pytest

from orders_es.errors import DamagedLog, ReadOnlyLog, StorageError, UnreadableLog
from orders_es.errors.system import Cause, cause_of
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.orders import OrderPlaced

MEANING = {
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Make room",
    errno.EIO: "did not answer as it should",
    errno.EMFILE: "ulimit -n",
    errno.ENFILE: "ulimit -n",
    errno.ENOMEM: "ulimit -n",
    errno.ENOSYS: "local file system",
    errno.ESTALE: "did not answer as it should",
}


def refusing(real, number, applies=lambda *_: True):
    def call(*args, **options):
        if applies(*args):
            raise OSError(number, os.strerror(number))
        return real(*args, **options)

    return call


@pytest.mark.long_but_first
@pytest.mark.parametrize("number", MEANING, ids=errno.errorcode.get)
def test_a_write(sample, monkeypatch, number):
    log = open_log(sample.folder)
    monkeypatch.setattr(os, "write", refusing(os.write, number))
    with pytest.raises(StorageError, match=MEANING[number]) as caught:
        log.append("a", [OrderPlaced()], expected=ANY)
    assert ("Make room" in str(caught.value)) == (number in {errno.ENOSPC, errno.EDQUOT})
    assert "nothing was appended" in str(caught.value)


@pytest.mark.long_but_first
@pytest.mark.parametrize("number", [n for n in MEANING if n != errno.ENOSPC], ids=errno.errorcode.get)
def test_a_read(sample, monkeypatch, number):
    log = open_log(sample.folder)
    name = sample.path(16).name
    monkeypatch.setattr(os, "open", refusing(os.open, number, lambda path, *_: str(path).endswith(name)))
    with pytest.raises(UnreadableLog, match=MEANING[number]) as caught:
        log.load("a")
    assert "backup" not in str(caught.value)
    assert not isinstance(caught.value, DamagedLog)


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK], ids=errno.errorcode.get)
def test_a_file_system_without_hard_links(sample, monkeypatch, number):
    log = open_log(sample.folder)
    monkeypatch.setattr(os, "link", refusing(os.link, number))
    with pytest.raises(StorageError, match=r"knows no hard links .*local file system") as caught:
        log.append("a", [OrderPlaced()], expected=ANY)
    assert not isinstance(caught.value, ReadOnlyLog)
    assert sample.look() == sample.files


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_file_system_without_locks(sample, monkeypatch, number):
    log = open_log(sample.folder)
    assert isinstance(log, ParquetLog)
    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", refusing(fcntl.flock, number))
        for call in (lambda: log.append("a", [OrderPlaced()], expected=ANY), log.vacuum):
            with pytest.raises(StorageError, match=r"knows no locks .*local file system"):
                call()
    assert log.append("a", [OrderPlaced()], expected=ANY).first_position == 22


def test_the_systems_words_mean_the_same_as_its_numbers():
    for number in (*MEANING, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ELOOP):
        error = OSError(number, os.strerror(number))
        assert cause_of(error) is cause_of(f"IO Error: Could not do it: {os.strerror(number)}")
        assert cause_of(error) is not None
    assert cause_of(ValueError("a comma too many")) is None
    assert cause_of("No space left on device") is Cause.FULL
