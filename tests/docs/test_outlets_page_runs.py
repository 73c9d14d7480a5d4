"""Every Python block of docs/outlets.md, one after the other, on a small shop."""

from orders_es.log import open_log
from orders_es.orders import CreateOrder
from orders_es.service import handle


def test_the_page_runs(run_page, capsys):
    with open_log("my-log", create=True) as log:
        handle(log, "A-1", CreateOrder(currency="GBP"))
    names = run_page("docs/outlets.md")
    assert capsys.readouterr().out == "1\n"
    assert "TestMyOutlet" in names
