"""Every answer in it is of one head of the log, complete and without gaps, while two processes append and a third compacts."""

import subprocess
import sys
import time

import pytest

from orders_es.log import open_log
from orders_es.log.parquet import ParquetLog
from tests.late import late

nbformat = late("nbformat")
late("papermill")

CELLS = [
    "url = ''",
    (
        "%load_ext orders_es.ipython\n"
        "from orders_es import connect, load_orders, open_log\n"
        "log = open_log(url)\nsession = connect(log)"
    ),
    (
        "heads = []\n"
        "for _ in range(10):\n"
        "    answer = session.sql('''\n"
        '        SELECT count(*) AS n, count(DISTINCT "position") AS places, max("position") AS last,\n'
        "               (SELECT sum(event_count) FROM orders) AS in_orders,\n"
        "               (SELECT count(*) FROM orders WHERE version <> event_count) AS with_gaps\n"
        "        FROM events''')\n"
        "    [(n, places, last, in_orders, with_gaps)] = answer.rows()\n"
        "    assert n == places == last == in_orders == answer.log_head.position, (n, places, last, in_orders, answer.log_head)\n"
        "    assert with_gaps == 0\n"
        "    heads.append(n)\n"
        "assert heads == sorted(heads)\n"
        "grown = heads[-1] - heads[0]"
    ),
    "%%events_sql told <<\nSELECT order_id, total FROM orders",
    (
        "as_folded = load_orders(log)\n"
        "told = told.set_index('order_id')['total']\n"
        "ended = [order_id for order_id in told.index if as_folded[order_id].total != told[order_id]]\n"
        "assert len(ended) < len(told), 'only what changed meanwhile may differ'\n"
        "print('grown by', grown)"
    ),
]


@pytest.mark.long
def test_it_is_correct_throughout(tmp_path):
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    cells[0].metadata["tags"] = ["parameters"]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "book.ipynb")
    url = str(tmp_path / "shop")
    with open_log(url, create=True) as log:
        assert isinstance(log, ParquetLog)
        writing = [sys.executable, "-m", "orders_es", "simulate", "--rate", "150", "--writers", "2", "--log", url]
        writer = subprocess.Popen(writing, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while log.head().position < 200:
                assert writer.poll() is None, "the writer ended"
                time.sleep(0.05)
            running = [
                sys.executable,
                "-m",
                "papermill",
                "--no-progress-bar",
                tmp_path / "book.ipynb",
                tmp_path / "out.ipynb",
            ]
            notebook = subprocess.Popen([*running, "-p", "url", url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            while notebook.poll() is None:
                log.compact()
                time.sleep(0.3)
            said = notebook.communicate()[0].decode()
            assert notebook.returncode == 0, said[-3000:]
        finally:
            writer.terminate()
            writer.wait(600)
    out = nbformat.read(tmp_path / "out.ipynb", 4)
    [told] = [o.text for cell in out.cells for o in cell.outputs if o.get("name") == "stdout"]
    assert int(told.removeprefix("grown by ")) > 0, "it was written to meanwhile"
