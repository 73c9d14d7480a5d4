"""The layout of c2sp.org/tlog-tiles, read back by its words alone."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from orders_es.audit import checkpoint, generate_key, publish_tiles, tiles
from orders_es.errors import BadCheckpoint, CannotPublish, NoCheckpoint, NotAnExtension
from orders_es.log import ANY, RawEvent, open_log
from orders_es.log.leaf import leaves_of


def fill(log, count, at=0):
    numbers = range(at, at + count)
    when = pa.array([datetime(2026, 6, 1, tzinfo=UTC)] * count, pa.timestamp("us", "UTC"))
    texts = {"stream_id": [f"s-{n}" for n in numbers], "type": ["Counted"] * count, "payload": ["{}"] * count}
    log.append_table(pa.table(texts | {"occurred_at": when}), expected=ANY)


def files(folder):
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def of_the_spec(size):
    """The names that a log of so many entries has to serve."""
    names = {"checkpoint"}
    for level in ("entries", *range(8)):
        count = size >> (0 if level == "entries" else 8 * level)
        for number in range(-(-count // 256)):
            assert number < 1_000
            width = min(256, count - 256 * number)
            names.add(f"tile/{level}/{number:03d}" + ("" if width == 256 else f".p/{width}"))
    return names


def read_back(folder, size):
    """The root that a monitor finds: entries hashed, held to the tiles, and put together level by level."""
    hashes = []
    for number in range(-(-size // 256)):
        width = min(256, size - 256 * number)
        name = f"{number:03d}" + ("" if width == 256 else f".p/{width}")
        bundle, own = (folder / "tile" / "entries" / name).read_bytes(), []
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            own.append(sha256(b"\x00" + bundle[2 : 2 + length]).digest())
            bundle = bundle[2 + length :]
        assert (folder / "tile" / "0" / name).read_bytes() == b"".join(own)
        hashes += own
    return mth(hashes), hashes


def mth(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_its_files_are_those_of_the_spec(tmp_path, size):
    with open_log(tmp_path / "log", create=True) as log:
        fill(log, size)
        signed = checkpoint(log, generate_key("example.com/shop"))
        done = publish_tiles(log, tmp_path / "tiles")
    assert files(tmp_path / "tiles") == of_the_spec(size)
    assert done.files == len(of_the_spec(size))
    assert (tmp_path / "tiles" / "checkpoint").read_bytes() == signed.note
    assert read_back(tmp_path / "tiles", size)[0] == signed.root


@pytest.mark.long
def test_the_example_of_the_spec_with_70_000_entries(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        fill(log, 70_000)
        signed = checkpoint(log, generate_key("example.com/shop"))
        publish_tiles(log, tmp_path / "tiles")
    there = files(tmp_path / "tiles")
    assert there == of_the_spec(70_000)
    assert sum(name.startswith("tile/0/") for name in there) == 274
    assert {"tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"} <= there
    root, hashes = read_back(tmp_path / "tiles", 70_000)
    assert root == signed.root
    assert (tmp_path / "tiles" / "tile" / "1" / "000").read_bytes()[:32] == mth(hashes[:256])
    assert (tmp_path / "tiles" / "tile" / "2" / "000.p" / "1").read_bytes() == mth(hashes[:65_536])


@pytest.mark.parametrize("where", ["log", "log.duckdb"])
def test_tiles_grow_with_the_log(tmp_path, where):
    key = generate_key("example.com/shop")
    with open_log(tmp_path / where, create=True) as log:
        published = 0
        for size in (100, 256, 300, 300, 900):
            if size > published:
                fill(log, size - published, at=published)
            signed = checkpoint(log, key)
            assert publish_tiles(log, tmp_path / "tiles").before == published
            assert read_back(tmp_path / "tiles", size)[0] == signed.root
            published = size
        leaves = [leaf for batch in log.read() for leaf in leaves_of(batch)]
    bundle = (tmp_path / "tiles" / "tile" / "entries" / "000").read_bytes()
    assert bundle[: 2 + len(leaves[0])] == len(leaves[0]).to_bytes(2, "big") + leaves[0]
    assert of_the_spec(900) <= files(tmp_path / "tiles")


def test_another_past_is_not_published_over_it(tmp_path):
    key = generate_key("example.com/shop")
    for name in ("one", "two"):
        with open_log(tmp_path / name, create=True) as log:
            fill(log, 300)
            log.append("last", [RawEvent("Counted", "{}")], expected=ANY)
            checkpoint(log, key)
            if name == "one":
                publish_tiles(log, tmp_path / "tiles")
                before = (tmp_path / "tiles" / "checkpoint").read_bytes()
                continue
            with pytest.raises(NotAnExtension):
                publish_tiles(log, tmp_path / "tiles")
    assert (tmp_path / "tiles" / "checkpoint").read_bytes() == before


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with open_log(tmp_path / "log", create=True) as log:
        fill(log, 3)
        with pytest.raises(NoCheckpoint):
            publish_tiles(log, tmp_path / "full")
        checkpoint(log, generate_key("example.com/shop"))
        with pytest.raises(CannotPublish, match="other things"):
            publish_tiles(log, tmp_path / "full")
    assert files(tmp_path / "full") == {"letter.txt"}


def test_tiles_of_another_name_are_left_alone(tmp_path):
    with open_log(tmp_path / "log", create=True) as log:
        fill(log, 3)
        checkpoint(log, generate_key("example.com/shop"))
        publish_tiles(log, tmp_path / "tiles")
        fill(log, 1, at=3)
        checkpoint(log, generate_key("example.com/other"))
        with pytest.raises(BadCheckpoint, match=r"example\.com/shop"):
            publish_tiles(log, tmp_path / "tiles")


def test_an_event_too_large_for_an_entry_is_said():
    # Only logs from before names had a limit can hold one.
    leaf = b"\x01" + (7).to_bytes(8, "big") + bytes(70_000)
    with pytest.raises(CannotPublish, match="position 7 has 70,009 bytes"):
        tiles._entry(Path("tiles"), leaf)
