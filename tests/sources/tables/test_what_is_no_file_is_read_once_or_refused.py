"""A pipe is read once, from its beginning to its end, where a format allows it; a device, which may never end, is not read at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from orders_es import import_table
from orders_es.errors import BadSource
from orders_es.sources.dumps.files import digest_of
from orders_es.sources.history.documents import documents
from orders_es.sources.jsonl.text import TextLines
from orders_es.sources.process.ocel import OcelFile
from orders_es.sources.tables.files import read_source

ORDERS = "order_id,date,item,qty,price\nA-1,2025-06-01,mug,2,3.50\n"
MAPPING = {
    "rows": "line",
    "order": {"id": "order_id", "currency": {"value": "EUR"}, "occurred": "date", "placed": False},
    "line": {"item_id": "item", "quantity": "qty", "price": "price"},
}


def test_a_pipe_without_an_extension_is_read_whole_as_bash_hands_it_over(tmp_path):
    pipe = tmp_path / "63"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(ORDERS,), daemon=True)
    writer.start()
    done = import_table(":memory:", pipe, MAPPING)
    writer.join()
    assert done.events == 2


@pytest.mark.parametrize(
    "read",
    [
        lambda path: read_source(path, {"id": ("id",)}),
        lambda path: import_table(":memory:", path, MAPPING),
        lambda path: list(documents(path, None, ())),
        TextLines,
        OcelFile,
        digest_of,
    ],
    ids=["tables", "import table", "documents", "JSON lines", "OCEL", "dumps"],
)
def test_a_device_is_refused_before_it_is_read(read):
    with pytest.raises(BadSource, match="it is a device, and nobody knows where it ends; name a file"):
        read(Path("/dev/zero"))


@pytest.mark.parametrize("read", [TextLines, OcelFile, digest_of], ids=["JSON lines", "OCEL", "dumps"])
def test_what_is_read_twice_is_no_pipe(read, tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(BadSource, match="it is a pipe, and this is read twice; save it to a file first"):
        read(tmp_path / "pipe.jsonl")
