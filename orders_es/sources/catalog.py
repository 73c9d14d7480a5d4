"""Which importers there are, and how to tell which one is needed; for `orders-es import --list`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IMPORTERS", "Importer"]


@dataclass(frozen=True, slots=True)
class Importer:
    """One way in, as the lists of importers show it.

    Args:
        command: What stands after `orders-es import`.
        reads: What it reads.
        when: How to tell that it is the one.
        page: The page of the documentation that describes it.
    """

    command: str
    reads: str
    when: str
    page: str


IMPORTERS: tuple[Importer, ...] = (
    Importer(
        "table",
        "a table of orders: CSV, Excel, Parquet, JSON lines",
        "each row is an order, a line of one, or something that happened to one; a mapping says which column is what",
        "docs/import-table.md",
    ),
    Importer(
        "dumps",
        "full copies of a table, taken one after another",
        "there are many files of the same table, each with all of its rows, and the name says when it was taken",
        "docs/import-dumps.md",
    ),
    Importer(
        "history",
        "an audit table, a history table or a change feed",
        "each row or line is a change of a row, with who, when and what it was before or after: Debezium, "
        "django-simple-history, django-auditlog, SQLAlchemy-Continuum, triggers of PostgreSQL, dbt snapshots, Fivetran, PaperTrail, "
        "Envers, Stripe's events, orders of Shopify's Admin API, change documents of SAP",
        "docs/import-history.md",
    ),
    Importer(
        "jsonl",
        "JSON lines of events",
        "each line is an event, from this program or another, and not a row that changed",
        "docs/jsonl.md",
    ),
    Importer(
        "ocel",
        "object-centric event logs of process mining: OCEL 2.0, JSON or SQLite",
        "another tool exported events that touch orders, items and other objects, or `export ocel` did",
        "docs/process-mining.md",
    ),
    Importer(
        "xes",
        "event logs of process mining by case: XES",
        "another tool exported traces of events, or `export xes` did",
        "docs/process-mining.md",
    ),
    Importer(
        "online-retail",
        "UCI's Online Retail, and Online Retail II",
        "it is that public data set, as published",
        "docs/imports.md",
    ),
    Importer(
        "olist",
        "the Brazilian E-Commerce Public Dataset by Olist",
        "it is that public data set, as published",
        "docs/imports.md",
    ),
)
"""Every importer, the most general ones first."""
