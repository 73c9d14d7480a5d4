import pytest

from orders_es.errors import InvalidSetting, NotALog
from orders_es.log import ANY, open_log
from orders_es.log.parquet import ParquetLog


def test_a_file(tmp_path):
    path = tmp_path / "orders.txt"
    path.write_text("hello", encoding="utf-8")
    for create in (False, True):
        with pytest.raises(NotALog, match=r"it is a file; a log is a folder") as raised:
            open_log(path, create=create)
        assert str(path) in str(raised.value)
    assert path.read_text(encoding="utf-8") == "hello"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(NotALog, match=r"no such folder; .*create=True"):
        open_log(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder(tmp_path):
    with pytest.raises(NotALog, match=r"holds no log\.json; .*create=True"):
        open_log(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things(tmp_path):
    (tmp_path / "thesis.doc").write_text("mine", encoding="utf-8")
    with pytest.raises(NotALog, match=r"create=True"):
        open_log(tmp_path)
    with pytest.raises(NotALog, match=r"other things \(thesis\.doc\); name a new or an empty folder"):
        open_log(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.doc"]


def test_an_empty_log_reads_as_nothing(tmp_path):
    with open_log(tmp_path / "log", create=True) as log, open_log(tmp_path / "log") as again:
        for handle in (log, again):
            assert isinstance(handle, ParquetLog)
            assert handle.head().position == 0
            assert handle.head().recorded_at is None
            assert list(handle.read()) == []
            assert handle.load("a") == []
            assert handle.stream_ids() == []
            assert handle.stream_version("a") == 0
            assert handle.files() == []
            assert handle.compact().segments == 0
            assert handle.vacuum().files == 0
    assert log.head() == again.head()
    assert log.load("a", after_version=3) == []
    assert ANY is not None


def test_a_place_that_sql_could_not_name_gets_no_log(tmp_path):
    with pytest.raises(InvalidSetting, match="backslash"):
        open_log(tmp_path / "a\\b[c]" / "log", create=True)
    assert list(tmp_path.iterdir()) == []
