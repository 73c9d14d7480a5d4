"""The gap report of dumps: each oddity with its count; and what stops an import, by file and row, with nothing appended."""

import gzip
from datetime import UTC, datetime, time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orders_es.errors import BadSource, InvalidSetting
from orders_es.log import open_log
from orders_es.sources.dumps import import_dumps
from orders_es.sources.rows import rows_at
from orders_es.sources.tables.options import TableOptions


class Dumps:
    """Writes a dump for each text, a day apart, and imports all that are there into a log in memory."""

    def __init__(self, folder):
        self.folder, self.log = folder, open_log(":memory:")

    def __call__(self, *texts, key="id", first=1, **how):
        for day, text in enumerate(texts, first):
            path = self.folder / f"orders-2026-06-{day:02}.csv"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_dumps(self.log, self.folder / "orders-*.csv", key=key, at_from_name="%Y-%m-%d", **how)


@pytest.fixture
def dumps(tmp_path):
    return Dumps(tmp_path)


def rows(dumps, day):
    return [tuple(row.values()) for row in rows_at(dumps.log, "orders", at=f"2026-06-{day:02}").to_pylist()]


def test_rows_that_went_and_came_back(dumps):
    done = dumps("id,s\n1,a\n2,a\n", "id,s\n1,a\n", "id,s\n1,a\n2,b\n")
    assert (done.inserted, done.changed, done.deleted) == (3, 0, 1)
    assert (done.gaps.count("gone"), done.gaps.count("came back")) == (1, 1)
    assert rows(dumps, 2) == [("1", "a")]
    assert rows(dumps, 3) == [("1", "a"), ("2", "b")]


def test_a_rows_own_time_counts_only_where_it_can_be_true(dumps):
    done = dumps(
        "id,s,u\n1,a,2026-06-01 10:00\n2,a,2026-06-01 10:00\n3,a,2026-06-01 10:00\n4,a,2026-06-01 10:00\n",
        "id,s,u\n1,b,2026-06-02 11:00\n2,b,2026-06-01 10:00\n3,b,2026-05-31 10:00\n4,a,2026-06-02 09:00\n5,a,2026-06-09 00:00\n"
        "6,a,2026-06-01 00:00\n",
        occurred="u",
    )
    last = {key: dumps.log.load(f"orders/{key}")[-1] for key in "123456"}
    assert last["1"].occurred_at == datetime(2026, 6, 2, 11, tzinfo=UTC)
    assert last["1"].data.changed_after is None
    for key in "2356":
        assert last[key].occurred_at == datetime(2026, 6, 2, 23, 59, 59, 999_999, tzinfo=UTC)
        assert last[key].data.changed_after == datetime(2026, 6, 1, tzinfo=UTC)
    found = {gap.kind: gap.count for gap in done.gaps.gaps}
    assert found == {
        "time did not move": 1,
        "older than before": 1,
        "only its time changed": 1,
        "ahead of its record": 1,
        "appeared late": 1,
    }
    assert done.gaps.to_arrow().num_rows == 5
    assert "2 in orders-2026-06-02.csv" in str(done.gaps)


@pytest.mark.long
def test_columns_that_come_and_go_are_no_changes_that_nobody_made(dumps):
    done = dumps("id,s\n1,a\n2,a\n", "id,s,note\n1,a,new\n2,a,\n", "id,note\n1,new\n2,\n", "id,s,note\n1,a,new\n2,z,\n")
    assert (done.changed, done.gaps.count("column came"), done.gaps.count("column went")) == (2, 2, 1)
    assert rows(dumps, 1) == [("1", "a"), ("2", "a")]
    assert rows(dumps, 3) == [("1", "new"), ("2", None)]
    assert rows(dumps, 4) == [("1", "a", "new"), ("2", "z", None)]


@pytest.mark.long
def test_a_night_without_a_dump(dumps):
    texts = ["id\n1\n"] * 6
    done = dumps(*texts[:3])
    assert not done.gaps
    assert dumps(*texts, first=5).gaps.count("dump missing") == 1


@pytest.mark.long_but_first
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,s\n1,a\n,b\n", "orders-2026-06-02.csv, row 2: id is empty"),
        ("id,s\n1,a\n2,b\n1,c\n", "orders-2026-06-02.csv, row 1: id '1' stands in another row too"),
        ("id,s\n1,a\n2\n", "orders-2026-06-02.csv, row 2: 1 fields where the header has 2"),
        (b"id,s\n1,a\n2,\xff\xc3\n3,\xc3\xb8\n", "say which it is with encoding="),
        ("no,s\n1,a\n", "lacks the column id"),
        ("id,ID,s\n1,7,b\n", "both 'id' and 'ID' look like the same column"),
        ("id,s\n1,a\n2.0,b\n", "id has '2.0' and '1': are ids with .0 behind them others"),
        ("id,s\n1,a\n5.36E+05,b\n", "row 2: id '5.36E+05' has lost digits"),
        ("id,s\n1,a\n#N/A,b\n", "row 2: id '#N/A' is an error of the spreadsheet"),
        ("id,s\n1,a\nNULL,b\n", "row 2: id 'NULL' is no id"),
        ("id,s\n1\u200b2,a\n", "row 1: id '1\\u200b2' has a character within it that nobody sees"),
        ("id,s\n123456789012345000,a\n", "are zeros behind the fifteenth"),
        ("id,s\n001,a\n", "id '001' is new, and '1' of the dump before is gone"),
        ("id,s\n" + "x" * 1100 + ",a\n", "row 1: id 'xxx"),
        ("", "it is empty (0 bytes)"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_appended(dumps, text, said):
    with pytest.raises(BadSource) as error:
        dumps("id,s\n1,a\n", text)
    assert said in str(error.value)
    assert dumps.log.head().position == 0


def test_ids_that_a_program_spelt_otherwise_are_the_same_rows(dumps):
    done = dumps("id,s\n1,a\n2,b\n", "id,s\n1.0,a\n2.0,b\n", "id,s\n1\u00a0,a\n 2,b\n")
    assert (done.inserted, done.changed, done.deleted, done.gaps.gaps) == (2, 0, 0, ())


def test_ids_are_kept_as_they_are_written_where_somebody_says_so(dumps):
    done = dumps("id,s\n007,a\n", "id,s\n7,a\nNULL,b\n", reading=TableOptions(verbatim=("id",)))
    assert (done.inserted, done.deleted) == (3, 1)


def test_a_dump_without_rows_is_believed_and_told(dumps):
    done = dumps("id,s\n1,a\n", "id,s\n", "id,s\n")
    assert (done.deleted, done.gaps.count("all gone")) == (1, 1)


def test_a_dump_of_half_the_rows_is_believed_and_told(dumps):
    whole, half, less = ("id,s\n" + "".join(f"{row},a\n" for row in range(rows)) for rows in (20, 10, 6))
    done = dumps(whole, half, less, whole)
    assert (done.deleted, done.gaps.count("gone"), done.gaps.count("many gone")) == (14, 14, 1)
    assert [gap.examples for gap in done.gaps.gaps if gap.kind == "many gone"] == [
        ("10 of 20 rows in orders-2026-06-02.csv",)
    ]


def test_columns_may_be_called_anything(dumps):
    name = """a "b" $.x/y~z'"""
    dumps(f"id,{quoted(name)}\n1,a\n", f"id,{quoted(name)}\n1,b\n")
    assert rows_at(dumps.log, "orders").to_pylist() == [{"id": "1", name: "b"}]
    assert dumps(f"id,{quoted(name)}\n1,b\n", first=3).changed == 0


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def test_a_folder_for_each_night_says_when(tmp_path):
    for day in (1, 2):
        folder = tmp_path / f"2026-06-0{day}"
        folder.mkdir()
        (folder / "orders.csv").write_text(f"id\n{day}\n")
    log = open_log(":memory:")
    done = import_dumps(log, tmp_path / "*/orders.csv", key="id", at_from_name="%Y-%m-%d")
    assert (done.table, done.dumps, rows_at(log, "orders", at="2026-06-01").to_pylist()) == ("orders", 2, [{"id": "1"}])


def test_what_a_bad_row_stands_for_is_taken_to_stand_as_before(dumps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = dumps("id,s\n1,a\n2,a\n3,a\n", "id,s\n1,b\n1,c\n3,b\n", "id,s\n1,b\n3\n", on_error="quarantine")
    assert rows(dumps, 2) == [("1", "a"), ("3", "b")]  # 2 is gone; of 1 there are two
    assert rows(dumps, 3) == [("1", "b"), ("3", "b")]  # 3 seems to be gone, and a row cannot be read
    assert done.gaps.count("set aside") == done.quarantined == 3
    assert [path.name for path in done.quarantine_paths] == ["orders-2026-06-02.csv.csv", "orders-2026-06-03.csv.csv"]
    assert "'1' stands in row 1 already" in done.quarantine_paths[0].read_text()


def test_dumps_come_in_in_their_order_and_are_what_they_were(dumps):
    dumps("id,s\n1,a\n", "id,s\n1,b\n")
    (dumps.folder / "orders-2026-06-01.csv").write_text("id,s\n1,z\n")
    with pytest.raises(BadSource, match="the log has another dump of that time"):
        dumps()
    (dumps.folder / "orders-2026-06-01.csv").unlink()
    (dumps.folder / "orders-2026-05-01.csv").write_text("id,s\n1,z\n")
    with pytest.raises(BadSource, match="the log has a later one"):
        dumps()
    (dumps.folder / "orders-2026-05-01.csv").unlink()
    with pytest.raises(BadSource, match="named by id in the log, and not by s"):
        dumps("id,s\n1,c\n", first=3, key="s")


def test_the_time_stands_in_the_name_once(tmp_path):
    def bring(name, written="%Y-%m-%d", **how):
        (tmp_path / name).write_text("id\n1\n")
        return import_dumps(open_log(":memory:"), tmp_path / name, key="id", at_from_name=written, **how)

    with pytest.raises(BadSource, match="no time of the form"):
        bring("orders.csv")
    with pytest.raises(BadSource, match="2 times"):
        bring("2026-06-01-orders-2026-06-02.csv")
    with pytest.raises(InvalidSetting, match="says no day"):
        bring("orders-12.csv", "%H")
    with pytest.raises(InvalidSetting, match="names say the hour"):
        bring("orders-2026060112.csv", "%Y%m%d%H", time_of_day=time(2))
    with pytest.raises(BadSource, match="was twice"):
        bring("orders-2026102502.csv", "%Y%m%d%H", reading=TableOptions(tz="Europe/Berlin"))
    with pytest.raises(BadSource, match="dump of the same time"):
        _twice(tmp_path)
    done = bring("shop_orders.2026-06-01.csv", time_of_day=time(2), reading=TableOptions(tz="Europe/Berlin"))
    assert done.table == "shop_orders"


def _twice(folder):
    for name in ("a-2026-06-01.csv", "b-2026-06-01.csv"):
        (folder / name).write_text("id\n1\n")
    import_dumps(open_log(":memory:"), folder / "[ab]-2026*.csv", key="id", at_from_name="%Y-%m-%d")


def test_a_key_of_several_columns_is_joined_and_says_so_where_that_is_not_safe(dumps):
    dumps("shop,no,s\nx,1,a\ny,1,b\n", key=("shop", "no"))
    assert [event.data.row_key for event in dumps.log.load("orders/x-1")] == ["x-1"]
    with pytest.raises(BadSource, match="holds '-'"):
        dumps("shop,no,s\nx-1,1,a\n", key=("shop", "no"), first=2)


def test_packed_and_typed_files_and_other_encodings_say_the_same(tmp_path):
    text = "id;name\n1;Zoë\n2;\n"
    (tmp_path / "a-20260601.csv").write_text(text, encoding="utf-8-sig")
    (tmp_path / "a-20260602.csv.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "a-20260603.csv").write_text(text.replace("\n", "\r\n"), encoding="utf-16", newline="")
    pq.write_table(pa.table({"id": [1, 2], "name": ["Zoë", None]}), tmp_path / "a-20260604.parquet")
    done = import_dumps(open_log(":memory:"), tmp_path / "a-*", key="id", at_from_name="%Y%m%d", table="a")
    assert (done.dumps, done.inserted, done.changed, done.deleted) == (4, 2, 0, 0)
