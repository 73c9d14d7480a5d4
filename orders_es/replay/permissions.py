"""What a session's queries may do: read their log, and nothing else of this machine unless somebody permitted it.

DuckDB's SQL can read any file, write any, list folders, open databases and load programs. A query comes from wherever people
get their queries from, so a session is shut by DuckDB's own means: no files outside the log's folder, settings locked. What
these means leave open, writing into the folder that may be read, is refused by looking at the statement.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orders_es.errors import BadReadModel, FilesNotAllowed, QueryError, WrongType
from orders_es.log.protocol import HasUpcastCopies
from orders_es.log.relation import text
from orders_es.log.scan import literal
from orders_es.log.target import check_target, places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orders_es.log import EventLog
    from orders_es.read_models import ReadModel

__all__ = ["check_models", "check_statements", "check_text", "not_allowed", "restrict", "with_companions"]

_CHANGEABLE = (
    "default_null_order",
    "default_order",
    "enable_progress_bar",
    "enable_progress_bar_print",
    "explain_output",
    "integer_division",
    "max_expression_depth",
    "memory_limit",
    "preserve_insertion_order",
    "schema",
    "search_path",
    "threads",
    "TimeZone",
)
"""Settings of DuckDB that touch no files."""
_HARMLESS = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "CALL",
        "CREATE",
        "DELETE",
        "DROP",
        "EXPLAIN",
        "INSERT",
        "MERGE_INTO",
        "MULTI",
        "PRAGMA",
        "SELECT",
        "SET",
        "TRANSACTION",
        "UPDATE",
        "VACUUM",
    ]
)
"""Kinds of statements that touch no files but by what `restrict` shuts."""
_EXPLAIN_OPTIONS = frozenset({"analyze", "analyse", "format"})
_TOKEN = re.compile(
    rb"[eExX]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$|\$?[\w\x80-\xff]+|[^\s]", re.DOTALL
)
_found_harmless: set[str] = set()
"""Texts of read models that were looked at and use no files: whether they do depends on nothing else, and each session asks again."""
_REMEMBERED = 1_000
_BEFORE_A_PATH = frozenset({"database", "if", "not", "exists", "or", "replace"})


def restrict(
    connection: Any, log: EventLog, also: Iterable[str] = (), *, files: Iterable[str] = (), allow: bool
) -> None:
    """Shut a connection, for good: it reads the log's folder, and settings that matter stay as they are.

    Args:
        connection: A DuckDB connection, all its settings made.
        also: Further folders that it may use.
        files: Further files.
        allow: Leave all files open; settings are locked all the same.
    """
    connection.execute(f"SET allowed_configs = [{', '.join(map(text, _CHANGEABLE))}]")
    if not allow:
        folders = [str(place) for place in places_of(log) if place.is_dir()] + list(also)
        if isinstance(log, HasUpcastCopies) and log.passing_copies is not None:
            folders.append(str(log.passing_copies))
        paths = [*(str(place) for place in places_of(log) if place.is_file()), *files]
        connection.execute(f"SET allowed_directories = [{', '.join(map(text, _spellings(folders)))}]")
        connection.execute(f"SET allowed_paths = [{', '.join(map(text, _spellings(paths)))}]")
        connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def not_allowed(error: Exception, query: str) -> FilesNotAllowed | None:
    """What DuckDB's refusal to touch a file means to whoever asked; None for another refusal.

    Args:
        error: What DuckDB raised.
    """
    import duckdb

    if not isinstance(error, duckdb.PermissionException):
        return None
    named = re.search(r'(?:file|directory) "(.*?)"', str(error))
    what = (
        f"it would use the file {named[1]}"
        if named
        else str(error).partition("\n")[0].removeprefix("Permission Error: ")
    )
    return FilesNotAllowed(what, query)


def with_companions(path: str | os.PathLike[str]) -> list[str]:
    """A DuckDB file, and the files that DuckDB keeps beside it."""
    file = str(Path(path).absolute())
    return [file + ending for ending in ("", ".wal", ".tmp", ".wal.checkpoint", ".wal.recovery")]


def _spellings(paths: Iterable[str]) -> list[str]:
    """Each path as it is, as its links lead, and as a scan spells it: DuckDB compares what it is given, and then the file."""
    found = {way for path in paths for way in (path, os.path.abspath(path), os.path.realpath(path))}  # noqa: PTH100 - as text
    return sorted({*found, *(literal(path) for path in found if "\\" not in path)})


def check_text(query: object) -> None:
    """Refuse what DuckDB would not see whole: it takes UTF-8, and ends a query at its first NUL.

    Raises:
        WrongType: It is no text.
        QueryError: It has a NUL, or half of a surrogate pair.

    Example:
        >>> check_text("SELECT 1" + chr(0))
        Traceback (most recent call last):
        orders_es.errors.calls.QueryError: the query has a NUL at character 9, and DuckDB would not read on; take it out
    """
    if not isinstance(query, str):
        raise WrongType(f"query={query!r} is {type(query).__name__}; give SQL as text")
    if "\0" in query:
        raise QueryError(
            f"the query has a NUL at character {query.index(chr(0)) + 1}, and DuckDB would not read on; take it out",
            query,
        )
    try:
        query.encode()
    except UnicodeEncodeError as error:
        raise QueryError(
            f"the query has half of a character at {error.start + 1} ({query[error.start]!a}), which is not UTF-8; write it anew",
            query,
        ) from None


def check_statements(cursor: Any, query: str, log: EventLog, *, allow: bool, one: bool = False) -> bool:
    """Refuse a query that writes where it may not. What DuckDB cannot parse passes, for DuckDB to refuse.

    Returns whether the query was looked at: False if it could not be parsed.

    Args:
        cursor: A cursor of the session, whose parser is asked.
        log: The log, into which nothing writes in any case.
        allow: Whether other files may be written.
        one: Whether it has to be one SELECT.

    Raises:
        FilesNotAllowed: It would write, or use another file.
        TargetInLog: It would write into the log.
        WrongType, QueryError: As `check_text` does.
    """
    import duckdb

    check_text(query)
    try:
        statements = cursor.extract_statements(query)
    except duckdb.Error:
        return False
    kinds = [_kind(statement) for statement in statements]
    if one and kinds not in (["SELECT"], ["MULTI"]):
        what = " and ".join(kinds) or "nothing"
        raise FilesNotAllowed(f"to write a file takes one SELECT, and this is {what}", query)
    for statement, kind in zip(statements, kinds, strict=True):
        _check(cursor, statement.query, kind, log, allow=allow)
    return True


def check_models(cursor: Any, models: Iterable[ReadModel], log: EventLog, *, allow: bool) -> None:
    """Refuse read models out of files that write, as `check_statements` does.

    Args:
        cursor: A cursor of the session.
        allow: Whether other files may be written.

    Raises:
        BadReadModel: One would write, or use another file.
    """
    for model in models:
        if model.path and (allow or model.sql not in _found_harmless):
            try:
                seen = check_statements(cursor, model.sql, log, allow=allow, one=True)
            except FilesNotAllowed as error:
                raise BadReadModel(model.path, str(error)) from error
            if seen and not allow:  # a text that could not be parsed, or whose parsing was interrupted, is asked again
                if len(_found_harmless) >= _REMEMBERED:
                    _found_harmless.clear()
                _found_harmless.add(model.sql)


def _kind(statement: Any) -> str:
    try:
        name: str = statement.type.name
    except ValueError:  # a kind that DuckDB's own module has no name for, such as UPDATE EXTENSIONS
        return "a statement of this kind"
    return name


def _check(cursor: Any, query: str, kind: str, log: EventLog, *, allow: bool) -> None:
    words = list(_words(query))
    for place, (_, word) in enumerate(words):
        _check_sql_in_a_text(cursor, query, words, place, word.strip('"'), log, allow=allow)
    if not allow:
        if kind not in _HARMLESS:
            raise FilesNotAllowed(f"{kind} reads or writes files", query)
        if kind == "EXPLAIN":
            check_statements(cursor, _explained(query, words), log, allow=False)
        # DuckDB 2 takes `WITH a AS (COPY … TO …)` for a SELECT.
        if any(_begins_copy(words, place) for place in range(len(words))):
            raise FilesNotAllowed("COPY reads or writes files", query)
        return
    for target in _targets(words, query):
        check_target(log, target, around=True)


def _check_sql_in_a_text(
    cursor: Any, query: str, words: list[tuple[int, str]], place: int, word: str, log: EventLog, *, allow: bool
) -> None:
    """Two functions run SQL that comes as a text: one can be looked into, if the text is there, and the other cannot."""
    if word.casefold() == "json_execute_serialized_sql":
        raise FilesNotAllowed("json_execute_serialized_sql runs what cannot be looked at", query)
    following = [said for _, said in words[place + 1 : place + 4]]
    if word.casefold() == "query" and following[:1] == ["("]:
        if len(following) < 3 or following[1][:1] != "'" or following[2] != ")":  # noqa: PLR2004 - ( 'text' )
            raise FilesNotAllowed("what query() runs has to be written out as one text", query)
        check_statements(cursor, following[1][1:-1].replace("''", "'"), log, allow=allow)


def _words(query: str) -> Iterator[tuple[int, str]]:
    """The tokens of a query, each with its place, comments left out: names in small letters, quotes kept."""
    import duckdb

    data = query.encode()
    for place, kind in duckdb.tokenize(query):
        found = None if kind.name == "comment" else _TOKEN.match(data, place)
        if found:
            said = found[0].decode(errors="replace")
            yield place, said if said[0] in "'\"$" else said.casefold()


def _explained(query: str, words: list[tuple[int, str]]) -> str:
    """What stands after EXPLAIN and its options."""
    rest = words[1:]
    while rest and rest[0][1] in _EXPLAIN_OPTIONS:
        rest = rest[1:]
    if len(rest) > 1 and rest[0][1] == "(" and rest[1][1] in _EXPLAIN_OPTIONS:
        ends = next((i for i, (_, word) in enumerate(rest) if word == ")"), len(rest) - 1)
        rest = rest[ends + 1 :]
    return query.encode()[rest[0][0] :].decode(errors="replace") if rest else ""


def _begins_copy(words: list[tuple[int, str]], place: int) -> bool:
    if words[place][1] != "copy" or place == 0 or place + 1 == len(words):
        return False
    if _at_same_depth([word for _, word in words], place + 1, "to") is not None:
        return True
    if words[place - 1][1] != "(":
        return False
    follows = words[place + 1][1][0]
    return follows in "('\"" or follows.isalnum() or follows == "_"


def _targets(words: list[tuple[int, str]], query: str) -> Iterator[str]:
    """Every place that a statement writes to or opens, which has to be written out."""
    said = [word for _, word in words]
    for place, word in enumerate(said):
        if word == "copy":
            to = _at_same_depth(said, place + 1, "to")
            if to is not None:
                yield _written_out(said, to + 1, query)
        elif word in ("attach", "export") and (place == 0 or said[place - 1] in (";", "as")):
            after = place + 1
            while after < len(said) and said[after] in _BEFORE_A_PATH:
                after += 1
            to = _at_same_depth(said, after, "to") if word == "export" else None
            yield _written_out(said, after if to is None else to + 1, query)


def _at_same_depth(said: list[str], start: int, word: str) -> int | None:
    depth = 0
    for place in range(start, len(said)):
        depth += {"(": 1, ")": -1}.get(said[place], 0)
        if depth < 0:
            return None
        if depth == 0 and said[place] == word:
            return place
    return None


def _written_out(said: list[str], place: int, query: str) -> str:
    word = said[place] if place < len(said) else ""
    if word[:1] == "'":
        return word[1:-1].replace("''", "'")
    if word[:1] == '"':
        return word[1:-1].replace('""', '"')
    follows = said[place + 1][:1] if place + 1 < len(said) else ""
    if word[:1].isalpha() and "'" not in word and follows not in ("'", "&"):
        return word
    raise FilesNotAllowed("the file that a statement writes has to be written out as a text", query)
