"""The SDK's own client, over standard input and output, with a server in a process of its own."""

import sys

import pytest

from orders_es.audit import close
from orders_es.errors import QueryError
from orders_es.log import open_log
from orders_es.mcp import Questions
from orders_es.orders import AddItem, CreateOrder, PlaceOrder
from orders_es.service import handle

EVIL = [
    "CREATE TABLE orders AS SELECT 1",
    "COPY (FROM orders) TO 'stolen.csv'",
    "FROM read_csv('/etc/passwd')",
    "ATTACH 'stolen.duckdb'",
    "INSTALL httpfs",
    "SET memory_limit = '9GB'",
    "FROM orders; DROP VIEW orders",
    "SELEC",
]


@pytest.fixture
def log(tmp_path):
    with open_log(tmp_path / "log", create=True, origin="shop") as log:
        for order in ("A-1", "A-2", "A-3"):
            handle(log, order, CreateOrder(currency="GBP"))
            handle(log, order, AddItem(item_id="mug", quantity=2, price=5), actor="ann")
        handle(log, "A-1", PlaceOrder())
        close(log, "2020", at="2020-12-31", closed_by="bob")
        yield log


def asked_over_stdio(log, calls, *options):
    """What each call is answered, and the tools that there are."""
    mcp, anyio = pytest.importorskip("mcp"), pytest.importorskip("anyio")
    server = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "orders_es", "mcp", "--log", log.url, *options]
    )

    async def work():
        async with mcp.Client(mcp.stdio_client(server)) as client:
            tools = (await client.list_tools()).tools
            return tools, [await client.call_tool(name, given) for name, given in calls]

    return anyio.run(work)


@pytest.mark.long
def test_a_conversation(log):
    head = log.head()
    tools, answers = asked_over_stdio(
        log,
        [
            ("info", {}),
            ("read_models", {}),
            ("sql", {"query": "SELECT order_id, total FROM orders ORDER BY ALL"}),
            ("sql", {"query": "FROM orders", "at": "2020-01-01"}),
            ("show", {"order_id": "A-1"}),
            ("history", {"order_id": "A-1"}),
            ("explain", {"order_id": "A-1"}),
            ("diff", {"from_at": "2020-01-01"}),
            ("restatements", {}),
            ("closes", {}),
            ("check_close", {"name": "2020"}),
            ("verify", {}),
            *(("sql", {"query": query}) for query in EVIL),
            ("show", {"order_id": "A-9"}),
            ("sql", {"query": "FROM orders", "at": "yesterday"}),
        ],
        "--most-rows",
        "2",
    )
    assert {tool.name for tool in tools} == {ask.__name__ for ask in Questions(log).tools()}
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    good, refused = answers[:12], answers[12:]
    assert not [answer.content for answer in good if answer.is_error]
    assert [answer.content[0].text for answer in refused if not answer.is_error] == []
    told = [answer.structured_content for answer in good]
    for answer in told:
        assert (answer["log"], answer["position"], answer["root"]) == ("shop", head.position, head.root.hex())
        assert answer["as_of"]
    info, models, rows, none, order, events, steps, changed, moved, closes, checked, verified = told
    assert "ItemAdded" in info["event_types"]
    assert "orders" in {model["name"] for model in models["read_models"]}
    assert (rows["rows"], rows["more"]) == (
        [{"order_id": "A-1", "total": "10.0000"}, {"order_id": "A-2", "total": "10.0000"}],
        True,
    )
    assert (none["rows"], none["as_of"]) == ([], {"at": "2020-01-01T23:59:59.999999Z"})
    assert order["order"]["status"] == "placed"
    assert ([event["type"] for event in events["events"]], events["more"]) == (["OrderCreated", "ItemAdded"], True)
    assert [step["change"] for step in steps["steps"]] == ["10.0000"]
    assert (changed["rows"][0]["change"], changed["more"]) == ("created", True)
    assert [(row["currency"], row["net_change"]) for row in moved["rows"]] == [("GBP", "0.0000")]
    assert (closes["closes"][0]["name"], closes["closes"][0]["closed_by"]) == ("2020", "bob")
    assert (checked["ok"], verified["ok"], verified["events"]) == (True, True, head.position)
    assert "did you mean" in refused[-2].content[0].text
    assert log.head() == head


@pytest.mark.long
def test_what_takes_too_long_is_ended_and_the_next_question_is_answered(log):
    with Questions(log, seconds=0.2) as questions:
        with pytest.raises(ValueError, match=r"longer than 0\.2 s"):
            questions.sql("SELECT count(*) FROM range(10_000_000_000) a, range(1_000) b WHERE a.range * b.range = 7")
        assert questions.sql("SELECT 1 AS one")["rows"] == [{"one": 1}]


def test_an_answer_is_cut_after_a_whole_row_and_says_so(log):
    with Questions(log, most_bytes=100) as questions:
        answer = questions.sql("SELECT repeat('x', 40) AS x FROM range(9)")
        assert (len(answer["rows"]), answer["more"]) == (2, True)


@pytest.mark.long
def test_sql_is_one_select_that_reads_its_log(log):
    with Questions(log, most_rows=2) as questions:
        for query in EVIL:
            with pytest.raises(QueryError):
                questions.sql(query)
        answer = questions.sql("SELECT order_id, total FROM orders ORDER BY ALL", known_at="2999-12-31")
    assert ([row["order_id"] for row in answer["rows"]], answer["more"]) == (["A-1", "A-2"], True)
    assert (answer["position"], answer["root"]) == (log.head().position, log.head().root.hex())
    assert answer["as_of"] == {"known_at": "2999-12-31T23:59:59.999999Z"}
