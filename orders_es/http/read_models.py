"""Read models by their names, at any moment, as JSON, CSV, Arrow or Parquet. The names are the house's and the operator's; no SQL comes from a caller."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, BinaryIO

import anyio
from starlette.responses import Response, StreamingResponse

from orders_es.http.orders import pinned
from orders_es.http.problems import Problem
from orders_es.http.request_parameters import MOMENTS, form_of, moments_of, number_of, parameters
from orders_es.json_text import json_bytes
from orders_es.log.relation import quoted
from orders_es.replay.lossless_types import lossless_relation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

    from orders_es.http.app_state import Door
    from orders_es.http.settings import Token
    from orders_es.replay import Session

__all__ = ["FORMS", "read_model", "read_models"]

FORMS = {
    "json": "application/json",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
"""The forms of a read model, and their media types."""
PAGE = 1_000
MOST = 10_000
_COPIES = {"csv": "FORMAT csv, HEADER", "parquet": "FORMAT parquet, COMPRESSION zstd"}
_PIECE = 1 << 16
_BATCH = 65_536


async def read_models(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /read-models`: the read models that there are."""
    parameters(request, ())
    found = [
        {
            "name": model.name,
            "title": model.title,
            "key": list(model.key),
            "columns": [{"name": name, "meaning": meaning} for name, meaning in model.columns],
        }
        for model in door.models.values()
    ]
    return Response(json_bytes({"read_models": found}), media_type="application/json")


async def read_model(door: Door, request: Request, _: Token | None) -> Response:
    """`GET /read-models/{name}`: its rows at a moment: as JSON page by page, in the other forms all of them."""
    name = request.path_params["name"]
    if name not in door.models:
        raise Problem("not-found", f"there is no read model {name!r}; see /read-models")
    given = parameters(request, (*MOMENTS, "format", "limit", "offset", "position"))
    form = form_of(request, FORMS, given.get("format"))
    moments = moments_of(given)
    wanted = number_of(given, "position", -1)
    if form == "json":
        return await _rows(door, name, moments, given, wanted)
    if "limit" in given or "offset" in given:
        raise Problem("bad-request", f"format={form} gives all rows; limit and offset are for JSON")
    target = door.folder / uuid.uuid4().hex

    def write(session: Session) -> tuple[int, BinaryIO, int]:
        position, _ = pinned(door.log, moments, None if wanted < 0 else wanted)
        try:
            _write(session, door, name, moments, position, form, target)
            return position, target.open("rb"), target.stat().st_size
        finally:  # the open file is all that is needed of it
            target.unlink(missing_ok=True)

    position, file, size = await door.ask(write)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{form}"',
        "X-Log-Position": str(position),
        "Content-Length": str(size),
    }
    if request.method == "HEAD":
        file.close()
        return Response(None, headers=headers, media_type=FORMS[form])
    return StreamingResponse(_pieces(file), headers=headers, media_type=FORMS[form])


async def _rows(door: Door, name: str, moments: dict[str, Any], given: dict[str, str], wanted: int) -> Response:
    limit = number_of(given, "limit", PAGE, least=1, most=MOST)
    offset = number_of(given, "offset", 0)

    def read(session: Session) -> tuple[int, bytes | None, list[str], list[tuple[Any, ...]], tuple[str, ...]]:
        position, root = pinned(door.log, moments, None if wanted < 0 else wanted)
        answer = session.sql(
            f"{_select(door, name)} LIMIT {limit + 1:d} OFFSET {offset:d}",
            at=moments["at"],
            known_at=moments["known_at"],
            position=position,
        )
        return position, root, answer.columns, answer.rows(), answer.notes

    position, root, columns, rows, notes = await door.ask(read)
    body = {
        "read_model": name,
        "as_of": moments,
        "position": position,
        "root": root,
        "notes": list(notes),
        "rows": [dict(zip(columns, row, strict=True)) for row in rows[:limit]],
        "more": len(rows) > limit,
    }
    return Response(json_bytes(body), media_type="application/json")


def _select(door: Door, name: str) -> str:
    """All rows, in an order that is the same for each page."""
    key = door.models[name].key
    order = ", ".join(map(quoted, key)) if key else "ALL"
    return f"SELECT * FROM {quoted(name)} ORDER BY {order}"


def _write(
    session: Session, door: Door, name: str, moments: dict[str, Any], position: int, form: str, target: Path
) -> None:
    """Put all rows into a file, which is sent afterwards: whoever reads slowly then holds no session."""
    select = _select(door, name)

    def use(cursor: Any, _: Any) -> None:
        if form in _COPIES:
            session.copy_out(cursor, select, _COPIES[form], target)
            return
        import pyarrow as pa

        from orders_es.log.streaming import streamed

        relation = lossless_relation(cursor, select, "arrow")
        schema = relation.limit(0).to_arrow_table().schema
        with pa.OSFile(str(target), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            for batch in streamed(relation, _BATCH):
                stream.write_batch(batch)

    session.using(use, select, at=moments["at"], known_at=moments["known_at"], position=position, reads=[select])


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    async with anyio.wrap_file(file) as opened:
        while piece := await opened.read(_PIECE):
            yield piece
