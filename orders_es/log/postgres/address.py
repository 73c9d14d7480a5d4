"""Where a log is in PostgreSQL: a URL as libpq takes it, and the schema that the log's tables are in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from orders_es.errors import InvalidSetting
from orders_es.log.redacting import SECRET, without_password
from orders_es.log.relation import quoted

__all__ = ["Address", "address_of"]

OURS = ("schema", "table")
"""The parameters that are not libpq's; the second names the table of an outlet."""
_LONGEST_NAME = 63
"""Bytes; PostgreSQL cuts longer names off without a word."""


@dataclass(frozen=True, slots=True)
class Address:
    """A database and a schema in it.

    Args:
        conninfo: What libpq is given, with the password if there is one in the URL.
        schema: Its name.
        shown: The URL without passwords, for people and for errors.
    """

    conninfo: str = field(repr=False)
    schema: str
    shown: str

    def name(self, table: str) -> str:
        """A table of the schema, as SQL writes it, whatever the search path.

        Example:
            >>> Address("postgresql://db.example/shop", "orders", "postgresql://db.example/shop").name("events")
            '"orders"."events"'
        """
        return f"{quoted(self.schema)}.{quoted(table)}"


def address_of(url: str) -> Address:
    """The database and schema that a URL names.

    Args:
        url: `postgresql://user@host:port/database?schema=NAME`, with any of libpq's parameters; `public` if no schema is named.

    Raises:
        InvalidSetting: libpq does not take it, or the schema's name is none.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    shown = without_password(url)
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    schemas = [value for name, value in pairs if name == "schema"]
    if len(schemas) > 1:
        raise InvalidSetting("url", shown, "it names more than one schema; name one")
    schema = schemas[0] if schemas else "public"
    if not 0 < len(schema.encode()) <= _LONGEST_NAME or "\0" in schema:
        raise InvalidSetting("url", shown, f"schema={schema!r}: a schema's name has 1 to {_LONGEST_NAME} bytes")
    if schema.startswith("pg_") or schema == "information_schema":
        raise InvalidSetting("url", shown, f"schema={schema!r} is PostgreSQL's own; name another one")
    kept = urlencode([(name, value) for name, value in pairs if name not in OURS], quote_via=quote)
    conninfo = urlunsplit(parts._replace(query=kept))
    if not parts.netloc:  # `urlunsplit` leaves the slashes out where no host stands between them
        conninfo = f"{parts.scheme}://{conninfo.partition(':')[2].removeprefix('//')}"
    try:
        conninfo_to_dict(conninfo)
    except ProgrammingError as error:
        why = " ".join(str(error).split())
        for secret in _secrets(url):
            why = why.replace(secret, "…")
        raise InvalidSetting("url", shown, f"PostgreSQL's library does not take it ({why})") from error
    return Address(conninfo, schema, shown)


def _secrets(url: str) -> list[str]:
    rest = url.partition("://")[2]
    user = rest.partition("/")[0].rpartition("@")[0]
    said = [user.partition(":")[2]]
    said += [pair.partition("=")[2] for pair in rest.partition("?")[2].split("&") if pair.partition("=")[0] in SECRET]
    return [secret for secret in said if secret]
