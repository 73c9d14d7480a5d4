import shutil

import pytest
from writing import events_for

from orders_es.errors import DamagedLog, ForeignFile, LogError, NotALog
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog
from orders_es.log.parquet.footer import FORMAT


def cut(length):
    def damage(path):
        data = path.read_bytes()
        path.write_bytes(data[: length if length >= 0 else len(data) + length])

    return damage


def flip(text):
    def damage(path):
        data = bytearray(path.read_bytes())
        data[data.index(text) + len(text) - 1] ^= 1
        path.write_bytes(bytes(data))

    return damage


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def first_page(path):
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(byte ^ 0x55 for byte in data[60:90])
    path.write_bytes(bytes(data))


DAMAGES = {
    "emptied": cut(0),
    "cut after 3 bytes": cut(3),
    "cut in half": half,
    "cut by one byte": cut(-1),
    "cut by nine bytes": cut(-9),
    "a page flipped": first_page,
    "a tree hash flipped": flip(b'"tree_range":"0'),
    "the footer's key flipped": flip(b"orders_es"),
    "a newer format": lambda path: path.write_bytes(
        path.read_bytes().replace(b'{"format":%d,' % FORMAT, b'{"format":9,')
    ),
}


def error_of(call):
    try:
        call()
    except LogError as error:
        return error
    return None


def holds_still(sample, damaged):
    """Nothing that fails has changed a file; appends that fail have written nothing."""
    error_of(sample.append)
    error_of(lambda: open_log(sample.folder, create=True).load("a"))
    error_of(lambda: open_log(sample.folder).compact())  # type: ignore[attr-defined]
    error_of(lambda: open_log(sample.folder).vacuum())  # type: ignore[attr-defined]
    after = sample.look()
    assert {path: after.get(path) for path in damaged} == damaged
    for path in set(after) - set(damaged):  # an append that never met the damage
        (sample.folder / path).unlink()


@pytest.mark.long_but_first
@pytest.mark.parametrize("which", ["segment", 13, 19], ids=["segment", "commit in the middle", "last commit"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file(sample, which, damage):
    path = sample.path(which)
    if damage == "a tree hash flipped":
        text = b'"tree_range":"'
        data = path.read_bytes()
        at = data.rindex(text) + len(text)
        path.write_bytes(data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :])
    else:
        DAMAGES[damage](path)
    damaged = sample.look()
    assert damaged != sample.files

    error = error_of(sample.read)

    assert isinstance(error, DamagedLog)
    assert error.path == str(path)
    assert str(path) in str(error)
    assert any(advice in str(error) for advice in ("restore", "use a newer orders_es", "move it"))
    holds_still(sample, damaged)
    path.write_bytes(sample.files[str(path)])
    assert sample.look() == sample.files
    assert sample.read() == sample.rows
    assert sample.append().first_position == 22


@pytest.mark.parametrize("which", [13, 16, "segment"])
def test_a_missing_file(sample, which):
    path = sample.path(which)
    path.unlink()
    damaged = sample.look()
    error = error_of(sample.read)
    assert isinstance(error, DamagedLog)
    assert str(sample.folder) in str(error)
    assert "restore" in str(error)
    assert f"from position {1 if which == 'segment' else which} " in str(error)
    holds_still(sample, damaged)
    path.write_bytes(sample.files[str(path)])
    assert sample.read() == sample.rows


def test_a_missing_file_is_noticed_by_every_way_of_reading(sample):
    sample.path(16).unlink()
    for call in (
        lambda: open_log(sample.folder).load("a"),
        lambda: open_log(sample.folder).files(),  # type: ignore[attr-defined]
        lambda: list(open_log(sample.folder).read()),
        lambda: open_log(sample.folder).stream_version("a"),
        lambda: open_log(sample.folder).stream_ids(),
        lambda: next(iter(open_log(sample.folder).subscribe(after=14))),
        lambda: open_log(sample.folder).compact(),  # type: ignore[attr-defined]
        lambda: open_log(sample.folder).vacuum(),  # type: ignore[attr-defined]
        sample.append,
    ):
        assert isinstance(error_of(call), DamagedLog)


@pytest.mark.parametrize("folder", ["commits", "segments"])
def test_a_missing_folder(sample, folder):
    shutil.move(sample.folder / folder, sample.folder.parent / "elsewhere")
    damaged = sample.look()
    error = error_of(lambda: open_log(sample.folder))
    assert isinstance(error, DamagedLog)
    assert error.path == str(sample.folder / folder)
    assert "restore" in str(error)
    holds_still(sample, damaged)
    shutil.move(sample.folder.parent / "elsewhere", sample.folder / folder)
    assert sample.read() == sample.rows


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (None, DamagedLog),
        (b"", DamagedLog),
        (b"garbage", DamagedLog),
        (b'{"format":1}', DamagedLog),
        (b"\xff\xfe", DamagedLog),
        ("newer", NotALog),
    ],
)
def test_a_damaged_log_json(sample, text, kind):
    path = sample.folder / "log.json"
    if text is None:
        path.unlink()
    elif text == "newer":
        path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    else:
        path.write_bytes(text)
    damaged = sample.look()
    assert damaged != sample.files
    for create in (False, True):
        error = error_of(lambda create=create: open_log(sample.folder, create=create))
        assert type(error) is kind
        assert "restore" in str(error) or "its format is 2" in str(error)
        assert str(sample.folder) in str(error)
    holds_still(sample, damaged)
    path.write_bytes(sample.files[str(path)])
    assert sample.read() == sample.rows


def test_a_commit_of_another_log(sample, tmp_path):
    with open_log(tmp_path / "other", create=True) as other:
        other.append("x", [event for _, event in events_for(["x"] * 21)], expected=ANY)
        other.append("x", [event for _, event in events_for(["x"])], expected=ANY)
    foreign = sample.path(22)
    shutil.copy(tmp_path / "other" / "commits" / foreign.name, foreign)
    damaged = sample.look()
    error = error_of(lambda: open_log(sample.folder))
    assert type(error) is ForeignFile
    assert error.path == str(foreign)
    assert "move it back" in str(error)
    holds_still(sample, damaged)
    foreign.unlink()
    assert sample.read() == sample.rows


def test_a_parquet_file_that_is_no_data_file(sample):
    foreign = sample.folder / "commits" / f"{22:020d}.parquet"
    shutil.copy(sample.path(19), foreign)
    error = error_of(lambda: open_log(sample.folder))
    assert isinstance(error, DamagedLog)
    assert str(foreign) in str(error)
    foreign.unlink()
    assert sample.read() == sample.rows


@pytest.mark.parametrize("place", ["commits", "segments"])
def test_a_parquet_file_with_a_foreign_name(sample, place):
    foreign = sample.folder / place / "report.parquet"
    shutil.copy(sample.path(19), foreign)
    damaged = sample.look()
    error = error_of(lambda: open_log(sample.folder))
    assert type(error) is ForeignFile
    assert error.path == str(foreign)
    assert "move it elsewhere" in str(error)
    holds_still(sample, damaged)
    foreign.unlink()
    assert sample.read() == sample.rows


def test_other_files_in_the_folders_are_left_alone(sample):
    others = [sample.folder / p for p in ("README", "commits/.DS_Store", "segments/notes.txt", "commits/.x.parquet")]
    for path in others:
        path.write_text("not ours", encoding="utf-8")
    assert sample.read() == sample.rows
    assert sample.append().first_position == 22
    with open_log(sample.folder) as log:
        assert isinstance(log, ParquetLog)
        log.compact()
        log.vacuum()
    assert [path.read_text(encoding="utf-8") for path in others] == ["not ours"] * 4


@pytest.mark.long_but_first
@pytest.mark.parametrize("which", ["segment", 13, 19])
def test_a_flipped_byte_is_an_error_or_changes_nothing(sample, which):
    path = sample.path(which)
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        rows = []
        error = error_of(lambda: rows.append(sample.read()))  # noqa: B023 - called here and now
        assert rows == [sample.rows] or isinstance(error, DamagedLog), f"byte {at}: {error}"


def test_a_damaged_commit_says_why_others_than_its_streams_are_refused_too(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        for stream in ("a", "b", "c"):
            log.append(stream, [event for _, event in events_for([stream])], expected=ANY)
    first_page(tmp_path / "log" / "commits" / f"{2:020}.parquet")
    with open_log(tmp_path / "log") as log:
        with pytest.raises(DamagedLog, match=r"2\.parquet.*events of 'a' may be in it; restore the file"):
            log.load("a")
        with pytest.raises(
            DamagedLog, match=r"2\.parquet.*nothing says any more whose events are in it.*restore the file"
        ):
            log.append("d", [event for _, event in events_for(["d"])], expected=ANY)
