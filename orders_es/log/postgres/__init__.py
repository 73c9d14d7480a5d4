"""Logs in a PostgreSQL database, shared by any number of programs and machines. `open_log("postgresql://…")` opens one.

Needs psycopg 3: pip install 'orders_es[postgres]'.
"""

from orders_es.log.postgres.log import PostgresLog

__all__ = ["PostgresLog"]
