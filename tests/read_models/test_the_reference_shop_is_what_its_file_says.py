"""Revenue by month, products, customers and cohorts: computed from the source file alone, beside what the read models give."""

import pandas as pd
import pytest

from orders_es.replay import connect

MILLS = 1_000
"""Prices in the file have three decimals: as whole numbers their sums are exact."""


@pytest.fixture(scope="module")
def file(reference):
    lines = pd.read_parquet(reference[0])
    lines["invoice"] = lines["InvoiceNo"].str.strip()
    lines["item"] = lines["StockCode"].str.strip()
    lines["mills"] = lines["Quantity"].astype("int64") * (lines["UnitPrice"] * MILLS).astype("int64")
    lines["adjusts"] = lines["invoice"].str.startswith("A")
    return lines


@pytest.fixture(scope="module")
def invoices(file):
    """One row per invoice: it is placed with its last line, and its customer is the first one named."""
    sold = file["mills"].where(~file["adjusts"] & (file["Quantity"] > 0), 0)
    grouped = file.assign(sold=sold).groupby("invoice")
    found = grouped.agg(placed=("InvoiceDate", "max"), mills=("mills", "sum"), sold=("sold", "sum"))
    found["customer"] = grouped["CustomerID"].first()
    found["month"] = found["placed"].dt.to_period("M")
    return found


@pytest.fixture(scope="module")
def session(reference):
    with connect(reference[1]) as session:
        yield session


def mills(money):
    return int(money * MILLS)


def test_revenue_by_month(session, invoices):
    rows = session.sql("SELECT strftime(day, '%Y-%m'), sum(revenue) FROM daily_sales GROUP BY 1 ORDER BY 1").rows()
    expected = invoices.groupby("month")["mills"].sum()
    assert [(month, mills(revenue)) for month, revenue in rows] == [(str(m), n) for m, n in expected.items()]
    assert len(rows) == 13
    assert sum(mills(revenue) for _, revenue in rows) == 9_747_747_934


def test_revenue_to_a_moment(session):
    end = pd.Timestamp("2011-06-30 23:59:59", tz="UTC").to_pydatetime()
    assert mills(session.sql("SELECT sum(net) FROM daily_sales", at=end).rows()[0][0]) == 4_397_950_761


def test_products_and_their_ranks(session, file):
    lines = file[~file["adjusts"]]
    units = lines["Quantity"].clip(lower=0)
    expected = (
        lines.assign(units=units, back=units - lines["Quantity"]).groupby("item")[["mills", "units", "back"]].sum()
    )
    rows = session.sql("SELECT item_id, revenue, units, returned_units FROM product_sales ORDER BY rank").rows()
    ranked = expected.reset_index().sort_values(["mills", "item"], ascending=[False, True])
    assert [(item, mills(revenue), sold, back) for item, revenue, sold, back in rows] == [
        tuple(row) for row in ranked[["item", "mills", "units", "back"]].itertuples(index=False)
    ]
    assert rows[0][0] == "DOT"


def test_customers(session, invoices):
    known = invoices.dropna(subset="customer")
    expected = pd.DataFrame(
        {
            "money": known.groupby("customer")["mills"].sum(),
            "orders": known[known["sold"] > 0].groupby("customer").size(),
            "last": known[known["sold"] > 0].groupby("customer")["placed"].max().dt.date,
        }
    )
    end = invoices["placed"].max().date()
    rows = session.sql("SELECT customer_id, monetary, orders, recency FROM customer_value").rows()
    assert len(rows) == len(expected) == 4_372
    for customer, monetary, orders, recency in rows:
        row = expected.loc[int(customer)]
        assert mills(monetary) == row["money"]
        assert orders == (0 if pd.isna(row["orders"]) else row["orders"])
        assert recency == (None if pd.isna(row["orders"]) else (end - row["last"]).days)
    top = session.sql("SELECT customer_id FROM customer_value ORDER BY monetary DESC LIMIT 10").rows()
    assert [int(customer) for (customer,) in top] == expected["money"].nlargest(10).index.tolist()


def test_cohorts(session, invoices):
    known = invoices.dropna(subset="customer")
    bought = known[known["sold"] > 0]
    first = bought.groupby("customer")["month"].min().rename("cohort")
    sizes = first.value_counts()
    since = bought.join(first, on="customer")
    since["n"] = [(month - cohort).n for month, cohort in zip(since["month"], since["cohort"], strict=True)]
    active = since.groupby(["cohort", "n"])["customer"].agg(["nunique", "size"])
    rows = session.sql(
        "SELECT strftime(cohort, '%Y-%m'), months_since, cohort_size, customers, orders FROM cohorts"
    ).rows()
    assert {(cohort, n, size) for cohort, n, size, _, _ in rows} == {
        (str(cohort), n, int(size))
        for cohort, size in sizes.items()
        for n in range((pd.Period("2011-12", "M") - cohort).n + 1)
    }
    assert {(cohort, n): (people, orders) for cohort, n, _, people, orders in rows if orders} == {
        (str(cohort), n): (int(row["nunique"]), int(row["size"])) for (cohort, n), row in active.iterrows()
    }


def test_items_add_up_to_orders_and_to_the_file(session, file):
    """Adjustments and credit notes included, to the last piece and mill; whatever was sold or came back has a price."""
    items = "SELECT sum(quantity)::BIGINT, sum(amount) FROM order_items"
    orders = "SELECT sum(item_count)::BIGINT, sum(total) FROM orders"
    for query in (items, orders):
        [(pieces, amount)] = session.sql(query).rows()
        assert (pieces, mills(amount)) == (5_176_450, 9_747_747_934)
    assert int(file["Quantity"].sum()) == 5_176_450
    assert session.sql("SELECT count(*) FROM order_items WHERE price IS NULL AND adjustments = 0").rows() == [(0,)]
